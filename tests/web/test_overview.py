"""The overview, the list behind its numbers and search, without a script: who sees what, and that numbers agree."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

import pytest
from httpx2 import Response

from balancer.domain.actor import EVERY_TRUST, Grant, person
from balancer.domain.permission import Role
from balancer.domain.policy import PublishingRules, ReplanLimits
from balancer.domain.states import RunState
from balancer.services.complete_read import complete_read
from balancer.services.decide_policy import approve_policy
from balancer.services.ingest_studies import ingest_extract
from balancer.services.price_capacity import price_next
from balancer.services.propose_policy import propose_policy
from balancer.services.publish_held import publish_held
from balancer.services.run_allocation import run_allocation
from balancer.services.steer_read import Said, exclude_read
from balancer.services.undo_run import undo_run
from balancer.store import runs
from balancer.store.database import Database
from balancer.store.policies import current_policy
from tests.api.service import Service
from tests.networks import PACS, Feed, claimed, extract, incoming, minutes, queued, read_id, rostered, solving
from tests.services.test_price_capacity import allocate as short_of_neuro
from tests.services.test_see_unreported import to_be_verified
from tests.web.pages_served import service_with_sign_in
from tests.web.test_lists import ORIGIN, be
from tests.worlds import NOW, at, session

HTML = {"Accept": "text/html"}
BOSS = person("entra:7", "A. Manager", Grant(Role.MANAGER, EVERY_TRUST))


class Links(HTMLParser):
    """The links of a page's main part: (address, what is written on it)."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._open = ""
        self.feed(content.partition("<main")[2])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note where a link leads."""
        if tag == "a":
            self._open = dict(attrs).get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        """Note that it ends."""
        if tag == "a":
            self._open = ""

    def handle_data(self, data: str) -> None:
        """Note what is written on it."""
        if self._open:
            self.found.append((self._open, data.strip()))


def whole(service: Service, address: str) -> str:
    """Return a page."""
    answer = service.client.get(address, headers=HTML)
    assert answer.status_code == 200, answer.text
    return answer.text


def heading_of(content: str) -> str:
    """Return a page's heading."""
    found = re.search(r"<h1[^>]*>(.*?)</h1>", content, re.DOTALL)
    assert found is not None
    return unescape(found.group(1)).strip()


@pytest.fixture
def mixed(sqlite_db: Database) -> Service:
    """Return a service with one study of each fate: in time, planned late, without a place, late already."""
    queued(
        sqlite_db,
        incoming("A1", minutes=60, due_at=at(3)),
        incoming("A2", minutes=30, due_at=at(1)),
        incoming("A3", due_at=at(10), subspecialty="msk", modality="MR"),
        incoming("A4", due_at=at(-1), priority="emergency"),
    )
    rostered(sqlite_db, session("S1", "R1", hours=3), session("S2", "R2", hours=3))
    plan = solving({"S1": ["A1", "A2"]}, {"A3": "no_skilled_reporter", "A4": "deferred"})
    assert run_allocation(sqlite_db, NOW, solver=plan).error == ""
    return service_with_sign_in(sqlite_db)


def agreeing(service: Service) -> list[str]:
    """Return the lists behind the overview's numbers, having seen that each has as many studies as is written on it."""
    numbers = [(link, said) for link, said in Links(whole(service, "/")).found if said.replace(",", "").isdecimal()]
    lists = [(link, int(said.replace(",", ""))) for link, said in numbers if link.startswith("/studies")]
    for link, number in lists:
        said = heading_of(whole(service, link))
        assert said.startswith(f"{number:,} "), (link, number, said)
    return [link for link, _ in lists]


def held(service: Service, placed: Mapping[str, Sequence[str]], unallocated: Mapping[str, str]) -> None:
    """Let a plan wait to be published."""
    database = service.app.state.serving.database
    with database.session() as reading:
        holding = replace(current_policy(reading), publishing=PublishingRules(hold=True))
    number = propose_policy(database, holding, NOW, by=BOSS, author=BOSS.name, reason="the winter")
    approve_policy(database, number, NOW, by=BOSS, approver="Dr B. Approver", reason="agreed")
    assert run_allocation(database, NOW, solver=solving(placed, unallocated)).state is RunState.HELD


