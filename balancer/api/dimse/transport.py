"""Connections for DIMSE: TLS that holds nobody else up, and no waiting for half-full packets.

Whoever connects is nobody until they have asked for an association: until then they get little memory, little time,
and one of a limited number of places.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import TCPServer
from typing import Any, Final

import structlog
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

_log = structlog.get_logger("balancer.api")
_HANDSHAKE_SECONDS: Final = 10.0
_AT_ONCE: Final = 4_096

MOST_CONNECTIONS: Final = 100
"""At once, with those that have no association yet or never ask for one."""

MOST_READ_BYTES: Final = 1_048_576
"""Of one PDU. Its header may announce 4 GiB; who keeps to what is agreed on sends 64 KiB at most."""

PDU_SECONDS: Final = 10.0
"""Within which a PDU that has begun must be there: nothing else is done for its connection in the meantime."""


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


class BoundedSocket(AssociationSocket):
    """A connection of which no PDU is read that is too long, or too long in coming."""

    def recv(self, nr_bytes: int) -> bytearray:
        """Return so many bytes, or fewer if the other side has closed.

        Raises
        ------
        OSError
            If they are too many or do not come in time, whereupon pynetdicom closes the connection.
        """
        connection = self.socket
        if connection is None or nr_bytes > MOST_READ_BYTES:
            _log.warning("dimse.too_long")
            raise ConnectionAbortedError
        found, until = bytearray(), time.monotonic() + PDU_SECONDS
        while len(found) < nr_bytes:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            connection.settimeout(left)
            part = connection.recv(min(nr_bytes - len(found), _AT_ONCE))
            if not part:
                break
            found += part
        connection.settimeout(None)
        return found

    def _shutdown_socket(self) -> None:
        """Close, also where the other side has hung up already: pynetdicom would leave it to the garbage collector."""
        connection = self.socket
        super()._shutdown_socket()
        if connection is not None:
            connection.close()


class _Arrival(RequestHandler):
    server: AssociationServer

    def handle(self) -> None:
        """Begin an association: from the moment that it has begun it is counted itself, and not as one that arrives."""
        with self.server.giving_a_place(self.client_address):
            super().handle()

    def _create_association(self) -> Association:
        association = super()._create_association()
        association.dul.socket = BoundedSocket(association, client_socket=self.request)
        association.dul.event_queue.get_nowait()  # that somebody has connected was said twice
        return association


class AssociationServer(ThreadedAssociationServer):
    """Takes connections; each shakes hands in a thread of its own, so that one which does not holds up nobody."""

    daemon_threads = True

    def __init__(self, *given: Any) -> None:
        self._lock = threading.Lock()
        self._arriving: set[Any] = set()  # whence; none of them is an association yet
        super().__init__(*given, request_handler=_Arrival)  # type: ignore[misc]  # it is never among those given

    def get_request(self) -> tuple[socket.socket, Any]:
        """Return the next connection as it comes."""
        listening = self.socket
        assert listening is not None  # noqa: S101 - it is open as long as this is asked
        return listening.accept()

    def verify_request(self, _request: Any, _client_address: Any) -> bool:
        """Tell whether there is a place for one more; if not, it is closed at once."""
        taken = self.places_taken()
        if taken >= MOST_CONNECTIONS:
            _log.warning("dimse.too_many")
        return taken < MOST_CONNECTIONS

    def places_taken(self) -> int:
        """Return how many connections there are, those that still shake hands among them."""
        with self._lock:
            return len(self._arriving) + len(self.active_associations)

    @contextmanager
    def giving_a_place(self, client_address: Any) -> Iterator[None]:
        """Count a connection as an association once this is over: nobody ever sees it twice, or not at all."""
        with self._lock:
            yield
            self._arriving.discard(client_address)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Go on with a connection in a thread of its own."""
        with self._lock:
            self._arriving.add(client_address)
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._gone(client_address)
            raise

    def _gone(self, client_address: Any) -> None:
        with self._lock:
            self._arriving.discard(client_address)

    def process_request_thread(self, request: socket.socket | tuple[bytes, socket.socket], client_address: Any) -> None:
        """Take a connection in, until it is an association's to be or nobody's."""
        try:
            self._take_in(request, client_address)
        finally:
            self._gone(client_address)

    def _take_in(self, request: socket.socket | tuple[bytes, socket.socket], client_address: Any) -> None:
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


def closed(event: Event) -> None:
    """Let the thread of an association that was never asked for end now, not when it is tired of waiting."""
    if event.assoc.requestor.primitive is None:
        event.assoc.dul.to_user_queue.put(None)  # type: ignore[arg-type]  # as when its wait is over


def without_delay(event: Event) -> None:
    """Send what there is at once: Nagle's algorithm and delayed acknowledgements cost 40 ms for each message."""
    transport = event.assoc.dul.socket
    connection = None if transport is None else transport.socket
    if connection is not None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
