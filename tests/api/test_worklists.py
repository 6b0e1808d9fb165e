"""Worklists over the wire: in order, whole, and not sent again while they are what the caller has."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import NoReturn

import pytest
from sqlmodel import select

from balancer.domain.actor import Actor
from balancer.domain.network import Trust
from balancer.domain.outcome import Outcome
from balancer.domain.pacs_link import PacsLink
from balancer.domain.roster import ParsedRoster
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.end_instructions import end_instructions
from balancer.services.ingest_studies import ingest_extract
from balancer.services.load_network import load_network
from balancer.services.override_scope import Decision, decide_skill
from balancer.services.reopen_read import reopen_read
from balancer.services.run_allocation import run_allocation
from balancer.services.steer_read import Said, bar_reporter
from balancer.services.update_roster import update_roster
from balancer.store import worklists
from balancer.store.database import Database
from balancer.store.tables import EntitlementRow
from tests.access.doors import MANAGER_EAST, REPORTER, SYSTEM_EAST, Known
from tests.api.service import Service, problem
from tests.api.test_assignments import claim
from tests.instructed import MANAGER
from tests.networks import (
    PACS,
    TWO_FEEDS,
    WEST,
    Feed,
    Roster,
    extract,
    incoming,
    loaded,
    minutes,
    queued,
    read_id,
    rostered,
    solving,
)
from tests.services.test_provisional_reports import REGISTRAR, placed, reported
from tests.worlds import NOW, policy, priority, session


def test_a_worklist_lists_reads_in_the_order_they_should_be_read(allocated: Service) -> None:
    """Each read says where it stands, when, and what its trust calls study and patient."""
    found = allocated.ask("/worklists/R1")
    assert (found["reporter_id"], found["version"]) == ("R1", 1)
    assert [(item["place"], item["accession_number"]) for item in found["items"]] == [(1, "A1"), (2, "A2")]
    first = found["items"][0]
    assert (first["trust"], first["local_patient_id"], first["exam_name"]) == ("RVV", "H-A1", "CT head")
    assert (first["session_id"], first["position"], first["planned_start"]) == ("S1", 1, "2026-03-02T08:00:00Z")
    assert (first["session_start"], first["session_end"]) == ("2026-03-02T08:00:00Z", "2026-03-02T10:30:00Z")
    assert first["still_open"] is True


def test_a_read_says_why_it_is_mine(allocated: Service) -> None:
    """R1 knows neuro best, works where A1 was imaged, and reported its prior."""
    first, second = allocated.ask("/worklists/R1")["items"]
    assert first["why_mine"] == {
        "skill_level": 3,
        "home_trust": True,
        "reported_prior": True,
        "again": None,
        "read_before": False,
    }
    assert second["why_mine"]["reported_prior"] is False


def test_how_well_somebody_knows_a_read_is_what_their_manager_has_decided(allocated: Service, db: Database) -> None:
    """The network's own list says 3; whoever is sent home with nothing in their scope is told to return it."""
    first = allocated.get("/worklists/R1")
    said = Decision(trust="RVV", reason="not before the refresher", expires_at=minutes(30))
    decide_skill(db, "R1", "neuro", None, 0, minutes(1), by=MANAGER, said=said)
    decided = allocated.client.get("/api/v1/worklists/R1", headers={"If-None-Match": first.headers["etag"]})
    assert decided.status_code == 200
    assert [item["why_mine"]["skill_level"] for item in decided.json()["items"]] == [0, 0]
    assert "no longer in their scope" in allocated.client.get("/lists/R1").text
    allocated.clock.at = minutes(31)
    assert end_instructions(db, minutes(31)) == 1
    ended = allocated.client.get("/api/v1/worklists/R1", headers={"If-None-Match": decided.headers["etag"]})
    assert ended.status_code == 200
    assert [item["why_mine"]["skill_level"] for item in ended.json()["items"]] == [3, 3]


