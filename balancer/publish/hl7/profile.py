"""The HL7 profile of the conformance statement: which fields are sent, made from the messages themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from balancer.domain.receiver import (
    ACCESSION_FIELDS,
    ALWAYS,
    CHARSETS,
    CONTROLS,
    MESSAGES,
    OMI_VERSIONS,
    PERSON_FIELDS,
    VERSIONS,
    News,
    Part,
    Receiver,
)
from balancer.publish.hl7.order import OrderedStudy, OrderMessage, Person, order_message

# What each field that is sent holds. A field that is sent and not described here fails a test.
MEANING = {
    "MSH-1": "the field separator",
    "MSH-2": "the encoding characters",
    "MSH-3": "`from_application`",
    "MSH-4": "`from_facility`",
    "MSH-5": "`application`",
    "MSH-6": "`facility`, else the ODS code of the study's trust",
    "MSH-7": "when the message was written, London time with its offset; the same however often it is sent",
    "MSH-9": "the message; its structure too from 2.4 on",
    "MSH-10": "20 characters; the same however often it is sent",
    "MSH-11": "`P`",
    "MSH-12": "`version`",
    "MSH-18": "by `charset`",
    "PID-3": "the imaging trust's number of the patient, its authority (`patient_authority`, else the trust), `MR`",
    "ORC-1": "`control`",
    "ORC-5": "`SC` waits, `IP` somebody has it open, `CM` read here, `CA` nobody is to read it any more (table 0038)",
    "OBR-1": "`1`",
    "OBR-4": "code and name of the examination",
    "OBR-32": "one reporter (NDL): GMC or HCPC number, name, and the register as assigning authority",
    "OBR-33": "reporters, repeated (NDL)",
    "IPC-1": "accession number",
    "IPC-3": "Study Instance UID, if it is known",
    "IPC-5": "modality",
    **dict.fromkeys(ACCESSION_FIELDS, "accession number if `accession` names the field, with `accession_authority`"),
}
_NOT_SENT = """
## What is not sent

A field that is empty leaves what the receiver has; two quotation marks delete whoever an earlier message named.
PID-5, which the standard asks for, is empty: Balancer keeps no names of patients. IPC-2 and IPC-4 are known to nobody
here. OBR-34, the technician, is never touched. Nothing is sent in a batch.

## Acknowledgments

Original mode; one message at a time on a connection, which is kept open. `AA` or `CA` with the MSH-10 of the message
in MSA-2: taken. `AR`, `CR`: rejected, dead at once. `AE`, `CE`, an answer to another message, none in time, or one
that is none: sent again, the same to the letter, in order for each study. A receiver that has taken a message and
could not say so gets it a second time, with the same MSH-10."""
_SAMPLE = OrderMessage(
    control_id="1",
    at=datetime(2026, 1, 1, tzinfo=UTC),
    study=OrderedStudy(
        trust="RVV",
        accession_number="1",
        local_patient_id="1",
        exam_code="1",
        exam_name="1",
        modality="CT",
        study_instance_uid="2.25.1",
    ),
    status="SC",
    owners={part: Person(number="1", name="1", register="GMC") for part in Part},
)


def sent_fields(message: str) -> list[str]:
    """Return every field that may be sent in a message of this kind, in order."""
    receiver = Receiver(
        name="-",
        trusts=("RVV",),
        host="-",
        message=message,
        version=OMI_VERSIONS[-1],
        application="-",
        from_facility="-",
        accession=ACCESSION_FIELDS,
    )
    segments = [line.split("|") for line in order_message(_SAMPLE, receiver).split("\r") if line]
    return [
        f"{segment[0]}-{number}"
        for segment in segments
        for number, value in enumerate(["|", *segment[1:]] if segment[0] == "MSH" else segment[1:], start=1)
        if value
    ]


def profile() -> str:
    """Return the profile as a document."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    default = Receiver(name="-", trusts=("-",), host="-")
    yield "# HL7 v2: what a receiver is sent\n"
    yield "Made from the code's own tables (`balancer.publish.hl7.profile`); a test compares. How to set one up is"
    yield "in [how to tell a RIS](../how-to/tell-a-ris.md). Balancer sends; it listens to no HL7 of its own.\n"
    yield f"Messages: {_code(MESSAGES)}, the latter in {_code(OMI_VERSIONS)} only. Versions: {_code(VERSIONS)}."
    yield f"Charsets: {_code(CHARSETS)}. ORC-1 is one of {_code(CONTROLS)}; if nothing is said `{default.control}`.\n"
    yield "| told | when |"
    yield "|---|---|"
    for item in News:
        how = "always" if item in ALWAYS else "unless it is left out" if item in default.tells else "if it is asked for"
        yield f"| `{item}` | {how} |"
    yield f"\nA reporter stands in one of {_code(PERSON_FIELDS)}, or nowhere (`none`):\n"
    yield "| part | if nothing is said |"
    yield "|---|---|"
    for part in Part:
        yield f"| `{part}` | {default.places[part]} |"
    for message in MESSAGES:
        yield f"\n## {message}\n"
        yield "| field | holds |"
        yield "|---|---|"
        for field in sent_fields(message):
            yield f"| {field} | {MEANING[field]} |"
    yield _NOT_SENT


def _code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)
