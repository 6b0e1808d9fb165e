"""Pages of feeds: the one equation, each batch as a sum, what is held, exceptions with owners, lists for an outage."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from httpx2 import Response

from balancer.domain.actor import Reach
from balancer.domain.states import BatchState
from balancer.services.ingest_studies import ingest_extract
from balancer.services.watch_feeds import watch_feeds
from balancer.services.write_downtime_lists import write_downtime_lists
from balancer.store import feed_books, sources
from balancer.store.database import Database
from balancer.store.quarantine import ReasonCount
from balancer.store.tables import BatchRow
from balancer.web.books import books_shown
from balancer.web.class_marks import class_marks
from balancer.web.downtime import may_open
from balancer.web.feeds import Equation, FeedsPage, feeds_page
from balancer.web.quarantine_causes import Cause, worst_first
from tests.api.service import Service
from tests.networks import FEED, Feed, claimed, extract
from tests.web.test_lists import ORIGIN, be
from tests.worlds import EXAMPLE_POLICY, NOW


def page_of(db: Database, *, hours: float = 0) -> FeedsPage:
    """Return the page of feeds as it is some hours after the first extract."""
    now = NOW + timedelta(hours=hours)
    with db.session() as session:
        return feeds_page(sources.feeds(session, now), feed_books.said_by_feeds(session), {}, [], [], 0, now)


def test_every_study_a_trust_speaks_of_is_in_the_queue_or_in_quarantine(service: Service) -> None:
    """Three studies and a row that was not understood: 4 = 3 + 1 + 0."""
    found = page_of(service.app.state.serving.database)
    assert found.equation == Equation(said=4, queue=3, kept=0, quarantined=1, unexplained=0)


def test_what_is_lost_is_the_heading(service: Service) -> None:
    """A study that somebody deletes behind our back is not accounted for, and the page begins with it."""
    from sqlmodel import delete  # noqa: PLC0415

    from balancer.store.tables import QuarantineRow  # noqa: PLC0415

    database = service.app.state.serving.database
    with database.transaction() as session:
        session.exec(delete(QuarantineRow))
    found = page_of(database)
    assert found.equation is not None
    assert found.equation.unexplained == 1
    assert found.heading == "1 study is not accounted for"


def test_a_silent_feed_is_first_and_says_for_how_long(service: Service) -> None:
    """Twice what is expected has passed."""
    found = page_of(service.app.state.serving.database, hours=3)
    assert found.silent[0].heard.words == "Silent 3 h"
    assert found.feeds[0].heard.level != "well"


def test_a_batch_is_a_sum_that_must_hold() -> None:
    """And says by how much it does not."""
    batch = BatchRow(
        feed=FEED, file_name="", digest="", received_at=NOW, last_received_at=NOW, state=BatchState.APPLIED
    )
    batch.rows_read, batch.new, batch.unchanged, batch.quarantined = 1528, 17, 1504, 7
    shown = books_shown(batch)
    assert (shown.words, shown.off_by) == ("1,528 = 17 new + 1,504 same + 7 quarantined", 0)
    batch.new = 16
    assert books_shown(batch).off_by == 1


def test_feeds_are_shown_and_downloaded(service: Service) -> None:
    """As HTML with its sum, as CSV, and one feed with its batches."""
    be(service, "manager@RVV")
    shown = service.client.get("/feeds").text
    assert "Every study is accounted for. 1 row needs you" in shown
    assert "balanced" in shown
    (entry,) = csv.DictReader(io.StringIO(service.client.get("/feeds?as=csv").text.lstrip("\ufeff")))
    assert (entry["feed"], entry["state"], entry["last_heard"]) == (FEED, "well", "2026-03-02T08:00+00:00")
    assert "3,000" not in service.client.get(f"/feeds/{FEED}").text
    assert "balanced" in service.client.get(f"/feeds/{FEED}").text


def test_a_reporter_sees_no_feeds(service: Service) -> None:
    """Nor exceptions; what they may not open is not in their header."""
    be(service, "reporter:R1")
    assert service.client.get("/feeds").status_code == 403
    assert service.client.get("/exceptions").status_code == 403
    assert 'href="/feeds"' not in service.client.get("/lists/R1").text


def test_an_exception_is_resolved_once_with_what_became_of_it(service: Service) -> None:
    """It leaves the list, and whoever comes second hears who was first."""
    from balancer.domain.exceptional import ExceptionKind  # noqa: PLC0415
    from balancer.domain.study import StudyKey  # noqa: PLC0415
    from balancer.store import exceptions, studies  # noqa: PLC0415
    from tests.networks import PACS  # noqa: PLC0415

    database = service.app.state.serving.database
    read = service.ask("/worklists/R1")["items"][0]["read_id"]
    with database.transaction() as session:
        study = studies.study(session, StudyKey("RVV", "A1")).study
        exceptions.open_exception(session, ExceptionKind.SKIPPED_OFTEN, read, study, by=PACS, now=NOW)
    be(service, "manager@RVV")
    shown = service.client.get("/exceptions").text
    assert "1 exception waits for somebody to look" in shown
    assert "RVV reporting office" in shown

    service.client.post("/exceptions/1/take", headers=ORIGIN)
    assert "You are on it" in service.client.get("/exceptions/1").text
    assert "RVV reporting office" not in service.client.get("/exceptions").text

    def post() -> Response:
        return service.client.post(
            "/exceptions/1/resolve", data={"reason": "rang\r\nthem"}, headers=ORIGIN, follow_redirects=False
        )

    assert post().headers["location"] == "/exceptions"
    again = post()
    assert (again.status_code, "has resolved exception 1 already" in again.text) == (409, True)
    assert "rang them" in service.client.get("/exceptions?resolved=true").text


@pytest.fixture
def on_disk(service: Service, tmp_path: Path) -> str:
    """Return the name of a set of lists on disk that the service knows of."""
    serving = service.app.state.serving
    service.app.state.serving = replace(serving, downtime=tmp_path / "lists")
    written = write_downtime_lists(serving.database, tmp_path / "lists", NOW, keep=timedelta(days=1))
    assert written is not None
    return written.name


def test_lists_for_an_outage_say_in_large_type_of_when_they_are(service: Service, on_disk: str) -> None:
    """A reporter opens their own, PDF and CSV, and nobody else's."""
    be(service, "reporter:R1")
    shown = service.client.get("/downtime").text
    assert "As they stood Mon 2 March, 08:00" in shown
    own = service.client.get(f"/downtime/{on_disk}/001-R1.pdf")
    assert own.content.startswith(b"%PDF-")
    assert "no-store" in own.headers["cache-control"]
    assert service.client.get(f"/downtime/{on_disk}/002-R2.pdf").status_code == 403
    assert "002-R2.pdf" not in shown


