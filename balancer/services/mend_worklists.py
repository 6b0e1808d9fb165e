"""Mend the lists that people work from when something happens that cannot wait for the next run.

An emergency that nobody has, a study that is needed sooner, or somebody's time that is taken away: the plan in force is
kept open in memory, told what has happened, mended, judged by the referee and published in the lists concerned.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime

from balancer.domain.events import StudyArrived
from balancer.domain.states import RunState
from balancer.domain.study import StudyKey
from balancer.ingest.collector import no_collections
from balancer.services.build_problem import gather
from balancer.services.follow_changes import Happened, has_changed, what_happened
from balancer.services.judge_lists import judge_lists
from balancer.services.mended_lists import lists_to_publish, stage_of, study_of, whom_it_concerns
from balancer.services.open_live import Live, open_live
from balancer.services.publish_mended import publish_mended
from balancer.store import following, queue, runs
from balancer.store.database import Database

_FINDINGS_KEPT = 20
# Reads that the search looks at: more finds better places for others, and holds up the one that burns.
_WORK, _WORK_AN_ARRIVAL, _MOST_WORK = 50_000, 20_000, 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MendOutcome:
    """What became of a mending: its run, whose lists are new, how many urgent studies there were, why it was not.

    ``unplaced`` counts urgent studies of which a read has no place all the same.
    """

    run_id: int
    state: RunState
    lists: int
    urgent: int
    unplaced: int
    error: str = ""


class Mending:
    """A plan in force that is kept open, and mended when it must be. Not for two threads at once."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._live: Live | None = None
        self._is_new = False
        self._is_warm = False

    @property
    def is_open(self) -> bool:
        """Whether a plan is open: before that, nothing can be mended."""
        return self._live is not None

    def close(self) -> None:
        """Forget the open plan: the next look opens the one in force then."""
        self._live = None

    def look(self, now: datetime) -> MendOutcome | None:
        """Look at what has moved since the last look, and mend what cannot wait; ``None`` if nothing was published.

        A look that finds nothing costs two short statements.

        Raises
        ------
        Exception
            Whatever went wrong, ``ConflictError`` if other lists have been published meanwhile. The plan is closed
            then, and the lists stand.
        """
        try:
            # looking through a whole plan for garbage takes longer than mending it: that is for when nothing burns
            with no_collections():
                return self._look(now)
        except Exception:
            self.close()
            raise

    def _look(self, now: datetime) -> MendOutcome | None:
        live = self._in_force(now)
        if live is None:
            return None
        cannot_wait = self._hear(live) or self._is_new
        self._is_new = False
        if not cannot_wait:
            return None
        with self._db.right_of_way.taken():  # a whole plan that is being published lets this go first
            return self._mend(live, now)

    def _in_force(self, now: datetime) -> Live | None:
        """Return the plan in force, opened anew if another run has been published."""
        if self._live is not None:
            with self._db.session() as session:
                base = runs.current_run(session)
            if base is not None and base.id == self._live.base_run:
                return self._live
        if not self._is_warm:
            return self._open(now)
        with self._db.right_of_way.taken():  # until it is open, nothing that cannot wait has a place
            return self._open(now)

    def _open(self, now: datetime, anew: Collection[int] = ()) -> Live | None:
        self._live = open_live(self._db, now, anew=anew)
        self._is_new = self._live is not None
        if self._live is not None and not self._is_warm:
            self._warm_up(now)
        return self._live

    def _warm_up(self, now: datetime) -> None:
        """Load the compiled search and ask once what will be asked: the first emergency is not to wait for it."""
        from balancer.optimise import warm  # noqa: PLC0415 - as ``open_live``

        warm.main()
        gather(self._db, now, only=())
        self._is_warm = True

    def _hear(self, live: Live) -> bool:
        """Note which studies' reads have moved; tell whether one of them, or what nobody can name, may not wait."""
        with self._db.session() as session:
            last = following.last_change(session)
            if last == live.sequence and not self._is_new:
                return False
            moved = following.moved_since(session, live.sequence)
            # numbers that no read has were given to decisions, people and rosters, or to a read that has moved again
            unnamed = self._is_new or last - live.sequence > len(moved)
            decided = following.decisions(session) if unnamed else live.decided
            emergencies = [item.code for item in live.policy.priorities if item.is_emergency]
            found = following.of_classes(session, set(moved), emergencies)
        about = {study_id for _, study_id in decided ^ live.decided if study_id is not None}
        live.sequence, live.decided = last, decided
        live.waiting.update(moved, about)
        live.asked.update(about)
        return unnamed or any(item.unplaced or self._is_news(live, item) for item in found)

    @staticmethod
    def _is_news(live: Live, item: following.Waiting) -> bool:
        known = live.known.get(item.key)
        return known is None or known.priority != item.priority

    def _mend(self, live: Live, now: datetime) -> MendOutcome | None:
        gathered = gather(self._db, now, only=live.waiting)
        with self._db.session() as session:
            keys = queue.study_keys(session, live.waiting)
        asked: AbstractSet[StudyKey] = {keys[study_id] for study_id in live.asked & keys.keys()}
        happened = what_happened(live, gathered, keys.values(), max(now, live.plan.now), asked=asked)
        if has_changed(live, gathered):
            # the plan that is opened now knows what has been decided: what cannot wait would be left where it was
            asked = happened.urgent
            opened = self._open(now, anew=[study_id for study_id, key in keys.items() if key in asked])
            if opened is None:
                return None
            live, self._is_new = opened, False
            gathered = gather(self._db, now, only=())
            happened = what_happened(live, gathered, (), max(now, live.plan.now), asked=asked)
        at = max(now, live.plan.now)
        if not happened.urgent and not live.displaced:
            return None
        tell_plan(live, happened, gathered.numbers)
        return self._publish(live, happened, now, at)

    def _publish(self, live: Live, happened: Happened, began_at: datetime, now: datetime) -> MendOutcome | None:
        plan = live.plan.plan()
        concerned = whom_it_concerns(live, plan)
        if not concerned:
            return None
        unplaced = sum(1 for key in happened.urgent if key in {study_of(row.key) for row in plan.unallocated})
        findings = judge_lists(replace(live.frame, now=now), live.known, plan, concerned)
        if findings:
            return self._reject(live, findings, len(happened.urgent), began_at, now, stage_of(happened))
        published = publish_mended(self._db, lists_to_publish(live, plan, concerned, happened, began_at), now)
        live.lists.update(published.lists)
        live.waiting.update(published.moved)
        live.sequence = published.sequence
        # an emergency or a roster that came in between has a number that the next look takes for our own
        self._is_new = published.unheard
        return MendOutcome(
            run_id=published.run_id,
            state=RunState.PUBLISHED,
            lists=len(concerned),
            urgent=len(happened.urgent),
            unplaced=unplaced,
        )

    def _reject(  # noqa: PLR0913, PLR0917 - what is kept of a mending that was not allowed
        self, live: Live, findings: list[str], urgent: int, began_at: datetime, now: datetime, stage: str
    ) -> MendOutcome:
        """Keep what the referee found, and ask for a whole run instead."""
        error = "\n".join(["the referee rejected the mended lists:", *findings[:_FINDINGS_KEPT]])
        with self._db.transaction() as session:
            row = runs.add_mending(
                session,
                RunState.REJECTED,
                now=now,
                began_at=began_at,
                stage=stage,
                policy_id=live.policy_id,
                error=error,
            )
            runs.ask_for_run(session, now=now, reason=f"mending run {row.id} was rejected")
        self.close()
        return MendOutcome(
            run_id=row.id or 0, state=RunState.REJECTED, lists=0, urgent=urgent, unplaced=urgent, error=error
        )


def tell_plan(live: Live, happened: Happened, numbers: Mapping[StudyKey, Sequence[int]]) -> None:
    """Tell the plan what has happened, and let it be mended."""
    arrivals = sum(isinstance(event, StudyArrived) for event in happened.events)
    live.plan.apply(happened.events, work=min(_MOST_WORK, _WORK + _WORK_AN_ARRIVAL * arrivals))
    for key, study in happened.known.items():
        if study is None:
            live.known.pop(key, None)
            live.numbers.pop(key, None)
        else:
            live.known[key] = study
            live.numbers[key] = numbers.get(key, live.numbers.get(key, ()))
    live.waiting.clear()
    live.asked.clear()
    live.outside.clear()
    live.displaced = False
