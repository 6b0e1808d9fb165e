"""Steps of a read as UPS event reports (PS3.4, CC.2.4): what whoever has subscribed to a workitem is told of it.

Pure, and shared by every way of sending them: over DIMSE the type and the UID go into the command, over WebSocket into
the payload (PS3.18, 11.13).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

from pydicom.dataset import Dataset

from balancer.domain.life import ReadState
from balancer.domain.states import JournalKind
from balancer.domain.steps import FINAL, STEP_STATES, StepState
from balancer.publish.ups.codes import Code, register_of
from balancer.publish.ups.elements import coded, items, put, text
from balancer.publish.ups.json_model import dataset_in, model_of
from balancer.publish.ups.workitem import Performer, Readiness

EVENT: Final = "1.2.840.10008.5.1.4.34.6.4"
"""UPS Event: the SOP Class of every report."""

_MOST_MESSAGES: Final = 0xFFFF
# What of a request to cancel is passed on to the performer (Table CC.2.4-1), as far as it is said.
_REQUEST: Final = (
    *("RequestingAE", "ReasonForCancellation", "ProcedureStepDiscontinuationReasonCodeSequence"),
    *("ContactURI", "ContactDisplayName"),
)


class EventType(IntEnum):
    """Event Type ID (0000,1002)."""

    STATE_REPORT = 1
    CANCEL_REQUESTED = 2
    PROGRESS_REPORT = 3
    SCP_STATUS_CHANGE = 4
    ASSIGNED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of a read, as the journal has it, with what its reports need to say.

    ``uid`` is that of the workitem that shows the read from here on, ``uid_before`` of the one that did until then.
    ``performer``: whose it is now. ``has_study``: its Study Instance UID is known; ``had_study``: it was before, of
    steps of which that is kept.
    """

    kind: JournalKind
    uid: str
    uid_before: str | None
    state: ReadState
    state_before: ReadState | None
    reporter_before: str | None
    performer: Performer | None
    has_study: bool
    had_study: bool | None = None
    said: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event report: its type, the workitem it is of, and its Event Information."""

    type: EventType
    uid: str
    information: Dataset


def events_of(step: Step) -> Sequence[Event]:
    """Return what is to be reported of a step, in order.

    A workitem that cannot follow its read is reported CANCELED, and the one that replaces it as new. Whoever is
    assigned to one is reported whenever they differ, until it has ended: a performer of nobody tells that it is
    taken from whoever had it.
    """
    if step.kind is not JournalKind.MOVED:
        return [_SAID[step.kind](step)]
    before = None if step.state_before is None else STEP_STATES[step.state_before]
    if step.uid_before is None:
        return _begun(step)
    if step.uid_before != step.uid:
        ended = [] if before in FINAL else [state_report(step.uid_before, StepState.CANCELED, _readiness(step))]
        return [*ended, *_begun(step)]
    return _moved(step, before)


def _begun(step: Step) -> list[Event]:
    """Return the reports of a workitem that nobody has heard of: created, assigned, and gone on with."""
    readiness, after = _readiness(step), STEP_STATES[step.state]
    found = [state_report(step.uid, StepState.SCHEDULED, readiness)]
    if step.performer is not None and after not in FINAL:
        found.append(_assigned(step))
    if after is not StepState.SCHEDULED:
        found.append(state_report(step.uid, after, readiness))
    return found


def _moved(step: Step, before: StepState | None) -> list[Event]:
    """Return the reports of a workitem that goes on; one that has ended is told of no more.

    Its state is told when that or its input readiness has changed (CC.2.4.3). Of a step from before it was kept whether
    the images were known, it is told where nothing else has changed: twice at worst, and nobody waits for images that
    are there.
    """
    after, reporter_id = STEP_STATES[step.state], None if step.performer is None else step.performer.reporter_id
    if before in FINAL:
        return []
    found = []
    if reporter_id != step.reporter_before and after not in FINAL:
        found.append(_assigned(step))
    parked = ReadState.PARKED in {step.state, step.state_before} and step.state is not step.state_before
    unknown = step.had_study is None
    is_other = (not found and step.has_study) if unknown else step.had_study is not step.has_study
    if after is not before or ((parked or is_other) and after not in FINAL):
        found.append(state_report(step.uid, after, _readiness(step)))
    return found


def state_report(uid: str, state: StepState, readiness: Readiness) -> Event:
    """Return the report of a workitem's state."""
    information = put(Dataset(), ProcedureStepState=state.value, InputReadinessState=readiness.value)
    return Event(type=EventType.STATE_REPORT, uid=uid, information=information)


def began_anew(uid: str) -> Event:
    """Return the report that this service may have missed telling something (SCP Status Change; CC.2.4.3).

    Subscriptions are kept. Of workitems it says that they are not, though they are: whoever hears it asks for all anew.

    Parameters
    ----------
    uid
        What it is of: the well-known UID of the subscription to every workitem.
    """
    information = put(
        Dataset(),
        SCPStatus="RESTARTED",
        SubscriptionListStatus="WARM START",
        UnifiedProcedureStepListStatus="COLD START",
    )
    return Event(type=EventType.SCP_STATUS_CHANGE, uid=uid, information=information)


def _assigned(step: Step) -> Event:
    person = step.performer
    codes = []
    if person is not None:
        codes = [coded(Code(person.reporter_id, register_of(person.reporter_id), person.name))]
    information = put(
        Dataset(),
        ScheduledStationNameCodeSequence=None,
        HumanPerformerCodeSequence=codes,
        HumanPerformerOrganization=None if person is None else person.organisation or None,
    )
    return Event(type=EventType.ASSIGNED, uid=step.uid, information=information)


def _progress(step: Step) -> Event:
    said = items(dataset_in(dict(step.said)), "ProcedureStepProgressInformationSequence")
    information = put(Dataset(), ProcedureStepProgressInformationSequence=said)
    return Event(type=EventType.PROGRESS_REPORT, uid=step.uid, information=information)


def _cancel_requested(step: Step) -> Event:
    information = requested(dataset_in(dict(step.said)))
    if not text(information, "RequestingAE"):
        put(information, RequestingAE=None)  # whoever asks over HTTP need not have a title
    return Event(type=EventType.CANCEL_REQUESTED, uid=step.uid, information=information)


def requested(request: Dataset) -> Dataset:
    """Return what of a request to cancel is passed on to whoever performs the step."""
    made = Dataset()
    for keyword in _REQUEST:
        if keyword in request:
            made.add(request[keyword])
    return made


_SAID: Final = {
    JournalKind.PROGRESS: _progress,
    JournalKind.CANCEL_REQUESTED: _cancel_requested,
}


def _readiness(step: Step) -> Readiness:
    if not step.has_study:
        return Readiness.UNAVAILABLE
    return Readiness.INCOMPLETE if step.state is ReadState.PARKED else Readiness.READY


def message(event: Event, number: int) -> dict[str, Any]:
    """Return an event report as PS3.18, 11.13.1 has it: the DICOM JSON Model of it, one object, no array.

    The command's elements come first. The standard's own example has wrong VRs for two of the others; these are
    the dictionary's.

    Parameters
    ----------
    number
        The how manieth message of its connection it is, from 0: Message ID counts to 65,535 and begins again at 1.
    """
    command = {
        "00000002": {"vr": "UI", "Value": [EVENT]},
        "00000110": {"vr": "US", "Value": [number % _MOST_MESSAGES + 1]},
        "00001000": {"vr": "UI", "Value": [event.uid]},
        "00001002": {"vr": "US", "Value": [int(event.type)]},
    }
    return {**command, **model_of(event.information)}
