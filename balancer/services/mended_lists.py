"""What is to be published of a plan that has been mended: whose lists are others now, in which order, with what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from typing import cast

from balancer.domain.plan import Allocation, Plan
from balancer.domain.study import ReadKey, Study, StudyKey
from balancer.services.follow_changes import Happened
from balancer.services.open_live import Live
from balancer.services.publish_mended import MendedLists
from balancer.store.following import Entry

# A read by its own number: trust, accession number, number.
_Own = tuple[str, str, int]


def lists_to_publish(
    live: Live, plan: Plan, concerned: AbstractSet[str], happened: Happened, began_at: datetime
) -> MendedLists:
    """Return the lists of whom it ``concerned``, with what was told or listed and has no place."""
    return MendedLists(
        plan=_part(live, plan, concerned, happened),
        summary=plan.summary,
        concerned=_in_order(concerned, plan, happened),
        based_on={name: live.lists[name] for name in concerned if name in live.lists},
        numbers=live.numbers,
        base_run=live.base_run,
        policy_id=live.policy_id,
        sequence=live.sequence,
        began_at=began_at,
        stage=stage_of(happened),
    )


def stage_of(happened: Happened) -> str:
    """Return in words why lists were mended."""
    return f"{len(happened.urgent)} studies that cannot wait" if happened.urgent else "somebody's time was taken away"


def whom_it_concerns(live: Live, plan: Plan) -> set[str]:
    """Return whose lists would name other reads, or in another order, than the current ones still do.

    What is open stays where it is, and does not count: a reporter who takes a later read first gets no new list.
    """
    # every read of the network passes here: keys are bare tuples, which are equal to named ones and quicker to make
    known = cast("Mapping[tuple[str, str], Study]", live.known)
    numbers = cast("Mapping[tuple[str, str], Sequence[int]]", live.numbers)
    planned: dict[str, dict[_Own, Allocation]] = defaultdict(dict)
    open_reads: set[_Own] = set()
    for row in plan.allocations:
        study = row.trust, row.accession_number
        own = (*study, numbers[study][row.read - 1])
        if known[study].claimed_by and known[study].claimed(row.read) is not None:
            open_reads.add(own)
        else:
            planned[row.reporter_id][own] = row

    def still_holds(key: _Own) -> bool:
        return key not in open_reads and key[2] in numbers.get(key[:2], ())

    return {
        name
        for name in {*planned, *live.lists}
        if name not in live.lists or not _are_as_planned(live.lists[name].entries, planned.get(name, {}), still_holds)
    }


def _are_as_planned(
    entries: Sequence[Entry], planned: Mapping[_Own, Allocation], still_holds: Callable[[_Own], bool]
) -> bool:
    """Tell whether what still holds of a list are the reads that are planned, all of them, in their order."""
    last, found = None, 0
    for entry in entries:
        row = planned.get(entry.key)
        if row is None:
            if still_holds(entry.key):
                return False
            continue
        if last is not None and not _is_before(last, row):
            return False
        last, found = row, found + 1
    return found == len(planned)


def _is_before(one: Allocation, other: Allocation) -> bool:
    if one.start != other.start:
        return one.start < other.start
    return (one.session_id, one.position) < (other.session_id, other.position)


def _in_order(concerned: AbstractSet[str], plan: Plan, happened: Happened) -> list[str]:
    """Return whose lists are concerned, last those with what cannot wait: the newest list is told of first."""
    urgent = cast("AbstractSet[tuple[str, str]]", happened.urgent)  # bare tuples, as in ``whom_it_concerns``
    burns = {row.reporter_id for row in plan.allocations if (row.trust, row.accession_number) in urgent}
    return [*sorted(concerned - burns), *sorted(concerned & burns)]


def _part(live: Live, plan: Plan, concerned: AbstractSet[str], happened: Happened) -> Plan:
    """Return what is to be published of a plan: the lists concerned, and what was told or listed and has no place."""
    listed = {entry.key for name in concerned & live.lists.keys() for entry in live.lists[name].entries}
    return replace(
        plan,
        allocations=tuple(row for row in plan.allocations if row.reporter_id in concerned),
        unallocated=tuple(
            row for row in plan.unallocated if study_of(row.key) in happened.known or _own(live, row.key) in listed
        ),
    )


def _own(live: Live, key: ReadKey) -> ReadKey:
    """Return a read by its own number."""
    return key._replace(read=live.numbers[study_of(key)][key.read - 1])


def study_of(key: ReadKey) -> StudyKey:
    """Return the study of a read."""
    return StudyKey(key.trust, key.accession_number)
