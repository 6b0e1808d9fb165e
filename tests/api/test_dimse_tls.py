"""DIMSE over TLS: who must show what, and that one who does not shake hands holds up nobody."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest

from balancer.api.dimse.transport import tls
from balancer.store.database import Database
from tests.api.certificates import NAME, Authority, Pair
from tests.api.dimse_peers import calling, listening, registered
from tests.networks import loaded

# Where the other side hangs up first pynetdicom leaves closing a socket to the garbage collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Return an authority that both sides believe."""
    return Authority(tmp_path)


def context(authority: Authority, *, required: bool = True) -> ssl.SSLContext:
    """Return the listener's TLS."""
    own = authority.pair(NAME)
    return tls(own.certificate, own.key, authority.certificate, required=required)


def is_let_in(port: int, title: str, authority: Authority, pair: Pair | None) -> bool:
    """Tell whether an association is established."""
    with calling(port, title, tls=authority.client(pair)) as association:
        return bool(association.is_established) and association.send_c_echo().Status == 0


def test_a_title_goes_with_its_certificate(sqlite_db: Database, authority: Authority) -> None:
    """Who has another of the same authority, and says that name, is nobody; a title without one is nobody's."""
    loaded(sqlite_db)
    its_own, another = authority.pair("pacs"), authority.pair("another")
    registered(sqlite_db, "PACS_RVV", certificate=its_own.certificate.read_text())
    registered(sqlite_db, "ANY_RVV")
    with listening(sqlite_db, tls=context(authority)) as port:
        assert is_let_in(port, "PACS_RVV", authority, its_own)
        assert not is_let_in(port, "PACS_RVV", authority, another)
        assert not is_let_in(port, "ANY_RVV", authority, another)
        assert not is_let_in(port, "ANY_RVV", authority, None)


def test_where_the_network_lets_in_nobody_else_a_title_without_one_is_any_clients(
    sqlite_db: Database, authority: Authority
) -> None:
    """If the settings say so; a title that is bound is still bound."""
    loaded(sqlite_db)
    registered(sqlite_db, "PACS_RVV", certificate=authority.pair("pacs").certificate.read_text())
    registered(sqlite_db, "ANY_RVV")
    another = authority.pair("another")
    with listening(sqlite_db, tls=context(authority), believing=True) as port:
        assert is_let_in(port, "ANY_RVV", authority, another)
        assert not is_let_in(port, "ANY_RVV", authority, None)
        assert not is_let_in(port, "PACS_RVV", authority, another)


def test_where_certificates_are_optional_a_title_that_has_one_still_needs_it(
    sqlite_db: Database, authority: Authority
) -> None:
    """Optional is for the others, if the settings take them at their word."""
    loaded(sqlite_db)
    registered(sqlite_db, "PACS_RVV", certificate=authority.pair("pacs").certificate.read_text())
    registered(sqlite_db, "ANY_RVV")
    with listening(sqlite_db, tls=context(authority, required=False), believing=True) as port:
        assert is_let_in(port, "ANY_RVV", authority, None)
        assert not is_let_in(port, "PACS_RVV", authority, None)


def test_over_plain_tcp_a_title_with_a_certificate_is_nobodys(sqlite_db: Database, authority: Authority) -> None:
    """There is nothing to show there."""
    loaded(sqlite_db)
    registered(sqlite_db, "PACS_RVV", certificate=authority.pair("pacs").certificate.read_text())
    with listening(sqlite_db) as port, calling(port, "PACS_RVV") as association:
        assert association.is_rejected


def test_whoever_does_not_shake_hands_holds_up_nobody(sqlite_db: Database, authority: Authority) -> None:
    """Others are answered while a connection on which nothing is said stands open."""
    loaded(sqlite_db)
    its_own = authority.pair("any")
    registered(sqlite_db, "ANY_RVV", certificate=its_own.certificate.read_text())
    with listening(sqlite_db, tls=context(authority)) as port, socket.create_connection(("127.0.0.1", port)):
        assert is_let_in(port, "ANY_RVV", authority, its_own)
