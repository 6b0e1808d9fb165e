"""Whoever writes locks what they need in one order, so that no two wait for each other: PostgreSQL takes one back then.

The order: the allocation's lease, trusts, versions of the policy, studies, reads by number, drafts and instructions,
the run that is asked for, the change feed's turn, the end of the audit trail. SQLite has one writer.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from balancer.domain.network import Trust
from balancer.publish.fhircast.report import Meant, Number
from balancer.services import give_way as giving
from balancer.services.give_way import give_way
from balancer.services.ingest_studies import ingest_extract
from balancer.services.load_network import load_network
from balancer.services.open_in_viewer import open_in_viewer
from balancer.services.override_scope import Decision, decide_skill
from balancer.services.request_run import request_run
from balancer.services.run_allocation import run_allocation
from balancer.services.steer_read import pin_read
from balancer.services.undo_draft import undo_draft
from balancer.services.undo_run import undo_run
from balancer.store import instructions, intake, policies, reads, runs
from balancer.store.assignments import take_turn
from balancer.store.database import Database, Session
from balancer.store.sources import lock_trust
from balancer.store.tables import StudyRow
from tests.databases import SERVERS, wait_until_somebody_waits
from tests.networks import Feed, Network, extract, incoming, loaded, minutes, queued, read_id, rostered, solving
from tests.patience import PATIENCE_SECONDS
from tests.services.test_drafts import MANAGER, WHY, begun, morning, published
from tests.services.test_policy_versions import approved, proposed
from tests.services.test_undo_run import published as published_run
from tests.worlds import EXAMPLE_POLICY, NOW, session

pytestmark = pytest.mark.parametrize("kind", SERVERS)


@pytest.fixture(autouse=True)
def _nothing_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever gives way would do once more what was taken back from them: no test but one is of that."""
    monkeypatch.setattr(giving, "LONGEST_SECONDS", 0.0)


def gets_through(
    db: Database, work: Callable[[], object], first: Callable[[Session], object], then: Callable[[Session], object]
) -> None:
    """Ensure that ``work``, which waits for what somebody has locked ``first``, has nothing that they need ``then``."""
    with ThreadPoolExecutor(1) as thread:
        with db.transaction() as held:
            first(held)
            working = thread.submit(work)
            wait_until_somebody_waits(db)
            then(held)
        working.result(PATIENCE_SECONDS)


def numbers_of(db: Database) -> list[int]:
    """Return the numbers of all studies, in their order."""
    with db.session() as reading:
        return [number or 0 for number in reading.exec(select(StudyRow.id).order_by(col(StudyRow.id)))]


def test_a_policy_is_approved_while_studies_are_taken_in(db: Database) -> None:
    """All studies are due anew, and an extract changes its own in another order: by their trusts they take turns."""
    loaded(db)
    ingest_extract(db, Feed(), extract("A1", "A2"), NOW)
    urgent = replace(EXAMPLE_POLICY.priority("urgent"), target_hours=2)
    classes = tuple(urgent if item.code == "urgent" else item for item in EXAMPLE_POLICY.priorities)
    number = proposed(db, replace(EXAMPLE_POLICY, version="2", priorities=classes))
    early, late = numbers_of(db)

    def late_one(held: Session) -> None:
        lock_trust(held, "RVV")
        intake.see_studies(held, [late], batch_id=1, now=minutes(2))

    def early_one(held: Session) -> None:
        intake.see_studies(held, [early], batch_id=1, now=minutes(2))

    gets_through(db, lambda: approved(db, number), late_one, early_one)


def test_a_network_takes_its_trusts_in_the_order_of_their_codes(db: Database) -> None:
    """However they are written in its files: so does whoever approves a policy."""
    network = Network(trusts=(Trust(code="RWF", name="West"), Trust(code="RVV", name="East")))
    loaded(db, network)
    gets_through(
        db,
        lambda: load_network(db, network, minutes(1)),
        lambda held: lock_trust(held, "RVV"),
        lambda held: lock_trust(held, "RWF"),
    )


def test_a_run_is_made_while_somebody_decides_about_a_policy(db: Database) -> None:
    """It refers to the version in force, which stays as it is whatever is decided: nobody waits."""
    queued(db, "A1")
    rostered(db, session("S1"))
    with ThreadPoolExecutor(1) as thread, db.transaction() as deciding:
        policies.turn(deciding)
        run = thread.submit(run_allocation, db, minutes(1), solver=solving({"S1": ["A1"]}))
        assert run.result(PATIENCE_SECONDS).error == ""


