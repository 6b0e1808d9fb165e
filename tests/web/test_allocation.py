"""The allocation's pages without a script: who sees them, that figures agree with their lists, and what can be done."""

from __future__ import annotations

import csv
import io
import re
from html import unescape

import pytest
from httpx2 import Response

from balancer.scheduler.solving import DONE, preview_all
from balancer.services.run_allocation import run_allocation
from balancer.store.database import Database
from tests.api.service import Service
from tests.networks import incoming, minutes, queued, solving
from tests.services.test_held_runs import held_run, holding, lists
from tests.web.pages_served import service_with_sign_in
from tests.web.test_lists import ORIGIN, be

EVERYBODY = "operator"
# A1 and A2 were R1's and A3 R2's: A3 goes to R1, and A2 finds no place.
MOVING = solving({"S1": ["A1", "A3"]}, {"A2": "deferred"})


@pytest.fixture
def service(sqlite_db: Database) -> Service:
    """Return a service on a small network, a plan of which waits."""
    holding(sqlite_db)
    held_run(sqlite_db, MOVING)
    service = service_with_sign_in(sqlite_db)
    service.clock.at = minutes(2)
    be(service, EVERYBODY)
    return service


def page(service: Service, path: str) -> str:
    """Return a page."""
    answer = service.client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def rows(service: Service, path: str) -> list[dict[str, str]]:
    """Return a table as its download has it."""
    answer = service.client.get(path)
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def act(service: Service, verb: str, run_id: int = 2, reason: str = "looked through") -> Response:
    """Press a button."""
    return service.client.post(
        f"/allocation/runs/{run_id}/{verb}", data={"reason": reason}, headers=ORIGIN, follow_redirects=False
    )


def test_every_figure_agrees_with_the_list_behind_it(service: Service) -> None:
    """What becomes late, what has no place, and the moves, in both plans."""
    shown = unescape(page(service, "/allocation"))
    found = set(re.findall(r'href="(/allocation/(?:late|unallocated|moves)[^"]*)">([0-9,]+)</a>', shown))
    assert {path for path, _ in found} >= {
        "/allocation/late?within=24&plan=published",
        "/allocation/late?within=24&plan=proposed",
        "/allocation/unallocated?plan=published",
        "/allocation/unallocated?plan=proposed",
        "/allocation/unallocated?reason=deferred",
        "/allocation/moves",
    }
    for path, count in found:
        listed = rows(service, f"{path}{'&' if '?' in path else '?'}as=csv")
        assert len(listed) == int(count.replace(",", "")), path


def test_what_publishing_would_make_worse_is_marked(service: Service) -> None:
    """By shape, colour and words, beside the button that would do it."""
    shown = page(service, "/allocation")
    assert re.search(r'b-left--late"><svg class="b-mark b-mark--warning".*?</svg>1 more</span>', shown)


def test_moves_say_from_whom_to_whom_and_what_for(service: Service) -> None:
    """As a table that can be downloaded."""
    moves = rows(service, "/allocation/moves?as=csv")
    assert {(row["accession"], row["from"], row["to"]) for row in moves} == {
        ("A3", "Dr R2", "Dr R1"),
        ("A2", "Dr R1", "nobody"),
    }
    assert all(row["gain"] and row["points"] for row in moves)


def test_the_table_has_the_rows_of_the_chart(service: Service) -> None:
    """With how full a day is, and was."""
    found = {row["reporter"]: row for row in rows(service, "/allocation/table?as=csv")}
    assert {name: (row["reads"], row["moves_in"], row["moves_out"]) for name, row in found.items()} == {
        "Dr R1": ("2", "1", "1"),
        "Dr R2": ("0", "0", "1"),
    }
    chart = page(service, "/allocation")
    assert all(name in chart for name in found)


@pytest.mark.parametrize("form", ["/allocation", "/allocation/table"])
def test_each_count_of_a_day_opens_what_it_counts(service: Service, form: str) -> None:
    """What comes to somebody and what leaves them: as many moves as the chart and the table say, with a heading."""
    found = set(
        re.findall(r'href="(/allocation/moves\?reporter[^"]*)">[^0-9<]*([0-9]+)', unescape(page(service, form)))
    )
    assert {(path.split("way=")[1], count) for path, count in found} == {("in", "1"), ("out", "1")}
    assert len(found) == 3
    for path, count in found:
        assert len(rows(service, f"{path}&as=csv")) == int(count)
    to = "/allocation/moves?reporter=R1&day=2026-03-02&way=in"
    assert "1 read moves to Dr R1 on Mon 2 March if the plan is published" in page(service, to)
    assert [(row["accession"], row["to"]) for row in rows(service, f"{to}&as=csv")] == [("A3", "Dr R1")]
    assert rows(service, f"{to.replace('03-02', '03-03')}&as=csv") == []


