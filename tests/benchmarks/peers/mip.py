"""The allocation model as a mixed-integer programme in HiGHS: time in half-hour buckets, everything else as it is.

A read that a session has in bucket k is charged as if it ended when the bucket does; what is in buckets up to k fits
into the time up to its end. The plan is then judged by its true ends, which are earlier.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import highspy
import numpy as np

from balancer.optimise.problem import UNPLACED, Compiled
from balancer.optimise.schedule import Schedule, price_of_completion
from tests.benchmarks.peers.choices import Choice, Choices

BUCKET = 1800  # seconds
THREADS = 2
_INFINITE = highspy.kHighsInf
Terms = Iterable[tuple[int, float]]  # (column, coefficient)


@dataclass(slots=True)
class _Programme:
    """Minimise cost over columns, subject to rows."""

    cost: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)
    starts: list[int] = field(default_factory=lambda: [0])
    columns: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    at_least: list[float] = field(default_factory=list)
    at_most: list[float] = field(default_factory=list)

    def column(self, cost: float, upper: float = _INFINITE, *, whole: bool = False) -> int:
        self.cost.append(cost)
        self.upper.append(upper)
        self.whole.append(whole)
        return len(self.cost) - 1

    def row(self, terms: Terms, at_least: float = -_INFINITE, at_most: float = _INFINITE) -> None:
        for column, value in terms:
            self.columns.append(column)
            self.values.append(value)
        self.starts.append(len(self.columns))
        self.at_least.append(at_least)
        self.at_most.append(at_most)

    def solve(self, seconds: float) -> tuple[Any, str]:
        """Return the columns' values, or nothing, and what HiGHS says."""
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = len(self.cost), len(self.at_least)
        lp.col_cost_ = np.array(self.cost)
        lp.col_lower_ = np.zeros(len(self.cost))
        lp.col_upper_ = np.array(self.upper)
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        lp.integrality_ = [kinds[whole] for whole in self.whole]
        lp.row_lower_, lp.row_upper_ = np.array(self.at_least), np.array(self.at_most)
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.array(self.starts, np.int32)
        lp.a_matrix_.index_ = np.array(self.columns, np.int32)
        lp.a_matrix_.value_ = np.array(self.values)
        highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]  # highspy ships no types
        highs.setOptionValue("output_flag", False)
        highs.setOptionValue("time_limit", seconds)
        highs.setOptionValue("threads", THREADS)
        highs.passModel(lp)
        highs.run()
        said = highs.modelStatusToString(highs.getModelStatus()).lower()
        info = highs.getInfo()
        if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            return None, said
        return np.array(highs.getSolution().col_value), said


