"""The listener: which associations are taken, and what is bound to which of their operations."""

from __future__ import annotations

import logging
import ssl
import time
from dataclasses import dataclass
from typing import Final

import structlog
from pynetdicom import _config, evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.events import Event, EventHandlerType

from balancer.api.dimse.identity import Callers, title_of
from balancer.api.dimse.operations import Operations
from balancer.api.dimse.transport import AssociationServer, closed, without_delay
from balancer.api.looks import Looks
from balancer.domain.instant import Clock
from balancer.publish.ups.sop_classes import NAMES, TRANSFER_SYNTAXES
from balancer.store.database import Database, StoreBusyError

_log = structlog.get_logger("balancer.api")
MOST_ASSOCIATIONS: Final = 50
"""At once; a workstation has one, a PACS some."""

MOST_PDU_BYTES: Final = 65_536
IDLE_SECONDS: Final = 600
"""After which an association on which nothing happens is aborted."""

_PATIENCE_SECONDS: Final = 30
# Rejected for good by us (PS3.8, 9.3.4); for now, because of congestion.
_UNKNOWN_CALLER: Final = (0x01, 0x01, 0x03)
_CONGESTED: Final = (0x02, 0x03, 0x01)
# What has been rejected is sent before the connection is closed.
_FAREWELL_SECONDS: Final = 0.2

# pynetdicom's log has whole datasets in it, and what it makes of an exception: ours has neither.
_config.LOG_HANDLER_LEVEL = "none"
_config.LOG_REQUEST_IDENTIFIERS = False
_config.LOG_RESPONSE_IDENTIFIERS = False
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where it is listened, as which AE title, and by which TLS if by any.

    ``believing``: over TLS too an AE title that is bound to no certificate is taken at its word. ``pseudonym_key``:
    with what the pseudonyms of patients are made whose studies are made known here.
    """

    host: str
    port: int
    ae_title: str
    pseudonym_key: bytes
    tls: ssl.SSLContext | None = None
    believing: bool = False


def listen(listening: Listening, database: Database, clock: Clock) -> AssociationServer:
    """Return a listener that has taken its address; ``serve_forever`` makes it answer.

    Raises
    ------
    OSError
        If the address cannot be taken.
    """
    callers = Callers(lambda: database, clock, believing=listening.believing)
    operations = Operations(
        database=database, clock=clock, callers=callers, looks=Looks(), pseudonym_key=listening.pseudonym_key
    )
    entity = ApplicationEntity(listening.ae_title)
    entity.require_called_aet = True
    entity.maximum_associations = MOST_ASSOCIATIONS
    entity.maximum_pdu_size = MOST_PDU_BYTES
    entity.network_timeout = IDLE_SECONDS
    entity.acse_timeout = entity.dimse_timeout = _PATIENCE_SECONDS
    for uid in NAMES:
        entity.add_supported_context(uid, list(TRANSFER_SYNTAXES))
    return AssociationServer(
        entity,
        (listening.host, listening.port),
        listening.ae_title,
        entity.supported_contexts,
        listening.tls,
        _handlers(operations, callers),
    )


def _handlers(operations: Operations, callers: Callers) -> list[EventHandlerType]:
    return [
        (evt.EVT_CONN_OPEN, without_delay),
        (evt.EVT_CONN_CLOSE, closed),
        (evt.EVT_REQUESTED, _let_in, [callers]),
        (evt.EVT_ACCEPTED, _note, ["dimse.accepted", callers]),
        (evt.EVT_ABORTED, _note, ["dimse.aborted", callers]),
        (evt.EVT_RELEASED, _note, ["dimse.released", callers]),
        (evt.EVT_C_ECHO, operations.echo),
        (evt.EVT_C_FIND, operations.find),
        (evt.EVT_N_GET, operations.get),
        (evt.EVT_N_SET, operations.set),
        (evt.EVT_N_ACTION, operations.act),
        (evt.EVT_N_CREATE, operations.create),
    ]


def _let_in(event: Event, callers: Callers) -> None:
    """Reject whoever is nobody's application, before anything of theirs is looked at."""
    try:
        refused = None if callers.whose(event.assoc) is not None else _UNKNOWN_CALLER
    except StoreBusyError:
        refused = _CONGESTED
    except Exception:  # noqa: BLE001 - who cannot be told is not let in
        _log.exception("dimse.failed", operation="association")
        refused = _CONGESTED
    if refused is not None:
        _log.warning("dimse.rejected", reason=refused[2])
        event.assoc.acse.send_reject(*refused)
        time.sleep(_FAREWELL_SECONDS)


def _note(event: Event, what: str, callers: Callers) -> None:
    """Log what became of an association; a title that nobody registered may say anything, and is not logged."""
    try:
        actor = callers.whose(event.assoc)
    except StoreBusyError:
        actor = None
    if actor is not None:
        _log.info(what, system=actor.subject, title=title_of(event.assoc))