def test_every_number_that_is_a_link_is_the_count_of_its_list(mixed: Service) -> None:
    """Each link to studies that is written as a number leads to so many of them."""
    be(mixed, "manager@RVV")
    assert len(agreeing(mixed)) > 10


def test_so_is_every_number_of_a_plan_that_waits(mixed: Service) -> None:
    """Also where it makes a study late that the published plan does in time: here A1, and A2 no more."""
    be(mixed, "manager@RVV")
    held(mixed, {"S1": ["A2"]}, {"A1": "deferred", "A3": "no_skilled_reporter", "A4": "deferred"})
    links = agreeing(mixed)
    assert {f"/studies?within={hours}&plan=proposed" for hours in (4, 24, 72)} <= set(links)
    shown = whole(mixed, "/studies?within=24&plan=proposed")
    assert heading_of(shown) == "2 studies would become late within 24 h if the proposed plan were published"
    assert [number for number in ("A1", "A2", "A3", "A4") if f">{number}<" in shown] == ["A1", "A3"]


def test_the_overview_says_what_is_late_and_what_becomes_so(mixed: Service) -> None:
    """One is late, one becomes late within four hours, and why."""
    be(mixed, "manager@RVV")
    shown = whole(mixed, "/")
    assert heading_of(shown) == "1 study will become late by 12:00"
    assert "1 is late now. 2 more become late by tomorrow 08:00." in shown
    assert "Nobody has the skill" in shown
    assert "Not enough hours before it is due" in shown


def test_what_is_not_to_be_read_here_is_not_said_to_be_reported(mixed: Service) -> None:
    """It is counted beside the table, by what it is, and listed."""
    database = mixed.app.state.serving.database
    said = Said(reason="a duplicate")
    exclude_read(database, read_id(database, "A3"), NOW, by=BOSS, said=said, approver="Dr A")
    be(mixed, "manager@RVV")
    shown = whole(mixed, "/")
    assert "Reported here" not in shown
    assert 'Not to be read here: <a href="/studies?state=not_here">1</a>' in shown
    assert heading_of(whole(mixed, "/studies?state=not_here")) == "1 study is not to be read here"


@pytest.mark.parametrize(
    ("who", "where"),
    [("reporter:R1", "/my-list"), ("referrer@RVV", "/studies")],
)
def test_whoever_has_no_use_for_it_begins_where_theirs_is(mixed: Service, who: str, where: str) -> None:
    """A reporter at their list, a referrer at the studies."""
    be(mixed, who)
    assert mixed.client.get("/", headers=HTML, follow_redirects=False).headers["location"] == where


def test_an_administrator_sees_figures_and_no_list_of_patients(mixed: Service) -> None:
    """A number whose list they may not open is no link."""
    be(mixed, "administrator@RVV")
    links = [link for link, _ in Links(whole(mixed, "/")).found]
    assert not [link for link in links if link.startswith("/studies")]
    assert mixed.client.get("/studies", headers=HTML).status_code == 403


def test_a_manager_counts_their_own_trust_only(mixed: Service) -> None:
    """What another trust has is in no figure; that theirs has never delivered is said."""
    be(mixed, "manager@RWF")
    assert heading_of(whole(mixed, "/")) == "Nothing has been delivered yet"
    assert heading_of(whole(mixed, "/studies")) == "No studies are unreported"


def test_a_plan_that_waits_stands_beside_the_published_one(mixed: Service) -> None:
    """What publishing would make of each figure, and the list of it."""
    held(mixed, {"S1": ["A2", "A1"]}, {"A3": "no_skilled_reporter", "A4": "deferred"})
    shown = whole(mixed, "/")
    assert "The plan that waits cuts the 2 to" in shown
    assert "if you publish" in shown
    assert 'href="/allocation"' in shown
    assert heading_of(whole(mixed, "/studies?within=24&plan=proposed")).startswith("1 study would become late")


