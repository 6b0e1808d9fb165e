"""Workitems for tests: one that is as usual, and any there can be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from balancer.domain.life import ReadKind
from balancer.domain.steps import StepState
from balancer.publish.ups.uids import WorkitemKey, uid_of
from balancer.publish.ups.workitem import Performer, Readiness, Urgency, Workitem, is_carried
from tests.worlds import NOW

NUMBERING = "0123456789abcdef"
READER = Performer(reporter_id="9000017", name="Dr Zoë O'Neil-Šmith", organisation="RVV")
USUAL = Workitem(
    uid=uid_of(WorkitemKey(17, 0), NUMBERING),
    state=StepState.SCHEDULED,
    changed_at=NOW,
    starts_at=NOW + timedelta(minutes=30),
    due_at=NOW + timedelta(hours=24),
    urgency=Urgency.MEDIUM,
    priority="inpatient_urgent",
    label="CT head",
    readiness=Readiness.READY,
    kind=ReadKind.INTERPRETATION,
    read=1,
    trust="RVV",
    accession_number="R1000123",
    patient_id="H4711",
    exam_code="CSKUH",
    exam_name="CT head",
    study_instance_uid="2.25.1234",
    performer=READER,
)
UNALLOCATED = replace(
    USUAL, performer=None, study_instance_uid=None, readiness=Readiness.UNAVAILABLE, comment="no_capacity"
)
IN_PROGRESS = replace(USUAL, state=StepState.IN_PROGRESS, began_at=NOW + timedelta(minutes=31))
COMPLETED = replace(IN_PROGRESS, state=StepState.COMPLETED, ended_at=NOW + timedelta(minutes=42, microseconds=7))
CANCELED = replace(USUAL, state=StepState.CANCELED, ended_at=NOW, why_canceled="release", performer=None)
REPLACEMENT = replace(USUAL, uid=uid_of(WorkitemKey(17, 1), NUMBERING), replaced_uid=USUAL.uid)

_LETTERS = st.characters(codec="utf-8", exclude_categories=("C", "Z"), include_characters=" ", exclude_characters="\\")


def texts(most: int = 64, least: int = 0) -> st.SearchStrategy[str]:
    """Return every text that can be carried."""
    return (
        st.text(_LETTERS, min_size=least, max_size=most)
        .map(lambda text: text.strip(" "))
        .filter(lambda text: is_carried(text) and len(text) >= least)
    )


INSTANTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
UIDS = st.builds(WorkitemKey, st.integers(1, 2**31 - 1), st.integers(0, 1000)).map(lambda key: uid_of(key, NUMBERING))
PERFORMERS = st.builds(Performer, reporter_id=texts(40, 1), name=texts(least=1), organisation=texts(5))


@st.composite
def workitems(draw: st.DrawFn) -> Workitem:
    """Draw any workitem there can be."""
    state = draw(st.sampled_from(StepState))
    scheduled, canceled = state is StepState.SCHEDULED, state is StepState.CANCELED
    performer = None if canceled else draw(st.none() | PERFORMERS)
    begun = performer is not None and not scheduled
    final = canceled or state is StepState.COMPLETED
    return Workitem(
        uid=draw(UIDS),
        state=state,
        changed_at=draw(INSTANTS),
        starts_at=draw(INSTANTS),
        due_at=draw(INSTANTS),
        urgency=draw(st.sampled_from(Urgency)),
        priority=draw(texts()),
        label=draw(texts(least=1)),
        readiness=draw(st.sampled_from(Readiness)),
        kind=draw(st.sampled_from(ReadKind)),
        read=draw(st.integers(1, 99)),
        trust=draw(texts(5, 1)),
        accession_number=draw(texts(30)),
        patient_id=draw(texts()),
        exam_code=draw(texts(30)),
        exam_name=draw(texts()),
        study_instance_uid=draw(st.none() | UIDS),
        comment=draw(texts(200)),
        performer=performer,
        began_at=draw(st.none() | INSTANTS) if begun else None,
        ended_at=draw(INSTANTS) if final else None,
        why_canceled=draw(texts()) if canceled else "",
        replaced_uid=draw(st.none() | UIDS),
    )
