"""What FHIRcast events say, and who is told of which."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.domain.errors import InvalidValueError
from balancer.publish.fhircast.events import (
    CLOSE,
    HEARTBEAT,
    OPEN,
    SUPPORTED,
    SYNC_ERROR,
    Event,
    event_in,
    for_whoever_follows,
    granted,
    heartbeat,
    sync_error,
)
from balancer.publish.fhircast.report import Meant, Number, Report, context_of, meant_by

AT = datetime(2026, 3, 2, 8, 0, 0, 120_000, tzinfo=UTC)
REPORT = Report(
    uid="2.25.17",
    trust="RVV",
    accession_number="A1",
    patient_id="H-A1",
    study_instance_uid="1.2.3",
    exam_name="CT head",
)
OPENED = Event(id="e1", at=AT, topic="R1", name=OPEN, context=context_of(REPORT))
KEYS = st.sampled_from([
    *("id", "timestamp", "event", "hub.topic", "hub.event", "context", "key", "resource", "identifier", "value"),
    *("system", "type", "coding", "code", "assigner", "basedOn"),
])  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=25,
)


def test_an_event_comes_back_as_it_was_sent() -> None:
    """Over the wire and back is the identity."""
    assert event_in(json.dumps(OPENED.message())) == OPENED


@pytest.mark.parametrize("value", ["NaN", "-Infinity", "1e999", r'"\ud800"', r'"\u0000"', r'{"\udfff": 1}'])
def test_what_cannot_be_told_on_is_no_event(value: str) -> None:
    """Whoever was told of it would lose their connection."""
    sent = json.dumps(OPENED.message()).replace('"CT head"', value)
    with pytest.raises(InvalidValueError, match="body"):
        event_in(sent)


def test_the_context_names_the_study_as_the_standard_has_it() -> None:
    """3.6.1: the accession number as ACSN with the trust that gave it, the study by its UID, no pseudonym."""
    report, study, patient = (item["resource"] for item in OPENED.message()["event"]["context"])
    asked = report["basedOn"][0]["identifier"]
    assert asked["type"]["coding"][0]["code"] == "ACSN"
    assert (asked["value"], asked["assigner"]["identifier"]["value"]) == ("A1", "RVV")
    assert study["identifier"][0] == {"system": "urn:dicom:uid", "value": "urn:oid:1.2.3"}
    assert patient["identifier"][0]["value"] == "H-A1"
    assert report["subject"]["reference"] == study["subject"]["reference"] == f"Patient/{patient['id']}"
    assert report["imagingStudy"][0]["reference"] == f"ImagingStudy/{study['id']}"


def test_what_we_send_means_what_we_meant() -> None:
    """A read -> context -> what is meant by it, whole."""
    assert meant_by(context_of(REPORT)) == Meant(
        workitem_uids=frozenset({"2.25.17"}),
        study_instance_uids=frozenset({"1.2.3"}),
        accession_numbers=frozenset({Number(value="A1", trust="RVV")}),
        patient_ids=frozenset({Number(value="H-A1", trust="RVV")}),
    )


def test_no_uid_is_invented() -> None:
    """Of a study whose UID nobody has told, the accession number alone is said."""
    unknown = Report(
        uid="2.25.17", trust="RVV", accession_number="A1", patient_id="H", study_instance_uid=None, exam_name="CT"
    )
    assert "urn:dicom:uid" not in json.dumps(context_of(unknown)[1])
    assert meant_by(context_of(unknown)).study_instance_uids == frozenset()


def test_the_example_of_the_standard_is_understood() -> None:
    """3.6.1 as others write it: assigner by reference, R5's `study`, an accession number that names no trust."""
    asked = {
        "type": "ServiceRequest",
        "identifier": {
            "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "ACSN"}]},
            "system": "urn:oid:2.999.16.840.1.113883.19.5",
            "value": "GH339884",
            "assigner": {"reference": "Organization/a92ac1be-fb34-49c1-be58-10928bd271cc"},
        },
    }
    report = {"resourceType": "DiagnosticReport", "id": "2402d3bd", "basedOn": [asked], "study": [{"reference": "x"}]}
    study = {"identifier": [{"system": "urn:dicom:uid", "value": "urn:oid:1.2.999.840"}], "basedOn": [asked]}
    meant = meant_by(({"key": "report", "resource": report}, {"key": "study", "resource": study}))
    assert meant.study_instance_uids == {"1.2.999.840"}
    assert meant.accession_numbers == {Number(value="GH339884")}
    assert meant.trusts == frozenset()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2018-01-08T01:37:05.14", datetime(2018, 1, 8, 1, 37, 5, 140_000, tzinfo=UTC)),
        ("2021-05-19T10:24:58.614989800Z", datetime(2021, 5, 19, 10, 24, 58, 614_989, tzinfo=UTC)),
        ("2026-06-01T09:00:00+01:00", datetime(2026, 6, 1, 9, tzinfo=timezone(timedelta(hours=1)))),
    ],
)
def test_time_stamps_as_senders_write_them(written: str, meant: datetime) -> None:
    """UTC if no offset is said; as many digits as anybody likes."""
    assert event_in(json.dumps({**OPENED.message(), "timestamp": written})).at == meant


