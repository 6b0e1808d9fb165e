"""Which of a study's reads can be planned now: readings first, then what verifies them, then what decides between them.

The model knows studies whose reads are alike (they take as long, are due together and are done by different people). At
any time the reads of a study that can be done are of one kind, so they are that; the others wait for them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from balancer.domain.follow_up import now_and_later
from balancer.domain.life import AWAITS_OTHER_READ, ReadState
from balancer.domain.policy import Policy
from balancer.domain.reporter import Reporter
from balancer.domain.study import ReadKey
from balancer.store.queue import QueuedRead, QueuedStudy
from balancer.store.tables_kinds import FollowUpRow


class Staged(NamedTuple):
    """A study's open reads: those that can be done now, all of one kind, and those that wait for them."""

    now: Sequence[QueuedRead]
    later: Sequence[QueuedRead]

    @property
    def follows(self) -> Sequence[FollowUpRow]:
        """What the reads to be done now have of their own; nothing if they are readings of the images."""
        return [read.follows for read in self.now if read.follows is not None]

    @property
    def is_read_again(self) -> bool:
        """Whether one of the reads to be done now has been done before."""
        return any(read.read_before_by for read in self.now)

    @property
    def numbers(self) -> list[int]:
        """The reads' own numbers, in the order in which a problem and what it leaves out count them from 1."""
        return [read.number for read in (*self.now, *self.later)]

    def waiting(self, item: QueuedStudy) -> dict[ReadKey, str]:
        """Return why the reads that wait have no place; one that somebody has open has one."""
        return {
            ReadKey(item.trust, item.accession_number, place): AWAITS_OTHER_READ
            for place, read in enumerate(self.later, start=len(self.now) + 1)
            if read.state is not ReadState.CLAIMED
        }

    def holders(self) -> set[str]:
        """Return who has a read open that waits for others: none of those is theirs too (H9)."""
        return {read.reporter_id for read in self.later if read.state is ReadState.CLAIMED and read.reporter_id}


def stage(reads: Mapping[int, Sequence[QueuedRead]]) -> dict[int, Staged]:
    """Return each study's reads by when they can be done."""
    found = ((study_id, now_and_later(of_study)) for study_id, of_study in reads.items())
    return {study_id: Staged(now=now, later=later) for study_id, (now, later) in found}


def as_followed(
    item: QueuedStudy, follows: Sequence[FollowUpRow], due_at: datetime, *, asked: datetime | None
) -> QueuedStudy:
    """Return a study as what follows its readings sees it: its minutes, and since when and until when that waits.

    If its clock stopped with the provisional report, it waits since then, and its due time is that of the verification
    alone, or the one that somebody has ``asked`` for; otherwise it waits since the images were taken, and the study's
    own due time ``due_at`` holds as well.
    """
    dues = [row.due_of(due_at) for row in follows]
    due = min(dues) if asked is None else min(*dues, asked)
    stopped = all(row.clock_stopped for row in follows)
    return item._replace(
        minutes=max(row.minutes_of(item.minutes) for row in follows),
        clock_started_at=min(row.began_at for row in follows) if stopped else item.clock_started_at,
        source_due_at=due,
    )


def may_not_follow(people: Iterable[Reporter], policy: Policy) -> Collection[str]:
    """Return who may neither verify reports nor decide between readings."""
    return {person.reporter_id for person in people if not policy.follow_up.may_verify(person.grade)}