def test_cover_is_sought_for_what_the_plan_that_is_shown_lacks(sqlite_db: Database) -> None:
    """By the published plan half an hour of reading is late; by the one that waits an hour of other reading is."""
    queued(sqlite_db, incoming("A1", minutes=60, due_at=at(1.25)), incoming("A2", minutes=30, due_at=at(1)))
    rostered(sqlite_db, session("S1", "R1", hours=3))
    assert run_allocation(sqlite_db, NOW, solver=solving({"S1": ["A1", "A2"]})).error == ""
    service = service_with_sign_in(sqlite_db)
    be(service, "manager@RVV")
    with sqlite_db.session() as reading:
        productivity = current_policy(reading).default_productivity
    published = whole(service, "/")
    assert f"Find cover: {0.5 / productivity:,.1f} h short on Mon 2 Mar am" in published
    assert "Hours short are those of the plan in force" in published
    held(service, {"S1": ["A2", "A1"]}, {})
    proposed = whole(service, "/")
    assert f"Find cover: {1.0 / productivity:,.1f} h short on Mon 2 Mar am" in proposed
    assert "Hours short are those of the plan that waits" in proposed


def test_what_was_placed_is_of_then_and_what_has_no_place_a_list_of_now(mixed: Service) -> None:
    """Two of four had a place when the plan was made; the other two are listed."""
    be(mixed, "manager@RVV")
    shown = whole(mixed, "/")
    assert "2 of 4 when made" in shown
    (said,) = [said for link, said in Links(shown).found if link == "/studies?state=unallocated"]
    assert said == "2 studies are without one now"
    assert heading_of(whole(mixed, "/studies?state=unallocated")) == "2 studies have no place in the plan"


def test_what_is_said_to_stay_is_what_stays(mixed: Service) -> None:
    """A run may move everything but what is open; what happens between two runs, not the next few either."""
    be(mixed, "manager@RVV")
    database = mixed.app.state.serving.database
    assert "until the next run, everyone&#39;s next 3" in whole(mixed, "/")
    with database.session() as reading:
        none = replace(current_policy(reading), replan=ReplanLimits(protected_next=0))
    number = propose_policy(database, none, NOW, by=BOSS, author=BOSS.name, reason="the winter")
    approve_policy(database, number, NOW, by=BOSS, approver="Dr B. Approver", reason="agreed")
    shown = whole(mixed, "/")
    assert "what is open, with whoever opened it" in shown
    assert "until the next run" not in shown


def test_how_many_reads_the_plan_in_force_has_moved_is_the_count_of_its_moves(mixed: Service) -> None:
    """The first plan moves what it places: here A1 and A4."""
    be(mixed, "manager@RVV")
    link, said = next((link, said) for link, said in Links(whole(mixed, "/")).found if link.endswith("/moves"))
    rows = whole(mixed, link).partition("<tbody")[2].partition("</tbody>")[0]
    assert rows.count("<tr") == int(said) > 0


def test_lists_that_were_put_back_have_no_plan_of_their_own(mixed: Service) -> None:
    """An undo solves nothing: the card says what it is, and no figure that nobody has reckoned."""
    be(mixed, "manager@RVV")
    database = mixed.app.state.serving.database
    held(mixed, {"S1": ["A2"]}, {"A1": "deferred", "A3": "no_skilled_reporter", "A4": "deferred"})
    with database.session() as reading:
        waits = runs.newest_held(reading)
    assert waits is not None
    publish_held(database, waits.id or 0, minutes(2), by=BOSS, reason="looked through")
    assert "<dt>Moves</dt>" in whole(mixed, "/")
    undo_run(database, waits.id or 0, minutes(3), by=BOSS, reason="the wrong one")
    shown = whole(mixed, "/")
    assert "Lists as they were before what was undone" in shown
    assert "<dt>Moves</dt>" not in shown


def test_the_class_table_is_downloaded_whole(mixed: Service) -> None:
    """A row a class and one of totals, as numbers."""
    be(mixed, "manager@RVV")
    answer = mixed.client.get("/?as=csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [(row["class"], row["unreported"], row["late"]) for row in rows] == [
        ("Urgent", "3", "0"),
        ("Emergency", "1", "1"),
        ("All classes", "4", "1"),
    ]