@pytest.mark.parametrize(
    "sent",
    ["", "[]", "nothing", "[" * 5_000, '{"event": 1}', '{"event": {"context": 1}}', '{"event": {"context": [1]}}'],
)
def test_what_is_no_event_is_refused(sent: str) -> None:
    """Whatever it is, deep nesting too, by the error that says so."""
    with pytest.raises(InvalidValueError):
        event_in(sent)


@given(JSON)
def test_whatever_json_is_sent_is_an_event_or_refused(sent: Any) -> None:
    """Never anything else; and what is an event can be looked through for a study."""
    try:
        found = event_in(json.dumps({"id": "1", "timestamp": "2026-03-02", "event": sent}))
    except InvalidValueError:
        return
    meant_by(found.context)


@given(JSON)
def test_whatever_context_is_sent_means_something_or_nothing(sent: Any) -> None:
    """FHIR of strangers is looked through without a fall."""
    meant_by(tuple({"key": key, "resource": {"identifier": sent, "basedOn": sent}} for key in ("report", "study")))


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("diagnosticreport-OPEN", {OPEN}),
        ("DiagnosticReport-*", {OPEN, CLOSE}),
        ("*-close", {CLOSE, "ImagingStudy-close", "Patient-close"}),
        ("syncerror, Heartbeat", {SYNC_ERROR, HEARTBEAT}),
        ("*", set(SUPPORTED)),
        ("Patient-open,Encounter-open", {"Patient-open"}),
    ],
)
def test_wild_cards_and_any_case(asked: str, names: set[str]) -> None:
    """2.3.2; what the hub has no such event of is left out."""
    assert granted(asked) == names


def test_what_asks_for_nothing_there_is_is_refused() -> None:
    """Rather than a subscription that is never told anything."""
    with pytest.raises(InvalidValueError):
        granted("Encounter-open")


def test_who_follows_studies_only_is_told_of_the_reports_study() -> None:
    """2.5.4: implied opens; without the report, which they did not ask for."""
    told = for_whoever_follows(OPENED, {"ImagingStudy-open", "Patient-open"})
    assert told is not None
    assert told.name == "ImagingStudy-open"
    assert [item["key"] for item in told.context] == ["study", "patient"]
    patient = for_whoever_follows(OPENED, {"Patient-open"})
    assert patient is not None
    assert [item["key"] for item in patient.context] == ["patient"]


def test_who_follows_neither_is_told_nothing() -> None:
    """And who follows reports is not told of a patient's being opened."""
    assert for_whoever_follows(OPENED, {CLOSE, "Patient-close"}) is None
    patients = Event(id="p", at=AT, topic="R1", name="Patient-open", context=OPENED.context[2:])
    assert for_whoever_follows(patients, {OPEN}) is None


def test_a_sync_error_says_which_event_was_not_followed_and_by_whom() -> None:
    """3.2.1: a warning, with the event's id and name and the subscriber's."""
    error = sync_error(OPENED, "Viewer", "refused (409)", event_id="s1", at=AT)
    issue = error.context[0]["resource"]["issue"][0]
    assert issue["severity"] == "warning"
    assert [coding["code"] for coding in issue["details"]["coding"]] == ["e1", OPEN, "Viewer"]


def test_a_heartbeat_says_when_the_next_one_comes() -> None:
    """3.2.2."""
    assert heartbeat("R1", 10, event_id="h1", at=AT).context == ({"key": "period", "decimal": "10"},)
