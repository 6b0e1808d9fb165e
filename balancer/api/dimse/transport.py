"""Connections for DIMSE: TLS that holds nobody else up, and no waiting for half-full packets."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from socketserver import TCPServer
from typing import Any, Final

import structlog
from pynetdicom.events import Event
from pynetdicom.transport import ThreadedAssociationServer

_log = structlog.get_logger("balancer.api")
_HANDSHAKE_SECONDS: Final = 10.0


def tls(certificate: Path, key: Path | None, clients: Path | None, *, required: bool) -> ssl.SSLContext:
    """Return what a listener makes TLS of: 1.2 or newer (BCP 195, PS3.15, B.12).

    ``clients``: PEM file of the authorities whose clients are believed; with ``required`` there is none without a
    certificate of theirs.

    Raises
    ------
    OSError
        If a file cannot be read, or holds no certificate or key (``ssl.SSLError``).
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    if clients is not None:
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL
    return context


class AssociationServer(ThreadedAssociationServer):
    """Takes connections; each shakes hands in a thread of its own, so that one which does not holds up nobody."""

    daemon_threads = True

    def get_request(self) -> tuple[socket.socket, Any]:
        """Return the next connection as it comes."""
        listening = self.socket
        assert listening is not None  # noqa: S101 - it is open as long as this is asked
        return listening.accept()

    def process_request_thread(self, request: socket.socket | tuple[bytes, socket.socket], client_address: Any) -> None:
        """Shake hands if TLS is spoken here, and go on as without."""
        if self.ssl_context is None or isinstance(request, tuple):
            super().process_request_thread(request, client_address)
            return
        try:
            request.settimeout(_HANDSHAKE_SECONDS)
            request = self.ssl_context.wrap_socket(request, server_side=True)
            request.settimeout(None)
        except OSError as error:
            _log.warning("dimse.no_tls", reason=type(error).__name__)
            self.shutdown_request(request)
            return
        super().process_request_thread(request, client_address)

    def shutdown(self) -> None:
        """Take no more connections, and abort the associations that there are."""
        TCPServer.shutdown(self)  # pynetdicom's would also strike it off a list that it is not on
        self.server_close()
        for association in self.active_associations:
            association.abort()


def without_delay(event: Event) -> None:
    """Send what there is at once: Nagle's algorithm and delayed acknowledgements cost 40 ms for each message."""
    transport = event.assoc.dul.socket
    connection = None if transport is None else transport.socket
    if connection is not None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
