"""A read goes over the wire as a workitem and comes back as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.domain.errors import InvalidValueError
from balancer.publish.ups.codes import register_of
from balancer.publish.ups.from_dataset import workitem_of
from balancer.publish.ups.json_model import datasets_in, json_bytes
from balancer.publish.ups.native_xml import dataset_in_xml, xml_bytes
from balancer.publish.ups.to_dataset import dataset_of
from balancer.publish.ups.uids import WorkitemKey, is_uid, key_of, uid_of
from balancer.publish.ups.workitem import Workitem, carried, identifier, is_carried
from tests.publish.ups.workitems import (
    CANCELED,
    COMPLETED,
    IN_PROGRESS,
    NUMBERING,
    REPLACEMENT,
    UNALLOCATED,
    USUAL,
    workitems,
)

GOLDEN = Path(__file__).parent / "golden"
SAID = {
    "allocated": USUAL,
    "unallocated": UNALLOCATED,
    "in-progress": IN_PROGRESS,
    "completed": COMPLETED,
    "canceled": CANCELED,
    "replacement": REPLACEMENT,
}


@given(item=workitems())
def test_by_json_nothing_is_lost(item: Workitem) -> None:
    """Whatever the read."""
    (back,) = datasets_in(json_bytes([dataset_of(item)]))
    assert workitem_of(back) == item


@given(item=workitems())
def test_by_xml_nothing_is_lost(item: Workitem) -> None:
    """Whatever the read."""
    assert workitem_of(dataset_in_xml(xml_bytes(dataset_of(item)))) == item


@pytest.mark.parametrize("name", SAID)
def test_json_is_written_as_it_was(name: str) -> None:
    """Clients have been built against these bytes."""
    written = (GOLDEN / f"{name}.json").read_bytes().rstrip(b"\n")
    assert json_bytes([dataset_of(SAID[name])]) == written
    assert workitem_of(datasets_in(written)[0]) == SAID[name]


@pytest.mark.parametrize("name", SAID)
def test_xml_is_written_as_it_was(name: str) -> None:
    """As above."""
    written = (GOLDEN / f"{name}.xml").read_bytes().rstrip(b"\n")
    assert xml_bytes(dataset_of(SAID[name])) == written
    assert workitem_of(dataset_in_xml(written)) == SAID[name]


@given(item=workitems())
def test_neither_lock_nor_expiration_is_ever_sent(item: Workitem) -> None:
    """The first is the claimant's secret, the second would say that a late study is not worth reading."""
    found = dataset_of(item)
    assert "TransactionUID" not in found
    assert "ScheduledProcedureStepExpirationDateTime" not in found


def test_what_is_not_known_is_not_made_up() -> None:
    """Without a Study Instance UID there is no input, and nobody is told that it is ready."""
    found = dataset_of(UNALLOCATED)
    assert found.StudyInstanceUID is None or not found.StudyInstanceUID
    assert len(found.InputInformationSequence) == 0
    assert (found.InputReadinessState, len(found.ScheduledHumanPerformersSequence)) == ("UNAVAILABLE", 0)


@pytest.mark.parametrize(("number", "register"), [("9000017", "99GMC"), ("RA12345", "99HCPC"), ("R1", "99BALANCER")])
def test_a_reporter_is_named_by_the_register_they_are_of(number: str, register: str) -> None:
    """Seven digits are a GMC number."""
    assert register_of(number) == register


@given(read_id=st.integers(0, 2**32 - 1), sequence=st.integers(0, 2**26 - 1))
def test_a_uid_says_which_workitem_it_is_of(read_id: int, sequence: int) -> None:
    """And nothing once reads are numbered anew: it must not name somebody else's."""
    key = WorkitemKey(read_id, sequence)
    uid = uid_of(key, NUMBERING)
    assert is_uid(uid)
    assert key_of(uid, NUMBERING) == key
    assert key_of(uid, "fedcba9876543210") is None


@given(text=st.text() | st.integers(0).map(lambda number: f"2.25.{number}"))
def test_what_is_no_uid_of_ours_names_nothing(text: str) -> None:
    """Whatever it is."""
    found = key_of(text, NUMBERING)
    assert found is None or uid_of(found, NUMBERING) == text


@given(text=st.text())
def test_words_are_cut_to_what_can_be_carried_and_numbers_never(text: str) -> None:
    """Half of an accession number would be another's."""
    assert is_carried(carried(text))
    assert len(carried(text)) <= 64
    assert identifier(text) in {text, ""}


@pytest.mark.parametrize("broken", [{"label": ""}, {"priority": "a\\b"}, {"trust": " x"}, {"why_canceled": "no"}])
def test_what_cannot_be_carried_is_no_workitem(broken: dict[str, str]) -> None:
    """It would come back as something else."""
    fields = {name: getattr(USUAL, name) for name in USUAL.__dataclass_fields__}
    with pytest.raises(InvalidValueError):
        Workitem(**{**fields, **broken})
