"""What is to be published of a plan that has been mended: whose lists are others now, in which order, with what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime
from typing import cast

from balancer.domain.plan import Plan
from balancer.domain.study import ReadKey, Study, StudyKey
from balancer.services.follow_changes import Happened
from balancer.services.open_live import Live
from balancer.services.publish_mended import MendedLists


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
    planned: dict[str, list[tuple[datetime, str, int, tuple[str, str, int]]]] = defaultdict(list)
    open_reads: set[tuple[str, str, int]] = set()
    for row in plan.allocations:
        study = row.trust, row.accession_number
        own = (*study, numbers[study][row.read - 1])
        if known[study].claimed_by and known[study].claimed(row.read) is not None:
            open_reads.add(own)
        else:
            planned[row.reporter_id].append((row.start, row.session_id, row.position, own))
    ordered = {name: [own for *_, own in sorted(rows)] for name, rows in planned.items()}
    listed = {
        name: [
            entry.key
            for entry in current.entries
            if entry.key not in open_reads and entry.key[2] in numbers.get(entry.key[:2], ())
        ]
        for name, current in live.lists.items()
    }
    return {name for name in {*ordered, *listed} if ordered.get(name, []) != listed.get(name, [])}


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
