"""The arrays of a plan that lives: studies come and go, sessions are lost, the clock moves on.

``problem.compile_problem`` stays the one place where domain values become numbers: the plan is compiled once when it is
opened, with every rostered session up to the last; an arriving study is compiled on its own and appended. Seconds stay
those after the first ``origin``. What is gone stays as a row that costs nothing and that nobody may read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from balancer.domain.errors import InvalidValueError
from balancer.domain.plan import Seat
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import REPORTING, Session
from balancer.domain.study import ReadKey, Study, StudyKey
from balancer.optimise.problem import (
    HOUR,
    NOBODY,
    SESSION,
    UNLISTED,
    UNPLACED,
    Compiled,
    Floats,
    Ids,
    Ints,
    ProblemArrays,
    Records,
    compile_problem,
)
from balancer.optimise.replan_claims import append_all, reseat
from balancer.optimise.replan_place import NOTE
from balancer.optimise.schedule import Schedule, remove

_NOTHING_NOTED = np.array((NOBODY, NOBODY, -1, -1, UNPLACED, 0, 0, 0), NOTE)
_SPARE = 2  # slots of a session beyond what could ever stand in it


class _Growing:
    """An array with room behind it, so that a row more costs nothing."""

    def __init__(self, rows: NDArray[Any]) -> None:
        self._store = np.concatenate([rows, np.zeros(max(64, len(rows) // 8), rows.dtype)])
        self.size = len(rows)

    @property
    def rows(self) -> NDArray[Any]:
        """The rows in use: a view, valid until the next ``add``."""
        return self._store[: self.size]

    def add(self, rows: NDArray[Any]) -> int:
        """Append rows and return where they begin."""
        begin, self.size = self.size, self.size + len(rows)
        if self.size > len(self._store):
            self._store = np.concatenate([self._store[:begin], np.zeros(self.size, self._store.dtype)])
        self._store[begin : self.size] = rows
        return begin


class LiveArrays:
    """A problem and a schedule for it as arrays that can grow; N reads, M studies, S sessions, R reporters.

    ``reads``, ``sessions`` and ``reporters`` hold the schedule; a session that does not count (yet, or any more) ends
    when it starts. ``of_row`` is the study of each row, ``None`` if it is gone.
    """

    def __init__(self, problem: AllocationProblem, seats: Sequence[Seat]) -> None:
        compiled = _compile_all(problem)
        p = compiled.arrays
        self.problem = problem
        self.origin = compiled.origin
        self.instant_now = problem.now.astimezone(UTC)
        self._trust_idx = {trust.code: idx for idx, trust in enumerate(problem.trusts)}
        self.prices, self.bands = p.prices.copy(), p.bands
        self._studies, self._reads = _Growing(p.studies), _Growing(p.reads)
        self._people, self._patient_reads = _Growing(p.people), _Growing(p.patient_reads)
        self._notes = _Growing(np.zeros(len(p.reads), NOTE))
        self.sessions, self.reporters = p.sessions.copy(), p.reporters.copy()
        self.entitled, self.level, self.latest = p.entitled.copy(), p.level.copy(), p.latest
        self.takes_pool = p.takes_pool.copy()
        self.rows_of_sessions = list(compiled.sessions)
        self.exact = np.array([self._exactly(session) for session in compiled.sessions]).reshape(-1, 2)
        self.of_row: list[Study | None] = list(problem.studies)
        self.row_of = {study.key: row for row, study in enumerate(problem.studies)}
        self.due_at = list(compiled.due_at)
        self.reporter_idx = {reporter.reporter_id: idx for idx, reporter in enumerate(problem.reporters)}
        self._unlisted = _Growing(np.array([self._unlisted_of(study) for study in problem.studies], np.int64))
        self._acquired = _Growing(np.array([self.second(study.acquired_at) for study in problem.studies], np.float64))
        self._patients = {study.patient_id: row for row, study in enumerate(problem.studies) if study.patient_id}
        self._pools = {
            (study.trust, study.subspecialty, study.modality): int(pool)
            for study, pool in zip(problem.studies, p.studies["pool"], strict=True)
        }
        self._restrictions = {
            int(row["restriction"]): (session.trusts, session.subspecialties, session.modalities)
            for session, row in zip(compiled.sessions, p.sessions, strict=True)
        }
        self._shortest = float(p.studies["minutes"].min(initial=60.0))
        self.slots: Ids = np.zeros(0, np.int32)
        self.grown: list[int] = []  # sessions of which more counts since the clock last moved
        self._lay_out_slots()
        self.reads["end"] = 0
        self.advance(problem.now)
        self.forget(range(len(p.reads)))
        self._seat(seats)

    # --- what kernels take ---------------------------------------------------------------------------------------

    @property
    def studies(self) -> Records:
        """The studies, shape (M,)."""
        return self._studies.rows

    @property
    def reads(self) -> Records:
        """The reads and where they stand, shape (N,)."""
        return self._reads.rows

    @property
    def notes(self) -> Records:
        """What is noted of each read, shape (N,)."""
        return self._notes.rows

    @property
    def people(self) -> Ids:
        """The reporters whom studies name, see ``problem.STUDY``."""
        return self._people.rows

    @property
    def patient_reads(self) -> Ids:
        """The reads of each patient, see ``problem.STUDY``."""
        return self._patient_reads.rows

    @property
    def acquired(self) -> Floats:
        """When each study was acquired, seconds after the origin, shape (M,)."""
        return self._acquired.rows

    @property
    def schedule(self) -> Schedule:
        """The schedule as it is: views, not copies."""
        return Schedule(self.reads, self.sessions, self.reporters, self.slots)

    def as_arrays(self, *, with_candidates: bool = True) -> ProblemArrays:
        """Return the arrays under the names that the other modules know them by; candidates take some milliseconds."""
        pointers, candidates = self._candidates() if with_candidates else (np.zeros(0, np.int32), np.zeros(0, np.int32))
        return ProblemArrays(
            prices=self.prices,
            bands=self.bands,
            studies=self.studies,
            reads=self.reads,
            sessions=self.sessions,
            reporters=self.reporters,
            people=self.people,
            patient_reads=self.patient_reads,
            entitled=self.entitled,
            level=self.level,
            latest=self.latest,
            takes_pool=self.takes_pool,
            candidates_ptr=pointers,
            candidates=candidates,
            slots=len(self.slots),
        )

    def compiled(self) -> Compiled:
        """Return what ``order`` needs of a compiled problem; names and what is sunk take time and are left out."""
        return Compiled(
            problem=self.problem,
            arrays=self.as_arrays(with_candidates=False),
            origin=self.origin,
            reporters=self.problem.reporters,
            sessions=(),
            due_at=(),
            sunk=0.0,
            waited=self.waited,
            lost=self.lost,
            beyond_second=self.beyond,
        )

    def _candidates(self) -> tuple[Ids, Ids]:
        owner, restriction = self.sessions["reporter"], self.sessions["restriction"]
        counts = self.sessions["end"] > self.sessions["start"]
        rows = [
            np.flatnonzero(counts & (level[owner] > 0) & self.takes_pool[restriction, pool])
            for pool, level in enumerate(self.level)
        ]
        pointers = np.zeros(len(rows) + 1, np.int32)
        np.cumsum([len(row) for row in rows], out=pointers[1:])
        return pointers, np.concatenate([np.zeros(0, np.int32), *rows]).astype(np.int32)

    # --- time ----------------------------------------------------------------------------------------------------

    def second(self, instant: datetime) -> float:
        """Return an instant as seconds after the origin."""
        return (instant - self.origin).total_seconds()

    def instant(self, second: int) -> datetime:
        """Return the instant, in UTC, of a whole second after the origin."""
        return self.origin + timedelta(seconds=int(second))

    @property
    def now(self) -> float:
        """The present instant, seconds after the origin."""
        return self.second(self.instant_now)

    @property
    def horizon(self) -> datetime:
        """When the horizon ends."""
        return self.instant_now + timedelta(hours=self.problem.policy.horizon_hours)

    @property
    def beyond(self) -> float:
        """When exactly an unallocated read is deemed to end, seconds after the origin."""
        return self.second(self.horizon + timedelta(hours=self.problem.policy.beyond_hours))

    def _exactly(self, session: Session) -> tuple[float, float]:
        return self.second(session.start), self.second(session.end)

    def _hours(self) -> Floats:
        """Return from when to when each session counts, exactly; it does not if that is no time; shape (S, 2)."""
        until = self.second(self.horizon)
        return np.stack([np.maximum(self.exact[:, 0], self.now), np.minimum(self.exact[:, 1], until)], axis=1)

    def advance(self, now: datetime) -> list[int]:
        """Move the present to ``now``, or only count the sessions anew; return the reads that lose their place."""
        self.instant_now = now.astimezone(UTC)
        beyond = math.floor(self.beyond)
        self.prices["beyond"] = beyond
        self.reads["end"][self.reads["session"] == UNPLACED] = beyond
        # H1 holds at now, whatever the sessions are
        self.entitled &= (self.latest > self.now).T
        for (trust, _, _), pool in self._pools.items():
            self.level[pool] *= self.entitled[self._trust_idx[trust]]
        self.reporters["is_expiring"] = (self.latest < beyond).any(axis=1)
        return self.set_hours(self._hours())

    def set_hours(self, hours: Floats) -> list[int]:
        """Let sessions count as ``hours`` says, (S, 2); return the reads that lose their place."""
        counts = hours[:, 0] < hours[:, 1]
        start = np.where(counts, np.ceil(hours[:, 0]), 0).astype(np.int64)
        end = np.where(counts, np.maximum(np.floor(hours[:, 1]), start), 0).astype(np.int64)
        rows = self.sessions
        changed = np.flatnonzero((rows["start"] != start) | (rows["end"] != end))
        self.grown = np.flatnonzero(end - start > rows["end"] - rows["start"]).tolist()
        rows["start"], rows["end"] = start, end
        before: Ints = np.cumsum(counts) - counts
        first = self.reporters["first_session"][rows["reporter"]]
        rows["is_claimable"] = counts & (before - before[np.minimum(first, max(0, len(rows) - 1))] < 2)
        length = np.where(counts, hours[:, 1] - hours[:, 0], 0.0)
        self.reporters["rostered"] = np.bincount(rows["reporter"], length, minlength=len(self.reporters))
        lost: list[int] = []
        for session in changed:
            if rows["length"][session]:
                lost += self._reseat(int(session))
        return lost

    def _reseat(self, session: int) -> list[int]:
        out = np.empty(int(self.sessions["length"][session]), np.int32)
        number = reseat(
            *(self.prices, self.studies, self.latest, self.reads, self.sessions, self.reporters, self.slots),
            *(session, out),
        )
        return out[:number].tolist()

    # --- studies -------------------------------------------------------------------------------------------------

    def add_study(self, study: Study, now: datetime) -> range:
        """Append a study that nobody has a read of yet, and return its reads."""
        alone = compile_problem(replace(self.problem, now=now, examinations=(), sessions=(), studies=(study,)))
        shift = (alone.origin - self.origin).total_seconds()
        own, row = alone.arrays, alone.arrays.studies.copy()
        for field in ("due", "ceiling"):
            row[field] += shift
        if study.ready_at is not None:
            row["ready"] += int(shift)
        reads = own.reads.copy()
        reads["study"], reads["end"] = len(self.studies), self.prices["beyond"]
        first = self._reads.add(reads)
        self._notes.add(np.zeros(len(reads), NOTE))
        self.forget(range(first, first + len(reads)))
        row["first_read"], row["end_read"] = first, first + len(reads)
        row["pool"] = self._pool_of(study, own)
        begin = self._people.add(own.people)
        for field in ("published", "published_end", "excluded", "excluded_end"):
            row[field] += begin
        self.row_of[study.key] = self._studies.add(row)
        self.of_row.append(study)
        self.due_at.append(alone.due_at[0])
        self._unlisted.add(np.array([self._unlisted_of(study)]))
        self._acquired.add(np.array([self.second(study.acquired_at)]))
        self._join_patient(study)
        if study.minutes < self._shortest:
            self._shortest = study.minutes
            self._lay_out_slots()
        return range(first, first + len(reads))

    def forget(self, reads: range) -> None:
        """Note of these reads that nothing is known of them."""
        self.notes[np.asarray(reads, np.int64)] = _NOTHING_NOTED

    def _pool_of(self, study: Study, own: ProblemArrays) -> int:
        """Return the pool of a study, a new one if it is the first of its kind."""
        kind = (study.trust, study.subspecialty, study.modality)
        if kind not in self._pools:
            self._pools[kind] = len(self.level)
            self.level = np.concatenate([self.level, own.level])
            takes = np.zeros((len(self.takes_pool), 1), np.bool_)
            for restriction, (trusts, subspecialties, modalities) in self._restrictions.items():
                takes[restriction] = (
                    (not trusts or study.trust in trusts)
                    and (not subspecialties or study.subspecialty in subspecialties)
                    and (not modalities or study.modality in modalities)
                )
            self.takes_pool = np.ascontiguousarray(np.concatenate([self.takes_pool, takes], axis=1))
        return self._pools[kind]

    def _join_patient(self, study: Study) -> None:
        """Let the study's reads stand with those of the same patient, whose first read stays the first."""
        new = len(self.of_row) - 1
        mine = np.arange(self.studies["first_read"][new], self.studies["end_read"][new], dtype=np.int32)
        before = self._patients.get(study.patient_id) if study.patient_id else None
        if study.patient_id:
            self._patients.setdefault(study.patient_id, new)
        same = [new]
        if before is not None:
            first, last = self.studies["patient"][before], self.studies["patient_end"][before]
            mine = np.concatenate([self.patient_reads[first:last], mine])
            same = [*np.unique(self.reads["study"][mine])]
        begin = self._patient_reads.add(mine)
        self.studies["patient"][same], self.studies["patient_end"][same] = begin, begin + len(mine)

    def remove_study(self, key: StudyKey) -> list[int]:
        """Take a study out, its reads with it; return the sessions in which they stood."""
        row = self.row_of.pop(key)
        self.of_row[row] = None
        sessions = []
        for read in range(self.studies["first_read"][row], self.studies["end_read"][row]):
            sessions += self.unplace(read)
            self._bury(read)
        for field in ("a0", "a1", "a2", "jump"):
            self.studies[field][row] = 0.0
        self.studies["published_end"][row] = self.studies["published"][row]
        self.studies["prior"][row] = NOBODY
        self._unlisted.rows[row] = 0
        return sessions

    def _bury(self, read: int) -> None:
        """Let nobody ever read this, and nothing be counted of it."""
        self.reads["pinned"][read], self.reads["claimed"][read] = UNLISTED, NOBODY
        self.forget(range(read, read + 1))

    def drop_read(self, study: Study, done: int) -> list[int]:
        """Take read number ``done`` (from 1) out of what ``study`` is now; return the session in which it stood."""
        row = self.row_of[study.key]
        first, end = int(self.studies["first_read"][row]), int(self.studies["end_read"][row])
        sessions = self.unplace(first + done - 1)
        for read in range(first + done - 1, end - 1):
            # the next one takes this one's number, wherever it stands
            self.reads[read], self.notes[read] = self.reads[read + 1], self.notes[read + 1]
            session = self.reads["session"][read]
            if session != UNPLACED:
                self.slots[self.sessions["slot"][session] + self.reads["position"][read]] = read
        gone = end - 1
        self.reads["session"][gone], self.reads["end"][gone] = UNPLACED, self.prices["beyond"][0]
        self._bury(gone)
        self.studies["end_read"][row] = gone
        return sessions

    def restate(self, study: Study) -> None:
        """Let a study's row say what ``study`` says of who is pinned, excluded, claimed and published."""
        row = self.row_of[study.key]
        self.of_row[row] = study
        for names, field in (
            (sorted(study.publishers), "published"),
            (sorted(study.excluded), "excluded"),
        ):
            people = np.array([self.reporter_idx[name] for name in names if name in self.reporter_idx], np.int32)
            begin = self._people.add(people)
            self.studies[field][row], self.studies[f"{field}_end"][row] = begin, begin + len(people)
        self._unlisted.rows[row] = self._unlisted_of(study)
        for number, read in enumerate(range(self.studies["first_read"][row], self.studies["end_read"][row]), start=1):
            for name, field in ((study.pinned(number), "pinned"), (study.claimed(number), "claimed")):
                self.reads[field][read] = NOBODY if name is None else self.reporter_idx[name]

    def _unlisted_of(self, study: Study) -> int:
        return len([name for name in study.publishers if name not in self.reporter_idx])

    def reads_of(self, key: StudyKey) -> range:
        """Return the reads of a study."""
        row = self.row_of[key]
        return range(int(self.studies["first_read"][row]), int(self.studies["end_read"][row]))

    def key_of(self, read: int) -> ReadKey:
        """Return the name of a read."""
        row = int(self.reads["study"][read])
        study = self.of_row[row]
        if study is None:
            raise KeyError(read)
        return ReadKey(study.trust, study.accession_number, read - int(self.studies["first_read"][row]) + 1)

    def unplace(self, read: int) -> list[int]:
        """Take a read out of its session and return that; nothing if it has none."""
        session = int(self.reads["session"][read])
        if session == UNPLACED:
            return []
        remove(self.prices, self.studies, self.reads, self.sessions, self.reporters, self.slots, read)
        return [session]

    # --- sessions ------------------------------------------------------------------------------------------------

    def change_session(self, before: Session, after: tuple[Session, ...]) -> None:
        """Let a session be what is left of it; ``advance`` then counts it anew."""
        if before.activity != REPORTING:
            return
        found = [row for row, kept in enumerate(self.rows_of_sessions) if kept.session_id == before.session_id]
        if not found:
            return  # it was over before the plan was opened
        row = found[0]
        if not after:
            self.exact[row, 1] = self.exact[row, 0]
            return
        self._set_session(row, after[0])
        for place, piece in enumerate(after[1:], start=row + 1):
            self._insert_session(place, row)
            self._set_session(place, piece)
            self._lay_out_slots()

    def _set_session(self, row: int, session: Session) -> None:
        self.rows_of_sessions[row] = session
        self.exact[row] = self._exactly(session)
        if session.max_reads is not None:
            self.sessions["max_reads"][row] = session.max_reads

    def _insert_session(self, place: int, like: int) -> None:
        """Put an empty row before ``place``, with the owner and the restrictions of another."""
        row = np.zeros(1, SESSION)
        for field in ("pace", "max_reads", "priority_mask", "reporter", "restriction"):
            row[field] = self.sessions[field][like]
        self.sessions = np.concatenate([self.sessions[:place], row, self.sessions[place:]])
        self.exact = np.insert(self.exact, place, self.exact[like], axis=0)
        self.rows_of_sessions.insert(place, self.rows_of_sessions[like])
        for rows, field in ((self.reads, "session"), (self.notes, "was_session")):
            rows[field][rows[field] >= place] += 1
        reporter = int(row["reporter"][0])
        self.reporters["end_session"][reporter:] += 1
        self.reporters["first_session"][reporter + 1 :] += 1

    def _lay_out_slots(self) -> None:
        """Give every session slots for whatever could ever stand in it."""
        least = np.maximum(1.0, np.floor(self._shortest * self.sessions["pace"]))
        room = ((self.exact[:, 1] - self.exact[:, 0]) // least).astype(np.int64) + _SPARE
        room = np.maximum(room, self.sessions["length"] + _SPARE)
        ends = np.cumsum(room)
        slots = np.zeros(int(room.sum()), np.int32)
        for session in np.flatnonzero(self.sessions["length"]):
            begin, number = self.sessions["slot"][session], self.sessions["length"][session]
            to = ends[session] - room[session]
            slots[to : to + number] = self.slots[begin : begin + number]
        self.sessions["slot"] = ends - room
        self.slots = slots

    # --- the plan ------------------------------------------------------------------------------------------------

    def _seat(self, seats: Sequence[Seat]) -> None:
        """Put every read where a plan has it.

        Raises
        ------
        InvalidValueError
            If the plan names a read or a session that the problem does not have, or fills one beyond its end.
        """
        row_of = {session.session_id: row for row, session in enumerate(self.rows_of_sessions)}
        first = self.studies["first_read"].tolist()
        reads, into = [], []
        end = self.studies["end_read"].tolist()
        for key, read, session_id, _ in sorted(seats, key=lambda seat: (seat.session_id, seat.position)):
            study, session = self.row_of.get(key), row_of.get(session_id)
            if study is None or session is None or not 1 <= read <= end[study] - first[study]:
                raise InvalidValueError("plan", "names a read or a session that the problem does not have")
            reads.append(first[study] + read - 1)
            into.append(session)
        room = np.diff(np.append(self.sessions["slot"], len(self.slots)))
        if len(set(reads)) < len(reads) or (np.bincount(into, minlength=len(room)) > room).any():
            raise InvalidValueError("plan", "has a read twice, or more in a session than it could ever hold")
        append_all(
            *(self.studies, self.reads, self.sessions, self.reporters, self.slots),
            *(np.array(reads, np.int32), np.array(into, np.int32)),
        )
        placed = self.reads[self.reads["session"] != UNPLACED]
        if (placed["end"] > self.sessions["end"][placed["session"]]).any():
            raise InvalidValueError("plan", "has a session end later than it does in the problem")

    @property
    def sunk(self) -> float:
        """What no plan can avoid: the total with every study completed now, in points."""
        rows = self.studies
        overdue = np.where(self.now > rows["due"], rows["jump"] + rows["a1"] * (self.now - rows["due"]), 0.0)
        return float(np.sum(overdue) + np.sum(rows["a2"] * np.maximum(0.0, self.now - rows["ceiling"])))

    @property
    def waited(self) -> float:
        """The points by which waiting counts from now and not from the origin."""
        return -float(np.sum(self.studies["a0"])) * self.now

    @property
    def lost(self) -> float:
        """Churn for people who are no longer listed, in points."""
        return float(np.sum(self._unlisted.rows)) * self.problem.policy.weights.churn


def _compile_all(problem: AllocationProblem) -> Compiled:
    """Return the problem compiled as if the horizon reached the end of the last session."""
    ends = [session.end.astimezone(UTC) for session in problem.sessions if session.activity == REPORTING]
    hours = max([problem.horizon_end, *ends]) - problem.now
    policy = replace(problem.policy, horizon_hours=hours.total_seconds() / HOUR + 1.0)
    return compile_problem(replace(problem, policy=policy))


def of_sessions(sessions: Iterable[int]) -> Ids:
    """Return sessions as kernels take them, each once, in order."""
    return np.array(sorted(set(sessions)), np.int32)


def as_tally(*, away: int, budget: int, limit: int) -> Ints:
    """Return a tally before any work."""
    return np.array([away, max(away, budget), 0, limit, 0], np.int64)
