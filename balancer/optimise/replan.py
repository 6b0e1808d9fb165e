"""Mending a plan when something happens: ``replan`` for one answer, ``LivePlan`` for a plan that people work from.

A ``LivePlan`` is opened once from a problem and a plan for it; that compiles the problem. From then on an event costs
milliseconds. What it does with some events:

* They are entered into the problem; if one contradicts it, nothing has happened.
* ``now`` becomes the instant of the last. Sessions count from there, and what has not been reported as completed is
  still to be read: the reads of a session keep their order and are timed anew, and those that no longer fit lose their
  place. The read that is open is the one its reporter has claimed, and it stays in front.
* What an event takes away or brings is placed where it costs least, and around it the plan is improved, by changes each
  of which lowers the total, churn included. Claimed reads, the next few of each reporter (``policy.replan``) and all
  but a share of the published ones stay with their reporter; what an event itself takes away does not count.
* Last, as after a run, nobody starves (``order``), whatever that costs.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

import numpy as np

from balancer.domain.events import Event, TimePassed
from balancer.domain.moves import Mended, Move, Place
from balancer.domain.plan import (
    Allocation,
    Plan,
    Seat,
    Status,
    StoppedBy,
    Summary,
    Terms,
    Unallocated,
    UnallocatedReason,
)
from balancer.domain.problem import AllocationProblem
from balancer.domain.study import Study
from balancer.optimise.explain import reason_unallocated
from balancer.optimise.order import let_the_starved_pass
from balancer.optimise.problem import HOUR, NEVER, NOBODY, UNPLACED, Floats, Ids, Ints
from balancer.optimise.replan_arrays import LiveArrays, as_tally, of_sessions
from balancer.optimise.replan_book import Book, Change, SessionChange
from balancer.optimise.replan_claims import lock_next, seat_claim
from balancer.optimise.replan_moves import gains_of, moved_reads, terms_of, total_of
from balancer.optimise.replan_place import AWAY
from balancer.optimise.replan_search import mend
from balancer.optimise.schedule import copy_schedule, durations

LEAST_WORK = 100_000  # reads looked at for any events
WORK_A_READ = 150_000  # and for each read that they bring or displace
MOST_WORK = 6_500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Replanned:
    """The problem as the events left it, a plan for it, and how that differs from the plan before."""

    problem: AllocationProblem
    plan: Plan
    mended: Mended


def replan(problem: AllocationProblem, plan: Plan, events: Sequence[Event], *, work: int | None = None) -> Replanned:
    """Return what becomes of a problem and a plan for it when these events happen.

    Parameters
    ----------
    problem, plan
        Where things stand: ``published_to`` of its studies says who has which read on their list, and its ``policy``
        how much of that may change.
    events
        In order of time, the first not before ``problem.now``.
    work
        Reads looked at, at most; by the number of reads that lose their place or arrive if not given.

    Raises
    ------
    InvalidValueError
        If the plan is not one for the problem, or an event names what is not there or contradicts what is.
    """
    live = LivePlan(problem, plan)
    mended = live.apply(events, work=work)
    return Replanned(problem=live.problem, plan=live.plan(), mended=mended)


class LivePlan:
    """A plan that is kept up to date event by event; the same events give the same plan.

    Opening costs what compiling the problem costs (about half a second for 24,000 studies), an event milliseconds,
    ``plan()`` the rows that have changed since it was last asked for.
    """

    def __init__(self, problem: AllocationProblem, plan: Plan | Sequence[Seat]) -> None:
        """Open a plan for a problem; its seats say all that is needed of it.

        Raises
        ------
        InvalidValueError
            If the plan is not one for the problem.
        """
        self._book = Book(problem)
        self._arrays = LiveArrays(problem, plan.seats() if isinstance(plan, Plan) else plan)
        self._keys = sorted(self._book.studies)
        self._rows: dict[int, tuple[int, int, int, Allocation]] = {}
        self._total = total_of(self._arrays)
        self._remember_published(range(len(self._arrays.reads)))

    @property
    def now(self) -> datetime:
        """The instant the plan was last brought up to."""
        return self._book.now

    @property
    def problem(self) -> AllocationProblem:
        """The problem as it is now."""
        return self._book.as_problem()

    @property
    def total(self) -> float:
        """The plan's cost in points."""
        return self._total

    # --- events --------------------------------------------------------------------------------------------------

    def apply(self, events: Sequence[Event], *, work: int | None = None) -> Mended:
        """Let these events happen, in order of time, mend the plan, and say what that changed.

        ``work`` is how many reads the search looks at, at most. Nothing has happened if this raises.

        Raises
        ------
        InvalidValueError
            If an event lies before ``now``, names what is not there or contradicts what is.
        """
        book = self._book.copy()
        changes = [(number, change) for number, event in enumerate(events) for change in book.take(event)]
        self._book = book
        causes = (*events, TimePassed(at=book.now))
        a, total_before = self._arrays, self._total
        self._note_where_reads_stand()
        budget = int(book.problem.policy.replan.churn_budget * int(a.notes["counted"].sum()))
        loosened: list[int] = []
        for number, change in changes:
            loosened += self._enter(change, number)
        self._displace(a.advance(book.now), len(events))
        loosened += a.grown
        self._displace(self._claims_out_of_place(), len(events))
        self._lock()
        between, total_between = copy_schedule(a.schedule), total_of(a)
        self._seat_claims(len(events))
        homeless = self._homeless()
        tally = self._tally(budget, work, len(homeless))
        self._mend(tally, homeless, of_sessions(loosened))
        let_the_starved_pass(a.compiled(), a.schedule)
        self._total = total_of(a)
        moved = moved_reads(between, a.schedule)
        gains = gains_of(a, between, a.schedule, moved)
        mended = Mended(
            now=book.now,
            moves=tuple(self._move(read, gain, causes) for read, gain in self._worth_telling(moved, gains)),
            unallocated=tuple(
                a.key_of(int(read))
                for read in np.flatnonzero((a.notes["event"] >= 0) & (a.reads["session"] == UNPLACED))
            ),
            total_before=total_before,
            cost_of_events=total_between - total_before,
            total_after=self._total,
            churned=int(tally[AWAY]),
            budget=int(tally[AWAY + 1]),
        )
        self._remember_published(np.flatnonzero(a.notes["event"] >= 0).tolist())
        return mended

    def _note_where_reads_stand(self) -> None:
        notes, reads = self._arrays.notes, self._arrays.reads
        notes["was_session"], notes["was_position"] = reads["session"], reads["position"]
        notes["held"] = self._holders()
        notes["because"], notes["event"], notes["locked"] = -1, -1, 0

    def _holders(self) -> Ids:
        """Return whose each read is, NOBODY if it has no place; shape (N,)."""
        session = self._arrays.reads["session"]
        owner = np.append(self._arrays.sessions["reporter"], NOBODY).astype(np.int32)
        return owner[session]

    def _enter(self, change: Change, event: int) -> list[int]:
        """Let the arrays say what has changed; return the sessions in which time has become free."""
        a = self._arrays
        if isinstance(change, SessionChange):
            if len(change.after) > 1:
                self._rows.clear()  # rows of sessions get other numbers
            a.change_session(change.before, change.after)
            self._displace(a.advance(a.instant_now), event)
            return []
        if change.after is None:
            if change.before is None:
                return []
            del self._keys[bisect_left(self._keys, change.before.key)]
            return a.remove_study(change.before.key)
        if change.before is None:
            insort(self._keys, change.after.key)
            reads = a.add_study(change.after, self._book.now)
            a.notes["event"][list(reads)] = event
            return []
        loosened = a.drop_read(change.after, change.done) if change.done is not None else []
        for number, read in enumerate(a.reads_of(change.after.key), start=1):
            loosened += self._restate(change.after, number, read, event)
        a.restate(change.after)
        return loosened

    def _restate(self, study: Study, number: int, read: int, event: int) -> list[int]:
        """Take a read out of its place if it may no longer stand there; return the session."""
        a = self._arrays
        claimed, pinned = study.claimed(number), study.pinned(number)
        claimant = NOBODY if claimed is None else a.reporter_idx[claimed]
        holder = int(self._holders()[read])
        leaves = a.reads["claimed"][read] != claimant
        if holder != NOBODY:
            leaves |= pinned is not None and a.reporter_idx[pinned] != holder
            leaves |= any(a.reporter_idx.get(name) == holder for name in study.excluded)
        lifted = a.reads["pinned"][read] != (NOBODY if pinned is None else a.reporter_idx[pinned])
        if not leaves and not (lifted and holder == NOBODY):
            return []
        a.notes["event"][read] = event
        return a.unplace(read)

    def _displace(self, reads: Iterable[int], event: int) -> None:
        """Note which event took these reads' places away, unless an earlier one did."""
        notes = self._arrays.notes
        for read in reads:
            if notes["event"][read] < 0:
                notes["event"][read] = event

    def _claims_out_of_place(self) -> list[int]:
        """Take out claimed reads whose session is no longer its reporter's first or second (H8), and return them."""
        a = self._arrays
        session = a.reads["session"]
        placed = (a.reads["claimed"] != NOBODY) & (session != UNPLACED)
        found = [int(read) for read in np.flatnonzero(placed) if a.sessions["is_claimable"][session[read]] == 0]
        for read in found:
            a.unplace(read)
        return found

    def _lock(self) -> None:
        """Keep claimed reads and each reporter's next few with their reporter; what an event took away is free."""
        a = self._arrays
        most = self._book.problem.policy.replan.protected_next
        a.notes["locked"][(a.reads["claimed"] != NOBODY) & (a.reads["session"] != UNPLACED)] = 1
        lock_next(a.sessions, a.reporters, a.slots, a.notes, most)

    def _seat_claims(self, event: int) -> None:
        """Place the claimed reads that have no place, as long as there is room (H8)."""
        a = self._arrays
        waiting = np.flatnonzero((a.reads["claimed"] != NOBODY) & (a.reads["session"] == UNPLACED))
        # whoever claimed first reads first; those that wait from before come last, for they did not fit then
        came = np.where(a.notes["event"][waiting] >= 0, a.notes["event"][waiting], event + 1)
        for read in waiting[np.lexsort([waiting, came])].tolist():
            out = np.empty(1 + int(a.sessions["length"].max(initial=0)) * 2, np.int32)
            number = seat_claim(
                *(a.prices, a.studies, a.people, a.level, a.latest),
                *(*a.schedule, read, out),
            )
            cause = int(a.notes["event"][read])
            for other in out[:number].tolist():
                a.notes["locked"][other], a.notes["because"][other] = 0, read
                self._displace([other], cause if cause >= 0 else event)

    def _homeless(self) -> Ids:
        """Return the unclaimed reads that an event brought or displaced, those first that are dearest to leave."""
        a = self._arrays
        reads = np.flatnonzero(
            (a.notes["event"] >= 0) & (a.reads["session"] == UNPLACED) & (a.reads["claimed"] == NOBODY)
        )
        a.notes["locked"][reads] = 0
        rows = a.studies[a.reads["study"][reads]]
        beyond = float(a.prices["beyond"][0])
        late = np.where(beyond > rows["due"], rows["jump"] + rows["a1"] * (beyond - rows["due"]), 0.0)
        late += rows["a0"] * (beyond - a.now) + rows["a2"] * np.maximum(0.0, beyond - rows["ceiling"])
        return reads[np.lexsort([reads, -late / rows["minutes"]])].astype(np.int32)

    def _tally(self, budget: int, work: int | None, homeless: int) -> Ints:
        notes = self._arrays.notes
        notes["counted"][notes["event"] >= 0] = 0
        away = int(((notes["counted"] == 1) & (self._holders() != notes["base"])).sum())
        if work is None:
            work = min(MOST_WORK, LEAST_WORK + WORK_A_READ * homeless)
        return as_tally(away=away, budget=budget, limit=work)

    def _mend(self, tally: Ints, homeless: Ids, loosened: Ids) -> None:
        a = self._arrays
        if len(a.sessions) == 0:
            return
        mend(
            *(a.prices, a.bands, a.studies, a.people, a.patient_reads, a.level, a.latest, a.takes_pool),
            *(*a.schedule, a.notes, tally, homeless, loosened),
        )

    def _remember_published(self, reads: Iterable[int]) -> None:
        """Note from whom published reads may not be taken but within the budget: who has them now."""
        a = self._arrays
        looked_at = np.fromiter(reads, np.int64)
        rows = a.reads["study"][looked_at]
        numbers = looked_at - a.studies["first_read"][rows]
        studies = (a.of_row[row] for row in rows.tolist())
        published = [_is_published(study, number) for study, number in zip(studies, numbers.tolist(), strict=True)]
        holders = self._holders()[looked_at]
        a.notes["base"][looked_at] = holders
        a.notes["counted"][looked_at] = np.array(published, np.bool_) & (holders != NOBODY)

    # --- what is told --------------------------------------------------------------------------------------------

    def _worth_telling(self, moved: Ids, gains: Floats) -> list[tuple[int, float]]:
        """Return the reads that moved and their gains, and those that an event took away and nothing took in."""
        a = self._arrays
        told = dict(zip(moved.tolist(), gains.tolist(), strict=True))
        for read in np.flatnonzero((a.notes["event"] >= 0) & (a.notes["was_session"] != UNPLACED)).tolist():
            told.setdefault(read, 0.0)
        return sorted(told.items(), key=lambda item: (-item[1], item[0]))

    def _move(self, read: int, gain: float, causes: tuple[Event, ...]) -> Move:
        a = self._arrays
        note = a.notes[read]
        return Move(
            read=a.key_of(read),
            before=self._place(int(note["was_session"]), int(note["was_position"])),
            after=self._place(int(a.reads["session"][read]), int(a.reads["position"][read])),
            gain=gain,
            event=causes[note["event"]] if note["event"] >= 0 else None,
            made_room_for=a.key_of(int(note["because"])) if note["because"] >= 0 else None,
        )

    def _place(self, session: int, position: int) -> Place | None:
        if session == UNPLACED:
            return None
        of = self._arrays.rows_of_sessions[session]
        return Place(reporter_id=of.reporter_id, session_id=of.session_id, position=position + 1)

    def plan(self) -> Plan:
        """Return the whole plan as it is now.

        Its bound is what no plan can avoid: what a run proved of an earlier problem says nothing about this one.
        """
        a = self._arrays
        allocations, unallocated = self._allocations_and_rest()
        terms = Terms(**{term.name: float(points) for term, points in zip(fields(Terms), terms_of(a), strict=True)})
        late, longest = self._waits()
        return Plan(
            allocations=allocations,
            unallocated=unallocated,
            summary=Summary(
                now=self._book.now,
                status=Status.FEASIBLE,
                stopped_by=StoppedBy.WORK,
                seconds={},
                terms=terms,
                sunk=a.sunk,
                bound=min(a.sunk + a.lost, terms.total),
                studies=len(self._keys),
                reads=len(allocations) + len(unallocated),
                allocated=len(allocations),
                late=late,
                longest_wait_hours=longest,
                seed=0,
                digest="",
            ),
        )

    def _allocations_and_rest(self) -> tuple[tuple[Allocation, ...], tuple[Unallocated, ...]]:
        a = self._arrays
        session, position, end = (a.reads[field].tolist() for field in ("session", "position", "end"))
        first, last = a.studies["first_read"].tolist(), a.studies["end_read"].tolist()
        took = durations(a.studies, a.reads, a.sessions).tolist()
        allocations: list[Allocation] = []
        unallocated: list[Unallocated] = []
        reasons = _Reasons(a)
        for key in self._keys:
            row = a.row_of[key]
            for read in range(first[row], last[row]):
                if session[read] == UNPLACED:
                    unallocated.append(
                        Unallocated(
                            trust=key.trust,
                            accession_number=key.accession_number,
                            read=read - first[row] + 1,
                            reason=reasons.of(read),
                        )
                    )
                    continue
                kept = self._rows.get(read)
                if kept is None or kept[:3] != (session[read], position[read], end[read]):
                    of = a.rows_of_sessions[session[read]]
                    made = Allocation(
                        trust=key.trust,
                        accession_number=key.accession_number,
                        read=read - first[row] + 1,
                        reporter_id=of.reporter_id,
                        session_id=of.session_id,
                        position=position[read] + 1,
                        start=a.instant(end[read] - took[read]),
                        end=a.instant(end[read]),
                        due_at=a.due_at[row],
                    )
                    kept = self._rows[read] = (session[read], position[read], end[read], made)
                allocations.append(kept[3])
        return tuple(allocations), tuple(unallocated)

    def _waits(self) -> tuple[dict[str, int], dict[str, float]]:
        """Return, by class, how many studies are late and the longest wait since acquisition in hours."""
        a = self._arrays
        study = a.reads["study"]
        # reads that are done leave rows behind
        waiting = np.arange(len(study)) < a.studies["end_read"][study]
        ends = np.where(a.reads["session"] == UNPLACED, a.beyond, a.reads["end"].astype(np.float64))
        completed = np.full(len(a.studies), -float(NEVER))
        np.maximum.at(completed, study[waiting], ends[waiting])
        rows = np.fromiter(a.row_of.values(), np.int64, len(a.row_of))
        late, longest = {}, {}
        for index, priority in enumerate(self._book.problem.policy.priorities):
            of = rows[a.studies["priority"][rows] == index]
            late[priority.code] = int(np.sum(completed[of] > a.studies["due"][of]))
            longest[priority.code] = float(np.max(completed[of] - a.acquired[of], initial=0.0)) / HOUR
        return late, longest


def _is_published(study: Study | None, number: int) -> bool:
    """Tell whether a read of a study (from 0) is on somebody's published list."""
    return study is not None and number < len(study.published_to) and bool(study.published_to[number])


class _Reasons:
    """Works out why reads have no place; those that are alike in all that matters have the same reason."""

    def __init__(self, arrays: LiveArrays) -> None:
        self._arrays = arrays
        self._known: dict[tuple[int, int, float], UnallocatedReason] = {}
        self._p = arrays.as_arrays()

    def of(self, read: int) -> UnallocatedReason:
        """Return the reason for one unplaced read."""
        a = self._arrays
        row, note = a.studies[a.reads["study"][read]], a.reads[read]
        is_plain = (
            note["pinned"] == NOBODY
            and note["claimed"] == NOBODY
            and row["excluded"] == row["excluded_end"]
            and row["end_read"] - row["first_read"] == 1
            and row["ready"] == -NEVER
        )
        if not is_plain:
            return reason_unallocated(self._p, a.schedule, read)
        kind = (int(row["pool"]), int(row["priority"]), float(row["minutes"]))
        if kind not in self._known:
            self._known[kind] = reason_unallocated(self._p, a.schedule, read)
        return self._known[kind]
