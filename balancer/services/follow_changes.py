"""What has happened to the studies of an open plan since it last looked, as events, and whether it can wait."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from balancer.domain.events import Event, ReadClaimed, ReadCompleted, ReadReleased, StudyArrived, StudyWithdrawn
from balancer.domain.policy import Policy
from balancer.domain.study import ReadKey, Study, StudyKey
from balancer.services.build_problem import Gathered
from balancer.services.open_live import Live


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """Events in the order in which to tell them; ``urgent`` are the studies whose places cannot wait for a run.

    ``known`` is what the plan knows of each study afterwards, ``None`` if it is gone.
    """

    events: tuple[Event, ...]
    urgent: frozenset[StudyKey]
    known: Mapping[StudyKey, Study | None]


def has_changed(live: Live, gathered: Gathered) -> bool:
    """Tell whether people, their sessions or the policy are no longer those that a plan was opened with.

    An open plan cannot take in a session or a person that is new; it is opened again. Sessions that are over, and
    those that have come within the horizon since, are no change.
    """
    problem = gathered.problem
    if gathered.policy_id != live.policy_id:
        return True
    if any(live.people.get(person.reporter_id) != person for person in problem.reporters):
        return True
    now = {item.session_id: item for item in problem.sessions}
    gone = (item for name, item in live.sessions.items() if name not in now and item.end > problem.now)
    came = (item for name, item in now.items() if name not in live.sessions and item.start < live.horizon_end)
    other = (item for name, item in now.items() if live.sessions.get(name, item) != item)
    return any(True for items in (gone, came, other) for _ in items)


def what_happened(
    live: Live, gathered: Gathered, looked_at: Collection[StudyKey], at: datetime, *, asked: Collection[StudyKey] = ()
) -> Happened:
    """Return what has happened to the studies looked at, and to those outside the plan.

    An ordinary study that nobody has waits for the next run, and the plan is not told of it, unless somebody has
    ``asked`` for it. One that has changed in
    anything but who has it open goes and arrives anew, for it may no longer stand where it stood.
    """
    now_known = {study.key: study for study in gathered.problem.studies}
    events: list[Event] = []
    urgent: set[StudyKey] = set()
    after: dict[StudyKey, Study | None] = {}
    for key in sorted({*looked_at, *live.outside, *now_known}):
        before, study = live.known.get(key), now_known.get(key)
        if study is None and key in live.outside and key not in looked_at:
            study = live.outside[key]
        if before is None and (study is None or not (key in asked or _is_told(study, live.policy))):
            continue
        told = list(_events(before, study, live.numbers.get(key, ()), gathered.numbers.get(key, ()), at))
        if not told:
            continue
        events += told
        after[key] = study
        is_new_and_asked = before is None and key in asked
        if study is not None and (is_new_and_asked or _cannot_wait(before, study, live.policy)):
            urgent.add(key)
    return Happened(events=tuple(events), urgent=frozenset(urgent), known=after)


def _is_told(study: Study, policy: Policy) -> bool:
    """Tell whether a plan must hear of a study that it does not have: somebody has it, or nobody has and it burns."""
    return policy.is_emergency(study.priority) or any(study.claimed_by) or any(study.published_to)


def _cannot_wait(before: Study | None, study: Study, policy: Policy) -> bool:
    """Tell whether the lists concerned are to be published at once."""
    if policy.is_emergency(study.priority) and any(study.claimed(read) is None for read in _reads(study)):
        return before is None or not _is_alike(before, study) or _is_released(before, study)
    if before is None:
        return False
    sooner = study.due_at is not None and (before.due_at is None or study.due_at < before.due_at)
    # whoever has it may no longer have it
    barred = any(name in study.excluded for name in study.published_to)
    return sooner or barred or study.pinned_to != before.pinned_to


def _is_released(before: Study, study: Study) -> bool:
    """Tell whether a read that was open at somebody's is on nobody's list now."""
    holders = (*study.published_to, *[None] * study.reads)
    return any(before.claimed(read) and holders[read - 1] is None for read in _reads(study))


def _reads(study: Study) -> range:
    return range(1, study.reads + 1)


def _events(
    before: Study | None, after: Study | None, were: Sequence[int], are: Sequence[int], at: datetime
) -> Iterator[Event]:
    if before is None and after is not None:
        yield StudyArrived(at=at, study=after)
    elif before is not None and after is None:
        yield StudyWithdrawn(at=at, study=before.key)
    elif before is not None and after is not None:
        were, are = were[: before.reads], are[: after.reads]  # others of its reads wait for these
        if _is_alike(before, after) and list(were) == list(are):
            yield from _claims(before, after, at)
        else:
            yield from _completed(before, after, were, are, at) or (
                StudyWithdrawn(at=at, study=before.key),
                StudyArrived(at=at, study=after),
            )


def _is_alike(before: Study, after: Study) -> bool:
    """Tell whether nothing about a study has changed but who has it.

    A study that is said to be acquired in the future counts as acquired now, whenever now is.
    """
    acquired_at = min(before.acquired_at, after.acquired_at)
    neutral = {"published_to": (), "claimed_by": ()}
    as_before = replace(before, **neutral)  # type: ignore[arg-type]  # empty tuples
    as_after = replace(after, **neutral, acquired_at=acquired_at)  # type: ignore[arg-type]
    return as_before == as_after


def _claims(before: Study, after: Study, at: datetime) -> Iterator[Event]:
    for read in _reads(after):
        was, is_now = before.claimed(read), after.claimed(read)
        if was != is_now and was is not None:
            yield ReadReleased(at=at, read=ReadKey(*after.key, read))
        if was != is_now and is_now is not None:
            yield ReadClaimed(at=at, read=ReadKey(*after.key, read), reporter_id=is_now)


def _completed(before: Study, after: Study, were: Sequence[int], are: Sequence[int], at: datetime) -> tuple[Event, ...]:
    """Return that one of several reads is done and the others stand as they stood, if that is what has happened."""
    gone = [place for place, number in enumerate(were, start=1) if number not in are]
    by = after.excluded - before.excluded
    if len(gone) != 1 or len(by) != 1 or [number for number in were if number in are] != list(are):
        return ()
    (reporter_id,) = by
    left = replace(
        before,
        reads=before.reads - 1,
        excluded=before.excluded | by,
        pinned_to=_without(before.pinned_to, gone[0]),
        claimed_by=_without(before.claimed_by, gone[0]),
    )
    if not _is_alike(left, after):
        return ()
    done = ReadCompleted(at=at, read=ReadKey(*before.key, gone[0]), reporter_id=reporter_id)
    return (done, *_claims(left, after, at))


def _without(names: tuple[str | None, ...], read: int) -> tuple[str | None, ...]:
    return names[: read - 1] + names[read:]
