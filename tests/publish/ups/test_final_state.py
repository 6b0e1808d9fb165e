"""What a workitem must say before it ends, and what its performer may say of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydicom.dataset import Dataset

from balancer.domain.errors import InvalidValueError
from balancer.domain.steps import StepState
from balancer.publish.ups.codes import Code, return_reason
from balancer.publish.ups.elements import coded, items, put
from balancer.publish.ups.final_state import missing
from balancer.publish.ups.to_dataset import dataset_of
from balancer.publish.ups.update import FORBIDDEN, laid_over, update_of
from tests.publish.ups.workitems import CANCELED, COMPLETED, IN_PROGRESS

DONE = "UnifiedProcedureStepPerformedProcedureSequence"


def test_a_read_that_was_done_here_meets_what_completed_needs() -> None:
    """Whichever way it was."""
    assert missing(dataset_of(COMPLETED), StepState.COMPLETED) == []


def test_one_that_goes_on_says_what_it_lacks() -> None:
    """Of what was performed its end, of a cancellation everything."""
    found = dataset_of(IN_PROGRESS)
    assert missing(found, StepState.COMPLETED) == [f"{DONE}.PerformedProcedureStepEndDateTime"]
    assert [path.rpartition("DateTime")[1] for path in missing(found, StepState.CANCELED)] == ["DateTime", ""]
    assert missing(dataset_of(CANCELED), StepState.CANCELED) == []


@pytest.mark.parametrize(
    "name",
    [
        "PerformedStationNameCodeSequence",
        "PerformedWorkitemCodeSequence",
        "PerformedProcedureStepStartDateTime",
        "PerformedProcedureStepEndDateTime",
        "OutputInformationSequence",
    ],
)
def test_each_of_what_completed_needs_is_missed(name: str) -> None:
    """Those of type 2 may be empty, and must be there."""
    found = dataset_of(COMPLETED)
    del items(found, DONE)[0][name]
    assert [path.split(".")[1] for path in missing(found, StepState.COMPLETED)] == [name]


def test_what_the_performer_says_replaces_what_we_say() -> None:
    """And what they may not say is left out, which they are told."""
    said = put(Dataset(), ProcedureStepProgressInformationSequence=[put(Dataset(), ProcedureStepProgress="50")])
    found = update_of(put(said, WorklistLabel="emergency", TransactionUID="1.2"))
    assert not found.is_whole
    made = laid_over(dataset_of(IN_PROGRESS), found.said)
    assert items(made, "ProcedureStepProgressInformationSequence")[0].ProcedureStepProgress == 50
    assert made.WorklistLabel == IN_PROGRESS.priority
    assert "TransactionUID" not in made
    assert update_of(found.said).is_whole


@pytest.mark.parametrize("name", sorted(FORBIDDEN))
def test_what_nobody_may_change_is_refused(name: str) -> None:
    """Half of an update must not be done when the other half would have made it another patient's."""
    with pytest.raises(InvalidValueError, match=name):
        update_of(put(Dataset(), **{name: None}))


def test_a_reason_of_ours_hands_a_read_back() -> None:
    """Any other reason closes it without a report."""
    assert str(return_reason("IMAGES_MISSING", "99BALANCER")) == "images_missing"
    assert return_reason("110513", "DCM") is None
    assert return_reason("IMAGES_MISSING", "DCM") is None


def test_a_long_code_is_carried_whole() -> None:
    """SH ends at 16 characters."""
    item = coded(Code("a-code-of-more-than-sixteen", "99X", "m"))
    assert (item.get("CodeValue"), item.LongCodeValue) == (None, "a-code-of-more-than-sixteen")
    assert replace(COMPLETED, exam_code="a-code-of-more-than-sixteen").exam_code