def test_what_is_read_again_says_so_and_who_read_it_before_is_told_that_they_did(
    allocated: Service, db: Database
) -> None:
    """Nobody else is told who that was."""
    read = read_id(db, "A1")
    complete_read(db, read, "R1", minutes(20), by=PACS)
    reopen_read(db, read, minutes(21), by=MANAGER, reason="an addendum is asked for")
    for session_id, whose, before in (("S1", "R1", True), ("S2", "R2", False)):
        if not before:
            bar_reporter(db, read, "R1", minutes(23), by=MANAGER, said=Said(reason="another pair of eyes"))
        others = {"S1": ["A2"]} if not before else {}
        plan = {session_id: ["A1", "A2"]} if before else {**others, session_id: ["A1"]}
        assert run_allocation(db, NOW, solver=solving(plan, {"A3": "deferred"})).error == ""
        item = next(one for one in allocated.ask(f"/worklists/{whose}")["items"] if one["accession_number"] == "A1")
        assert (item["why_mine"]["again"], item["why_mine"]["read_before"]) == ("reopened", before)
        assert "R1" not in json.dumps(item["why_mine"])


def test_somebody_with_nothing_to_read_has_an_empty_list(allocated: Service) -> None:
    """An empty list is an answer; no list at all would look like a fault."""
    assert allocated.ask("/worklists/R2")["items"] == []


def test_the_lists_in_figures_agree_with_the_lists(allocated: Service) -> None:
    """Whoever looks at the overview sees what the reporters see."""
    for summary in allocated.ask("/worklists")["items"]:
        items = allocated.ask(f"/worklists/{summary['reporter_id']}")["items"]
        assert summary["reads"] == len(items)
        assert summary["late_reads"] == sum(item["late"] for item in items)
        assert summary["first_start"] == (items[0]["planned_start"] if items else None)


