"""The allocation problem as arrays: the one place where domain values become numbers.

Times are whole seconds after ``origin``, the first whole second at or after ``now``. Points per second, not per hour.
Reads of one study are neighbours; sessions are sorted by reporter and start, so each reporter's stand together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import Reporter, Session

HOUR = 3600.0
NEVER = 1 << 40  # seconds; later than any instant of a problem
NOBODY = -1
UNPLACED = -1
UNLISTED = -2  # a person the study names who is no longer on the reporters' list

Ints = NDArray[np.int64]
Ids = NDArray[np.int32]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


Records = NDArray[np.void]

STUDY = np.dtype(
    [
        # the cost of completion at second C is a0*C + [C > due]*(jump + a1*(C - due)) + [C > ceiling]*a2*(C - ceiling)
        ("a0", "f8"),
        ("a1", "f8"),
        ("a2", "f8"),
        ("jump", "f8"),
        ("due", "f8"),
        ("ceiling", "f8"),
        ("minutes", "f8"),
        ("ready", "i8"),  # -NEVER if it always was
        ("first_read", "i4"),
        ("end_read", "i4"),
        ("pool", "i4"),
        ("trust", "i4"),
        ("priority", "i4"),
        ("prior", "i4"),  # reporter, NOBODY or UNLISTED
        ("published", "i4"),  # listed reporters to whom a read is published: people[published:published_end]
        ("published_end", "i4"),
        ("excluded", "i4"),
        ("excluded_end", "i4"),
        ("patient", "i4"),  # all reads of the same patient: patient_reads[patient:patient_end]
        ("patient_end", "i4"),
    ],
    align=True,
)
"""A study. Points per second, not per hour."""

READ = np.dtype(
    [
        ("study", "i4"),
        ("pinned", "i4"),  # reporter or NOBODY
        ("claimed", "i4"),  # reporter or NOBODY
        ("session", "i4"),  # from here on a schedule's: the session, or UNPLACED
        ("position", "i4"),
        ("end", "i8"),  # second; ``beyond`` if unplaced
    ],
    align=True,
)
"""A read and where a schedule has it."""

SESSION = np.dtype(
    [
        ("start", "i8"),
        ("end", "i8"),
        ("pace", "f8"),  # clock seconds per expected minute
        ("max_reads", "i8"),
        ("priority_mask", "i8"),  # bit p set: takes priority p
        ("reporter", "i4"),
        ("restriction", "i4"),  # row of takes_pool
        ("is_claimable", "i4"),  # the reporter's first or second session (H8)
        ("length", "i4"),  # from here on a schedule's: reads in the session,
        ("claims", "i4"),  # how many of them are claimed: they stand first (H8),
        ("waits", "i4"),  # how many of them become ready only after the session has begun
        ("slot", "i8"),  # where its sequence begins in ``slots``
    ],
    align=True,
)
"""A counted session and what a schedule puts into it."""

REPORTER = np.dtype(
    [
        ("rostered", "f8"),  # seconds
        ("used", "f8"),  # clock seconds of reads in a schedule
        ("home", "i4"),
        ("first_session", "i4"),
        ("end_session", "i4"),
        ("is_expiring", "i4"),  # 1 if some entitlement ends within the horizon
    ],
    align=True,
)
"""A reporter and how much a schedule asks of them."""

PRICES = np.dtype(
    [
        ("churn", "f8"),
        ("split", "f8"),
        ("prior", "f8"),
        ("remote", "f8"),
        ("general", "f8"),
        ("fallback", "f8"),
        ("beyond", "i8"),  # when an unallocated read is deemed to end
    ],
    align=True,
)
"""The policy's prices that are the same for everybody, in points; one record."""


