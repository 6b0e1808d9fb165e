"""The pages without a script: what they show to whom, and that every button works."""

from __future__ import annotations

import csv
import io
import time
from datetime import timedelta

import pytest
from httpx2 import Response
from sqlmodel import col, delete, update

from balancer.services.ingest_studies import ingest_extract
from balancer.store.tables import EntitlementRow, StudyRow
from balancer.web import lists
from tests.access.doors import REPORTER, KnownOnce
from tests.api.service import Service
from tests.networks import WEST, extract, incoming, minutes
from tests.patience import PATIENCE_SECONDS
from tests.worlds import NOW

ORIGIN = {"Origin": "http://testserver"}
PART = {"HX-Request": "true", **ORIGIN}


def be(service: Service, who: str) -> None:
    """Sign in."""
    assert service.client.post("/sign-in", data={"who": who}, headers=ORIGIN, follow_redirects=False).status_code == 303


def reads(service: Service) -> list[int]:
    """Return R1's reads, in order."""
    return [item["read_id"] for item in service.ask("/worklists/R1")["items"]]


def act(service: Service, read_id: int, verb: str, **form: str) -> Response:
    """Press a button."""
    return service.client.post(f"/lists/R1/reads/{read_id}/{verb}", data=form, headers=ORIGIN, follow_redirects=False)


def test_a_reporter_gets_their_own_list_and_a_manager_everybodys(service: Service) -> None:
    """One address for both."""
    be(service, "reporter:R1")
    assert service.client.get("/my-list", follow_redirects=False).headers["location"] == "/lists/R1"
    be(service, "manager@RVV")
    assert service.client.get("/my-list", follow_redirects=False).headers["location"] == "/lists"
    assert "/lists/R1" in service.client.get("/lists").text


def test_what_is_late_and_what_becomes_so_by_the_plan_are_two_things(service: Service) -> None:
    """What is late is so whether it waits or is open; that the rest is on time is said only of what is planned so."""
    be(service, "reporter:R1")
    assert "Nothing of yours is late." in service.client.get("/lists/R1").text
    due = service.clock.at + timedelta(minutes=1)
    with service.app.state.serving.database.transaction() as session:
        session.exec(update(StudyRow).values(due_at=due))
    assert "Nothing of yours is late; 2 become late by the plan." in service.client.get("/lists/R1").text
    act(service, reads(service)[0], "open")
    service.clock.at = due + timedelta(minutes=1)
    assert "2 reads are late, the rest are on time." in service.client.get("/lists/R1").text
    be(service, "manager@RVV")
    service.clock.at = due - timedelta(minutes=1)
    assert "Nothing of it is late" in service.client.get("/lists/R1").text


def test_a_prior_that_cannot_be_looked_into_is_said_to_be_there(service: Service) -> None:
    """`None known` would be taken for none: whoever reads without it is to ask for it first."""
    prior = incoming("W1", trust="RWF", patient_id=incoming("A1").patient_id, acquired_at=minutes(-900))
    database = service.app.state.serving.database
    ingest_extract(database, WEST, extract(prior, feed=WEST.name), NOW)
    with database.transaction() as session:
        session.exec(delete(EntitlementRow).where(col(EntitlementRow.trust) == "RWF"))
    be(service, "reporter:R1")
    shown = service.client.get("/lists/R1").text
    assert "1 at West, not reachable: ask there" in shown
    assert "W1" not in shown


def test_whoever_only_looks_has_no_buttons(service: Service) -> None:
    """A manager sees a list; what its reporter does is the reporter's to do."""
    be(service, "manager@RVV")
    shown = service.client.get("/lists/R1").text
    assert "to look at" in shown
    assert "Why theirs" in shown
    assert "They are a" in shown or "They report" in shown
    assert "Why yours" not in shown
    assert "/reads/" not in shown


def test_every_button_works_without_a_script(service: Service) -> None:
    """Open, complete, open, release, return: each comes back to the list."""
    be(service, "reporter:R1")
    first, second = reads(service)
    for read_id, verb in ((first, "open"), (first, "complete"), (second, "open"), (second, "release")):
        answer = act(service, read_id, verb)
        assert (answer.status_code, answer.headers["location"]) == (303, "/lists/R1")
    assert act(service, second, "return", reason="no_time").status_code == 303
    assert "You are done" in service.client.get("/lists/R1").text


def test_a_return_needs_a_reason(service: Service) -> None:
    """One of the six."""
    be(service, "reporter:R1")
    assert act(service, reads(service)[0], "return").status_code == 422


def test_what_somebody_else_has_open_is_refused_and_says_who(service: Service) -> None:
    """As a page, and as a part of one that is open: there it is no error, and says that nothing was done."""
    first = reads(service)[0]
    assert service.post(f"/reads/{first}/claim", {"reporter_id": "R2"}).status_code == 200
    be(service, "reporter:R1")
    whole = act(service, first, "open")
    assert whole.status_code == 409
    assert "opened it before you" in whole.text
    part = service.client.post(f"/lists/R1/reads/{first}/open", headers=PART)
    assert (part.status_code, part.headers["X-Refused"]) == (200, "1")
    assert "<html" not in part.text


