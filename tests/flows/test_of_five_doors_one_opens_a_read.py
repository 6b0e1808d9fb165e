"""One lock behind five doors: of all who open a read at the same moment one has it, and every side is told who.

Clients on sockets at real doors: the API, UPS-RS and FHIR with keys of their own, a DIMSE association, a viewer in a
FHIRcast session. Each door's process has connections of its own to the database.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from balancer.domain.life import ReadState
from balancer.publish.fhircast.events import CLOSE
from balancer.services.complete_read import complete_read
from balancer.store import audit
from balancer.store.database import Database
from tests.flows.everybody_told import GONE, is_opened, sides, until
from tests.flows.five_doors import DOORS, Opening
from tests.flows.one_network import READERS, Network, one_network
from tests.networks import PACS, standing
from tests.services.test_two_at_once import at_once
from tests.worlds import NOW

HEAD_STARTS = (*READERS, None)
NUMBERS = tuple(f"A{place}" for place, _ in enumerate(HEAD_STARTS))

pytestmark = pytest.mark.parametrize("kind", ["sqlite", "postgresql-debian"])


@pytest.fixture
def network(db: Database) -> Iterator[Network]:
    """Yield a network that every door serves."""
    with one_network(db, NUMBERS) as found:
        yield found


def race(network: Network, number: str, ahead: str | None) -> list[str]:
    """Let all five open a study's read at once, one of them some milliseconds ahead; return who is told they have it.

    Whoever is told otherwise than by a conflict in the door's own protocol fails the test.
    """
    openings = {reader: door(network, number) for reader, door in DOORS.items()}
    chance = random.Random(number)
    delays = {reader: chance.uniform(0.0, 0.02) if reader != ahead else 0.0 for reader in openings}

    def late(opening: Opening, delay: float) -> Callable[[], bool]:
        def wait_and_open() -> bool:
            time.sleep(delay if ahead is None else delay + 0.02 * (delay > 0))
            return opening()

        return wait_and_open

    results = at_once(*(late(opening, delays[reader]) for reader, opening in openings.items()))
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [reader for reader, result in zip(openings, results, strict=True) if result]


def completed(network: Network, number: str, reader: str) -> None:
    """Complete a read; a session in which something is open is told so, and R5's has heard of no error meanwhile."""
    complete_read(network.db, network.read_id(number), reader, NOW, by=PACS)
    told = network.screens[reader].follow()
    assert told["event"]["hub.event"] == CLOSE


def test_of_five_who_open_it_at_once_one_has_it_and_four_hear_a_conflict(
    network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    """Again and again, each door ahead once; one claim there is, and one there ever was."""
    won = []
    for number, ahead in zip(NUMBERS, HEAD_STARTS, strict=True):
        told = race(network, number, ahead)
        claims = network.claims_of(number)
        assert [(claim.reporter_id, claim.ended_at) for claim in claims] == [(told[0], None)], (ahead, told)
        assert told == [claims[0].reporter_id]
        assert standing(network.db, number) == (ReadState.CLAIMED, told[0])
        if told[0] != READERS[-1]:
            until(lambda whose=told[0], study=number: is_opened(network.screens[whose], study))
        completed(network, number, told[0])
        won += told
    with network.db.session() as reading:
        assert audit.verify(reading).fault == ""
    with capsys.disabled():
        print(f" ahead {HEAD_STARTS}, won by {won}", end="")  # noqa: T201 - whether the races were races


def test_whichever_door_opens_it_every_side_is_told_who_and_every_other_door_is_shut(
    network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the feed, the worklist's ETag, event reports, rest-hooks, HL7 and FHIRcast; then the other four try at once."""
    took: dict[str, float] = {}
    for number, reader in zip(NUMBERS, READERS, strict=False):
        others = {other: door(network, number) for other, door in DOORS.items()}
        with sides(network, number) as listening, ThreadPoolExecutor(len(listening)) as pool:
            began = time.monotonic()
            hearing = {side: pool.submit(lambda hear=hear: (hear(), time.monotonic())) for side, hear in listening.items()}
            assert others.pop(reader)()
            for side, heard in hearing.items():
                who, at = heard.result()
                assert who == (GONE if side == "worklist" and reader != READERS[0] else reader), side
                took[side] = max(took.get(side, 0.0), at - began)
        assert at_once(*others.values()) == [False] * len(others)
        completed(network, number, reader)
    with capsys.disabled():
        print(" told within", {side: f"{seconds:.2f} s" for side, seconds in took.items()}, end="")  # noqa: T201
