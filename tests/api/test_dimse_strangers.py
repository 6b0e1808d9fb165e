"""Whoever has not yet said who they are gets little of a DIMSE listener's memory, time and places."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from balancer.api.dimse import transport
from balancer.store.database import Database
from tests.api.certificates import NAME, Authority
from tests.api.dimse_peers import calling, listening, registered, serving
from tests.networks import loaded
from tests.patience import PATIENCE_SECONDS, until

ASKS, SENDS = 0x01, 0x04


def is_hung_up(stranger: socket.socket) -> bool:
    """Tell whether the other side has closed, in the end; what it says before that does not matter."""
    stranger.settimeout(PATIENCE_SECONDS)
    try:
        while stranger.recv(100):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass  # that it was reset is as good
    return True


def header(kind: int, length: int) -> bytes:
    """Return the beginning of a PDU (PS3.8, 9.3.1)."""
    return struct.pack(">BBL", kind, 0, length)


@pytest.mark.parametrize("kind", [ASKS, SENDS])
@pytest.mark.parametrize("length", [transport.MOST_READ_BYTES + 1, 0xFFFF_FFFF])
def test_a_pdu_that_is_announced_too_long_is_not_waited_for(sqlite_db: Database, kind: int, length: int) -> None:
    """Not a byte of it is read: it could be four gigabytes."""
    with listening(sqlite_db) as port, socket.create_connection(("127.0.0.1", port)) as stranger:
        stranger.sendall(header(kind, length))
        assert is_hung_up(stranger)


@pytest.mark.parametrize("begun", [b"\x01", header(ASKS, 200) + bytes(10)], ids=["header", "body"])
def test_a_pdu_that_is_begun_is_not_waited_for_for_ever(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    """Half of one, and nothing more."""
    monkeypatch.setattr(transport, "PDU_SECONDS", 0.2)
    with listening(sqlite_db) as port, socket.create_connection(("127.0.0.1", port)) as stranger:
        stranger.sendall(begun)
        assert is_hung_up(stranger)


def test_neither_is_one_that_comes_drop_by_drop(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time, and the last one never would."""
    monkeypatch.setattr(transport, "PDU_SECONDS", 0.3)
    with listening(sqlite_db) as port, socket.create_connection(("127.0.0.1", port)) as stranger:
        stranger.sendall(header(ASKS, 100_000))
        over = threading.Event()

        def drip() -> None:
            with suppress(OSError):
                while not over.wait(0.02):
                    stranger.sendall(b"\0")

        dripping = threading.Thread(target=drip)
        dripping.start()
        try:
            assert is_hung_up(stranger)
        finally:
            over.set()
            dripping.join()


def test_half_a_pdu_over_tls_is_not_waited_for_either(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whoever has shaken hands is still nobody."""
    monkeypatch.setattr(transport, "PDU_SECONDS", 0.2)
    authority = Authority(tmp_path)
    own = authority.pair(NAME)
    context = transport.tls(own.certificate, own.key, None, required=False)
    with listening(sqlite_db, tls=context) as port, socket.create_connection(("127.0.0.1", port)) as plain:
        stranger: ssl.SSLSocket = authority.client(None).wrap_socket(plain, server_hostname=NAME)
        with stranger:
            stranger.sendall(header(ASKS, 200) + bytes(10))
            assert is_hung_up(stranger)


def test_there_are_so_many_connections_and_each_that_ends_makes_room(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One too many is closed at once; when the others have gone, whoever is known gets in, and nobody waits for it."""
    monkeypatch.setattr(transport, "MOST_CONNECTIONS", 2)
    loaded(sqlite_db)
    registered(sqlite_db, "PACS_RVV")
    with serving(sqlite_db) as server:
        here = "127.0.0.1", int(server.server_address[1])
        with (
            socket.create_connection(here),
            socket.create_connection(here),
            socket.create_connection(here) as third,
        ):
            assert is_hung_up(third)
        until(lambda: server.places_taken() == 0)
        with calling(here[1], "PACS_RVV") as association:
            assert association.is_established
            assert association.send_c_echo().Status == 0
