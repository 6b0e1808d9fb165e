"""Whatever is sent to create a workitem, over either protocol and in each form: taken, or refused as the standard says.

What is wrong is wrong in one place of a request that is good otherwise, so that it gets as far as it can.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from pynetdicom.dsutils import encode
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from balancer.api.doors import LocalDoor
from balancer.domain.permission import Permission
from balancer.publish.ups.json_model import MOST_DEPTH, model_of
from balancer.publish.ups.sop_classes import PUSH
from balancer.store.database import Database
from tests.access.doors import Known
from tests.api.dimse_peers import Workstation, calling, listening, registered
from tests.api.service import Service
from tests.api.test_workitems import RIS
from tests.creations import request_of
from tests.publish.ups.test_foreign_payloads import MODELS, SIMPLE, VALUES, VRS, nested

Model = dict[str, Any]
REQUEST, ISSUER, PROCEDURE = "0040A370", "00080051", "00321064"
# Sequences on the way to where something is wrong.
PLACES = st.sampled_from([(), (REQUEST,), (REQUEST, ISSUER), (REQUEST, PROCEDURE)])
TAGS = st.sampled_from(
    [
        *("00741200", "00741204", "00741202", "00741000", "00404005", "00404011", "00404008", "00404041", "00100020"),
        *("00100021", "00101002", "0020000D", "00080050", "00080051", "00321064", "00404018", "00404034", REQUEST),
        *("00080016", "00080018", "00080005", "00080201", "00081195", "00080100", "00080102", "00400032", "00100010"),
        # private, of a file's head, of a command, a repeating group, images, the end of an item
        *("00091001", "00090010", "00020010", "00000100", "60003000", "7FE00010", "FFFEE00D", "FFFFFFFF", "0008000G"),
    ]
)
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, "", " ", "\\", "A\\B", "x" * 65, "x" * 70_000, "é", "日本", "H\nN", "\0", "*", "-", '""', "\ud800"),
        *("0" * 400, "1e400", "NaN", 10**30, -1, 0.5, 1e308, True, [], {}, {"Alphabetic": "A^B"}, {"Alphabetic": 1}),
        *("00000000", "19000229", "99991231235959", "00010101000000+1400", "20260302070000-1459", "20260302-20260303"),
        *("ISO_IR 192", "ISO 2022 IR 87", "GB18030", "none such", "2.25.1", "1.02", "2." * 40, "1.2.840.10008.5.1"),
        *("HIGH", "READY", "INCOMPLETE", "IN PROGRESS", "RVV", "NHS", "9990000018", "+0100", "-9999"),
    ]
)  # fmt: skip
ELEMENTS = st.one_of(
    st.builds(lambda vr, values: {"vr": vr, "Value": values}, st.sampled_from(VRS), st.lists(ODD, max_size=3)),
    st.builds(lambda values: {"Value": values}, st.lists(ODD | VALUES, max_size=3)),  # of the VR that is right
    st.builds(lambda items: {"vr": "SQ", "Value": items}, st.lists(MODELS | st.none(), max_size=3)),
    st.builds(lambda where: {"BulkDataURI": where}, st.sampled_from(["", "file:///etc/passwd", "http://[", "x"])),
    st.builds(lambda content: {"InlineBinary": content}, SIMPLE),
    st.integers(1, 3 * MOST_DEPTH).map(lambda depth: nested(depth)["00741216"]),
    SIMPLE,
)
FAULTS = st.lists(st.tuples(PLACES, TAGS, ELEMENTS), min_size=1, max_size=3)
MANY = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
UIDS = (f"2.25.{number}" for number in itertools.count(10**9))
NUMBERS = (f"N{number:06}" for number in itertools.count(1))
REFUSED = {400: "bad-request", 403: "not-allowed", 409: "conflict", 413: "too-large"}


def spoiled(faults: list[tuple[tuple[str, ...], str, Any]]) -> Model:
    """Return the request of a study that nobody knows, with what is wrong in it."""
    model = model_of(request_of(next(NUMBERS)))
    for place, tag, element in faults:
        within = model
        for sequence in place:
            found = within.get(sequence)
            values = found.get("Value") if isinstance(found, dict) else None
            if not (isinstance(values, list) and values and isinstance(values[0], dict)):
                break
            within = values[0]
        said = within.get(tag)
        vr = said.get("vr", "LO") if isinstance(said, dict) else "LO"
        within[tag] = {"vr": vr, **element} if isinstance(element, dict) else element
    return model


def as_xml(model: Any) -> str:
    """Return what a model says as a client that makes XML by hand would write it, right or wrong."""
    made = ""
    for tag, element in model.items() if isinstance(model, dict) else ():
        known = element if isinstance(element, dict) else {"Value": [element]}
        values = known.get("Value", [])
        inner = "".join(map(_value, itertools.count(1), values if isinstance(values, list) else [values]))
        if "InlineBinary" in known:
            inner += f"<InlineBinary>{escape(str(known['InlineBinary']))}</InlineBinary>"
        if "BulkDataURI" in known:
            inner += f"<BulkData uri={quoteattr(str(known['BulkDataURI']))}/>"
        head = f"tag={quoteattr(tag)} vr={quoteattr(str(known.get('vr', '')))}"
        made += f"<DicomAttribute {head}>{inner}</DicomAttribute>"
    return made


def _value(number: int, value: Any) -> str:
    if isinstance(value, dict) and "Alphabetic" not in value:
        return f'<Item number="{number}">{as_xml(value)}</Item>'
    return f'<Value number="{number}">{escape(str(value))}</Value>'


@dataclass(frozen=True)
class Creator:
    """A RIS that may make studies known, and somebody who may see them all."""

    ris: TestClient
    looker: TestClient

    def hold_to_the_standard(self, content: bytes, kind: str) -> None:
        """Create a workitem: it is taken and is there, or is refused by a problem and is not there."""
        uid = next(UIDS)
        answer = self.ris.post(f"/dicomweb/workitems?{uid}", content=content, headers={"content-type": kind})
        event(f"{answer.status_code}")
        there = self.looker.get(f"/dicomweb/workitems/{uid}")
        if answer.status_code == 201:
            assert answer.headers["location"] == f"/dicomweb/workitems/{uid}"
            assert there.status_code == 200
            return
        assert answer.json()["type"] == f"/problems#{REFUSED[answer.status_code]}", answer.text
        assert there.status_code == 404


@pytest.fixture
def creator(allocated_copy: Database) -> Creator:
    """Return somebody who creates workitems on a small network."""
    ris, looker = (Service(allocated_copy, door=door) for door in (Known(RIS), LocalDoor()))
    return Creator(ris=ris.client, looker=looker.client)


@MANY
@given(faults=FAULTS)
def test_json_that_creates_is_taken_or_refused(creator: Creator, faults: list[Any]) -> None:
    """UPS-RS, 11.4: 201 and it is there, or 4xx and it is not."""
    creator.hold_to_the_standard(json.dumps([spoiled(faults)]).encode(), "application/dicom+json")


@MANY
@given(faults=FAULTS)
def test_xml_that_creates_is_taken_or_refused(creator: Creator, faults: list[Any]) -> None:
    """The same in the other form."""
    document = f"<NativeDicomModel>{as_xml(spoiled(faults))}</NativeDicomModel>"
    creator.hold_to_the_standard(document.encode(errors="surrogatepass"), "application/dicom+xml")


# --- over DIMSE ------------------------------------------------------------------------------------------------------

ANY_NUMBER = "N000000"
GOOD = encode(request_of(ANY_NUMBER), is_implicit_vr=False, is_little_endian=True) or b""
PIECES = st.binary(max_size=12) | st.sampled_from(
    [
        b"\xff\xff\xff\xff",
        b"\0\0\0\0",
        b"\xfe\xff\x00\xe0\xff\xff\xff\xff",  # an item without a length
        b"\xfe\xff\x0d\xe0\0\0\0\0",  # the end of one that has not begun
        b"\x09\x00\x01\x10UN\0\0\4\0\0\0\1\2\3\4",  # private
        b"\x08\x00\x05\x00CS\x0a\0ISO_IR 999",
        b"\x08\x00\x05\x00CS\x10\0\\ISO 2022 IR 87 ",
        b"\x74\x00\x00\x12CS\5\0\xe9\xff\x1b$B",  # of an odd length, in no character set
        b"\x74\x00\x00\x12XX\4\0HIGH",  # of no VR
    ]
)
# From where, how much is taken out, and what is put in its place.
CUTS = st.lists(st.tuples(st.integers(0, len(GOOD)), st.integers(0, 9) | st.just(len(GOOD)), PIECES), max_size=3)
# N-CREATE of the UPS Push SOP Class: PS3.4, Table CC.2.5-4, and PS3.7, Annex C.
STATUSES = {0x0000, 0xB300, 0x0106, 0x0107, 0x0110, 0x0111, 0x0120, 0x0121, 0x0124, 0xC309}


@pytest.fixture
def ris(allocated_copy: Database) -> Iterator[Workstation]:
    """Yield a RIS that has called, and may make studies known."""
    registered(allocated_copy, "RIS_RVV", Permission.STUDIES_CREATE, Permission.ASSIGNMENTS_READ)
    with listening(allocated_copy) as port, calling(port, "RIS_RVV") as association:
        yield Workstation(association)


@MANY
@given(cuts=CUTS)
def test_a_dataset_that_creates_is_taken_or_refused(
    ris: Workstation, monkeypatch: pytest.MonkeyPatch, cuts: list[tuple[int, int, bytes]]
) -> None:
    """N-CREATE: each byte may be another; nothing fails here, and the association goes on."""
    raw = GOOD.replace(ANY_NUMBER.encode(), next(NUMBERS).encode())
    for begin, length, piece in cuts:
        raw = raw[:begin] + piece + raw[begin + length :]
    uid = next(UIDS)
    with monkeypatch.context() as patch, capture_logs() as lines:
        patch.setattr("pynetdicom.association.encode", lambda *_: raw or b"\0")
        status, _ = ris.association.send_n_create(request_of(), PUSH, uid)
    event(f"{status.Status:04X}")
    assert status.Status in STATUSES, f"{status.Status:04X}"
    assert "dimse.failed" not in {line["event"] for line in lines}
    assert (ris.get(uid)[0] == 0) is (status.Status in {0x0000, 0xB300})
