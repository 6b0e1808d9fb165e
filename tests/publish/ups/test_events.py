"""Event reports: what each step of a read is told as, to the letter of PS3.4, CC.2.4 and PS3.18, 11.13."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydicom.dataset import Dataset

from balancer.domain.life import TRANSITIONS, ReadState
from balancer.domain.states import JournalKind
from balancer.domain.steps import FINAL, STEP_STATES, needs_another
from balancer.publish.ups.elements import first, put, text
from balancer.publish.ups.events import Event, EventType, Step, events_of, message
from balancer.publish.ups.json_model import model_of
from balancer.publish.ups.workitem import Performer

OLD, NEW = "2.25.1", "2.25.2"
R1 = Performer(reporter_id="1234567", name="A. Reporter", organisation="RVV")
R = ReadState
MOVED = Step(
    kind=JournalKind.MOVED,
    uid=OLD,
    uid_before=OLD,
    state=R.ALLOCATED,
    state_before=R.ALLOCATED,
    reporter_before="1234567",
    performer=R1,
    has_study=True,
)


def told(step: Step) -> list[tuple[EventType, str, str]]:
    """Return what is told of a step: the type, the workitem, and the state or the performer's number."""
    return [(event.type, event.uid, _what(event)) for event in events_of(step)]


def _what(event: Event) -> str:
    if event.type is EventType.ASSIGNED:
        return text(first(event.information, "HumanPerformerCodeSequence"), "CodeValue")
    return text(event.information, "ProcedureStepState")


STATE, ASSIGNED = EventType.STATE_REPORT, EventType.ASSIGNED


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (replace(MOVED, uid_before=None, state_before=None, reporter_before=None, performer=None, state=R.UNALLOCATED),
         [(STATE, OLD, "SCHEDULED")]),
        (replace(MOVED, uid_before=None, state_before=None, reporter_before=None),
         [(STATE, OLD, "SCHEDULED"), (ASSIGNED, OLD, "1234567")]),
        (replace(MOVED, state_before=R.UNALLOCATED, reporter_before=None), [(ASSIGNED, OLD, "1234567")]),
        (replace(MOVED, reporter_before="7654321"), [(ASSIGNED, OLD, "1234567")]),
        (replace(MOVED, state=R.UNALLOCATED, performer=None), [(ASSIGNED, OLD, "")]),
        (replace(MOVED, state=R.CLAIMED), [(STATE, OLD, "IN PROGRESS")]),
        (replace(MOVED, state=R.CLAIMED, reporter_before="7654321"),
         [(ASSIGNED, OLD, "1234567"), (STATE, OLD, "IN PROGRESS")]),
        (replace(MOVED, state=R.DONE, state_before=R.CLAIMED), [(STATE, OLD, "COMPLETED")]),
        (replace(MOVED, state=R.WITHDRAWN, performer=None), [(STATE, OLD, "CANCELED")]),
        (replace(MOVED, state=R.EXCLUDED, performer=None), [(STATE, OLD, "CANCELED")]),
        (replace(MOVED, uid=NEW, state_before=R.CLAIMED),
         [(STATE, OLD, "CANCELED"), (STATE, NEW, "SCHEDULED"), (ASSIGNED, NEW, "1234567")]),
        (replace(MOVED, uid=NEW, state_before=R.CLAIMED, state=R.CLAIMED, reporter_before="7654321"),
         [(STATE, OLD, "CANCELED"), (STATE, NEW, "SCHEDULED"), (ASSIGNED, NEW, "1234567"),
          (STATE, NEW, "IN PROGRESS")]),
        (replace(MOVED, uid=NEW, state_before=R.DONE, state=R.UNALLOCATED, performer=None),
         [(STATE, NEW, "SCHEDULED")]),
        (MOVED, [(STATE, OLD, "SCHEDULED")]),
        (replace(MOVED, state=R.CLAIMED, state_before=R.CLAIMED), [(STATE, OLD, "IN PROGRESS")]),
        (replace(MOVED, has_study=False), []),
        (replace(MOVED, had_study=True), []),
        (replace(MOVED, had_study=False, has_study=False), []),
        (replace(MOVED, had_study=False), [(STATE, OLD, "SCHEDULED")]),
        (replace(MOVED, had_study=True, has_study=False), [(STATE, OLD, "SCHEDULED")]),
        (replace(MOVED, had_study=False, reporter_before="7654321"),
         [(ASSIGNED, OLD, "1234567"), (STATE, OLD, "SCHEDULED")]),
        (replace(MOVED, had_study=False, state_before=R.DONE, state=R.DONE), []),
        (replace(MOVED, state_before=R.DONE, state=R.DONE), []),
        (replace(MOVED, state_before=R.DONE, state=R.WITHDRAWN), []),
    ],
    ids=[
        "arrives", "arrives on a list", "put on a list", "given to another", "taken from everybody", "claimed",
        "claimed by another", "done", "withdrawn", "excluded", "released", "taken over", "contradicted",
        "shown otherwise: its images may be found", "found while it is open", "shown otherwise, without images",
        "shown otherwise, with the images it had", "shown otherwise, still without images", "its images are found",
        "its images are no longer known", "given to another as its images are found", "its images are found after it",
        "shown otherwise once it is done", "withdrawn once it is done",
    ],
)  # fmt: skip
def test_each_step_is_told_in_the_standards_events(step: Step, expected: list[tuple[EventType, str, str]]) -> None:
    """What it is, of which workitem, and in which order."""
    assert told(step) == expected