class _Model:
    """Columns: ``puts[choice, bucket]``; time in seconds, cost in points."""

    def __init__(self, compiled: Compiled) -> None:
        self.choices = Choices.of(compiled)
        self.p = self.choices.p
        self.programme = _Programme()
        self.beyond = float(self.p.prices["beyond"][0])
        self.puts: list[tuple[Choice, int, int]] = []  # choice, end of the bucket, column
        self.of_read: dict[int, list[tuple[Choice, int, int]]] = defaultdict(list)

    def build(self) -> None:
        """State every rule and every price."""
        for choice in self.choices.all:
            for end in self._bucket_ends(choice):
                put = (choice, end, self.programme.column(self._points(choice, end), 1.0, whole=True))
                self.puts.append(put)
                self.of_read[choice.read].append(put)
        self.a_read_is_placed_once_at_most()
        self.what_ends_by_a_bucket_fits_before_its_end()
        self.reads_of_a_study_have_different_reporters_and_the_latest_counts()
        self.split()
        self.load()

    def _bucket_ends(self, choice: Choice) -> Iterator[int]:
        row = self.choices.start.sessions[choice.session]
        start, end = int(row["start"]), int(row["end"])
        for bucket_end in chain(range(start + BUCKET, end, BUCKET), [end]):
            if choice.earliest + choice.taken <= bucket_end <= max(choice.deadline, choice.earliest + choice.taken):
                yield bucket_end

    def _study(self, read: int) -> int:
        return int(self.p.reads["study"][read])

    def _is_alone(self, study: int) -> bool:
        return bool(self.p.studies["end_read"][study] - self.p.studies["first_read"][study] == 1)

    def _clinical(self, read: int, end: float) -> float:
        return float(price_of_completion(self.p.studies, self._study(read), float(end)))

    def _points(self, choice: Choice, end: int) -> float:
        """Return what placing a read saves or costs against leaving it out."""
        if not self._is_alone(self._study(choice.read)):
            return choice.points
        return choice.points + self._clinical(choice.read, end) - self._clinical(choice.read, self.beyond)

    def a_read_is_placed_once_at_most(self) -> None:
        for puts in self.of_read.values():
            self.programme.row(((column, 1.0) for *_, column in puts), at_most=1.0)

    def what_ends_by_a_bucket_fits_before_its_end(self) -> None:
        in_session: dict[int, list[tuple[Choice, int, int]]] = defaultdict(list)
        for put in self.puts:
            in_session[put[0].session].append(put)
        for session, puts in in_session.items():
            x = self.choices.start
            row = x.sessions[session]
            last = x.slots[row["slot"] + row["length"] - 1] if row["length"] else -1
            begin = int(row["start"] if last < 0 else x.reads["end"][last])
            for end in sorted({end for _, end, _ in puts}):
                terms = ((column, float(c.taken)) for c, by, column in puts if by <= end)
                self.programme.row(terms, at_most=float(end - begin))
            room = self.choices.room(session)
            if room is not None:
                self.programme.row(((column, 1.0) for *_, column in puts), at_most=float(room))

    def reads_of_a_study_have_different_reporters_and_the_latest_counts(self) -> None:
        for study, row in enumerate(self.p.studies):
            if self._is_alone(study):
                continue
            latest = self.programme.column(1.0)
            by_reporter: dict[int, list[int]] = defaultdict(list)
            for read in range(row["first_read"], row["end_read"]):
                left = self._clinical(read, self.beyond)
                puts = self.of_read.get(read, [])
                terms = [(column, left - self._clinical(read, end)) for _, end, column in puts]
                fixed = int(self.choices.start.reads["session"][read]) != UNPLACED
                claimed_end = float(self.choices.start.reads["end"][read])
                self.programme.row(
                    [(latest, 1.0), *terms], at_least=self._clinical(read, claimed_end) if fixed else left
                )
                for choice, _, column in puts:
                    by_reporter[choice.reporter].append(column)
            for columns in by_reporter.values():
                self.programme.row(((column, 1.0) for column in columns), at_most=1.0)

    def split(self) -> None:
        price = float(self.p.prices["split"][0])
        x = self.choices.start
        for patient in {(int(row["patient"]), int(row["patient_end"])) for row in self.p.studies}:
            reads = [int(read) for read in self.p.patient_reads[slice(*patient)]]
            if price <= 0 or len(reads) < 2:
                continue
            held = {int(x.sessions["reporter"][s]) for s in x.reads["session"][reads] if s != UNPLACED}
            has: dict[int, int] = {}
            for read in reads:
                of_reporter: dict[int, list[int]] = defaultdict(list)
                for choice, _, column in self.of_read.get(read, ()):
                    if choice.reporter not in held:
                        of_reporter[choice.reporter].append(column)
                for reporter, columns in of_reporter.items():
                    if reporter not in has:
                        has[reporter] = self.programme.column(0.0, 1.0)
                    self.programme.row([(has[reporter], 1.0), *((c, -1.0) for c in columns)], at_least=0.0)
            more = self.programme.column(price)
            terms = [(more, 1.0), *((column, -1.0) for column in has.values())]
            self.programme.row(terms, at_least=len(held) - 1.0)

    def load(self) -> None:
        taken: dict[int, list[tuple[int, float]]] = defaultdict(list)
        for choice, _, column in self.puts:
            taken[choice.reporter].append((column, -float(choice.taken)))
        for reporter, terms in taken.items():
            row = self.choices.start.reporters[reporter]
            rostered, below, filled = float(row["rostered"]), 0.0, []
            for band, (top, price) in enumerate(self.p.bands):
                last = band == len(self.p.bands) - 1
                width = _INFINITE if last else (float(top) - below) * rostered
                filled.append((self.programme.column(float(price), width), 1.0))
                below = float(top)
            if filled:
                self.programme.row([*filled, *terms], at_least=float(row["used"]))


def solve(compiled: Compiled, seconds: float) -> tuple[Schedule, str]:
    """Return the schedule that HiGHS finds within ``seconds``, and what it says of it."""
    model = _Model(compiled)
    model.build()
    values, said = model.programme.solve(seconds)
    if values is None:
        return model.choices.start, f"{said}: nothing placed"
    chosen = [(c.session, end, c.read) for c, end, column in model.puts if values[column] > 0.5]
    return model.choices.schedule(_by_urgency(model, chosen), leave_out=True), said


def _by_urgency(model: _Model, chosen: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Return the reads of each bucket in order of cost a second of waiting, most first, as any user would sort them."""
    rows = model.p.studies
    studies = [model.p.reads["study"][read] for *_, read in chosen]
    rate = [
        -(rows["a0"][i] + rows["a1"][i] * (rows["due"][i] <= end)) / rows["minutes"][i]
        for (_, end, _), i in zip(chosen, studies, strict=True)
    ]
    order = sorted(range(len(chosen)), key=lambda k: (chosen[k][0], chosen[k][1], rate[k], chosen[k][2]))
    return [(chosen[k][0], place, chosen[k][2]) for place, k in enumerate(order)]