def test_a_heartbeat_keeps_the_claim(service: Service) -> None:
    """And says nothing as long as there is nothing to say."""
    be(service, "reporter:R1")
    first = reads(service)[0]
    act(service, first, "open")
    kept = service.client.post(f"/lists/R1/reads/{first}/heartbeat", headers=PART)
    assert kept.status_code == 204
    assert "X-Refused" not in kept.headers


def test_a_heartbeat_of_a_claim_that_has_ended_is_told_to_look(service: Service) -> None:
    """The page shows what became of the read: to have asked is no error."""
    be(service, "reporter:R1")
    first = reads(service)[0]
    act(service, first, "open")
    act(service, first, "release")
    kept = service.client.post(f"/lists/R1/reads/{first}/heartbeat", headers=PART)
    assert (kept.status_code, kept.headers["X-Refused"]) == (204, "1")


@pytest.mark.parametrize("path", ["/lists/R2", "/lists/R2/events"])
def test_another_reporters_list_is_not_shown(service: Service, path: str) -> None:
    """Nor its news."""
    be(service, "reporter:R1")
    assert service.client.get(path).status_code == 403


def test_whoever_may_no_longer_see_a_list_follows_none(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked again once a minute: a page that is left open tells nothing after its owner has signed out."""
    monkeypatch.setattr(lists, "_ASKED_EVERY_SECONDS", 0.0)
    service.app.state.door = KnownOnce(REPORTER)
    began = time.monotonic()
    told = service.client.get("/lists/R1/events", params={"wait": PATIENCE_SECONDS})
    assert told.text.count("event: list") == 1
    assert time.monotonic() - began < PATIENCE_SECONDS


def test_what_a_source_says_is_never_markup(service: Service) -> None:
    """Everything is escaped, whatever a feed calls an examination."""
    from sqlmodel import update  # noqa: PLC0415

    from balancer.store.tables import ExaminationRow  # noqa: PLC0415

    database = service.app.state.serving.database
    with database.transaction() as session:
        session.exec(update(ExaminationRow).values(name="<script>alert(1)</script>"))
    be(service, "reporter:R1")
    shown = service.client.get("/lists/R1").text
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert" in shown


def test_files_are_kept_by_their_digest_and_asked_about_otherwise(service: Service) -> None:
    """A new version of a page never runs with an old version of its script."""
    kept = service.client.get("/assets/pages.css?v=1").headers["cache-control"]
    asked = service.client.get("/assets/pages.css").headers["cache-control"]
    assert ("immutable" in kept, asked) == (True, "no-cache")


def test_what_they_have_open_is_shown_wherever_it_stands(service: Service) -> None:
    """A read that a manager has given them, and stands on nobody's list of theirs, is theirs to work."""
    first = reads(service)[0]
    assert service.post(f"/reads/{first}/claim", {"reporter_id": "R2"}).status_code == 200
    be(service, "reporter:R2")
    shown = service.client.get("/lists/R2").text
    assert f'data-open data-state="open" data-read="{first}"' in shown
    done = service.client.post(f"/lists/R2/reads/{first}/complete", headers=ORIGIN, follow_redirects=False)
    assert done.status_code == 303


def test_what_they_may_not_report_keeps_nobody_from_the_next(service: Service) -> None:
    """A read that they are barred from is not offered, and the one after it is."""
    first, second = reads(service)
    barred = {"reporter_id": "R1", "reason": "knows the patient"}
    assert service.post(f"/reads/{first}/bar", barred).status_code in {200, 201}
    be(service, "reporter:R1")
    offered = service.client.get("/lists/R1").text
    assert f'/reads/{second}/open"' in offered
    assert f'/reads/{first}/open"' not in offered


def test_every_list_is_downloaded_as_it_is_shown(service: Service) -> None:
    """In the order that is shown, as CSV and as a workbook."""
    be(service, "manager@RVV")
    assert "R1" in service.client.get("/lists?sort=-late").text
    found = service.client.get("/lists?sort=-late&as=csv")
    assert found.text.lstrip("\ufeff").splitlines()[0] == "reporter,trust,reads,late,first_start,last_end,version"
    assert "attachment" in found.headers["content-disposition"]
    assert service.client.get("/lists?as=xlsx").content[:2] == b"PK"


def test_one_list_is_taken_away_whole_by_whoever_may_see_it(service: Service) -> None:
    """In its order, with accession numbers, when each is due and who has what open."""
    be(service, "reporter:R1")
    act(service, reads(service)[0], "open")
    be(service, "manager@RVV")
    assert "/lists/R1?as=csv" in service.client.get("/lists/R1").text
    found = list(csv.DictReader(io.StringIO(service.client.get("/lists/R1?as=csv").text.lstrip("\ufeff"))))
    assert [(row["place"], row["state"], row["accession"]) for row in found] == [
        ("1", "open", "A1"),
        ("2", "next", "A2"),
    ]
    assert all(row["due"].endswith("+00:00") for row in found)
    be(service, "reporter:R2")
    assert service.client.get("/lists/R1?as=csv").status_code == 403


def test_a_section_stands_in_the_header_of_whoever_may_open_it(service: Service) -> None:
    """Nobody is led to what they would be refused."""
    be(service, "reporter:R1")
    assert 'data-go="w"' not in service.client.get("/lists/R1").text
    be(service, "manager@RVV")
    shown = service.client.get("/lists").text
    assert 'data-go="w" aria-current="page"' in shown
    assert 'data-go="m"' not in shown
