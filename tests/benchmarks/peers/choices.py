"""What the three general solvers are told: which read could go into which session, how long it takes, what it costs.

Claimed reads stand where dispatching puts them, at the head of their sessions (H8); the solvers decide the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from balancer.optimise.dispatch import place_claimed
from balancer.optimise.problem import NOBODY, Compiled, ProblemArrays
from balancer.optimise.schedule import (
    Schedule,
    can_hold,
    can_read,
    duration,
    empty_schedule,
    insert,
    insertion_at,
    price_of_person,
)

_FEASIBLE = 1e299


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One read in one session: it takes ``taken`` seconds, starts from ``earliest``, ends by ``deadline``.

    ``points`` are match, remote, prior and churn together, against the read being with nobody.
    """

    read: int
    session: int
    reporter: int
    taken: int
    earliest: int
    deadline: int
    points: float


@dataclass(frozen=True, slots=True)
class Choices:
    """Everything a model needs; seconds after the origin, points."""

    p: ProblemArrays
    start: Schedule
    free: tuple[int, ...]
    of_read: dict[int, list[Choice]]

    @classmethod
    def of(cls, compiled: Compiled) -> Choices:
        """Return the choices of a problem."""
        p = compiled.arrays
        start = empty_schedule(p)
        place_claimed(p, start)
        free = tuple(int(read) for read in np.flatnonzero(p.reads["claimed"] == NOBODY))
        return cls(p, start, free, {read: list(_choices(p, start, read)) for read in free})

    @property
    def all(self) -> Iterable[Choice]:
        """Every choice, read by read."""
        return (choice for read in self.free for choice in self.of_read[read])

    def by_session(self) -> dict[int, list[Choice]]:
        """Return the choices of each session that has any."""
        found: dict[int, list[Choice]] = defaultdict(list)
        for choice in self.all:
            found[choice.session].append(choice)
        return found

    def room(self, session: int) -> int | None:
        """Return how many reads more the session may take; nothing if it does not say."""
        row = self.start.sessions[session]
        return None if row["max_reads"] > len(self.p.reads) else max(0, int(row["max_reads"] - row["length"]))

    def schedule(self, chosen: Iterable[tuple[int, int, int]], *, leave_out: bool = False) -> Schedule:
        """Return the schedule of these (session, begin, read), each session's reads in order of their beginning.

        A model that counts time in buckets may put in more than fits once reads wait to be ready: ``leave_out`` those.

        Raises
        ------
        ValueError
            If a read does not fit where the model has put it and may not be left out.
        """
        p, x = self.p, self.start
        for session, _, read in sorted(chosen):
            position = int(x.sessions["length"][session])
            reporter = x.sessions["reporter"][session]
            points = insertion_at(p.studies, p.latest, x.reads, x.sessions, x.slots, read, session, position)
            is_open = self.room(session) != 0
            if (
                is_open
                and points < _FEASIBLE
                and can_read(p.studies, p.people, p.level, x.reads, x.sessions, read, reporter)
            ):
                insert(p.studies, x.reads, x.sessions, x.reporters, x.slots, read, session, position)
            elif not leave_out:
                raise ValueError(f"read {read} does not fit session {session} at position {position}")
        return x


def _choices(p: ProblemArrays, x: Schedule, read: int) -> Iterable[Choice]:
    study = int(p.reads["study"][read])
    row = p.studies[study]
    pool = row["pool"]
    for session in map(int, p.candidates[p.candidates_ptr[pool] : p.candidates_ptr[pool + 1]]):
        of = x.sessions[session]
        reporter = int(of["reporter"])
        if not can_hold(p.studies, p.takes_pool, x.reads, x.sessions, read, session):
            continue
        if not can_read(p.studies, p.people, p.level, x.reads, x.sessions, read, reporter):
            continue
        taken = duration(p.studies, x.reads, x.sessions, read, session)
        last = x.slots[of["slot"] + of["length"] - 1] if of["length"] else -1
        earliest = max(int(of["start"] if last < 0 else x.reads["end"][last]), int(row["ready"]))
        deadline = min(int(of["end"]), int(p.latest[reporter, row["trust"]]) - 1 + taken)
        if earliest + taken > deadline:
            continue
        home = int(p.reporters["home"][reporter])
        points = price_of_person(p.prices, p.studies, p.people, p.level, home, study, reporter)
        yield Choice(
            read=read,
            session=session,
            reporter=reporter,
            taken=taken,
            earliest=earliest,
            deadline=deadline,
            points=float(points),
        )