def test_before_anything_is_loaded_it_says_so(sqlite_db: Database) -> None:
    """And what to do if it stays so."""
    service = service_with_sign_in(sqlite_db)
    assert heading_of(whole(service, "/")) == "Nothing has been loaded yet"


# --- the list ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "4 studies are unreported"),
        ("class=emergency&late=now", "1 emergency study is late"),
        ("within=4&trust=RVV", "1 study at East becomes late within 4 h"),
        ("state=unallocated", "2 studies have no place in the plan"),
        ("age=first&late=&within=", "3 studies are in the first half of their target"),
        ("subspecialty=msk", "1 MSK study is unreported"),
        ("state=reported", "No studies are reported here and not confirmed by their trusts"),
        ("due=2026-03-02am&late=planned", "1 study due Mon 2 Mar am becomes late by the published plan"),
        ("class=emergency&modality=MG", "No emergency MG studies are unreported"),
        ("exam=CTH&reporter=R1", "2 CT head studies with Dr R1 are unreported"),
        ("within=24&reason=no_capacity", "No studies become late within 24 h: no hours left in time"),
    ],
)
def test_the_heading_says_what_the_list_holds(mixed: Service, query: str, expected: str) -> None:
    """With the number first; an empty filter is none."""
    be(mixed, "manager@RVV")
    assert heading_of(whole(mixed, f"/studies?{query}")) == expected


def test_where_there_is_none_it_says_where_there_would_be(mixed: Service) -> None:
    """The other trusts, with their numbers."""
    assert "There is none at West. There are 4 at East." in whole(mixed, "/studies?trust=RWF")


def test_a_trust_out_of_reach_is_not_said_to_have_nothing(mixed: Service) -> None:
    """That nothing is shown of it does not mean that nothing is late there; and the filter says what is asked for."""
    be(mixed, "manager@RWF")
    shown = whole(mixed, "/studies?trust=RVV")
    assert heading_of(shown) == "You cannot see the studies of RVV"
    assert '<option value="RVV" selected>RVV</option>' in shown


@pytest.mark.parametrize("query", ["within=0", "within=73", "age=old", "due=someday", "state=lost", "plan=mine"])
def test_a_filter_that_means_nothing_is_refused(mixed: Service, query: str) -> None:
    """Not taken for none: a longer list than was asked for is no answer."""
    be(mixed, "manager@RVV")
    assert mixed.client.get(f"/studies?{query}", headers=HTML).status_code == 422


def test_a_download_has_every_study_of_the_filter(mixed: Service) -> None:
    """With accession numbers and instants."""
    be(mixed, "manager@RVV")
    answer = mixed.client.get("/studies?state=unallocated&as=csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [(row["accession"], row["due"]) for row in rows] == [
        ("A4", "2026-03-02T07:00+00:00"),
        ("A3", "2026-03-02T18:00+00:00"),
    ]


def test_a_study_whose_clock_has_stopped_is_shown_as_due_when_it_is_counted_as_due(sqlite_db: Database) -> None:
    """Its report waits to be verified: within sixty hours, and not within the three in which it was to be read."""
    queued(sqlite_db, incoming("A1", due_at=at(3)))
    number = read_id(sqlite_db, "A1")
    claimed(sqlite_db, "A1", "R1")
    complete_read(sqlite_db, number, "R1", at(1), by=PACS)
    to_be_verified(sqlite_db, "A1", 2)
    service = service_with_sign_in(sqlite_db)
    be(service, "operator")
    assert heading_of(whole(service, "/studies?within=4")).startswith("No stud")
    answer = service.client.get("/studies?as=csv")
    (row,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert row["due"].startswith("2026-03-04")


def test_many_studies_come_in_pages(sqlite_db: Database) -> None:
    """Nothing renders more rows than a person reads."""
    many = [incoming(f"A{number}", acquired_at=at(-number / 60)) for number in range(1, 121)]
    queued(sqlite_db, *many[:1])
    ingest_extract(sqlite_db, Feed(), extract(*many, at=1), NOW)
    service = service_with_sign_in(sqlite_db)
    be(service, "manager@RVV")
    first, last = whole(service, "/studies?sort=-waiting"), whole(service, "/studies?sort=-waiting&page=3")
    assert (first.count('<tr id="study-'), last.count('<tr id="study-')) == (50, 20)
    assert "A120" in first
    assert "A1<" in last


# --- search -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a3", "1 is called “a3”"), ("ct head", "1 is called “ct head”"), ("dr r1", "1 is called “dr r1”")],
)
def test_search_finds_studies_exams_and_reporters(mixed: Service, text: str, expected: str) -> None:
    """By accession number, by name of the examination, by name of the person."""
    be(mixed, "manager@RVV")
    found = mixed.client.post("/search", data={"text": text}, headers=ORIGIN)
    assert heading_of(found.text) == expected


