"""One lock behind five doors: of all who open a read at the same moment one has it, and every side is told who.

Clients on sockets at real doors: the API, UPS-RS and FHIR with keys of their own, a DIMSE association, a viewer in a
FHIRcast session. Each door's process has connections of its own to the database.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from balancer.domain.life import ReadState
from balancer.publish.fhircast.events import CLOSE
from balancer.services.complete_read import complete_read
from balancer.store import audit
from balancer.store.database import Database
from tests.flows.everybody_told import GONE, Listening, is_opened, sides, until
from tests.flows.five_doors import DOORS, Opening
from tests.flows.one_network import READERS, Network, one_network
from tests.networks import PACS, standing
from tests.services.test_two_at_once import at_once
from tests.worlds import NOW

# So that each may win: a patch takes longer than a claim.
HEAD_START_SECONDS = 0.02
HEAD_STARTS = (*READERS, None)
NUMBERS = tuple(f"A{place}" for place, _ in enumerate(HEAD_STARTS))

pytestmark = pytest.mark.parametrize("kind", ["sqlite", "postgresql-debian"])


@pytest.fixture
def network(db: Database) -> Iterator[Network]:
    """Yield a network that every door serves."""
    with one_network(db, NUMBERS) as found:
        yield found


def race(network: Network, number: str, ahead: str | None) -> list[str]:
    """Let all five open a study's read at once, ``ahead`` some milliseconds before the rest; return who has it.

    They are told so by their own door. Whoever is told otherwise than by a conflict in its protocol fails the test.
    """
    openings = {reader: door(network, number) for reader, door in DOORS.items()}

    def late(opening: Opening, seconds: float) -> bool:
        time.sleep(seconds)
        return opening()

    behind = {reader: 0.0 if ahead in {None, reader} else HEAD_START_SECONDS for reader in READERS}
    results = at_once(*(partial(late, opening, behind[reader]) for reader, opening in openings.items()))
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [reader for reader, result in zip(openings, results, strict=True) if result]


def timed(hear: Listening) -> tuple[str, float]:
    """Return what is heard, and when."""
    return hear(), time.monotonic()


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
            until(partial(is_opened, network.screens[told[0]], number))
        completed(network, number, told[0])
        won += told
    with network.db.session() as reading:
        assert audit.verify(reading).fault == ""
    with capsys.disabled():
        print(f" ahead {HEAD_STARTS}, won by {won}", end="")  # noqa: T201 - whether the races were races


def test_whichever_door_opens_it_every_side_is_told_who_and_every_other_door_is_shut(
    network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    """By feed, the worklist's ETag, event report, rest-hook, HL7 and FHIRcast; then the other four try at once."""
    took: dict[str, float] = {}
    for number, reader in zip(NUMBERS, READERS, strict=False):
        others = {other: door(network, number) for other, door in DOORS.items()}
        with sides(network, number) as listening, ThreadPoolExecutor(len(listening)) as pool:
            began = time.monotonic()
            hearing = {side: pool.submit(timed, hear) for side, hear in listening.items()}
            assert others.pop(reader)()
            for side, heard in hearing.items():
                who, at = heard.result()
                assert who == (GONE if side == "worklist" and reader != READERS[0] else reader), side
                took[side] = max(took.get(side, 0.0), at - began)
        assert at_once(*others.values()) == [False] * len(others)
        completed(network, number, reader)
    with capsys.disabled():
        print(" told within", {side: f"{seconds:.2f} s" for side, seconds in took.items()}, end="")  # noqa: T201
