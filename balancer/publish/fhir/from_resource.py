"""A Task read back as the read it was made of, and what of one that a client sends says of its wishes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from balancer.domain.errors import InvalidValueError
from balancer.domain.life import ReadKind, ReadState, ReturnReason
from balancer.domain.outcome import Outcome
from balancer.publish.fhir.codes import (
    IMAGES,
    ODS,
    OUTCOME,
    PARAMETERS,
    PLANNED,
    PRIORITIES,
    PRIORITY,
    PROVISIONAL,
    READ,
    READ_KINDS,
    READ_STATES,
    REPLACES,
    RETURN_REASONS,
    STATUS_REASONS,
    URGENCIES,
)
from balancer.publish.fhir.status_reason import StatusReason
from balancer.publish.fhir.task import ReadTask
from balancer.publish.ups.workitem import Performer

Word = TypeVar("Word", bound=StrEnum)
_OID = "urn:oid:"
_URGENCIES = {word: urgency for urgency, word in URGENCIES.items()}


def task_of(resource: Mapping[str, Any]) -> ReadTask:
    """Return the read that a Task of ours says.

    Raises
    ------
    InvalidValueError
        If it does not say one.
    """
    inputs, outputs = _parameters(resource, "input"), _parameters(resource, "output")
    images = inputs.get(IMAGES, {}).get("valueReference")
    period = _map(resource, "executionPeriod")
    try:
        return ReadTask(
            id=resource["id"],
            study_id=resource["focus"]["reference"].removeprefix("ServiceRequest/"),
            uid=resource["identifier"][0]["value"].removeprefix(_OID),
            state=ReadState(code_in(resource["businessStatus"], READ_STATES)),
            changed_at=_instant(resource["lastModified"]),
            authored_at=_instant(resource["authoredOn"]),
            due_at=_instant(resource["restriction"]["period"]["end"]),
            urgency=_URGENCIES[resource["priority"]],
            priority=code_in(inputs[PRIORITY]["valueCodeableConcept"], PRIORITIES),
            label=resource["description"],
            kind=ReadKind(code_in(resource["code"], READ_KINDS)),
            read=inputs[READ]["valuePositiveInt"],
            trust=_identified(_map(resource, "requester"), ODS),
            accession_number=_map(resource, "groupIdentifier").get("value", ""),
            patient_id=_map(_map(resource, "for"), "identifier").get("value", ""),
            study_instance_uid=None if images is None else images["identifier"]["value"].removeprefix(_OID),
            planned_at=_instant(inputs[PLANNED]["valueDateTime"]) if PLANNED in inputs else None,
            why=_status_reason(resource),
            reason=_map(resource, "statusReason").get("text", ""),
            performer=_performer(_map(resource, "owner")),
            began_at=_instant(period["start"]) if "start" in period else None,
            ended_at=_instant(period["end"]) if "end" in period else None,
            outcome=outcome_in(resource),
            provisional=outputs.get(PROVISIONAL, {}).get("valueBoolean", False) is True,
            replaces=_replaced(inputs),
        )
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise InvalidValueError("Task", "does not say which read it is") from error


def code_in(concept: object, system: str) -> str:
    """Return the code of a system in a CodeableConcept; empty if there is none."""
    for coding in _list(concept, "coding"):
        if isinstance(coding, dict) and coding.get("system") == system and isinstance(coding.get("code"), str):
            return str(coding["code"])
    return ""


def owner_in(resource: Mapping[str, Any]) -> str:
    """Return the number of the reporter whom a Task names as its owner; empty if it names none.

    Raises
    ------
    InvalidValueError
        If it names somebody in a way in which nobody is known here.
    """
    owner = resource.get("owner")
    if owner is None:
        return ""
    reference, number = _map({"": owner}, "").get("reference"), _map(_map({"": owner}, ""), "identifier").get("value")
    named = reference.rpartition("/") if isinstance(reference, str) else None
    if named is not None and (named[0] == "Practitioner" or named[0].endswith("/Practitioner")) and named[2]:
        return named[2]
    if isinstance(number, str) and number:
        return number
    raise InvalidValueError("Task.owner", "is no reference to a Practitioner, by id or by a register's number")


def outcome_in(resource: Mapping[str, Any]) -> Outcome | None:
    """Return what a Task says that a read came to, if it does.

    Raises
    ------
    InvalidValueError
        If it is none of the words.
    """
    said = _parameters(resource, "output").get(OUTCOME)
    return None if said is None else word(Outcome, said.get("valueCode"), "Task.output")


def is_provisional_in(resource: Mapping[str, Any]) -> bool:
    """Tell whether a Task says that a report must be verified."""
    return _parameters(resource, "output").get(PROVISIONAL, {}).get("valueBoolean") is True


def return_reason_in(resource: Mapping[str, Any]) -> ReturnReason | None:
    """Return why a Task says that a read is handed back, if it does in one of our words.

    Raises
    ------
    InvalidValueError
        If it is a word of ours that there is not.
    """
    said = code_in(resource.get("statusReason"), RETURN_REASONS)
    return word(ReturnReason, said, "Task.statusReason") if said else None


def note_in(resource: Mapping[str, Any]) -> str:
    """Return what a Task says beside its reason."""
    text = _map(resource, "statusReason").get("text", "")
    return text if isinstance(text, str) else ""


def word(words: type[Word], said: object, where: str) -> Word:
    """Return a word of a list; ``InvalidValueError`` if it is none."""
    try:
        return words(str(said))
    except ValueError as error:
        raise InvalidValueError(where, f"is none of {', '.join(words)}") from error


def _replaced(inputs: Mapping[str, Any]) -> str | None:
    found = inputs.get(REPLACES)
    return None if found is None else str(found["valueReference"]["reference"]).removeprefix("Task/")


def _status_reason(resource: Mapping[str, Any]) -> StatusReason | None:
    said = code_in(resource.get("statusReason"), STATUS_REASONS)
    return word(StatusReason, said, "Task.statusReason") if said else None


def _parameters(resource: Mapping[str, Any], name: str) -> dict[str, dict[str, Any]]:
    found = {}
    for item in _list(resource, name):
        if isinstance(item, dict):
            found[code_in(item.get("type"), PARAMETERS)] = item
    return found


def _performer(owner: dict[str, Any]) -> Performer | None:
    number = _map(owner, "identifier")
    if not number.get("value"):
        return None
    organisation = _map(number, "assigner").get("display", "")
    return Performer(reporter_id=number["value"], name=owner["display"], organisation=organisation)


def _identified(reference: dict[str, Any], system: str) -> str:
    number = _map(reference, "identifier")
    return str(number["value"]) if number.get("system") == system else ""


def _map(within: object, name: str) -> dict[str, Any]:
    found = within.get(name) if isinstance(within, Mapping) else None
    return found if isinstance(found, dict) else {}


def _list(within: object, name: str) -> list[Any]:
    found = within.get(name) if isinstance(within, Mapping) else None
    return found if isinstance(found, list) else []


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