def test_a_manager_of_one_trust_opens_no_file_of_all_trusts(service: Service, on_disk: str) -> None:
    """They see that they are there, and why they cannot open them."""
    be(service, "manager@RVV")
    assert service.client.get(f"/downtime/{on_disk}/001-R1.csv").status_code == 403
    assert "reads of every trust" in service.client.get("/downtime").text


def test_who_reports_opens_nobody_elses_even_with_leave_for_every_trust() -> None:
    """What is read blind cannot be left out of a file."""
    everywhere = Reach(trusts=frozenset({"*"}))
    assert may_open(everywhere, "R2")
    assert not may_open(replace(everywhere, reader="R1"), "R2")
    assert may_open(replace(everywhere, reader="R1"), "R1")


def test_lists_older_than_the_publish_are_not_to_be_relied_upon(service: Service, on_disk: str) -> None:
    """A publish five minutes ago that is not on disk is a failure to be told."""
    from sqlmodel import update  # noqa: PLC0415

    from balancer.store.tables import WorklistRow  # noqa: PLC0415

    assert on_disk
    with service.app.state.serving.database.transaction() as session:
        session.exec(update(WorklistRow).values(published_at=NOW + timedelta(hours=1)))
    service.clock.at = NOW + timedelta(hours=1, minutes=6)
    be(service, "manager@RVV")
    assert "do not rely on these" in service.client.get("/downtime").text


def test_without_a_folder_the_page_says_that_none_are_written(service: Service) -> None:
    """Found out before the outage."""
    be(service, "manager@RVV")
    assert "BALANCER_DOWNTIME_FOLDER" in service.client.get("/downtime").text


