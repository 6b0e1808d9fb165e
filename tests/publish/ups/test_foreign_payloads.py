"""What comes from outside is a dataset, or is refused as the standard says: it never breaks the service."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from balancer.domain.errors import InvalidValueError
from balancer.publish.ups.from_dataset import performer_in, workitem_of
from balancer.publish.ups.json_model import MOST_DEPTH, MOST_PARTS, datasets_in, json_bytes
from balancer.publish.ups.native_xml import dataset_in_xml, xml_bytes

VRS = [
    "AE",
    "AS",
    "AT",
    "CS",
    "DA",
    "DS",
    "DT",
    "FD",
    "FL",
    "IS",
    "LO",
    "LT",
    "OB",
    "OW",
    "PN",
    "SH",
    "SL",
    "SQ",
    "SS",
    "ST",
    "TM",
    "UC",
    "UI",
    "UL",
    "UN",
    "UR",
    "US",
    "UT",
    "UV",
    "XX",
]
TAGS = ("00741000", "00081195", "00404034", "00741216", "00404035", "00404009", "00080100", "00741002", "0040A370")
SIMPLE = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = SIMPLE | st.dictionaries(st.sampled_from(["Alphabetic", "Phonetic", "x"]), SIMPLE, max_size=2)


def elements(items: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return what an element may look like, and much that it may not."""
    made = st.fixed_dictionaries(
        {"vr": st.sampled_from(VRS)},
        optional={
            "Value": st.lists(VALUES | items, max_size=3) | SIMPLE,
            "InlineBinary": st.text(max_size=5) | st.just("AAA="),
        },
    )
    return made | SIMPLE


MODELS: st.SearchStrategy[Any] = st.recursive(
    st.just({}),
    lambda items: st.dictionaries(st.sampled_from(TAGS) | st.text(max_size=8), elements(items), max_size=3),
    max_leaves=8,
)


def used(dataset: Dataset) -> None:
    """Do with a dataset whatever is done with one."""
    performer_in(dataset)
    json_bytes([dataset])
    xml_bytes(dataset)
    with suppress(InvalidValueError):
        workitem_of(dataset)


@given(
    body=st.binary() | (MODELS | SIMPLE | st.lists(MODELS, max_size=2)).map(lambda found: json.dumps(found).encode())
)
def test_json_is_taken_or_refused(body: bytes) -> None:
    """There is no third."""
    try:
        found = datasets_in(body)
    except InvalidValueError:
        return
    for dataset in found:
        used(dataset)


LETTERS = st.text(st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters="<&"), max_size=5)
NAMED = st.sampled_from([*TAGS, "", "x"])
CHILDREN = st.builds(
    "<{0} number='{1}'>{2}</{0}>".format,
    st.sampled_from(["Value", "Item", "PersonName"]),
    st.sampled_from(["1", "2", "0", "-1", "99999999", ""]),
    LETTERS,
)
ATTRIBUTES = st.builds(
    "<DicomAttribute tag='{}' vr='{}'>{}</DicomAttribute>".format, NAMED, st.sampled_from(VRS), CHILDREN
)
DOCUMENTS = st.lists(ATTRIBUTES, max_size=3).map("".join) | st.text()


@given(body=st.binary() | DOCUMENTS.map(lambda inner: f"<NativeDicomModel>{inner}</NativeDicomModel>".encode()))
def test_xml_is_taken_or_refused(body: bytes) -> None:
    """There is no third."""
    try:
        found = dataset_in_xml(body)
    except InvalidValueError:
        return
    used(found)


def nested(depth: int) -> dict[str, Any]:
    """Return a sequence in a sequence in ..."""
    found: dict[str, Any] = {}
    for _ in range(depth):
        found = {"00741216": {"vr": "SQ", "Value": [found]}}
    return found


def test_what_is_nested_too_deep_is_refused() -> None:
    """Sixteen are more than any workitem needs; ten thousand would exhaust the stack."""
    assert len(datasets_in(json.dumps(nested(MOST_DEPTH)).encode())) == 1
    for body in (json.dumps(nested(MOST_DEPTH + 1)).encode(), b"[" * 50_000, b'{"00741216":' * 5_000):
        with pytest.raises(InvalidValueError):
            datasets_in(body)
    item = '<DicomAttribute tag="00741216" vr="SQ"><Item number="1">'
    with pytest.raises(InvalidValueError):
        dataset_in_xml(
            ("<NativeDicomModel>" + item * 500 + "</Item></DicomAttribute>" * 500 + "</NativeDicomModel>").encode()
        )


