"""The allocation model as anybody who knows CP-SAT would write it: optional intervals, every term of section 4."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from ortools.sat.python import cp_model

from balancer.optimise.problem import UNPLACED, Compiled
from balancer.optimise.schedule import Schedule
from tests.benchmarks.peers.choices import Choice, Choices

WORKERS = 2
_Variables = dict[Choice, cp_model.IntVar]


class _Model:
    """Variables: ``takes[choice]``, ``begins[choice]``, ``completes[study]`` in seconds."""

    def __init__(self, compiled: Compiled) -> None:
        self.choices = Choices.of(compiled)
        self.p = self.choices.p
        self.bands = self.p.bands
        self.model = cp_model.CpModel()
        self.beyond = int(self.p.prices["beyond"][0])
        self.cost: list[cp_model.LinearExpr] = []
        self.takes: dict[tuple[int, int], cp_model.IntVar] = {}
        self.begins: dict[tuple[int, int], cp_model.IntVar] = {}
        self.completes: dict[int, cp_model.IntVar] = {}
        self.busy: dict[tuple[int, int], list[cp_model.IntVar]] = defaultdict(list)

    def build(self) -> None:
        """State every rule, then every price."""
        self.intervals_do_not_overlap_and_sessions_are_not_overfilled()
        self.a_read_is_with_one_reporter_or_with_nobody()
        self.reads_of_a_study_have_different_reporters()
        self.completion_is_the_latest_end()
        self.clinical()
        self.person()
        self.split()
        self.load()
        self.model.minimize(cp_model.LinearExpr.sum(self.cost))

    def intervals_do_not_overlap_and_sessions_are_not_overfilled(self) -> None:
        for session, choices in self.choices.by_session().items():
            intervals = []
            for c in choices:
                takes = self.model.new_bool_var("")
                begins = self.model.new_int_var(c.earliest, c.deadline - c.taken, "")
                intervals.append(self.model.new_optional_fixed_size_interval_var(begins, c.taken, takes, ""))
                self.takes[c.read, session], self.begins[c.read, session] = takes, begins
                self.busy[c.reporter, c.read].append(takes)
            self.model.add_no_overlap(intervals)
            room = self.choices.room(session)
            if room is not None:
                self.model.add(sum(self.takes[c.read, session] for c in choices) <= room)

    def a_read_is_with_one_reporter_or_with_nobody(self) -> None:
        for read in self.choices.free:
            self.model.add_at_most_one(self.takes[read, c.session] for c in self.choices.of_read[read])

    def reads_of_a_study_have_different_reporters(self) -> None:
        for row in self.p.studies[self.p.studies["end_read"] - self.p.studies["first_read"] > 1]:
            reads = range(row["first_read"], row["end_read"])
            for reporter in range(len(self.p.reporters)):
                self.model.add_at_most_one(takes for read in reads for takes in self.busy.get((reporter, read), ()))

    def completion_is_the_latest_end(self) -> None:
        free = set(self.choices.free)
        for study, row in enumerate(self.p.studies):
            completes = self.completes[study] = self.model.new_int_var(0, self.beyond, "")
            for read in range(row["first_read"], row["end_read"]):
                if read not in free:
                    self.model.add(completes >= int(self.choices.start.reads["end"][read]))
                    continue
                placed = []
                for c in self.choices.of_read[read]:
                    takes = self.takes[read, c.session]
                    placed.append(takes)
                    self.model.add(completes >= self.begins[read, c.session] + c.taken).only_enforce_if(takes)
                self.model.add(completes >= self.beyond * (1 - sum(placed)))

    def clinical(self) -> None:
        for study, row in enumerate(self.p.studies):
            completes = self.completes[study]
            self.cost.append(float(row["a0"]) * completes)
            for kink, rate, jump in (("due", "a1", row["jump"]), ("ceiling", "a2", 0.0)):
                at = int(np.floor(row[kink]))
                if at >= self.beyond:
                    continue
                over = self.model.new_int_var(0, self.beyond - min(0, at), "")
                self.model.add(over >= completes - at)
                self.cost.append(float(row[rate]) * over)
                if jump > 0:
                    late = self.model.new_bool_var("")
                    self.model.add(completes <= max(0, at)).only_enforce_if(~late)
                    self.cost.append(float(jump) * late)

    def person(self) -> None:
        self.cost.extend(c.points * self.takes[c.read, c.session] for c in self.choices.all)

    def split(self) -> None:
        price = float(self.p.prices["split"][0])
        x = self.choices.start
        for patient in {(int(row["patient"]), int(row["patient_end"])) for row in self.p.studies}:
            reads = [int(read) for read in self.p.patient_reads[slice(*patient)]]
            if price <= 0 or len(reads) < 2:
                continue
            has = []
            held = {int(x.sessions["reporter"][s]) for s in x.reads["session"][reads] if s != UNPLACED}
            for reporter in range(len(self.p.reporters)):
                takes = [one for read in reads for one in self.busy.get((reporter, read), ())]
                if not takes and reporter not in held:
                    continue
                one = self.model.new_bool_var("")
                for other in takes:
                    self.model.add_implication(other, one)
                if reporter in held:
                    self.model.add(one == 1)
                has.append(one)
            if has:
                more = self.model.new_int_var(0, len(has), "")
                self.model.add(more >= sum(has) - 1)
                self.cost.append(price * more)

    def load(self) -> None:
        taken: dict[int, list[cp_model.LinearExpr]] = defaultdict(list)
        for c in self.choices.all:
            taken[c.reporter].append(c.taken * self.takes[c.read, c.session])
        for reporter, parts in taken.items():
            row = self.choices.start.reporters[reporter]
            rostered, below, filled = float(row["rostered"]), 0.0, []
            for band, (top, price) in enumerate(self.bands):
                last = band == len(self.bands) - 1
                width = int(rostered) + 1 if last else int(np.ceil((top - below) * rostered))
                part = self.model.new_int_var(0, width, "")
                filled.append(part)
                self.cost.append(float(price) * part)
                below = top
            if filled:
                self.model.add(sum(filled) >= sum(parts) + int(row["used"]))


def solve(compiled: Compiled, seconds: float) -> tuple[Schedule, str]:
    """Return the schedule that CP-SAT finds within ``seconds``, and what it says of it."""
    model = _Model(compiled)
    model.build()
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = WORKERS
    status = solver.solve(model.model)
    said = solver.status_name(status).lower()
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return model.choices.start, f"{said}: nothing placed"
    chosen = [
        (session, solver.value(model.begins[read, session]), read)
        for (read, session), takes in model.takes.items()
        if solver.boolean_value(takes)
    ]
    return model.choices.schedule(chosen), said
