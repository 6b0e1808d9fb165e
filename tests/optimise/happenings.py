"""Events drawn for a problem, each of which its book accepts: whatever could happen next."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import strategies as st

from balancer.domain.events import (
    Event,
    ReadClaimed,
    ReadCompleted,
    ReadPinned,
    ReadReleased,
    ReporterUnavailable,
    SessionLost,
    StudyArrived,
    StudyWithdrawn,
    TimePassed,
)
from balancer.domain.problem import AllocationProblem
from balancer.domain.study import ReadKey, Study
from balancer.optimise.replan_book import Book

KINDS = (
    StudyArrived,
    StudyWithdrawn,
    ReadClaimed,
    ReadReleased,
    ReadCompleted,
    ReadPinned,
    SessionLost,
    ReporterUnavailable,
    TimePassed,
)


@st.composite
def happenings(draw: st.DrawFn, problem: AllocationProblem, most: int = 4) -> list[Event]:
    """Return up to ``most`` events in order of time, some of them at the same instant."""
    book, events = Book(problem), list[Event]()
    for number in range(draw(st.integers(1, most))):
        at = book.now + draw(st.sampled_from([timedelta(0), timedelta(minutes=1), timedelta(hours=3, microseconds=9)]))
        event = draw(_events(book, at, number))
        book.take(event)
        events.append(event)
    return events


@st.composite
def _events(draw: st.DrawFn, book: Book, at: datetime, number: int) -> Event:  # noqa: PLR0911 - one a kind
    people = st.sampled_from([reporter.reporter_id for reporter in book.problem.reporters])
    reads = [ReadKey(*study.key, read) for study in book.studies.values() for read in range(1, study.reads + 1)]
    claimed = [read for read in reads if _claimant(book, read)]
    possible = {TimePassed, StudyArrived, ReporterUnavailable}
    possible |= {StudyWithdrawn, ReadCompleted, ReadPinned, ReadClaimed} if reads else set()
    possible |= {ReadReleased} if claimed else set()
    possible |= {SessionLost} if book.sessions else set()
    kind = draw(st.sampled_from([kind for kind in KINDS if kind in possible]))
    if kind is StudyArrived:
        return StudyArrived(at=at, study=draw(_arrivals(book, at, number)))
    if kind is ReporterUnavailable:
        since = at + timedelta(hours=draw(st.floats(-1, 20)))
        until = since + timedelta(hours=draw(st.sampled_from([0.4, 3.0, 24.0])))
        return ReporterUnavailable(at=at, reporter_id=draw(people), since=since, until=until)
    if kind is SessionLost:
        return SessionLost(at=at, session_id=draw(st.sampled_from(list(book.sessions))))
    if kind is TimePassed:
        return TimePassed(at=at)
    if kind is ReadReleased:
        return ReadReleased(at=at, read=draw(st.sampled_from(claimed)))
    read = draw(st.sampled_from(reads))
    if kind is StudyWithdrawn:
        return StudyWithdrawn(at=at, study=book.studies[read[:2]].key)  # type: ignore[index]  # a StudyKey is a pair
    if kind is ReadCompleted:
        return ReadCompleted(at=at, read=read, reporter_id=draw(people))
    if kind is ReadPinned:
        return ReadPinned(at=at, read=read, reporter_id=draw(st.none() | people))
    return ReadClaimed(at=at, read=read, reporter_id=_claimant(book, read) or draw(people))


def _claimant(book: Book, read: ReadKey) -> str | None:
    return book.studies[read[:2]].claimed(read.read)  # type: ignore[index]  # a StudyKey is a pair


@st.composite
def _arrivals(draw: st.DrawFn, book: Book, at: datetime, number: int) -> Study:
    """Return a study like one that is known, or of a kind that is not, with any class and any names on it."""
    people = [reporter.reporter_id for reporter in book.problem.reporters]
    classes = [priority.code for priority in book.problem.policy.priorities]
    trusts = [trust.code for trust in book.problem.trusts]
    model = draw(st.sampled_from(book.problem.studies)) if book.problem.studies else None
    blank = Study(
        trust=trusts[0],
        accession_number="x",
        patient_id="",
        exam_code="x",
        priority=classes[0],
        acquired_at=at,
        modality="CT",
        subspecialty="neuro",
        minutes=draw(st.sampled_from([0.05, 7.0, 45.0])),
    )
    study = draw(st.sampled_from([blank, *([model] if model else [])]))
    reads = draw(st.integers(1, 2))
    named = st.lists(st.sampled_from([None, *people]), max_size=reads)
    names = named.filter(lambda row: not row or row[-1] is not None)
    return replace(
        study,
        accession_number=f"new {number}",
        priority=draw(st.sampled_from(classes)),
        acquired_at=at - timedelta(hours=draw(st.floats(0, 30))),
        due_at=draw(st.sampled_from([None, at + timedelta(hours=1)])),
        reads=reads,
        pinned_to=tuple(draw(names)),
        published_to=tuple(draw(names)),
        claimed_by=tuple(draw(st.just([]) | names)),
    )
