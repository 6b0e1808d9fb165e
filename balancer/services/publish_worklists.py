"""Publish a plan: a new version of everybody's list and a new standing of every read, all of it or nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from balancer.domain.actor import Actor, job
from balancer.domain.life import UNPLANNED, ReadEvent, ReadState
from balancer.domain.plan import Allocation, Plan
from balancer.domain.problem import AllocationProblem
from balancer.domain.states import RunState
from balancer.domain.study import ReadKey, StudyKey
from balancer.services.give_way import give_way
from balancer.services.still_entitled import StillEntitled
from balancer.store import assignments, following, instructions, leases, queue, reads, runs
from balancer.store.database import Database, Session
from balancer.store.leases import Lease
from balancer.store.policies import current_policy
from balancer.store.reads import Move, Standing
from balancer.store.tables import RunRow, WorklistItemRow, WorklistRow

_ALLOCATION = job("allocation")
_NOTHING: Mapping[ReadKey, str] = {}
_AS_COUNTED: Mapping[StudyKey, Sequence[int]] = {}


def publish(  # noqa: PLR0913 - what is published, when, on whose authority
    db: Database,
    run_id: int,
    plan: Plan,
    problem: AllocationProblem,
    now: datetime,
    *,
    lease: Lease,
    left_out: Mapping[ReadKey, str] = _NOTHING,
    numbers: Mapping[StudyKey, Sequence[int]] = _AS_COUNTED,
) -> bool:
    """Make ``plan``, which the referee has passed, the one in force, in one transaction; tell whether it is.

    It is not if plans are held by now: a manager has brought such a policy into force while it was made, and nobody's
    list changes before they have looked at it.

    Everyone who takes part gets a new version of their list; that of somebody with nothing to read is empty and says
    so, and so is that of somebody who took part before and no longer does. Whoever reads meanwhile sees all the old
    lists or all the new ones.

    A plan is of the instant it was gathered for; people have worked since. What has been claimed meanwhile stays with
    its claimant, what has been done, parked or withdrawn is on no list, and whoever handed a study back, has done
    another of its reads or has been barred from it is not given it, nor is what has been pinned to somebody else; nor
    is anything given to somebody who may not report it any more (rules H1 to H3). What was put on a list meanwhile
    stays there, such as an emergency that the plan did not see, or saw as less than that; what nobody has, or the plan
    gave to somebody it no longer can, waits for the next run. ``numbers`` says which reads of a study the plan counted
    from 1; as counted if it says nothing.

    Raises
    ------
    ConflictError
        If the lease has passed to somebody else, or the run has been declared dead: nothing is published.
    """
    people = [person.reporter_id for person in problem.reporters]
    seen = Seen(at=problem.now, holders=_holders(problem))

    def put_in_force(session: Session, waited: timedelta) -> None:
        at = now + waited
        leases.require(session, lease)
        _require_unheld(session)
        run = runs.own_run(session, run_id, lease.token)
        put_on_lists(session, run, plan, at, people=people, left_out=left_out, numbers=numbers, seen=seen)
        runs.keep_summary(run, plan.summary)
        run.stage, run.finished_at = "", at
        _require_unheld(session)  # again, with the change feed's turn, for which whoever brings a policy in waits

    try:
        give_way(db, put_in_force)
    except _HeldError:
        return False
    return True


class _HeldError(Exception):
    """Plans wait for a manager by now; nothing has changed."""


def _require_unheld(session: Session) -> None:
    if current_policy(session).publishing.hold:
        raise _HeldError


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a plan was made from: when, and who had which read then, as it counts them, if that is known."""

    at: datetime
    holders: Mapping[ReadKey, str | None] | None = None


def put_on_lists(  # noqa: PLR0913 - whose plan is put in force, when, on whose word
    session: Session,
    run: RunRow,
    plan: Plan,
    now: datetime,
    *,
    people: Sequence[str],
    left_out: Mapping[ReadKey, str],
    numbers: Mapping[StudyKey, Sequence[int]],
    by: Actor = _ALLOCATION,
    seen: Seen | None = None,
) -> None:
    """Put a run's plan in force, as ``publish`` says; the caller has taken the turn of runs.

    ``people`` take part. Every run that was held before is superseded. A read that was put on a list since the plan has
    ``seen`` the lists, if that is said, or put forward on one because it could not wait, stays there, whatever the plan
    has for it: somebody mended what the plan has not seen.
    """
    run_id = run.id or 0
    reasons = {row.key: row.reason.value for row in plan.unallocated} | dict(left_out)
    keys = {StudyKey(key.trust, key.accession_number) for key in reasons} | {
        StudyKey(row.trust, row.accession_number) for row in plan.allocations
    }
    standing = reads.locked_plannable(session)
    entitled = StillEntitled(session, {item.study_id for item in standing}, now)
    placing = Placing(session, queue.study_ids(session, keys), numbers, standing, entitled)
    overtaken = set() if seen is None else _mended_since(session, placing, seen)
    items = placing.lists(plan, reasons, overtaken)
    unallocated = placing.numbered(reasons)
    everyone = dict.fromkeys([*people, *queue.current_holders(session)])
    versions = queue.supersede_worklists(session, now)
    add_lists(session, {name: items[name] for name in everyone}, versions, placing.ids, run_id, now)
    queue.add_unallocated(session, run_id, unallocated, placing.ids)
    reads.move_all(session, placing.moves(items, unallocated), by=by, now=now, why=f"run {run_id}")
    run.state = RunState.PUBLISHED
    runs.supersede_held(session, by=run_id, why=f"run {run_id} was published")
    assignments.note_new_lists(session, now)