class ProblemArrays(NamedTuple):
    """What the kernels see. N reads, M studies, S counted sessions, R reporters, T trusts, P pools.

    A *pool* is what eligibility depends on: (trust, subspecialty, modality). ``reads``, ``sessions`` and ``reporters``
    hold an empty schedule.
    """

    prices: Records  # (1,) PRICES
    bands: Floats  # (B, 2) share of rostered time, points per second
    studies: Records  # (M,) STUDY
    reads: Records  # (N,) READ
    sessions: Records  # (S,) SESSION, sorted by reporter and start
    reporters: Records  # (R,) REPORTER
    people: Ids  # reporters whom studies name, see STUDY
    patient_reads: Ids
    entitled: Flags  # (T, R) H1 at now
    level: NDArray[np.int8]  # (P, R), 0 = not eligible (H1 at now, H2, H3)
    latest: Ints  # (R, T) a read must start before this (H1)
    takes_pool: Flags  # (distinct restrictions, P)
    candidates_ptr: Ids  # (P+1,)
    candidates: Ids  # sessions that some read of the pool could be in
    slots: int  # how many slots the sequences of all sessions need


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """The arrays together with the names they stand for, and the cost no decision changes.

    Two parts of every plan's total that no decision changes: ``waited``, for the fraction of a second between ``now``
    and ``origin``, and ``lost``, churn for people who are no longer listed. ``beyond_second`` is exactly when an
    unallocated read is deemed to end; the arrays have it in whole seconds, rounded down, so that no bound is too high.
    """

    problem: AllocationProblem
    arrays: ProblemArrays
    origin: datetime
    reporters: tuple[Reporter, ...]
    sessions: tuple[Session, ...]
    due_at: tuple[datetime, ...]
    sunk: float
    waited: float
    lost: float
    beyond_second: float

    @property
    def fixed(self) -> float:
        """The points that no decision changes and the arrays know nothing of."""
        return self.waited + self.lost

    def instant(self, second: int) -> datetime:
        """Return the instant, in UTC, of a whole second after the origin."""
        return self.origin + timedelta(seconds=int(second))


