"""A read as the report of a FHIRcast context, and which study somebody else's context means (STU3, 3.6.1; FHIR R4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from balancer.publish.fhircast.events import Context, resources

_TYPES: Final = "http://terminology.hl7.org/CodeSystem/v2-0203"
_ODS: Final = "https://fhir.nhs.uk/Id/ods-organization-code"
_DICOM: Final = "urn:dicom:uid"
_OID: Final = "urn:oid:"
_ACCESSION, _LOCAL_PATIENT = "ACSN", "MR"
# More than this in one context is no reporter's work.
_MOST: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A read that somebody has open: ``uid`` is its workitem's, under which every protocol knows it.

    ``patient_id`` is the imaging trust's own number, never a pseudonym. ``study_instance_uid``: ``None`` where nobody
    has told us, for none is invented.
    """

    uid: str
    trust: str
    accession_number: str
    patient_id: str
    study_instance_uid: str | None
    exam_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number that a trust has given; ``trust`` is empty if it is not said whose it is."""

    value: str
    trust: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meant:
    """What a context says of the study that it is about, as far as we can tell."""

    workitem_uids: frozenset[str] = frozenset()
    study_instance_uids: frozenset[str] = frozenset()
    accession_numbers: frozenset[Number] = frozenset()
    patient_ids: frozenset[Number] = frozenset()

    @property
    def names_a_study(self) -> bool:
        """Whether a study can be looked for by it."""
        return bool(self.workitem_uids or self.study_instance_uids or self.accession_numbers)

    @property
    def trusts(self) -> frozenset[str]:
        """The trusts whose numbers stand in it, by ODS code."""
        return frozenset(number.trust for number in self.accession_numbers | self.patient_ids if number.trust)


def context_of(report: Report) -> Context:
    """Return the context in which a read is open: the report to be written, its study and its patient."""
    patient, study = f"Patient/{report.uid}", f"ImagingStudy/{report.uid}"
    asked = _based_on(report)
    return (
        {"key": "report", "resource": _report(report, asked, patient, study)},
        {"key": "study", "resource": _study(report, asked, patient)},
        {"key": "patient", "resource": _patient(report)},
    )


def _report(report: Report, asked: dict[str, Any], patient: str, study: str) -> dict[str, Any]:
    return {
        "resourceType": "DiagnosticReport",
        "id": report.uid,
        "identifier": [_of_dicom(report.uid)],
        "basedOn": [asked],
        "status": "unknown",
        "code": {
            "coding": [{"system": "http://loinc.org", "code": "18748-4", "display": "Diagnostic imaging study"}],
            "text": report.exam_name,
        },
        "subject": {"reference": patient},
        "imagingStudy": [{"reference": study}],
    }


def _study(report: Report, asked: dict[str, Any], patient: str) -> dict[str, Any]:
    uid = report.study_instance_uid
    return {
        "resourceType": "ImagingStudy",
        "id": report.uid,
        "identifier": [
            *([] if uid is None else [_of_dicom(uid)]),
            _of_trust(_ACCESSION, report.accession_number, report.trust),
        ],
        "status": "unknown",
        "subject": {"reference": patient},
        "basedOn": [asked],
    }


def _patient(report: Report) -> dict[str, Any]:
    number = _of_trust(_LOCAL_PATIENT, report.patient_id, report.trust)
    return {"resourceType": "Patient", "id": report.uid, "identifier": [number]}


def _based_on(report: Report) -> dict[str, Any]:
    return {"type": "ServiceRequest", "identifier": _of_trust(_ACCESSION, report.accession_number, report.trust)}


def _of_dicom(uid: str) -> dict[str, Any]:
    return {"system": _DICOM, "value": _OID + uid}


def _of_trust(kind: str, value: str, trust: str) -> dict[str, Any]:
    return {
        "type": {"coding": [{"system": _TYPES, "code": kind}]},
        "value": value,
        "assigner": {"identifier": {"system": _ODS, "value": trust}},
    }


def meant_by(context: Context) -> Meant:
    """Return what a context says of its study; whatever is not as FHIR has it says nothing."""
    reports, studies = resources(context, "report"), resources(context, "study")
    of_reports = list(_identifiers(reports))
    of_studies = list(_identifiers(studies))
    orders = [item for resource in (*reports, *studies) for item in _orders(resource)]
    accessions = [number for item in (*of_studies, *orders) if (number := _number(item, _ACCESSION))]
    patients = [number for item in _identifiers(resources(context, "patient")) if (number := _number(item, "MR"))]
    ids = [value for resource in reports if isinstance(value := resource.get("id"), str)]
    return Meant(
        workitem_uids=frozenset([*_uids(of_reports), *ids][:_MOST]),
        study_instance_uids=frozenset(_uids(of_studies)),
        accession_numbers=frozenset(accessions),
        patient_ids=frozenset(patients),
    )


def _identifiers(found: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for resource in found:
        yield from _objects(resource.get("identifier"))


def _orders(resource: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the identifiers of what a resource is based on: there its accession number stands."""
    for order in _objects(resource.get("basedOn")):
        yield from _objects(order.get("identifier"))


def _objects(value: object) -> list[Mapping[str, Any]]:
    """Return the objects in a value: one, or a list of them."""
    several = value if isinstance(value, list) else [value]
    return [item for item in several[:_MOST] if isinstance(item, dict)]


def _uids(identifiers: Iterable[Mapping[str, Any]]) -> list[str]:
    values = (_text(item.get("value")) for item in identifiers if item.get("system") == _DICOM)
    return [value.removeprefix(_OID) for value in values if value]


def _number(identifier: Mapping[str, Any], kind: str) -> Number | None:
    """Return the number that an identifier of this kind states, and whose it is."""
    value = _text(identifier.get("value"))
    types = (coding for item in _objects(identifier.get("type")) for coding in _objects(item.get("coding")))
    if not value or not any(coding.get("code") == kind and _is_ours(coding.get("system")) for coding in types):
        return None
    trusts = [
        _text(item.get("value"))
        for assigner in _objects(identifier.get("assigner"))
        for item in _objects(assigner.get("identifier"))
        if item.get("system") == _ODS
    ]
    return Number(value=value, trust=trusts[0] if trusts else "")


def _is_ours(system: object) -> bool:
    """Tell whether a code is one of HL7's identifier types; many senders leave the system out."""
    return system in {None, "", _TYPES}


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) and len(value) <= _MOST and value.isprintable() else ""
