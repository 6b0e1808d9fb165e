"""The pages for people: they say how it stands, describe the whole API, and load nothing from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from balancer import api
from balancer.api.pages.layout import inline, page, prose
from balancer.store.database import Database
from tests.api.service import Service

PAGES = ("/about", "/docs", "/problems")
STATIC = Path(api.__file__).parent / "static"


@pytest.fixture
def service(sqlite_db: Database) -> Service:
    """Return a service on one kind of database: the pages are the same on each."""
    return Service(sqlite_db)


class Parsed(HTMLParser):
    """What a page loads, links to and is made of."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.attributes: set[str] = set()
        self.tags: list[str] = []
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.attributes |= set(given)
        if tag == "a":
            self.links.append(given["href"])
        elif "src" in given or tag == "link":
            self.loaded.append(given.get("src") or given["href"])
        if "id" in given:
            self.ids.append(given["id"])


@pytest.mark.parametrize("address", PAGES)
def test_a_page_loads_nothing_from_elsewhere_and_nothing_inline(service: Service, address: str) -> None:
    """Its policy would forbid it anyway; whatever it loads is there."""
    found = Parsed(service.client.get(address).text)
    assert found.loaded
    assert all(loaded.startswith("/static/") for loaded in found.loaded)
    assert all(service.client.get(loaded).status_code == 200 for loaded in found.loaded)
    assert "style" not in found.tags
    assert not {name for name in found.attributes if name == "style" or name.startswith("on")}


@pytest.mark.parametrize("address", PAGES)
def test_every_link_of_a_page_leads_somewhere(service: Service, address: str) -> None:
    """Within the page to what is there, elsewhere to what answers."""
    found = Parsed(service.client.get(address).text)
    assert len(found.ids) == len(set(found.ids))
    for link in found.links:
        if link.startswith("#"):
            assert link[1:] in found.ids
        else:
            assert service.client.get(link).status_code == 200


def test_files_of_the_pages_name_no_other_host() -> None:
    """Not even in a comment: nothing that could be loaded one day. The name of a format is no address."""
    for file in STATIC.iterdir():
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert re.findall(r"(?:https?:)?//[\w.-]+\.\w+", text) == []


def test_the_first_page_says_why_it_is_not_ready(service: Service) -> None:
    """As readiness does, in words."""
    assert "none have been published yet" in service.client.get("/about").text


def test_the_first_page_says_when_lists_were_published(allocated: Service) -> None:
    """They stand, whatever else does not."""
    assert "last published 2026-03-02T08:00:00Z" in allocated.client.get("/about").text


def test_the_reference_describes_every_operation_and_every_shape(service: Service) -> None:
    """It is made from the document, so nothing can be missing."""
    found = Parsed(service.client.get("/docs").text)
    document = service.ask("/openapi.json")
    for item in document["paths"].values():
        for operation in item.values():
            assert operation["operationId"] in found.ids
    for shape in document["components"]["schemas"]:
        assert f"shape-{shape}" in found.ids


def test_what_is_shown_is_text_whatever_it_holds() -> None:
    """A page is no place for somebody else's markup."""
    assert inline('<script>`x`"') == "&lt;script&gt;<code>x</code>&quot;"
    assert prose("one\n\ntwo <b>") == "<p>one</p>\n<p>two &lt;b&gt;</p>"
    assert b"<title>&lt;i&gt; - Balancer</title>" in page("<i>", "").body