def sequence(*items: str) -> bytes:
    """Return an XML document of a sequence with these items."""
    found = f'<DicomAttribute tag="00741216" vr="SQ">{"".join(items)}</DicomAttribute>'
    return f"<NativeDicomModel>{found}</NativeDicomModel>".encode()


@pytest.mark.parametrize("number", [0, 19, 10_000])
def test_a_number_stands_for_few_missing_values(number: int) -> None:
    """A line of XML would be ten thousand datasets; a few values that are empty, and so not written, are read."""
    assert len(dataset_in_xml(sequence('<Item number="1"/>', '<Item number="18"/>'))[0x00741216].value) == 18
    with pytest.raises(InvalidValueError, match="numbers a value"):
        dataset_in_xml(sequence('<Item number="1"/>', f'<Item number="{number}"/>'))


@pytest.mark.parametrize(
    "body",
    [
        b'[{"00741216":{"vr":"SQ","Value":[' + b",".join([b"{}"] * MOST_PARTS) + b"]}}]",
        b"[" + b",".join([b"{}"] * MOST_PARTS) + b"]",
        b'{"00741204":{"vr":"LO","Value":[' + b",".join([b"null"] * MOST_PARTS) + b"]}}",
    ],
    ids=["items", "datasets", "values"],
)
def test_what_is_of_too_many_parts_is_refused_before_it_is_built(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three characters of JSON are a dataset to pydicom, which takes a second to make what fits a request."""
    assert len(body) < 64 * 1024
    monkeypatch.setattr(Dataset, "from_json", lambda *_: pytest.fail("it was built"))
    with pytest.raises(InvalidValueError, match="parts"):
        datasets_in(body)


def test_xml_of_too_many_parts_is_refused_before_it_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing ones count."""
    body = sequence(*(f'<Item number="{number}"/>' for number in range(17, 17 * 300, 17)))
    attribute = '<DicomAttribute tag="0009{:04X}" vr="SQ"><Item number="17"/></DicomAttribute>'.format
    many = f"<NativeDicomModel>{''.join(map(attribute, range(16, 816)))}</NativeDicomModel>".encode()
    assert len(many) < 64 * 1024
    monkeypatch.setattr(Dataset, "from_json", lambda *_: pytest.fail("it was built"))
    for sent in (body, many):
        with pytest.raises(InvalidValueError):
            dataset_in_xml(sent)


def test_whatever_a_report_refers_to_is_taken() -> None:
    """Three hundred instances, as many as fit a request with what goes with them."""
    uid = {"vr": "UI", "Value": ["1.2.826.0.1.3680043.8.498.1234567890123456789012345678901234"]}
    body = json.dumps([{"00404033": {"vr": "SQ", "Value": [{"00081150": uid, "00081155": uid}] * 300}}])
    (found,) = datasets_in(body.encode())
    assert len(found.OutputInformationSequence) == 300


BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<NativeDicomModel><DicomAttribute tag="00741204" vr="LO"><Value number="1">&b;</Value></DicomAttribute>
</NativeDicomModel>"""
THEFT = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>
<NativeDicomModel><DicomAttribute tag="00741204" vr="LO"><Value number="1">&a;</Value></DicomAttribute>
</NativeDicomModel>"""
DTD = b'<!DOCTYPE x SYSTEM "http://example.org/x.dtd"><NativeDicomModel/>'


@pytest.mark.parametrize("body", [BOMB, THEFT, DTD], ids=["bomb", "theft", "document type"])
def test_no_entity_is_expanded_and_nothing_fetched(body: bytes) -> None:
    """Whoever declares one is refused before it is looked at."""
    with pytest.raises(InvalidValueError, match="declares"):
        dataset_in_xml(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"00741000":{"vr":"CS","Value":["A"]},"00741000":{"vr":"CS","Value":["B"]}}',
        b'{"0008119a":{"vr":"UI"},"0008119A":{"vr":"UI"}}',
        b'{"00741000":{"vr":"CS","Value":["A\\u0000"]}}',
        b'{"00741000":{"vr":"CS","Value":["\\ud800"]}}',
        b'{"00741000":{"vr":"CS","BulkDataURI":"http://example.org/"}}',
        b'{"00741000":{"vr":"FD","Value":[NaN]}}',
        b'{"00741000":{"vr":"FD","Value":[1e999]}}',
        b'{"7":{"vr":"CS"}}',
        b"[1]",
    ],
)
def test_what_could_mean_two_things_or_cannot_be_kept_is_refused(body: bytes) -> None:
    """An attribute twice, a NUL, half a character, bytes elsewhere, what is no number, what is no tag."""
    with pytest.raises(InvalidValueError):
        datasets_in(body)