@pytest.mark.parametrize(("state", "event", "to"), sorted(TRANSITIONS))
def test_a_step_never_goes_back(state: ReadState, event: object, to: ReadState) -> None:
    """Of every move there is: no workitem is told of once it has ended, and a new one is SCHEDULED first."""
    replaced = needs_another(state, event, to)  # type: ignore[arg-type]
    reports = told(replace(MOVED, state_before=state, state=to, uid=NEW if replaced else OLD))
    if STEP_STATES[state] in FINAL:
        assert all(uid == NEW for _, uid, _ in reports)
    states = [(uid, what) for kind, uid, what in reports if kind is STATE]
    if replaced:
        assert (NEW, "SCHEDULED") in states
        assert (OLD, "CANCELED") in states or STEP_STATES[state] in FINAL
    elif STEP_STATES[to] is not STEP_STATES[state]:
        assert states == [(OLD, STEP_STATES[to].value)]


@pytest.mark.parametrize(
    ("step", "readiness"),
    [
        (replace(MOVED, state=R.CLAIMED), "READY"),
        (replace(MOVED, state=R.PARKED, performer=None), "INCOMPLETE"),
        (replace(MOVED, state_before=R.PARKED, state=R.UNALLOCATED, performer=None), "READY"),
        (replace(MOVED, state=R.CLAIMED, has_study=False), "UNAVAILABLE"),
    ],
)
def test_a_state_report_says_whether_there_is_anything_to_read(step: Step, readiness: str) -> None:
    """Input Readiness State; that a read is parked, or no longer, is told though its state stays SCHEDULED."""
    reports = [event.information for event in events_of(step) if event.type is STATE]
    assert [text(information, "InputReadinessState") for information in reports] == [readiness]


def test_who_is_assigned_is_named_by_register_name_and_trust() -> None:
    """Human Performer Code Sequence and Human Performer's Organization; the stations are there and empty."""
    (event,) = events_of(replace(MOVED, reporter_before=None))
    assert model_of(event.information) == {
        "00404009": {
            "vr": "SQ",
            "Value": [
                {
                    "00080100": {"vr": "SH", "Value": ["1234567"]},
                    "00080102": {"vr": "SH", "Value": ["99GMC"]},
                    "00080104": {"vr": "LO", "Value": ["A. Reporter"]},
                }
            ],
        },
        "00404025": {"vr": "SQ"},
        "00404036": {"vr": "LO", "Value": ["RVV"]},
    }


def test_progress_is_told_as_it_was_said() -> None:
    """The whole of the progress, and nothing else of what was said with it."""
    item = put(Dataset(), ProcedureStepProgress="50", ProcedureStepProgressDescription="half way")
    said = put(Dataset(), ProcedureStepProgressInformationSequence=[item], PatientID="42")
    (event,) = events_of(replace(MOVED, kind=JournalKind.PROGRESS, said=model_of(said)))
    assert event.type is EventType.PROGRESS_REPORT
    assert event.information == put(Dataset(), ProcedureStepProgressInformationSequence=[item])


def test_a_request_to_cancel_is_passed_on() -> None:
    """Why, and whom to ask; who asks over HTTP has no title, which is then there and empty."""
    said = put(Dataset(), ReasonForCancellation="scanned twice", ContactDisplayName="the office", PatientID="42")
    (event,) = events_of(replace(MOVED, kind=JournalKind.CANCEL_REQUESTED, said=model_of(said)))
    assert event.type is EventType.CANCEL_REQUESTED
    assert event.information == put(
        Dataset(), RequestingAE=None, ReasonForCancellation="scanned twice", ContactDisplayName="the office"
    )


@pytest.mark.parametrize(("number", "identifier"), [(0, 1), (65_534, 65_535), (65_535, 1)])
def test_over_websocket_the_command_comes_with_it(number: int, identifier: int) -> None:
    """PS3.18, 11.13.1: SOP class, message id (16 bits, never 0), the workitem and the type, in the JSON model."""
    (event,) = events_of(replace(MOVED, state=R.CLAIMED))
    assert message(event, number) == {
        "00000002": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.34.6.4"]},
        "00000110": {"vr": "US", "Value": [identifier]},
        "00001000": {"vr": "UI", "Value": [OLD]},
        "00001002": {"vr": "US", "Value": [1]},
        "00404041": {"vr": "CS", "Value": ["READY"]},
        "00741000": {"vr": "CS", "Value": ["IN PROGRESS"]},
    }