def test_whoever_is_on_a_silent_feed_is_named_wherever_it_is_told(service: Service) -> None:
    """On the feeds' page, among the exceptions, on the overview and in the strip; until then it is the office's."""
    service.clock.at = NOW + timedelta(hours=3)
    watch_feeds(service.app.state.serving.database, service.clock.at)
    be(service, "manager@RVV")
    before = service.client.get("/feeds").text
    assert "Whose it is: <strong>RVV reporting office</strong>" in before
    assert f"{FEED} is silent" in service.client.get("/").text
    assert "nobody is on it yet" in service.client.get("/").text

    answer = service.client.post("/feeds/take", data={"feed": FEED}, headers=ORIGIN, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/feeds#silent")
    shown = {path: service.client.get(path).text for path in ("/feeds", "/exceptions", "/")}
    assert all("manager@RVV" in page.partition("<main")[2] for page in shown.values())
    assert "You are on it." in shown["/feeds"]
    assert "You are on it." in service.client.get(f"/feeds/{FEED}").text
    assert "manager@RVV is on it" in service.client.get("/studies").text


def test_a_silent_feed_is_an_exception_and_counts_as_one(service: Service) -> None:
    """As many as their list has; it can be looked for alone, and what is over is told as such."""
    database = service.app.state.serving.database
    service.clock.at = NOW + timedelta(hours=3)
    watch_feeds(database, service.clock.at)
    be(service, "manager@RVV")
    assert "1 exception waits for somebody to look" in service.client.get("/feeds").text
    shown = service.client.get("/exceptions").text
    assert "1 exception waits for somebody to look" in shown
    assert "A feed is silent" in service.client.get("/exceptions?kind=feed_silent").text
    assert FEED not in service.client.get("/exceptions?kind=skipped_often").text
    assert FEED in service.client.get("/exceptions?as=csv").text

    ingest_extract(database, Feed(), extract("A1", at=180), service.clock.at)
    watch_feeds(database, service.clock.at)
    assert "No exception waits" in service.client.get("/exceptions").text
    assert "It delivers again" in service.client.get("/exceptions?resolved=true").text


def test_a_feed_that_is_not_silent_any_more_is_not_taken(service: Service) -> None:
    """Whoever has an old page open hears so."""
    be(service, "manager@RVV")
    answer = service.client.post("/feeds/take", data={"feed": FEED}, headers=ORIGIN)
    assert (answer.status_code, "is not silent any more" in answer.text) == (409, True)


def test_the_numbers_of_the_page_lead_to_lists_of_as_many(service: Service) -> None:
    """What is open now by what is left to do; a file's heaps are of its moment, and stand with its feed."""
    be(service, "manager@RVV")
    shown = service.client.get("/feeds").text
    assert '<a href="/studies?state=waiting">3 to be reported</a>' in shown
    assert "3 studies" in service.client.get("/studies?state=waiting").text
    assert re.search(r'In the queue</span><strong><a href="/studies\?state=open">3</a>', shown)
    assert "3 studies are open, reported here or not" in service.client.get("/studies?state=open").text
    (row,) = re.findall(r'<a href="(/feeds/[^"]*#batch-\d+)"><strong>', shown)
    address, _, anchor = row.partition("#")
    assert f'id="{anchor}"' in service.client.get(address).text


def test_what_a_trust_no_longer_lists_and_is_kept_has_its_list(service: Service) -> None:
    """A study that somebody has open when its trust lists it no more: 1 in the sum, and 1 behind it."""
    database = service.app.state.serving.database
    claimed(database, "A1")
    ingest_extract(database, Feed(), extract("A2", "A3", at=15), NOW + timedelta(minutes=15))
    service.clock.at = NOW + timedelta(minutes=16)
    be(service, "manager@RVV")
    shown = service.client.get("/feeds").text
    assert re.search(r'kept open</span><strong><a href="/studies\?state=kept">1</a>', shown)
    listed = service.client.get("/studies?state=kept").text
    assert "1 study is no longer listed by its trust and kept open" in listed


def waiting_row(feed: str, reason: str, rows: int) -> ReasonCount:
    """Return how many rows of a feed wait for a reason."""
    return ReasonCount(feed=feed, reason=reason, rows=rows)


def cause(reason: str, urgent: str) -> Cause:
    """Return a cause of that reason, the most urgent of whose rows is of a class."""
    mark = class_marks(EXAMPLE_POLICY)[urgent]
    return Cause(
        feed=FEED,
        reason=reason,
        name=reason,
        advice="",
        column="",
        word=None,
        rows=(),
        urgent=mark,
        classes="",
        since=NOW,
    )


def test_what_waits_in_quarantine_is_shown_with_the_most_urgent_first() -> None:
    """Two rows of emergencies come before nine of routine; a reason that nobody can rank comes last."""
    counted = [waiting_row(FEED, "bad date", 9), waiting_row(FEED, "unknown code", 2), waiting_row(FEED, "broken", 40)]
    found = worst_first(counted, [cause("unknown code", "emergency"), cause("bad date", "routine")])
    assert [(item.reason, item.rows) for item in found] == [("unknown code", 2), ("bad date", 9), ("broken", 40)]
    assert [item.urgent and item.urgent.code for item in found] == ["emergency", "routine", None]
