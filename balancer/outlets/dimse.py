"""Associations that Balancer opens, to whoever takes UPS event reports: as SCP of UPS Event (PS3.4, CC.2.4)."""

from __future__ import annotations

import hashlib
import logging
import socket
import ssl
from dataclasses import dataclass
from typing import Any, Final

from pynetdicom import _config, evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.events import Event as NetworkEvent
from pynetdicom.presentation import build_role

from balancer.domain.errors import UndeliveredError, UnreachableError
from balancer.domain.receiver import Tls
from balancer.outlets.mllp import tls_context
from balancer.publish.ups.elements import put
from balancer.publish.ups.events import Event
from balancer.publish.ups.sop_classes import EVENT, PUSH, TRANSFER_SYNTAXES

_CONNECT_SECONDS: Final = 5
_ANSWER_SECONDS: Final = 10
# After which an association on which nothing happens is released.
_IDLE_SECONDS: Final = 60
_MOST_MESSAGES: Final = 0xFFFF

# pynetdicom's log has whole datasets in it, as where it listens (api.dimse.listener).
_config.LOG_HANDLER_LEVEL = "none"
logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Who is called, where, as whom; ``tls`` if the connection is to be private.

    ``certificate``: the SHA-256, in hexadecimal, of the certificate that whoever answers must show.
    """

    title: str
    host: str
    port: int
    calling: str
    tls: Tls | None = None
    certificate: str = ""


class EventAssociation:
    """An association with one peer, for one thread: opened when there is something to say, released when idle."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._open: Association | None = None
        self._number = 0

    def report(self, event: Event) -> int:
        """Send an event report and return the status that it is answered by.

        Raises
        ------
        UnreachableError
            If no association can be had, or none for event reports.
        UndeliveredError
            If there is no answer: it may have been taken.
        """
        association = self._association()
        said = put(event.information, SpecificCharacterSet="ISO_IR 192")
        self._number = self._number % _MOST_MESSAGES + 1
        try:
            # of the Push SOP Class, which every workitem is of, over the context of UPS Event (CC.2.4.3)
            status, _ = association.send_n_event_report(
                said, int(event.type), PUSH, event.uid, msg_id=self._number, meta_uid=EVENT
            )
        except RuntimeError as error:  # it ended between the look at it and the sending
            raise UndeliveredError("the association ended before anything was said") from error
        if "Status" not in status:
            self.close()  # or its late answer would be taken for that of the next
            raise UndeliveredError("no answer")
        return int(status.Status)

    def close(self) -> None:
        """Release the association, if there is one."""
        association, self._open = self._open, None
        if association is not None and association.is_established:
            association.release()

    def _association(self) -> Association:
        if self._open is None or not self._open.is_established:
            self._open = self._associate()
        return self._open

    def _associate(self) -> Association:
        entity = ApplicationEntity(self._peer.calling)
        entity.connection_timeout = _CONNECT_SECONDS
        entity.acse_timeout = entity.dimse_timeout = _ANSWER_SECONDS
        entity.network_timeout = _IDLE_SECONDS
        entity.add_requested_context(EVENT, list(TRANSFER_SYNTAXES))
        found = entity.associate(
            self._peer.host,
            self._peer.port,
            ae_title=self._peer.title,
            ext_neg=[build_role(EVENT, scp_role=True)],
            tls_args=self._private(),
            evt_handlers=[(evt.EVT_CONN_OPEN, _without_delay)],
        )
        found.network_timeout_response = "A-RELEASE"
        keep_answers(found)
        if found.is_established:
            self._require_whose(found)
            return found
        if found.is_rejected:
            raise UnreachableError("the association is rejected")
        raise UnreachableError("no association can be made, or none for event reports")

    def _private(self) -> tuple[ssl.SSLContext, str] | None:
        if self._peer.tls is None:
            return None
        try:
            context = tls_context(self._peer.tls)
        except OSError as error:
            raise UnreachableError("our own certificate, or its authorities, cannot be read") from error
        # a name proves less than the very certificate, and certificates of DICOM applications often have none
        context.check_hostname = not self._peer.certificate
        return context, self._peer.host

    def _require_whose(self, association: Association) -> None:
        """Ensure that whoever answers shows the certificate that their AE title is bound to, before they are told."""
        if not self._peer.certificate:
            return
        transport = association.dul.socket
        connection = None if transport is None else transport.socket
        shown = connection.getpeercert(binary_form=True) if isinstance(connection, ssl.SSLSocket) else None
        if hashlib.sha256(shown or b"").hexdigest() != self._peer.certificate:
            association.abort()
            raise UnreachableError("whoever answers does not show the certificate that the AE title is bound to")


def keep_answers(association: Association) -> None:
    """Ensure that what comes on an association that we opened is taken by whoever waits for it, and by nobody else.

    pynetdicom's own thread looks for messages too. It is paused before anything is sent, but for one look that it may
    just have begun; if that finds the answer, the sender waits in vain, and a report is told late and twice. Nobody
    asks us for anything on such an association: that thread need find nothing.
    """
    take = association.dimse.get_msg

    def whoever_waits(*, block: bool = False) -> Any:
        return take(block=True) if block else (None, None)

    association.dimse.get_msg = whoever_waits  # type: ignore[method-assign,assignment]


def _without_delay(event: NetworkEvent) -> None:
    """Send what there is at once, as where it listens: each message would cost 40 ms else."""
    transport = event.assoc.dul.socket
    connection = None if transport is None else transport.socket
    if connection is not None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
