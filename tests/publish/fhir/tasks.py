"""Tasks for tests: one that is as usual, and any there can be."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st

from balancer.domain.life import ReadKind, ReadState
from balancer.domain.outcome import Outcome
from balancer.publish.fhir.ids import id_of
from balancer.publish.fhir.references import Order
from balancer.publish.fhir.status_reason import StatusReason
from balancer.publish.fhir.task import ReadTask, is_carried
from balancer.publish.ups.uids import WorkitemKey, uid_of
from balancer.publish.ups.workitem import Performer, Urgency
from tests.publish.ups.workitems import INSTANTS, NUMBERING, PERFORMERS, READER, UIDS
from tests.worlds import NOW

USUAL = ReadTask(
    id=id_of(17, NUMBERING),
    study_id=id_of(11, NUMBERING),
    uid=uid_of(WorkitemKey(17, 0), NUMBERING),
    state=ReadState.ALLOCATED,
    changed_at=NOW,
    authored_at=NOW - timedelta(minutes=20),
    due_at=NOW + timedelta(hours=24),
    urgency=Urgency.MEDIUM,
    priority="inpatient_urgent",
    label="CT head",
    kind=ReadKind.INTERPRETATION,
    read=1,
    trust="RVV",
    accession_number="R1000123",
    patient_id="H4711",
    study_instance_uid="2.25.1234",
    planned_at=NOW + timedelta(minutes=30),
    performer=READER,
)
UNALLOCATED = replace(
    USUAL,
    state=ReadState.UNALLOCATED,
    performer=None,
    planned_at=None,
    study_instance_uid=None,
    patient_id="",
    accession_number="",
    why=StatusReason.NO_CAPACITY,
    reason="no_capacity",
)
PARKED = replace(UNALLOCATED, state=ReadState.PARKED, why=StatusReason.IMAGES_MISSING, reason="images_missing")
CLAIMED = replace(USUAL, state=ReadState.CLAIMED, began_at=NOW)
DONE = replace(
    CLAIMED,
    state=ReadState.DONE,
    planned_at=None,
    ended_at=NOW + timedelta(minutes=11, microseconds=7),
    outcome=Outcome.ABNORMAL,
    provisional=True,
)
WITHDRAWN = replace(
    UNALLOCATED, state=ReadState.WITHDRAWN, why=StatusReason.WITHDRAWN, reason="withdrawn", ended_at=NOW
)
SAID = {
    "ready": USUAL,
    "requested": UNALLOCATED,
    "on-hold": PARKED,
    "in-progress": CLAIMED,
    "completed": DONE,
    "cancelled": WITHDRAWN,
}
ORDER = Order(
    id=USUAL.study_id,
    trust="RVV",
    is_open=True,
    acquired_at=NOW - timedelta(hours=1),
    modality="CT",
    priority="urgent",
    accession_number="R1000123",
    patient_id="H4711",
    exam_code="CSKUH",
    exam_name="CT head",
    study_instance_uid="2.25.1234",
)


def texts(most: int = 64, least: int = 0) -> st.SearchStrategy[str]:
    """Return every text that can be carried."""
    letters = st.characters(codec="utf-8", exclude_categories=("C", "Z"), include_characters=" ")
    stripped = st.text(letters, min_size=least, max_size=most).map(str.strip)
    return stripped.filter(lambda text: is_carried(text) and len(text) >= least)


@st.composite
def tasks(draw: st.DrawFn) -> ReadTask:
    """Draw any read there can be."""
    state = draw(st.sampled_from(ReadState))
    over = state in {ReadState.DONE, ReadState.WITHDRAWN, ReadState.EXCLUDED}
    authored, changed = sorted((draw(INSTANTS), draw(INSTANTS)))
    began, ended = sorted((draw(INSTANTS), draw(INSTANTS)))
    numbers = st.integers(1, 2**31 - 1)
    performer: Performer | None = draw(st.none() | PERFORMERS)
    return ReadTask(
        id=id_of(draw(numbers), NUMBERING),
        study_id=id_of(draw(numbers), NUMBERING),
        uid=draw(UIDS),
        state=state,
        changed_at=changed,
        authored_at=authored,
        due_at=draw(INSTANTS),
        urgency=draw(st.sampled_from(Urgency)),
        priority=draw(texts(least=1)),
        label=draw(texts(least=1)),
        kind=draw(st.sampled_from(ReadKind)),
        read=draw(st.integers(1, 99)),
        trust=draw(texts(5, 1)),
        accession_number=draw(texts(30)),
        patient_id=draw(texts()),
        study_instance_uid=draw(st.none() | UIDS),
        planned_at=draw(st.none() | INSTANTS),
        why=draw(st.none() | st.sampled_from(StatusReason)),
        reason=draw(texts(200)),
        performer=performer,
        began_at=draw(st.none() | st.just(began)),
        ended_at=draw(st.none() | st.just(ended)) if over else None,
        outcome=draw(st.none() | st.sampled_from(Outcome)) if state is ReadState.DONE else None,
        provisional=draw(st.booleans()) if state is ReadState.DONE else False,
        replaces=draw(st.none() | numbers.map(lambda number: id_of(number, NUMBERING))),
    )