def compile_problem(problem: AllocationProblem) -> Compiled:
    """Return ``problem`` as arrays."""
    origin = _whole_second_up(problem.now.astimezone(UTC))
    reporters = problem.reporters
    reporter_idx = {reporter.reporter_id: idx for idx, reporter in enumerate(reporters)}
    sessions = tuple(
        sorted(problem.counted_sessions(), key=lambda s: (reporter_idx[s.reporter_id], s.start, s.session_id))
    )
    studies = problem.studies
    trust_idx = {trust.code: idx for idx, trust in enumerate(problem.trusts)}
    priority_idx = {priority.code: idx for idx, priority in enumerate(problem.policy.priorities)}

    pools: dict[tuple[str, str, str], int] = {}
    pool = [pools.setdefault((study.trust, study.subspecialty, study.modality), len(pools)) for study in studies]

    due_at = tuple(_due_instants(problem))
    priority = np.fromiter((priority_idx[study.priority] for study in studies), np.int32, len(studies))
    weight = np.array([p.weight for p in problem.policy.priorities])[priority]
    breach = np.array([p.breach for p in problem.policy.priorities])[priority]
    ceiling_hours = np.array([p.ceiling_hours for p in problem.policy.priorities])[priority]
    weights = problem.policy.weights
    acquired = _seconds_after(origin, (study.acquired_at for study in studies), len(studies))
    due = _seconds_after(origin, due_at, len(studies))
    ceiling = acquired + ceiling_hours * HOUR
    at_now = (problem.now - origin).total_seconds()
    overdue = np.where(at_now > due, weight * (breach + (at_now - due) / HOUR), 0.0)
    sunk = float(np.sum(overdue) + np.sum(weights.ceiling_weight / HOUR * np.maximum(0.0, at_now - ceiling)))

    first_read = np.zeros(len(studies) + 1, np.int32)
    np.cumsum([study.reads for study in studies], out=first_read[1:])
    publishers = [sorted(study.publishers) for study in studies]
    named = [[reporter_idx[name] for name in names if name in reporter_idx] for names in publishers]
    named += [sorted([reporter_idx[name] for name in study.excluded if name in reporter_idx]) for study in studies]
    people_ptr, people = _ragged(named)
    unlisted = sum(len(names) for names in publishers) - sum(len(known) for known in named[: len(studies)])
    patient, patient_ptr, patient_reads = _patients(problem, first_read)

    rows = np.zeros(len(studies), STUDY)
    rows["a0"] = weight * weights.wait_rate / HOUR
    rows["a1"] = weight / HOUR
    rows["a2"] = weights.ceiling_weight / HOUR
    rows["jump"] = weight * breach
    rows["due"] = due
    rows["ceiling"] = ceiling
    rows["minutes"] = [study.minutes for study in studies]
    rows["ready"] = [_second_up(origin, study.ready_at) if study.ready_at else -NEVER for study in studies]
    rows["first_read"], rows["end_read"] = first_read[:-1], first_read[1:]
    rows["pool"] = pool
    rows["trust"] = [trust_idx[study.trust] for study in studies]
    rows["priority"] = priority
    rows["prior"] = [
        reporter_idx.get(study.prior_reporter, UNLISTED) if study.prior_reporter else NOBODY for study in studies
    ]
    rows["published"], rows["published_end"] = people_ptr[: len(studies)], people_ptr[1 : len(studies) + 1]
    rows["excluded"], rows["excluded_end"] = people_ptr[len(studies) : -1], people_ptr[len(studies) + 1 :]
    rows["patient"], rows["patient_end"] = patient_ptr[patient], patient_ptr[patient + 1]

    beyond = _second_down(origin, problem.beyond_at)
    read_rows = np.zeros(int(first_read[-1]), READ)
    read_rows["study"] = np.repeat(np.arange(len(studies)), np.diff(first_read))
    for name, column in (("pinned", "pinned_to"), ("claimed", "claimed_by")):
        read_rows[name] = NOBODY
        some_named = ((i, names) for i, study in enumerate(studies) if (names := getattr(study, column)))
        for i, names in some_named:
            for offset, person in enumerate(names):
                if person:
                    read_rows[name][first_read[i] + offset] = reporter_idx[person]
    read_rows["session"] = UNPLACED
    read_rows["end"] = beyond

    entitled = _entitled(problem, trust_idx)
    level = _levels(problem, pools, trust_idx, entitled)
    latest = _latest_starts(problem, origin, trust_idx)
    restriction, takes_pool = _restrictions(sessions, pools)
    session_rows = _session_rows(sessions, reporters, reporter_idx, priority_idx, origin)
    session_rows["restriction"] = restriction
    shortest = float(rows["minutes"].min()) if len(rows) else 1.0
    slots = _lay_out_slots(session_rows, shortest, len(read_rows))
    reporter_rows = np.zeros(len(reporters), REPORTER)
    for session, row in zip(sessions, session_rows, strict=True):
        reporter_rows["rostered"][row["reporter"]] += (session.end - session.start).total_seconds()
    boundaries = np.searchsorted(session_rows["reporter"], np.arange(len(reporters) + 1))
    reporter_rows["first_session"], reporter_rows["end_session"] = boundaries[:-1], boundaries[1:]
    reporter_rows["home"] = [trust_idx.get(reporter.home_trust, NOBODY) for reporter in reporters]
    reporter_rows["is_expiring"] = (latest < beyond).any(axis=1)
    session_rows["is_claimable"] = (
        np.arange(len(session_rows)) - reporter_rows["first_session"][session_rows["reporter"]] < 2
    )
    candidates_ptr, candidates = _candidates(level, session_rows["reporter"], restriction, takes_pool)

    prices = np.zeros(1, PRICES)
    for name in ("churn", "split", "prior", "remote", "general", "fallback"):
        prices[name] = getattr(weights, name)
    prices["beyond"] = beyond
    bands = np.array([[band.up_to, band.price / HOUR] for band in problem.policy.bands], np.float64).reshape(-1, 2)
    arrays = ProblemArrays(
        prices=prices,
        bands=bands,
        studies=rows,
        reads=read_rows,
        sessions=session_rows,
        reporters=reporter_rows,
        people=people,
        patient_reads=patient_reads,
        entitled=entitled,
        level=level,
        latest=latest,
        takes_pool=takes_pool,
        candidates_ptr=candidates_ptr,
        candidates=candidates,
        slots=slots,
    )
    return Compiled(
        problem=problem,
        arrays=arrays,
        origin=origin,
        reporters=reporters,
        sessions=sessions,
        due_at=due_at,
        sunk=sunk,
        waited=float(np.sum(rows["a0"])) * (origin - problem.now).total_seconds(),
        lost=unlisted * weights.churn,
        beyond_second=(problem.beyond_at - origin).total_seconds(),
    )