def ask(held: Session) -> None:
    """Have the run that waits in hand, as whoever asks for one."""
    runs.request_run(held, now=minutes(8), reason="a feed changed")


def test_a_run_is_undone_while_somebody_asks_for_one(db: Database) -> None:
    """They have the run, and then take the change feed's turn: whoever undoes one takes the turn last too."""
    run_id = published_run(db)
    request_run(db, minutes(3), reason="changes")
    gets_through(db, lambda: undo_run(db, run_id, minutes(9), by=MANAGER, reason="the wrong one"), ask, take_turn)


def skilled(db: Database, level: int, at: float, draft_id: int | None = None) -> int:
    """Decide how well R1 knows what they report; return the decision's number."""
    said = Decision(trust="RVV", reason=WHY, draft_id=draft_id)
    return decide_skill(db, "R1", "neuro", "CT", level, minutes(at), by=MANAGER, said=said).id


def drafted(db: Database) -> tuple[int, int]:
    """Draft that A1 is R2's, and another level of R1's than is decided; return draft and decision."""
    morning(db)
    decided = skilled(db, 1, at=1)
    number, said = begun(db)
    pin_read(db, read_id(db, "A1"), "R2", minutes(2), by=MANAGER, said=said)
    skilled(db, 2, at=2, draft_id=number)
    return number, decided


def test_a_draft_is_published_while_a_decision_is_taken_back(db: Database) -> None:
    """Whoever takes it back has it, and then asks for a run: not until it has all decisions does the draft ask too."""
    number, decided = drafted(db)
    gets_through(db, lambda: published(db, number), lambda held: instructions.locked(held, decided), ask)


def test_a_draft_is_undone_while_a_new_read_is_opened(db: Database) -> None:
    """It came since the draft's reads were locked, and is locked with the lists: after it, and no sooner, the turn."""
    number, _ = drafted(db)
    published(db, number)
    with db.session() as reading:
        first = min(item.id for item in instructions.in_force(reading, minutes(6)) if item.draft_id == number)
    with ThreadPoolExecutor(1) as thread:
        with db.transaction() as opening:
            with db.transaction() as deciding:
                instructions.locked(deciding, first)
                undone = thread.submit(undo_draft, db, number, minutes(10), by=MANAGER, why="the wrong Tuesday")
                wait_until_somebody_waits(db)
                ingest_extract(db, Feed(), extract("A1", "A2", "A3", "B1", "N1", at=8), minutes(8))
                reads.locked_read(opening, read_id(db, "N1"))
            wait_until_somebody_waits(db)
            take_turn(opening)
        undone.result(PATIENCE_SECONDS)


def test_studies_opened_together_are_locked_in_the_order_of_their_reads(db: Database) -> None:
    """A study may have got its second read after the other study came."""
    queued(db, "A1", "A2")
    ingest_extract(db, Feed(), extract(incoming("A1", reads=2), "A2", at=1), minutes(1))
    first, second = numbers_of(db)
    both = Meant(accession_numbers=frozenset(Number(value=name, trust="RVV") for name in ("A1", "A2")))
    gets_through(
        db,
        lambda: open_in_viewer(db, "R1", both, minutes(2)),
        lambda held: reads.locked_places(held, [(second, 1)]),
        lambda held: reads.locked_places(held, [(first, 2)]),
    )


def test_what_gives_way_is_done_anew_if_it_was_taken_back(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it has happened then; it is of a later instant, for whoever it waited for has gone first."""
    monkeypatch.setattr(giving, "LONGEST_SECONDS", PATIENCE_SECONDS)
    queued(db, "A1", "A2")
    early, late = (read_id(db, number) for number in ("A1", "A2"))
    waits: list[timedelta] = []

    def publish(publishing: Session, waited: timedelta) -> None:
        waits.append(waited)
        # long enough that the other waits too when the server looks, and takes back whoever has begun to wait first
        publishing.connection().execute(text("SET LOCAL deadlock_timeout = '3s'"))
        reads.locked_read(publishing, early)
        reads.locked_read(publishing, late)

    def begin(held: Session) -> None:
        held.connection().execute(text("SET LOCAL deadlock_timeout = '1min'"))
        reads.locked_read(held, late)

    gets_through(db, lambda: give_way(db, publish), begin, lambda held: reads.locked_read(held, early))
    assert waits[0] == timedelta()
    assert len(waits) == 2
    assert waits[1] > timedelta()
