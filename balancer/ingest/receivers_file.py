"""``receivers.toml``: which systems are told in HL7 v2 whose the studies of some trusts are."""

from __future__ import annotations

from pathlib import Path

from balancer.domain.errors import Fault, InputRefusedError
from balancer.domain.letter import Patience
from balancer.domain.receiver import (
    ACCESSION_FIELDS,
    CHARSETS,
    CONTROLS,
    MESSAGES,
    OMI_VERSIONS,
    PERSON_FIELDS,
    VERSIONS,
    News,
    Part,
    Receiver,
    Tls,
)
from balancer.ingest.toml_section import Section, TomlFile

RECEIVERS_FILE = "receivers.toml"
_DEFAULT = Receiver(name="-", trusts=("-",), host="-")
_NOT_TOLD = "none"


def read_receivers(folder: Path) -> tuple[Receiver, ...]:
    """Return the receivers of a network folder; none if it has no such file.

    Raises
    ------
    InputRefusedError
        With every fault. A key that nobody reads is one too: a misspelt place must not send a name elsewhere unseen.
    """
    path = folder / RECEIVERS_FILE
    if not path.exists():
        return ()
    faults: list[Fault] = []
    file = TomlFile(path, faults)
    blocks = file.top.sections("receivers")
    found = [_receiver(block, folder) for block in blocks]
    names: set[str] = set()
    for block, receiver in zip(blocks, found, strict=True):
        if receiver.name in names:
            block.fault("name", f"{receiver.name!r} is the name of two receivers: each has a queue of its own")
        names.add(receiver.name)
    faults += [Fault(file=file.file, reason=warning) for warning in file.unknown_keys()]
    if faults:
        raise InputRefusedError(sorted(faults, key=lambda fault: fault.line or 0))
    return tuple(found)


def _receiver(block: Section, folder: Path) -> Receiver:
    message = block.choice("message", MESSAGES, default=_DEFAULT.message)
    version = block.choice("version", VERSIONS, default=OMI_VERSIONS[0] if message == "OMI^O23" else _DEFAULT.version)
    if message == "OMI^O23" and version not in OMI_VERSIONS:
        block.fault("version", f"{message} is there from {OMI_VERSIONS[0]} on")
    return Receiver(
        name=block.text("name"),
        trusts=block.texts("trusts"),
        host=block.text("host"),
        port=block.whole("port", most=65_535, default=_DEFAULT.port),
        tls=_tls(block, folder),
        message=message,
        version=version,
        charset=block.choice("charset", tuple(CHARSETS), default=_DEFAULT.charset),
        application=block.text("application", default="-").removeprefix("-"),
        facility=block.text("facility", default="-").removeprefix("-"),
        from_application=block.text("from_application", default=_DEFAULT.from_application),
        from_facility=block.text("from_facility", default="-").removeprefix("-"),
        control=block.choice("control", CONTROLS, default=_DEFAULT.control),
        accession=_fields(block, "accession"),
        accession_authority=block.text("accession_authority", default="-").removeprefix("-"),
        patient_authority=block.text("patient_authority", default="-").removeprefix("-"),
        places=_places(block),
        tells=_tells(block),
        withholds_blind=block.flag("withholds_blind", default=False),
        answer_seconds=block.number("answer_seconds", most=300, default=_DEFAULT.answer_seconds),
        patience=_patience(block),
    )


def _tls(block: Section, folder: Path) -> Tls | None:
    """Return how the connection is made private; that it is not must be said in as many words."""
    files = ("tls_authorities", "tls_certificate", "tls_key")
    given = {key: folder / block.text(key) for key in files if key in block}
    for key, path in given.items():
        if not path.is_file():
            block.fault(key, "is not a file beside this one")
    if "tls_key" in given and "tls_certificate" not in given:
        block.fault("tls_key", "is the key of which certificate? tls_certificate is missing")
    if not block.flag("tls", default=True):
        for key in given:
            block.fault(key, "goes with tls = true")
        return None
    return Tls(
        authorities=given.get("tls_authorities"),
        certificate=given.get("tls_certificate"),
        key=given.get("tls_key"),
    )


def _fields(block: Section, key: str) -> tuple[str, ...]:
    named = block.texts(key, default=_DEFAULT.accession)
    for name in named:
        if name not in ACCESSION_FIELDS:
            block.fault(key, f"{name!r} is none of {', '.join(ACCESSION_FIELDS)}")
    return named


def _places(block: Section) -> dict[Part, str]:
    """Return in which field each part's reporter stands; OBR-34 is the radiographer's, and no choice."""
    options = (*PERSON_FIELDS, _NOT_TOLD)
    found = {part: block.choice(part.value, options, default=_DEFAULT.places[part]) for part in Part}
    return {part: place for part, place in found.items() if place != _NOT_TOLD}


def _tells(block: Section) -> frozenset[News]:
    known = {item.value: item for item in News}
    named = block.texts("tells", default=sorted(_DEFAULT.tells))
    for name in named:
        if name not in known:
            block.fault("tells", f"{name!r} is none of {', '.join(known)}")
    return frozenset(known[name] for name in named if name in known)


def _patience(block: Section) -> Patience:
    given = _DEFAULT.patience
    return Patience(
        tries=block.whole("tries", most=1_000, default=given.tries),
        hours=block.number("hours", most=168, default=given.hours),
        longest_seconds=block.number("longest_wait_seconds", most=3_600, default=given.longest_seconds),
    )
