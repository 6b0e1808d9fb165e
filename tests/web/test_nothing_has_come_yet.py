"""A network whose feeds have never delivered, and a database in which nothing is: pages say so, and what to do."""

from __future__ import annotations

import re
from html import unescape

import pytest

from balancer.services.run_allocation import run_allocation
from balancer.services.watch_feeds import watch_feeds
from balancer.store.database import Database
from tests.api.service import Service
from tests.networks import loaded, rostered, solving
from tests.web.pages_served import service_with_sign_in
from tests.web.test_lists import be
from tests.worlds import NOW, session

HTML = {"Accept": "text/html"}


def said(service: Service, path: str) -> str:
    """Return the words of a page."""
    text = service.client.get(path, headers=HTML).text
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", text.partition("<main")[2])))


@pytest.fixture
def unheard(sqlite_db: Database) -> Service:
    """Return a service whose network is loaded and rostered, and whose only feed has never delivered."""
    loaded(sqlite_db)
    rostered(sqlite_db, session("S1", "R1"))
    watch_feeds(sqlite_db, NOW)
    run_allocation(sqlite_db, NOW, solver=solving({}))
    return service_with_sign_in(sqlite_db)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/", "Nothing has been delivered yet Nothing is known of what waits for a report."),
        ("/", "has never delivered : nobody is on it yet"),
        ("/studies", "What each trust has delivered, and when, is said under Feeds"),
        (
            "/feeds",
            "says where its files are looked for: look whether the trust's export runs, and whether",
        ),
    ],
)
def test_that_nothing_waits_is_not_said_where_nothing_is_known(unheard: Service, path: str, words: str) -> None:
    """No good news of a silence; what to do stands where one looks."""
    assert words in said(unheard, path)
    assert "Nothing waits for a report" not in said(unheard, path)


def test_a_list_on_which_nothing_has_been_is_not_done(unheard: Service) -> None:
    """Whoever has read nothing is not told that they are done."""
    be(unheard, "reporter:R1")
    text = said(unheard, "/lists/R1")
    assert "Nothing is on your list" in text or "You are done for this session" in text


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/", "Nothing has been loaded yet"),
        ("/allocation", "Nothing has been loaded yet"),
        ("/reporters", "reporters are read from the network folder (reporters.csv)"),
        ("/policy", "the first is read from the network folder (policy.toml)"),
        ("/feeds", "A feed is a file in the network folder"),
        ("/lists", "They come with the first plan"),
        ("/drafts", "One begins with the first change"),
        ("/runs", "No run yet"),
    ],
)
def test_an_empty_database_says_where_things_come_from(sqlite_db: Database, path: str, words: str) -> None:
    """Each page its own."""
    assert words in said(service_with_sign_in(sqlite_db), path)
