"""Say under which AE title a registered system calls by DIMSE, and where it listens."""

from __future__ import annotations

import hashlib
import re
import ssl
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from balancer.domain.actor import Actor
from balancer.domain.errors import InvalidValueError
from balancer.services.note_system import note_system
from balancer.store import ae_titles
from balancer.store.database import Database
from balancer.store.tables_ae_titles import AeTitleRow

# VR AE (PS3.5, 6.2): up to 16 characters of the default repertoire, no backslash, no control characters.
_TITLE: Final = re.compile(r"[ -\[\]-~]{1,16}", re.ASCII)
_HIGHEST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """A DICOM application of a system.

    ``certificate``: the PEM of the TLS certificate that it must show, if it must show a certain one. ``host`` and
    ``port``: where it takes event reports, if it does; ``tls``: over TLS.
    """

    title: str
    system_id: str
    certificate: str = ""
    host: str = ""
    port: int | None = None
    tls: bool = False


def register_ae_title(database: Database, wanted: Application, now: datetime, *, by: Actor) -> None:
    """Let a system call under an AE title.

    Raises
    ------
    InvalidValueError
        If the title is none, the certificate cannot be read, or only one of address and port is given.
    NotFoundError, ConflictError
        If there is no such system, or somebody has the title already.
    """
    if not is_ae_title(wanted.title):
        raise InvalidValueError("title", "an AE title has 1 to 16 printable ASCII characters, and no backslash")
    if bool(wanted.host) != (wanted.port is not None):
        raise InvalidValueError("port", "say where it listens by host and port, or by neither")
    if wanted.port is not None and not 1 <= wanted.port <= _HIGHEST_PORT:
        raise InvalidValueError("port", f"is from 1 to {_HIGHEST_PORT}")
    row = AeTitleRow(
        title=wanted.title,
        system_id=wanted.system_id,
        certificate=fingerprint_of(wanted.certificate) if wanted.certificate else "",
        host=wanted.host,
        port=wanted.port,
        tls=wanted.tls,
        added_at=now,
    )
    with database.transaction() as session:
        ae_titles.add_title(session, row)
        note_system(session, "system.add_ae_title", row.system_id, now, by=by, **_told(row))


def remove_ae_title(database: Database, title: str, now: datetime, *, by: Actor) -> None:
    """Let nobody call under an AE title any more; ``NotFoundError`` if nobody does."""
    with database.transaction() as session:
        row = ae_titles.remove_title(session, title)
        note_system(session, "system.remove_ae_title", row.system_id, now, by=by, **_told(row))


def _told(row: AeTitleRow) -> dict[str, str]:
    """Return what the trail says of an AE title: what is asked of whoever uses it, and where reports go."""
    listens_at = "" if row.port is None else f"{row.host}:{row.port}" + (" over TLS" if row.tls else "")
    return {"title": row.title, "certificate": row.certificate, "listens_at": listens_at}


def is_ae_title(text: str) -> bool:
    """Tell whether a text is an AE title, and carries no spaces at its ends, which mean nothing in one."""
    return _TITLE.fullmatch(text) is not None and text == text.strip(" ")


def fingerprint_of(pem: str) -> str:
    """Return the SHA-256 of a certificate in PEM, in hexadecimal; ``InvalidValueError`` if it is none."""
    try:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.strip())).hexdigest()
    except ValueError as error:
        raise InvalidValueError("certificate", "is not a certificate in PEM") from error
