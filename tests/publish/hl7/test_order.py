"""Order messages: golden files for whole ones, rules for what stands where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.domain.errors import StrangeAnswerError, UndeliveredError, UnsendableError
from balancer.domain.receiver import ACCESSION_FIELDS, Part, Receiver
from balancer.publish.hl7.answer import require_taken
from balancer.publish.hl7.order import OrderMessage, order_message
from tests.publish.hl7.orders import FIRST, RIS, SECOND, STUDY, order

GOLDEN = Path(__file__).parent / "golden"
OMI = replace(RIS, message="OMI^O23", version="2.5.1", accession_authority="CRIS", from_facility="KENT")
BOTH: Mapping[Part, object] = {Part.FIRST: FIRST, Part.SECOND: SECOND}
WHOLE = {
    "assigned": (order(), RIS),
    "assigned-2-3-1": (order(), replace(RIS, version="2.3.1", charset="iso-8859-1", control="SC")),
    "two-readers": (order(owners=BOTH, status="IP"), RIS),
    "unassigned": (order(owners={}, was=frozenset({Part.FIRST})), RIS),
    "omi": (order(owners=BOTH), OMI),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_message_is_as_in_its_golden_file(name: str) -> None:
    """Byte for byte, with one segment a line there."""
    message, receiver = WHOLE[name]
    expected = (GOLDEN / f"{name}.hl7").read_text(encoding="utf-8")
    assert order_message(message, receiver).replace("\r", "\n") == expected


@given(st.text(min_size=1, max_size=20), st.text(max_size=20), st.sampled_from(ACCESSION_FIELDS))
def test_whatever_a_trust_calls_things_they_come_back_as_they_were(number: str, name: str, place: str) -> None:
    """Separators within values are escaped; white space, which would end a segment, is one blank."""
    message = order(study=replace(STUDY, accession_number=number, exam_name=name))
    parsed = hl7.parse(order_message(message, replace(RIS, accession=(place,))))
    segment, field = place.split("-")
    assert [str(one[0]) for one in parsed] == ["MSH", "PID", "ORC", "OBR"]
    assert parsed.unescape(str(parsed.segment(segment)(int(field)))) == " ".join(number.split())
    exam = parsed.segment("OBR")[4][0]
    assert parsed.unescape(str(exam[1]) if len(exam) > 1 else "") == " ".join(name.split())


@pytest.mark.parametrize("version", ["2.3.1", "2.4", "2.5.1"])
def test_the_radiographer_is_never_touched(version: str) -> None:
    """OBR ends before OBR-34, whoever is named and whoever was."""
    for message in (order(owners=BOTH), order(owners={}, was=frozenset(Part))):
        parsed = hl7.parse(order_message(message, replace(RIS, version=version)))
        assert len(parsed.segment("OBR")) - 1 < 34


def test_a_part_without_a_place_is_not_told_and_one_field_may_hold_several() -> None:
    """Placement is the receiver's affair; OBR-33 repeats, OBR-32 holds whoever came last."""
    owners = {part: replace(FIRST, number=part.value) for part in Part}
    assert fields(order(owners=owners), RIS) == ("first", "second~verifier~arbiter")
    only = replace(RIS, places={Part.FIRST: "OBR-32", Part.VERIFIER: "OBR-32"})
    assert fields(order(owners=owners), only) == ("verifier", "")


def test_only_what_was_said_before_is_deleted() -> None:
    """An empty field leaves what the RIS has."""
    assert fields(order(owners={}), RIS) == ("", "")
    assert fields(order(was=frozenset({Part.FIRST, Part.SECOND})), RIS) == ("7654321", '""')


def fields(message: OrderMessage, receiver: Receiver) -> tuple[str, str]:
    """Return the numbers in OBR-32 and OBR-33."""
    obr = order_message(message, receiver).split("\r")[3].split("|")
    found = [*obr, *[""] * 34][32:34]
    first, second = ("~".join(one.split("&")[0] for one in field.split("~")) for field in found)
    return first, second


def answer(code: str, meant: str = "c1") -> str:
    """Return an acknowledgment."""
    return f"MSH|^~\\&|CRIS|RVV|BALANCER||20260701093000||ACK|9|P|2.4\rMSA|{code}|{meant}|patient H-1001 unknown\r"


@pytest.mark.parametrize("code", ["AA", "CA"])
def test_what_is_accepted_is_taken(code: str) -> None:
    """In original and in enhanced mode."""
    require_taken(answer(code), "c1")


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (answer("AR"), UnsendableError),
        (answer("CR"), UnsendableError),
        (answer("AE"), UndeliveredError),
        (answer("CE"), UndeliveredError),
        (answer("ZZ"), UndeliveredError),
        (answer("AA", "c2"), StrangeAnswerError),
        (answer("AR", "c2"), StrangeAnswerError),
        ("MSH|^~\\&|CRIS\r", StrangeAnswerError),
        ("HTTP/1.1 400 Bad Request\r", StrangeAnswerError),
        ("", StrangeAnswerError),
    ],
)
def test_anything_else_is_not_and_what_it_quotes_goes_no_further(said: str, error: type[UndeliveredError]) -> None:
    """A rejection is for good only if it is of this message."""
    with pytest.raises(error) as raised:
        require_taken(said, "c1")
    assert type(raised.value) is error
    assert "H-1001" not in str(raised.value)