def test_an_unchanged_list_is_not_sent_again(allocated: Service) -> None:
    """304 without a body, with the ETag, for as long as nothing in the list has changed."""
    first = allocated.get("/worklists/R1")
    again = allocated.client.get("/api/v1/worklists/R1", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    weak = allocated.client.get(
        "/api/v1/worklists/R1", headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'}
    )
    assert weak.status_code == 304


def test_another_list_is_sent_whole(allocated: Service, db: Database) -> None:
    """A new version has another ETag."""
    first = allocated.get("/worklists/R1")
    run_allocation(db, NOW, solver=solving({"S1": ["A2"], "S2": ["A1"]}, {"A3": "deferred"}))
    second = allocated.client.get("/api/v1/worklists/R1", headers={"If-None-Match": first.headers["etag"]})
    assert (second.status_code, second.json()["version"]) == (200, 2)


def test_a_study_that_its_source_no_longer_lists_changes_the_list_at_once(allocated: Service, db: Database) -> None:
    """The version is the same, but whoever holds the old copy is told: do not read this one."""
    first = allocated.get("/worklists/R1")
    rest = [incoming(f"B{number}") for number in range(30)]
    ingest_extract(db, Feed(), extract(incoming("A1", prior_reporter="R1"), incoming("A2"), *rest, at=3), minutes(3))
    ingest_extract(db, Feed(), extract(incoming("A2"), incoming("A3"), *rest, at=4), minutes(4))
    second = allocated.client.get("/api/v1/worklists/R1", headers={"If-None-Match": first.headers["etag"]})
    assert second.status_code == 200
    assert [item["still_open"] for item in second.json()["items"]] == [False, True]


def test_an_unknown_reporter_is_told_apart_from_one_without_a_list(service: Service, db: Database) -> None:
    """Both are 404; the words differ."""
    loaded(db)
    assert problem(service.get("/worklists/R9"), 404, "not-found")["detail"] == "there is no such reporter"
    without = problem(service.get("/worklists/R1"), 404, "not-found")["detail"]
    assert without == "no worklist has been published for this reporter yet"


def test_every_instant_is_in_utc_and_says_so(allocated: Service) -> None:
    """One way of writing them, in winter and in summer: no client has to guess an offset."""
    for path in ("/worklists", "/worklists/R1", "/studies", "/runs", "/feeds", "/reporters/R1/sessions", "/version"):
        instants = _INSTANT.findall(allocated.get(path).text)
        assert instants
        assert all(instant.endswith("Z") for instant in instants)


_INSTANT = re.compile(r'"(\d{4}-\d{2}-\d{2}T[^"]*)"')


def test_an_unchanged_list_is_known_to_be_so_without_making_it(
    allocated: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """304 costs no look at the list; and whoever wants it whole once more gets what was made before."""
    first = allocated.get("/worklists/R1")

    def made_again(*_: object) -> NoReturn:
        raise AssertionError

    monkeypatch.setattr(worklists, "worklist", made_again)
    headers = {"If-None-Match": first.headers["etag"]}
    assert allocated.client.get("/api/v1/worklists/R1", headers=headers).status_code == 304
    assert allocated.get("/worklists/R1").content == first.content


def _a_claim(db: Database) -> None:
    claim(db, "A2")


def _a_roster(db: Database) -> None:
    parsed = ParsedRoster(
        feed=Roster().name, digest="new", rows_read=1, covers_from=NOW.date(), covers_to=NOW.date(),
        sessions=(session("S1", "R1", hours=3),),
    )  # fmt: skip
    update_roster(db, Roster(), parsed, NOW)


def _a_name(db: Database) -> None:
    exams = [replace(exam, name=exam.name + " (new)") for exam in TWO_FEEDS.examinations]
    load_network(db, replace(TWO_FEEDS, examinations=exams), NOW)


def _a_site(db: Database) -> None:
    changed = extract(incoming("A1", prior_reporter="R1", site="K&C"), "A2", "A3", at=2)
    ingest_extract(db, Feed(), changed, minutes(2))


@pytest.mark.parametrize("change", [_a_claim, _a_roster, _a_name, _a_site])
def test_whatever_changes_what_a_list_shows_changes_its_etag(
    allocated: Service, db: Database, change: Callable[[Database], None]
) -> None:
    """A claim, the roster, the catalogue, the source's word on a study: none of them is a new version of the list."""
    first = allocated.get("/worklists/R1")
    change(db)
    again = allocated.client.get("/api/v1/worklists/R1", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 200
    assert again.json()["version"] == first.json()["version"]
    assert again.content != first.content


def test_a_claim_by_somebody_else_leaves_the_etag_of_other_lists(allocated: Service, db: Database) -> None:
    """Sixty reporters who claim all day must not make each other's lists be sent again."""
    headers = {"If-None-Match": allocated.get("/worklists/R2").headers["etag"]}
    claim(db, "A2")
    assert allocated.client.get("/api/v1/worklists/R2", headers=headers).status_code == 304


def test_a_read_says_where_the_patients_priors_are_and_what_opens_them(service: Service, db: Database) -> None:
    """By each trust's own template; a trust without one has no links."""
    trusts = [
        Trust(code="RVV", name="East", pacs_link=PacsLink("https://pacs.example/{trust}/{accession_number}")),
        Trust(code="RWF", name="West"),
    ]
    network = replace(TWO_FEEDS, trusts=trusts, policy=policy(priority("urgent")))
    queued(db, incoming("A 1", patient_id="P"))
    load_network(db, network, NOW)
    rostered(db, session("S1", "R1", hours=2.5))
    run_allocation(db, NOW, solver=solving({"S1": ["A 1"]}))
    prior = incoming("W1", trust="RWF", patient_id="P", acquired_at=minutes(-900))
    ingest_extract(db, WEST, extract(prior, feed=WEST.name), NOW)
    item = service.ask("/worklists/R1")["items"][0]
    assert item["pacs_link"] == "https://pacs.example/RVV/A%201"
    assert [(found["trust"], found["accession_number"], found["pacs_link"]) for found in item["priors"]] == [
        ("RWF", "W1", None)
    ]


@pytest.mark.parametrize("caller", [SYSTEM_EAST, MANAGER_EAST, REPORTER])
def test_priors_beyond_a_callers_reach_are_said_to_be_there_and_where(
    allocated: Service, db: Database, caller: Actor
) -> None:
    """Whoever reports without them must know that there are some to ask for, and where; nothing opens them."""
    patient = incoming("A1").patient_id
    prior = incoming("W1", trust="RWF", patient_id=patient, acquired_at=minutes(-900))
    ingest_extract(db, WEST, extract(prior, feed=WEST.name), NOW)
    with db.transaction() as writing:
        for row in writing.exec(select(EntitlementRow).where(EntitlementRow.trust == "RWF")):
            writing.delete(row)
    allocated.app.state.door = Known(caller)
    answer = allocated.get("/worklists/R1")
    item = answer.json()["items"][0]
    assert item["priors"] == []
    assert item["priors_beyond"] == [{"trust": "RWF", "modality": "CT", "acquired_at": "2026-03-01T17:00:00Z"}]
    assert "W1" not in answer.text


def test_a_prior_that_comes_to_light_changes_the_etag(allocated: Service, db: Database) -> None:
    """The other trust's feed brings the patient's study: the list that shows the patient is another list."""
    headers = {"If-None-Match": allocated.get("/worklists/R1").headers["etag"]}
    patient = incoming("A1").patient_id
    prior = incoming("W1", trust="RWF", patient_id=patient, acquired_at=minutes(-900))
    ingest_extract(db, WEST, extract(prior, feed=WEST.name), NOW)
    again = allocated.client.get("/api/v1/worklists/R1", headers=headers)
    assert again.status_code == 200
    assert [found["accession_number"] for found in again.json()["items"][0]["priors"]] == ["W1"]


def test_who_reads_a_prior_changes_no_list_that_shows_it_and_what_it_is_does(allocated: Service, db: Database) -> None:
    """Of a prior a list shows what the study says of itself; a plan that moves it makes nobody fetch theirs anew."""
    patient = incoming("A1").patient_id
    prior = incoming("W1", trust="RWF", patient_id=patient, acquired_at=minutes(-900))
    ingest_extract(db, WEST, extract(prior, feed=WEST.name), NOW)
    headers = {"If-None-Match": allocated.get("/worklists/R1").headers["etag"]}
    claim_read(db, read_id(db, "W1", trust="RWF"), "R2", NOW, by=PACS, heartbeats=False)
    assert allocated.client.get("/api/v1/worklists/R1", headers=headers).status_code == 304
    moved = replace(prior, acquired_at=minutes(-950))
    ingest_extract(db, WEST, extract(moved, feed=WEST.name, at=2), minutes(2))
    assert allocated.client.get("/api/v1/worklists/R1", headers=headers).status_code == 200


@pytest.mark.parametrize("withdrawn", [False, True])
def test_a_prior_that_is_said_to_be_another_patients_changes_the_etag(
    allocated: Service, db: Database, *, withdrawn: bool
) -> None:
    """Nobody compares with a stranger's images: not with a study that waits itself, nor with one that comes back."""
    rest = [incoming(f"W{number}", trust="RWF") for number in range(2, 32)]
    prior = incoming("W1", trust="RWF", patient_id=incoming("A1").patient_id, acquired_at=minutes(-900))
    ingest_extract(db, WEST, extract(prior, *rest, feed=WEST.name), NOW)
    if withdrawn:
        ingest_extract(db, WEST, extract(*rest, feed=WEST.name, at=1), minutes(1))
    first = allocated.get("/worklists/R1")
    assert [found["accession_number"] for found in first.json()["items"][0]["priors"]] == ["W1"]
    corrected = replace(prior, patient_id="p-somebody-else")
    ingest_extract(db, WEST, extract(corrected, *rest, feed=WEST.name, at=2), minutes(2))
    again = allocated.client.get("/api/v1/worklists/R1", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 200
    assert again.json()["items"][0]["priors"] == []


def test_a_patient_of_whom_nothing_is_on_a_list_changes_no_etag_by_losing_a_study(
    allocated: Service, db: Database
) -> None:
    """Only who shows the patient is told."""
    prior = incoming("W1", trust="RWF", patient_id="p-nobody-reads")
    ingest_extract(db, WEST, extract(prior, feed=WEST.name), NOW)
    headers = {"If-None-Match": allocated.get("/worklists/R1").headers["etag"]}
    corrected = replace(prior, patient_id="p-somebody-else")
    ingest_extract(db, WEST, extract(corrected, feed=WEST.name, at=2), minutes(2))
    assert allocated.client.get("/api/v1/worklists/R1", headers=headers).status_code == 304


def test_an_outcome_that_is_said_later_changes_the_etag_of_who_verifies(service: Service, db: Database) -> None:
    """A verifier who is not told what the report came to would agree to it unseen."""
    reported(db)
    placed(db, minutes(40))
    first = service.get("/worklists/R1")
    assert [found["outcome"] for found in first.json()["items"][0]["follows"]] == [None]
    complete_read(db, read_id(db, "A1"), "RG", minutes(50), by=REGISTRAR, outcome=Outcome.ABNORMAL)
    again = service.client.get("/api/v1/worklists/R1", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 200
    assert [found["outcome"] for found in again.json()["items"][0]["follows"]] == ["abnormal"]


def test_an_outcome_that_is_said_later_leaves_the_etag_of_who_reads_blind(service: Service, db: Database) -> None:
    """Not even that somebody has said what the other reading came to is told by a list that must not show it."""
    queued(db, incoming("A1", reads=2))
    rostered(db, session("S1", "R1", hours=2.5), session("S2", "R2", hours=2.5))
    assert run_allocation(db, NOW, solver=solving({"S1": ["A1"], "S2": ["A1#2"]})).error == ""
    complete_read(db, read_id(db, "A1"), "R1", minutes(10), by=PACS)
    headers = {"If-None-Match": service.get("/worklists/R2").headers["etag"]}
    complete_read(db, read_id(db, "A1"), "R1", minutes(20), by=PACS, outcome=Outcome.ABNORMAL)
    assert service.client.get("/api/v1/worklists/R2", headers=headers).status_code == 304


def test_loading_the_same_network_again_leaves_every_etag(allocated: Service, db: Database) -> None:
    """A service that starts again must not make everybody fetch their list anew."""
    network = replace(TWO_FEEDS, policy=policy(priority("urgent"), priority("emergency", target_hours=1)))
    load_network(db, network, NOW)
    headers = {"If-None-Match": allocated.get("/worklists/R1").headers["etag"]}
    load_network(db, network, minutes(1))
    assert allocated.client.get("/api/v1/worklists/R1", headers=headers).status_code == 304


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({}, ["R1", "R2"]),
        ({"home_trust": "RWF"}, ["R2"]),
        ({"home_trust": "RXX"}, []),
        ({"sort": "-reads"}, ["R1", "R2"]),
        ({"sort": "last_end"}, ["R2", "R1"]),
    ],
)
def test_lists_in_figures_can_be_filtered_and_sorted(allocated: Service, query: dict[str, str], ids: list[str]) -> None:
    """A manager of one trust looks for who has most, and for who has nothing left."""
    assert [item["reporter_id"] for item in allocated.ask("/worklists", **query)["items"]] == ids


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/worklists", {}),
        ("/worklists", {"sort": "-reads"}),
        ("/reporters", {}),
        ("/feeds", {}),
        ("/balance", {}),
    ],
)
def test_people_their_lists_and_trusts_can_be_had_in_pages(
    allocated: Service, path: str, query: dict[str, str]
) -> None:
    """Whoever says nothing of pages gets all at once."""
    whole = allocated.ask(path, **query)
    assert whole["next_cursor"] is None
    seen: list[object] = []
    cursor = None
    while cursor is not None or not seen:
        page = allocated.ask(path, limit=1, **query, **({"cursor": cursor} if cursor else {}))
        assert len(page["items"]) == 1
        seen += page["items"]
        cursor = page["next_cursor"]
    assert seen == whole["items"]
    assert len(seen) > 1


def test_an_order_that_there_is_not_is_refused(allocated: Service) -> None:
    """Rather than another order given in silence."""
    problem(allocated.get("/worklists", sort="reads"), 422, "invalid-value")