def test_what_changes_hands_is_a_list_of_as_many(service: Service) -> None:
    """Of the moves, those of reads that somebody has."""
    (count,) = re.findall(r'href="/allocation/moves\?had=true">([0-9]+)</a>', page(service, "/allocation"))
    assert len(rows(service, "/allocation/moves?had=true&as=csv")) == int(count)


def test_a_heading_of_moves_counts_those_that_are_listed(service: Service) -> None:
    """Whatever is filtered by."""
    assert "1 read moves to or away from Dr R2" in page(service, "/allocation/moves?reporter=R2")
    assert re.search(r"No reads of \w+ move if the plan", page(service, "/allocation/moves?trust=RWF"))


def test_counts_of_the_table_open_the_reads_of_a_class_and_those_that_are_late(service: Service) -> None:
    """Beside the row, with as many in the heading; what is late is so by the plan that is looked at."""
    shown = unescape(page(service, "/allocation/table"))
    counted = re.findall(r'href="([^"]*open=R1&only=([a-z]+)#opened)">([0-9]+)</a>', shown)
    assert counted
    for path, only, count in counted:
        opened = page(service, path.split("#", maxsplit=1)[0])
        assert re.search(rf'id="opened-heading">Dr R1: {count} reads? (of class|due before)', opened), only


def test_points_of_a_move_say_what_they_are_made_of(service: Service) -> None:
    """And the parts add up to them."""
    for row in rows(service, "/allocation/moves?as=csv"):
        parts = [
            float(said.replace("\u2212", "-")) for said in re.findall(r"[+\u2212][0-9,.]+\d", row["points_made_of"])
        ]
        assert sum(parts) == pytest.approx(float(row["points"]), abs=0.2)


def test_a_filter_says_where_there_is_nothing(service: Service) -> None:
    """And leads back."""
    assert "Dr R2" in page(service, "/allocation?q=r2+neuro")
    nothing = page(service, "/allocation?q=nobody+like+this")
    assert "Nobody who reads on this day has" in nothing
    assert "Show all" in nothing


def test_opening_a_block_shows_its_reads(service: Service) -> None:
    """With where each came from."""
    shown = page(service, "/allocation?open=R1")
    assert "from Dr R2" in shown
    assert "A3" in shown


def test_what_a_draft_costs_is_told_by_term(service: Service) -> None:
    """With the page that the cost opens; the changes add up to it."""
    sent = {"read": ["1"], "reason": "seen by the same team"}
    moved = re.findall(r'name="read" value="([0-9]+)"', page(service, "/allocation/moves"))
    service.client.post("/allocation/moves/leave-out", data={**sent, "read": moved[:1]}, headers=ORIGIN)
    database = service.app.state.serving.database
    assert preview_all(database, service.clock) == DONE
    shown = unescape(page(service, "/drafts/1"))
    (more,) = re.findall(r'href="/drafts/1/cost"[^>]*>([+\u2212][0-9,.]+) points', shown)
    *terms, total = rows(service, "/drafts/1/cost?as=csv")
    assert total["term"] == "Total"
    assert float(total["change"]) == pytest.approx(float(more.replace("\u2212", "-").replace(",", "")), abs=0.1)
    assert sum(float(term["change"]) for term in terms) == pytest.approx(float(total["change"]), abs=0.4)
    assert "A point is one hour late" in page(service, "/drafts/1/cost")


def test_a_plan_is_published_and_taken_back(service: Service) -> None:
    """With a reason; the page says what was done."""
    database = service.app.state.serving.database
    assert act(service, "publish", reason="").status_code == 422
    done = act(service, "publish")
    assert (done.status_code, done.headers["location"]) == (303, "/allocation?done=published")
    assert lists(database)["R1"][1] == ["A1", "A3"]
    shown = page(service, "/allocation?done=published")
    assert "Everybody whose reads moved has a new list" in shown
    assert "Undo run 2" in shown
    assert "Nothing of it has been opened yet" in shown
    assert "No plan waits" in shown
    service.clock.at = minutes(3)
    undone = act(service, "undo")
    assert (undone.status_code, undone.headers["location"]) == (303, "/allocation?done=undone&left=0")
    assert lists(database)["R1"][1] == ["A1", "A2"]