def _session_rows(
    sessions: Sequence[Session],
    reporters: Sequence[Reporter],
    reporter_idx: dict[str, int],
    priority_idx: dict[str, int],
    origin: datetime,
) -> Records:
    rows = np.zeros(len(sessions), SESSION)
    owner = np.array([reporter_idx[session.reporter_id] for session in sessions], np.int32)
    speed = np.array([reporter.speed for reporter in reporters])
    rows["reporter"] = owner
    rows["start"] = [_second_up(origin, session.start) for session in sessions]
    rows["end"] = [_second_down(origin, session.end) for session in sessions]
    rows["pace"] = [60.0 * speed[r] / session.productivity for r, session in zip(owner, sessions, strict=True)]
    rows["max_reads"] = [NEVER if session.max_reads is None else session.max_reads for session in sessions]
    rows["priority_mask"] = [_priority_mask(session, priority_idx) for session in sessions]
    return rows


def _lay_out_slots(rows: Records, shortest: float, reads: int) -> int:
    """Give every session slots for whatever could ever stand in it, two to spare; return how many there are."""
    least = np.maximum(1.0, np.floor(shortest * rows["pace"]))
    room = np.minimum(np.maximum(0, rows["end"] - rows["start"]) // least, reads).astype(np.int64) + 2
    ends = np.cumsum(room)
    rows["slot"] = ends - room
    return int(room.sum())


def _whole_second_up(instant: datetime) -> datetime:
    return instant if instant.microsecond == 0 else instant.replace(microsecond=0) + timedelta(seconds=1)


def _second_up(origin: datetime, instant: datetime) -> int:
    return math.ceil((instant - origin).total_seconds())


def _second_down(origin: datetime, instant: datetime) -> int:
    return math.floor((instant - origin).total_seconds())


def _seconds_after(origin: datetime, instants: Iterable[datetime], count: int) -> Floats:
    return np.fromiter(((instant - origin).total_seconds() for instant in instants), np.float64, count)


def _due_instants(problem: AllocationProblem) -> Iterable[datetime]:
    classes = {priority.code: priority for priority in problem.policy.priorities}
    for study in problem.studies:
        own = study.due_at
        yield classes[study.priority].due_at(study.acquired_at, problem.calendar) if own is None else own


def _ragged(rows: Sequence[Sequence[int]]) -> tuple[Ids, Ids]:
    pointers = np.zeros(len(rows) + 1, np.int32)
    np.cumsum([len(row) for row in rows], out=pointers[1:])
    return pointers, np.array([value for row in rows for value in row], np.int32)


def _patients(problem: AllocationProblem, first_read: Ids) -> tuple[Ids, Ids, Ids]:
    """Return patient of each study, and the reads of each patient; an empty id is a patient of its own."""
    known: dict[object, int] = {}
    patient = [known.setdefault(study.patient_id or (i,), len(known)) for i, study in enumerate(problem.studies)]
    reads: list[list[int]] = [[] for _ in known]
    for whose, (first, end) in zip(patient, pairwise(first_read.tolist()), strict=True):
        reads[whose] += range(first, end)
    pointers, flat = _ragged(reads)
    return np.array(patient, np.int32), pointers, flat


def _entitled(problem: AllocationProblem, trust_idx: dict[str, int]) -> Flags:
    """Return entitled[trust, reporter]: H1 holds at ``now``."""
    entitled = np.zeros((len(trust_idx), len(problem.reporters)), np.bool_)
    for r, reporter in enumerate(problem.reporters):
        for trust in reporter.trusts:
            until = reporter.entitled_until(trust)
            if trust in trust_idx and (until is None or problem.now < until):
                entitled[trust_idx[trust], r] = True
    return entitled


def _levels(
    problem: AllocationProblem, pools: dict[tuple[str, str, str], int], trust_idx: dict[str, int], entitled: Flags
) -> NDArray[np.int8]:
    """Return level[pool, reporter]: 0 unless H1 (entitlement not over by ``now``), H2 and H3 can hold."""
    scopes = {(subspecialty, modality): None for _, subspecialty, modality in pools}
    by_scope = {
        scope: np.array(
            [
                reporter.level(*scope) if not reporter.modalities or scope[1] in reporter.modalities else 0
                for reporter in problem.reporters
            ],
            np.int8,
        )
        for scope in scopes
    }
    level = np.zeros((len(pools), len(problem.reporters)), np.int8)
    for (trust, subspecialty, modality), row in pools.items():
        level[row] = by_scope[subspecialty, modality] * entitled[trust_idx[trust]]
    return level


def _latest_starts(problem: AllocationProblem, origin: datetime, trust_idx: dict[str, int]) -> Ints:
    latest = np.full((len(problem.reporters), len(trust_idx)), NEVER, np.int64)
    for r, reporter in enumerate(problem.reporters):
        for trust in reporter.trusts:
            until = reporter.entitled_until(trust)
            if until is not None and trust in trust_idx:
                latest[r, trust_idx[trust]] = _second_up(origin, until)
    return latest


def _priority_mask(session: Session, priority_idx: dict[str, int]) -> int:
    if not session.priorities:
        return (1 << len(priority_idx)) - 1
    return sum(1 << priority_idx[code] for code in session.priorities if code in priority_idx)


def _restrictions(sessions: Sequence[Session], pools: dict[tuple[str, str, str], int]) -> tuple[Ids, Flags]:
    """Return each session's restriction and, for each distinct one, the pools it takes (H4)."""
    known: dict[tuple[frozenset[str], frozenset[str], frozenset[str]], int] = {}
    restriction = np.array(
        [known.setdefault((s.trusts, s.subspecialties, s.modalities), len(known)) for s in sessions], np.int32
    )
    takes = np.zeros((len(known), len(pools)), np.bool_)
    for (trusts, subspecialties, modalities), row in known.items():
        takes[row] = [
            (not trusts or trust in trusts)
            and (not subspecialties or subspecialty in subspecialties)
            and (not modalities or modality in modalities)
            for trust, subspecialty, modality in pools
        ]
    return restriction, takes


def _candidates(level: NDArray[np.int8], s_reporter: Ids, restriction: Ids, takes_pool: Flags) -> tuple[Ids, Ids]:
    rows: list[Any] = []
    pointers = np.zeros(len(level) + 1, np.int32)
    for row in range(len(level)):
        if len(s_reporter):
            rows.append(np.flatnonzero((level[row][s_reporter] > 0) & takes_pool[restriction, row]).astype(np.int32))
        else:
            rows.append(np.zeros(0, np.int32))
        pointers[row + 1] = pointers[row] + len(rows[-1])
    return pointers, np.concatenate(rows) if rows else np.zeros(0, np.int32)
