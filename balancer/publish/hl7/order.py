"""An order message (HL7 v2, chapter 4) that names the reporters of a study: ORM^O01, or OMI^O23 with its IPC segment.

Fields that are empty leave what the receiver has as it is; two quotation marks delete it (2.5.1, 2.5.3). OBR-34, the
technician, is the radiographer: it is never written. What a message should have and Balancer does not know, first of
all the patient's name (PID-5), is left empty and said in the profile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from balancer.domain.instant import LONDON
from balancer.domain.receiver import CHARSETS, Part, Receiver

SEGMENT_END = "\r"
_DELETE = '""'
_ESCAPES = str.maketrans({"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderedStudy:
    """The study that an order is for, as its trust knows it."""

    trust: str
    accession_number: str
    local_patient_id: str
    exam_code: str
    exam_name: str = ""
    modality: str = ""
    study_instance_uid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A reporter: GMC or HCPC number, name, and the register that the number is of."""

    number: str
    name: str
    register: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderMessage:
    """What one message says. ``was``: who was named by the one before; a part that nobody has now is deleted."""

    control_id: str
    at: datetime
    study: OrderedStudy
    status: str
    owners: Mapping[Part, Person] = field(default_factory=dict)
    was: frozenset[Part] = frozenset()


def order_message(message: OrderMessage, receiver: Receiver) -> str:
    """Return the message as this receiver wants it, segments ended by carriage returns."""
    segments = [
        _msh(message, receiver),
        _pid(message.study, receiver),
        _orc(message, receiver),
        _obr(message, receiver),
    ]
    if receiver.message == "OMI^O23":
        segments.append(_ipc(message.study, receiver))
    return "".join(segment + SEGMENT_END for segment in segments)


def _msh(message: OrderMessage, receiver: Receiver) -> str:
    kind = receiver.message
    fields = {
        2: "^~\\&",
        3: _text(receiver.from_application),
        4: _text(receiver.from_facility),
        5: _text(receiver.application),
        6: _text(receiver.facility or message.study.trust),
        7: _stamp(message.at),
        9: kind if receiver.version == "2.3.1" else f"{kind}^{kind.replace('^', '_')}",
        10: _text(message.control_id),
        11: "P",
        12: receiver.version,
        18: CHARSETS[receiver.charset],
    }
    return _segment("MSH", fields)


def _pid(study: OrderedStudy, receiver: Receiver) -> str:
    authority = _text(receiver.patient_authority or study.trust)
    return _segment("PID", {3: f"{_text(study.local_patient_id)}^^^{authority}^MR"})


def _orc(message: OrderMessage, receiver: Receiver) -> str:
    return _segment("ORC", {1: receiver.control, 5: message.status, **_accession(message.study, receiver, "ORC")})


def _obr(message: OrderMessage, receiver: Receiver) -> str:
    study = message.study
    fields = {1: "1", 4: f"{_text(study.exam_code)}^{_text(study.exam_name)}", **_accession(study, receiver, "OBR")}
    return _segment("OBR", {**fields, **_people(message, receiver)})


def _ipc(study: OrderedStudy, receiver: Receiver) -> str:
    """Return the imaging procedure control segment (2.5.1, 4.5.6).

    The numbers of requested procedure and step (IPC-2, IPC-4) are known to nobody here, and none is invented; nor is a
    study instance UID that is not known.
    """
    accession = _identifier(study.accession_number, receiver)
    return _segment("IPC", {1: accession, 3: _text(study.study_instance_uid), 5: _text(study.modality)})


def _people(message: OrderMessage, receiver: Receiver) -> dict[int, str]:
    """Return the fields of persons: OBR-32 holds one, OBR-33 as many as there are."""
    fields: dict[int, str] = {}
    for number in (32, 33):
        parts = [part for part in Part if receiver.places.get(part) == f"OBR-{number}"]
        named = [_person(message.owners[part]) for part in parts if part in message.owners]
        if named:
            fields[number] = named[-1] if number == 32 else "~".join(named)
        elif message.was.intersection(parts):
            fields[number] = _DELETE
    return fields


def _person(person: Person) -> str:
    """Return a person as NDL, whose first component is a CNN (2.5.1, 2.A.50): number, family name, ..., authority."""
    return "&".join([_text(person.number), _text(person.name), *[""] * 6, _text(person.register)])


def _accession(study: OrderedStudy, receiver: Receiver, segment: str) -> dict[int, str]:
    places = [place.split("-") for place in receiver.accession]
    return {int(number): _identifier(study.accession_number, receiver) for name, number in places if name == segment}


def _identifier(value: str, receiver: Receiver) -> str:
    authority = receiver.accession_authority
    return f"{_text(value)}^{_text(authority)}" if authority else _text(value)


def _segment(name: str, fields: Mapping[int, str]) -> str:
    """Return a segment with these fields by number; MSH-1 is the separator itself."""
    first = 2 if name == "MSH" else 1
    return "|".join([name, *(fields.get(number, "") for number in range(first, max(fields) + 1))])


def _text(value: str) -> str:
    """Return a value with HL7's own characters escaped (2.5.1, 2.7); what would end a segment becomes a blank."""
    return " ".join(value.translate(_ESCAPES).split())


def _stamp(at: datetime) -> str:
    return at.astimezone(LONDON).strftime("%Y%m%d%H%M%S%z")