def test_search_leads_to_what_is_known_of_somebody(mixed: Service) -> None:
    """Their page, which leads on to their list and their week."""
    be(mixed, "manager@RVV")
    assert 'href="/reporters/R1"' in mixed.client.post("/search", data={"text": "dr r1"}, headers=ORIGIN).text


def test_search_says_what_it_could_not_find_or_do(mixed: Service) -> None:
    """Nothing of that name; too few letters; nothing written."""
    be(mixed, "manager@RVV")
    for text, expected in (("zzz", "Nothing is called “zzz”"), ("z", "Find a study"), ("", "Find a study")):
        found = mixed.client.post("/search", data={"text": text}, headers=ORIGIN)
        assert heading_of(found.text).startswith(expected)


def test_search_shows_nobody_more_than_they_may_see(mixed: Service) -> None:
    """A referrer no reporters, another trust's manager no studies."""
    be(mixed, "referrer@RVV")
    assert "Reporters" not in mixed.client.post("/search", data={"text": "dr r1"}, headers=ORIGIN).text
    be(mixed, "manager@RWF")
    assert "Studies</h2>" not in mixed.client.post("/search", data={"text": "a3"}, headers=ORIGIN).text


def test_what_is_looked_for_is_never_in_an_address(mixed: Service) -> None:
    """It is sent as a form's body, wherever it is asked for."""
    be(mixed, "manager@RVV")
    for path in ("/", "/search"):
        assert '<form class="b-search" method="post"' in whole(mixed, "/")
        assert not re.search(r'<form[^>]*method="get"[^>]*action="/search"', whole(mixed, path))


# --- the other tables, as files ---------------------------------------------------------------------------------------


def file_of(answer: Response) -> list[dict[str, str]]:
    """Return what a file holds."""
    assert "attachment" in answer.headers["content-disposition"], answer.text
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def test_why_studies_become_late_is_a_file(mixed: Service) -> None:
    """Each reason with its number and its remedy, as the page has them."""
    be(mixed, "manager@RVV")
    assert "/?of=causes&amp;as=csv" in whole(mixed, "/")
    assert mixed.client.get("/?of=causes&as=xlsx").content[:2] == b"PK"
    found = file_of(mixed.client.get("/?of=causes&as=csv"))
    assert {(row["late"], row["subspecialty"]) for row in found} == {("1", "Neuro"), ("1", "MSK")}
    assert all(row["why"] for row in found)
    be(mixed, "manager@RWF")
    assert file_of(mixed.client.get("/?of=causes&as=csv")) == []


def test_how_many_become_late_by_when_is_a_file(mixed: Service) -> None:
    """With instants; of a plan that waits only while one does."""
    be(mixed, "manager@RVV")
    assert "/?of=forecast&amp;as=csv" in whole(mixed, "/")
    found = file_of(mixed.client.get("/?of=forecast&as=csv"))
    by = {row["hours"]: (row["by"], row["published"]) for row in found}
    assert by["4"] == ("2026-03-02T12:00+00:00", "1")
    assert "if_published" not in found[0]
    held(mixed, {"S1": ["A1"], "S2": ["A2"]}, {"A3": "no_skilled_reporter", "A4": "deferred"})
    assert all(row["if_published"] for row in file_of(mixed.client.get("/?of=forecast&as=csv")))


