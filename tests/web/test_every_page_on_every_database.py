"""What is SQL to SQLite need not be SQL to PostgreSQL: every page is asked for on both, whole, filtered and sorted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from balancer.domain.exceptional import ExceptionKind
from balancer.ingest.network_folder import read_network
from balancer.services.ingest_studies import ingest_extract
from balancer.services.publish_held import publish_held
from balancer.services.undo_run import undo_run
from balancer.store import exceptions
from balancer.store.database import Database
from balancer.store.tables import StudyRow
from balancer.store.tables_life import ReadRow
from tests.api.service import Service
from tests.kent import kent
from tests.networks import Feed, bad_row, claimed, extract, minutes, read_id, solving
from tests.services.test_held_runs import MANAGER, STUDIES, arrived, held_run, holding
from tests.web.addresses import Known, addresses
from tests.web.pages_served import service_with_sign_in
from tests.web.test_lists import ORIGIN, be
from tests.worlds import NOW

# A1 and A2 were R1's and A3 R2's: A3 goes to R1, A1 stays, A2 finds no place.
WAITS = solving({"S1": ["A1", "A3"]}, {"A2": "deferred"})


def busy(db: Database, folder: Path) -> Service:
    """Return a service on which a plan waits, a read is open, a row is in quarantine and somebody must look."""
    holding(db)
    ingest_extract(db, Feed(), extract(*STUDIES, at=1, quarantined=[bad_row("B9", NHS="999 123 4567")]), NOW)
    held_run(db, WAITS)
    claimed(db, "A3", "R2")
    with db.transaction() as session:
        read = session.get_one(ReadRow, read_id(db, "A2"))
        study = session.get_one(StudyRow, read.study_id)
        exceptions.open_exception(session, ExceptionKind.NOT_BACK, read.id or 0, study, by=MANAGER, now=NOW)
    service, network = service_with_sign_in(db), read_network(folder)
    service.app.state.serving = replace(service.app.state.serving, read_network=lambda: network)
    service.clock.at = minutes(2)
    be(service, "operator")
    return service


def pages(db: Database) -> Iterator[str]:
    """Yield the addresses of every page, and of what its filters ask for."""
    with db.session() as session:
        study = session.get_one(ReadRow, read_id(db, "A1")).study_id
    known = Known(
        trust="RVV",
        subspecialty="neuro",
        reporter_id="R1",
        feed="RVV unreported",
        day="2026-03-02",
        study=study,
        run=1,
        proposed=2,
        draft=1,
        quarantined=1,
        exception=1,
        policies=(1, 2),
    )
    return addresses(known)


def test_every_page_is_there_on_every_database(db: Database, tmp_path: Path) -> None:
    """An absence is staged, a study looked for and an explanation asked for, so that their pages are not empty."""
    service = busy(db, kent(tmp_path))
    staged(db, service)
    assert "A1" in service.client.post("/search", data={"text": "A1"}, headers=ORIGIN).text
    assert failing(service, pages(db)) == {}


def test_every_page_and_every_question_is_answered_after_an_undo(db: Database, tmp_path: Path) -> None:
    """Lists were put back, and there is what no run has seen: each of its fates is one that pages and API know."""
    service = busy(db, kent(tmp_path))
    staged(db, service)
    arrived(db, at_minute=3)
    run_id = held_run(db, solving({"S1": ["A1"], "S2": ["A3", "E1"]}, {"A2": "deferred"}), at_minute=4)
    publish_held(db, run_id, minutes(5), by=MANAGER, reason="looked through")
    arrived(db, "A9", at_minute=6)
    undo_run(db, run_id, minutes(7), by=MANAGER, reason="the wrong one")
    service.clock.at = minutes(8)
    assert failing(service, pages(db)) == {}
    asked = [path for path, ways in service.app.openapi()["paths"].items() if "get" in ways and "{" not in path]
    assert len(asked) > 20
    assert failing(service, asked) == {"/api/v1/assignments": 422}  # whose, it must be said


def staged(db: Database, service: Service) -> None:
    """Stage an absence and ask for an explanation."""
    away = {"begins": "2026-03-02T13:00", "until": "2026-03-03"}
    said = [service.client.post("/reporters/R2/away", data=away, headers=ORIGIN, follow_redirects=False)]
    why = next(address for address in pages(db) if address.endswith("/why"))
    said.append(service.client.post(why, headers=ORIGIN, follow_redirects=False))
    assert [answer.status_code for answer in said] == [303, 303]


def failing(service: Service, addresses: Iterable[str]) -> dict[str, int]:
    """Return what does not answer as it should, with how it does."""
    answers = {address: service.client.get(address).status_code for address in addresses}
    return {address: status for address, status in answers.items() if status != 200}