def test_a_plan_is_discarded(service: Service) -> None:
    """Lists stand, and the run says why."""
    before = lists(service.app.state.serving.database)
    assert act(service, "discard", reason="not today").status_code == 303
    assert lists(service.app.state.serving.database) == before
    assert "not today" in page(service, "/runs/2")


def test_what_a_later_plan_has_overtaken_is_not_published(service: Service) -> None:
    """It is said on the page, with the plan that waits now, and nothing was done."""
    database = service.app.state.serving.database
    before = lists(database)
    run_allocation(database, minutes(2), solver=MOVING)
    refused = act(service, "publish")
    assert refused.status_code == 409
    assert "Nothing was done" in refused.text
    assert "Publish run 3" in refused.text
    assert lists(database) == before


def test_whoever_may_not_decide_has_no_button(service: Service) -> None:
    """A manager of one trust sees the plan of all of them, as far as it is theirs; an auditor only looks."""
    for who in ("manager@RVV", "auditor@RVV"):
        be(service, who)
        shown = page(service, "/allocation")
        assert "/publish" not in shown
    be(service, "manager@RVV")
    assert act(service, "publish").status_code == 403


def test_a_reporter_sees_no_plan_of_others(service: Service) -> None:
    """Nor is it in their header."""
    be(service, "reporter:R1")
    assert service.client.get("/allocation").status_code == 403
    assert 'href="/allocation"' not in page(service, "/lists/R1")


def test_a_newer_plan_is_told_and_changes_nothing_by_itself(service: Service) -> None:
    """The page that is open asks every half a minute."""
    assert "newer" not in page(service, "/allocation/newer?run=2")
    run_allocation(service.app.state.serving.database, minutes(2), solver=MOVING)
    assert "A newer plan is ready" in page(service, "/allocation/newer?run=2")


def test_before_any_plan_the_page_says_what_to_do(sqlite_db: Database) -> None:
    """Nothing is an error."""
    queued(sqlite_db, incoming("A1"))
    service = service_with_sign_in(sqlite_db)
    be(service, EVERYBODY)
    shown = page(service, "/allocation")
    assert "No plan has been published yet" in shown
    assert "Came since the plan" in shown
    assert "No run yet" in page(service, "/runs")


def test_a_move_is_left_out_by_its_box(service: Service) -> None:
    """It is staged as a pin to where the read is, in a draft of its own; what is no move any more is refused."""
    shown = page(service, "/allocation/moves")
    boxes = re.findall(r'name="read" value="(\d+)"', shown)
    assert boxes
    sent = {"read": boxes[:1], "reason": "asked for by the lead"}
    answer = service.client.post("/allocation/moves/leave-out", data=sent, headers=ORIGIN, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/drafts/1#effects")
    draft = page(service, "/drafts/1")
    assert "1 change staged" in draft
    assert "asked for by the lead" in draft
    gone = service.client.post(
        "/allocation/moves/leave-out", data={**sent, "read": ["999"]}, headers=ORIGIN, follow_redirects=False
    )
    assert (gone.status_code, "no moves of the plan that waits any more" in gone.text) == (409, True)


def test_whoever_only_looks_has_no_box(service: Service) -> None:
    """An auditor sees the moves, and leaves none out."""
    be(service, "auditor@RVV")
    assert 'name="read"' not in service.client.get("/allocation/moves").text


def test_why_reads_have_no_place_is_a_file(service: Service) -> None:
    """The reasons as the page has them, each with its number and its remedy."""
    shown = page(service, "/allocation")
    assert "/allocation?of=not_placed&amp;as=csv" in shown
    assert service.client.get("/allocation?of=not_placed&as=xlsx").content[:2] == b"PK"
    (reason,) = rows(service, "/allocation?of=not_placed&as=csv")
    assert (reason["reads"], reason["reason"]) == ("1", "Fits, at a higher cost")
    assert reason["remedy"].startswith("Nothing: other work is worth more now")
    assert reason["whose"] in unescape(shown)