def test_what_is_scarce_is_a_file(sqlite_db: Database) -> None:
    """When, and what one more hour would save; before it is worked out the page leads to none."""
    short_of_neuro(sqlite_db)
    service = service_with_sign_in(sqlite_db)
    be(service, "operator")
    assert "/?of=scarce" not in whole(service, "/")
    assert file_of(service.client.get("/?of=scarce&as=csv")) == []
    assert price_next(sqlite_db, NOW) is not None
    assert "/?of=scarce&amp;as=csv" in whole(service, "/")
    assert service.client.get("/?of=scarce&as=xlsx").content[:2] == b"PK"
    found = file_of(service.client.get("/?of=scarce&as=csv"))
    assert found
    assert all(row["subspecialty"] == "Neuro" and row["ends"].endswith("+00:00") for row in found)
    assert all(float(row["points"]) > 0 for row in found)


def test_hours_spare_or_short_are_a_file(mixed: Service) -> None:
    """A row for each half-day of each subspecialty: what is rostered, spare and short, and what becomes late then."""
    be(mixed, "manager@RVV")
    assert "/?of=hours&amp;as=csv" in whole(mixed, "/")
    assert mixed.client.get("/?of=hours&as=xlsx").content[:2] == b"PK"
    found = file_of(mixed.client.get("/?of=hours&as=csv"))
    shown = re.findall(r'class="b-room__cell', whole(mixed, "/"))
    assert len(found) == len(shown) > 0
    assert [row["half"] for row in found[:2]] == ["am", "pm"]
    assert found[0]["begins"].startswith(found[0]["day"])
    short = {(row["subspecialty"], row["late"]) for row in found if float(row["short"])}
    assert short == {("Neuro", "1"), ("MSK", "1")}
    assert all(float(row["spare"]) <= float(row["rostered"]) for row in found)


def looked_for(service: Service, text: str, part: str, medium: str = "csv") -> Response:
    """Ask for what is called so as a file."""
    return service.client.post(f"/search?of={part}&as={medium}", data={"text": text}, headers=ORIGIN)


def test_what_was_found_is_a_file_and_is_asked_for_in_the_body(mixed: Service) -> None:
    """Studies with accession numbers, reporters, exams; what was looked for stands in no address."""
    be(mixed, "manager@RVV")
    shown = mixed.client.post("/search", data={"text": "a3"}, headers=ORIGIN).text
    assert 'formaction="/search?of=studies&amp;as=csv"' in shown
    assert not re.search(r'(?:action|href)="[^"]*a3', shown)
    assert looked_for(mixed, "a3", "studies", "xlsx").content[:2] == b"PK"
    (study,) = file_of(looked_for(mixed, "a3", "studies"))
    assert (study["accession"], study["due"]) == ("A3", "2026-03-02T18:00+00:00")
    assert [row["number"] for row in file_of(looked_for(mixed, "dr r1", "reporters"))] == ["R1"]
    assert [row["exam"] for row in file_of(looked_for(mixed, "ct head", "exams"))] == ["CT head"]
    assert looked_for(mixed, "a", "studies").status_code == 422


def test_what_was_found_is_no_file_for_whoever_may_not_see_it(mixed: Service) -> None:
    """A referrer no reporters, another trust's manager no studies."""
    be(mixed, "referrer@RVV")
    assert looked_for(mixed, "dr r1", "reporters").status_code == 403
    be(mixed, "manager@RWF")
    assert file_of(looked_for(mixed, "a3", "studies")) == []


def test_a_file_of_what_was_found_has_all_of_it(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page shows twenty, and a file is read in pieces."""
    queued(sqlite_db, *(incoming(f"ACC{number:02}") for number in range(25)))
    monkeypatch.setattr("balancer.web.search_routes.MOST_ITEMS", 10)
    service = service_with_sign_in(sqlite_db)
    be(service, "operator")
    shown = service.client.post("/search", data={"text": "acc"}, headers=ORIGIN).text
    assert shown.count('id="study-') == 20
    assert "Download all 25" in shown
    found = [row["accession"] for row in file_of(looked_for(service, "acc", "studies"))]
    assert sorted(found) == [f"ACC{number:02}" for number in range(25)]