def _mended_since(session: Session, placing: Placing, seen: Seen) -> set[tuple[int, int]]:
    given = reads.allocated_since(session, seen.at) if seen.holders is None else placing.given_since(seen.holders)
    emergencies = [item.code for item in current_policy(session).priorities if item.is_emergency]
    return given | following.put_forward_since(session, seen.at, emergencies)


def _holders(problem: AllocationProblem) -> dict[ReadKey, str | None]:
    """Return who has each read of a problem, as it counts them."""
    return {
        ReadKey(*study.key, read): study.published_to[read - 1] if read <= len(study.published_to) else None
        for study in problem.studies
        for read in range(1, study.reads + 1)
    }


def add_lists(  # noqa: PLR0913, PLR0917 - what stands on whose list, on what authority
    session: Session,
    items: Mapping[str, Sequence[Allocation]],
    versions: Mapping[str, int],
    ids: queue.Ids,
    run_id: int,
    now: datetime,
) -> dict[str, WorklistRow]:
    """Add the next version of each of these lists, by reporter, and return their headers."""
    lists = {
        reporter_id: WorklistRow(
            reporter_id=reporter_id,
            version=versions.get(reporter_id, 0) + 1,
            run_id=run_id,
            published_at=now,
            items=len(rows),
            digest=queue.digest_of(rows),
        )
        for reporter_id, rows in items.items()
    }
    queue.add_worklists(session, list(lists.values()))
    queue.add_items(session, lists, items, ids)
    return lists


