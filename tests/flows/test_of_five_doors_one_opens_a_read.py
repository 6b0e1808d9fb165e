"""One lock behind five doors: of all who open a read at the same moment one has it, and every side is told who.

Clients on sockets at real doors: the API, UPS-RS and FHIR with keys of their own, a DIMSE association, a viewer in a
FHIRcast session. Each door's process has connections of its own to the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from balancer.domain.life import ReadState
from balancer.store import audit
from balancer.store.database import Database
from tests.flows.everybody_told import GONE, sides
from tests.flows.five_doors import DOORS, HEAD_STARTS, completed, race
from tests.flows.one_network import READERS, Network, one_network
from tests.networks import standing

NUMBERS = tuple(f"A{place}" for place, _ in enumerate(HEAD_STARTS))


@pytest.fixture
def network(db: Database) -> Iterator[Network]:
    """Yield a network that every door serves."""
    with one_network(db, NUMBERS) as found:
        yield found


def test_of_five_who_open_it_at_once_one_has_it_four_hear_a_conflict_and_every_side_is_told_who(
    network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    """Again and again, each door ahead once: by feed, ETag, event reports, rest-hook, HL7 and FHIRcast.

    One claim there is, and one there ever was. How soon each is told is measured: ``make bench-told``.
    """
    won: list[str] = []
    for number, ahead in zip(NUMBERS, HEAD_STARTS, strict=True):
        openings = {reader: door(network, number) for reader, door in DOORS.items()}
        with sides(network, number) as listening, ThreadPoolExecutor(len(listening)) as pool:
            hearing = {side: pool.submit(hear) for side, hear in listening.items()}
            told = race(openings, ahead)
            heard = {side: one.result() for side, one in hearing.items()}
        assert len(told) == 1, (ahead, told)
        assert [(claim.reporter_id, claim.ended_at) for claim in network.claims_of(number)] == [(told[0], None)]
        assert standing(network.db, number) == (ReadState.CLAIMED, told[0])
        on_the_list = told[0] if told[0] == READERS[0] else GONE
        assert heard == {**dict.fromkeys(heard, told[0]), "worklist": on_the_list}
        completed(network, number, told[0])
        won += told
    with network.db.session() as reading:
        assert audit.verify(reading).fault == ""
    with capsys.disabled():
        print(f" ahead {HEAD_STARTS}, won by {won}", end="")  # noqa: T201 - were they races?