class Placing:
    """A plan against reads as they stand now, which nobody else changes until the transaction ends.

    ``entitled`` tells who may report what by now; a plan that was gathered a moment ago does without.
    """

    def __init__(
        self,
        session: Session,
        ids: queue.Ids,
        numbers: Mapping[StudyKey, Sequence[int]],
        standing: Iterable[Standing],
        entitled: StillEntitled | None = None,
    ) -> None:
        self.ids = dict(ids)
        self._entitled = entitled
        self._session = session
        self._numbers = numbers
        self._standing = {(item.study_id, item.number): item for item in standing}
        self._barred = queue.barred(session, {item.study_id for item in self._standing.values()})
        self._pinned = instructions.pins(session)
        self._held: dict[int, set[str]] = defaultdict(set)
        for item in self._standing.values():
            if item.state is ReadState.CLAIMED and item.reporter_id is not None:
                self._held[item.study_id].add(item.reporter_id)
        self._kept = queue.items_of_claims(session)
        unnamed = {study_id for study_id, _ in self._kept} - set(self.ids.values())
        self.ids.update({key: study_id for study_id, key in queue.study_keys(session, unnamed).items()})

    def lists(
        self, plan: Plan, reasons: Mapping[ReadKey, str], overtaken: Collection[tuple[int, int]] = ()
    ) -> Mapping[str, list[Allocation]]:
        """Return each reporter's reads in the order they are planned, as far as they can still be given to them.

        ``reasons`` are those of the reads that the plan has seen and has no place for. What is ``overtaken`` counts as
        never seen by the plan, and stays where it stands.
        """
        found: dict[str, list[Allocation]] = defaultdict(list)
        # each read's place is looked up once: lists are made while others wait
        given = [(self._place(row.key), row) for row in map(self._numbered, plan.allocations)]
        seen = {place for place, _ in given} | {self._place(key) for key in self.numbered(reasons)}
        seen -= set(overtaken)
        stay = self._placed_since(seen)
        theirs = {self._whose(row) for row in stay}
        may_be = {place: row for place, row in given if place in seen and self._may_be_given(place, row)}
        # two reads of a study have two readers (H9): what stays where the plan has not put it goes before the plan
        placed = {
            place: row
            for place, row in may_be.items()
            if (place[0], row.reporter_id) not in theirs or self._standing[place].state is ReadState.CLAIMED
        }
        # times of the plan and of what stays are of two instants: what stays goes before a read that it would interrupt
        in_order = [(_in_order(row, half=True), row) for row in placed.values()]
        in_order += [(_in_order(row), row) for row in (*self._claimed_since(placed), *stay)]
        for _, row in sorted(in_order, key=lambda pair: pair[0]):
            found[row.reporter_id].append(row)
        return found

    def given_since(self, holders: Mapping[ReadKey, str | None]) -> set[tuple[int, int]]:
        """Return the reads that are on somebody's list, and were another's or nobody's when these had them."""
        had = {self._place(key._replace(read=self._number(key))): name for key, name in holders.items()}
        return {
            place
            for place, item in self._standing.items()
            if item.state is ReadState.ALLOCATED and place in had and had[place] != item.reporter_id
        }

    def numbered(self, reasons: Mapping[ReadKey, str]) -> dict[ReadKey, str]:
        """Return why reads have no place, by their own numbers, as far as they are still to be read."""
        known = {key._replace(read=self._number(key)): why for key, why in reasons.items()}
        return {key: why for key, why in known.items() if self._place(key) in self._standing}

    def moves(self, items: Mapping[str, Iterable[Allocation]], reasons: Mapping[ReadKey, str]) -> list[Move]:
        """Return what happens to each read: given, left without a place, or never seen by the plan."""
        given = {self._place(row.key): name for name, rows in items.items() for row in rows}
        why = {self._place(key): reason for key, reason in reasons.items()}
        found = []
        for place, item in self._standing.items():
            if item.state is ReadState.CLAIMED:
                continue
            name = given.get(place)
            if name is not None:
                if item.reporter_id != name or item.state is not ReadState.ALLOCATED:
                    found.append(_move(item, ReadState.ALLOCATED, reporter_id=name))
            elif item.state is ReadState.ALLOCATED or item.reason != why.get(place, item.reason):
                found.append(_move(item, ReadState.UNALLOCATED, reason=why.get(place, UNPLANNED)))
        return found

    def may_be_given(self, row: Allocation) -> bool:
        """Tell whether a read, by its own number, may be on this list: to be read, by them and by nobody else."""
        return self._may_be_given(self._place(row.key), row)

    def _may_be_given(self, place: tuple[int, int], row: Allocation) -> bool:
        item = self._standing.get(place)
        if item is None:
            return False
        if item.state is ReadState.CLAIMED:
            return item.reporter_id == row.reporter_id
        if self._pinned.get(place, row.reporter_id) != row.reporter_id:
            return False
        if self._entitled is not None and self._entitled.why_not(item, row.reporter_id):
            return False
        return row.reporter_id not in self._barred.get(item.study_id, set()) | self._held[item.study_id]

    def _claimed_since(self, placed: Collection[tuple[int, int]]) -> list[Allocation]:
        """Return the claimed reads that the plan has elsewhere or nowhere, as they stood on their lists."""
        keys = {study_id: key for key, study_id in self.ids.items()}
        return [
            _as_it_stood(item, keys[study_id], self._standing[study_id, number])
            for (study_id, number), item in self._kept.items()
            if (study_id, number) not in placed and (study_id, number) in self._standing and study_id in keys
        ]

    def _placed_since(self, seen: Collection[tuple[int, int]]) -> list[Allocation]:
        """Return the reads on somebody's list that the plan has never seen, as they stand there."""
        unseen = {
            place: item
            for place, item in self._standing.items()
            if item.state is ReadState.ALLOCATED and place not in seen
        }
        found = queue.items_of(self._session, {study_id for study_id, _ in unseen})
        keys = queue.study_keys(self._session, {study_id for study_id, _ in unseen})
        self.ids.update({key: study_id for study_id, key in keys.items()})
        rows = [
            _as_it_stood(item, keys[place[0]], unseen[place])
            for (place, reporter_id), item in found.items()
            if place in unseen and unseen[place].reporter_id == reporter_id
        ]
        # one each of a study: should two of its reads ever stand on one list, the next run finds the other a reader
        return list({self._whose(row): row for row in reversed(rows) if self.may_be_given(row)}.values())

    def standing(self, key: ReadKey) -> Standing | None:
        """Return where a read, by its own number, stands; ``None`` if it is not to be read now."""
        return self._standing.get(self._place(key))

    def _whose(self, row: Allocation) -> tuple[int, str]:
        return self._place(row.key)[0], row.reporter_id

    def _numbered(self, row: Allocation) -> Allocation:
        of_study = self._numbers.get(StudyKey(row.trust, row.accession_number))
        number = row.read if of_study is None else of_study[row.read - 1]
        return row if number == row.read else replace(row, read=number)

    def _number(self, key: ReadKey) -> int:
        of_study = self._numbers.get(StudyKey(key.trust, key.accession_number))
        return key.read if of_study is None else of_study[key.read - 1]

    def _place(self, key: ReadKey) -> tuple[int, int]:
        return self.ids[StudyKey(key.trust, key.accession_number)], key.read


def _move(item: Standing, to: ReadState, **columns: object) -> Move:
    return Move(read=item, event=ReadEvent.PUBLISH, to=to, columns=columns)


def _as_it_stood(item: WorklistItemRow, key: StudyKey, standing: Standing) -> Allocation:
    return Allocation(
        trust=key.trust,
        accession_number=key.accession_number,
        read=item.read,
        reporter_id=standing.reporter_id or "",
        session_id=item.session_id,
        position=item.position,
        start=item.planned_start,
        end=item.planned_end,
        due_at=item.due_at,
    )


def _in_order(row: Allocation, *, half: bool = False) -> tuple[datetime, str, int]:
    """Return what to sort a read by: when it begins, or when half of it is done."""
    at = row.start + (row.end - row.start) / 2 if half else row.start
    return at, row.session_id, row.position
