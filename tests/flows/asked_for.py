"""How those who poll ask who has what open, and what their answers say: by UPS-RS, FHIR and the assignment feed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, urlencode

from httpx2 import Client

from tests.flows.held import Picture

UPS: Final = f"/dicomweb/workitems?ProcedureStepState={quote('IN PROGRESS')}&includefield=all&limit=200"
FHIR: Final = "/fhir/Task?status=in-progress&_count=1000"
_ACCESSION, _REQUESTS = "00080050", "0040A370"
_PERFORMED, _PERFORMERS, _CODES, _VALUE = "00741216", "00404035", "00404009", "00080100"


def by_ups(answer: Any) -> dict[str, str]:
    """Return what a search of workitems in progress says."""
    return {_item(one, _REQUESTS)[_ACCESSION]["Value"][0]: _performer(one) for one in answer}


def _performer(workitem: Any) -> str:
    return str(_item(_item(_item(workitem, _PERFORMED), _PERFORMERS), _CODES)[_VALUE]["Value"][0])


def _item(within: Any, tag: str) -> Any:
    return within[tag]["Value"][0]


def by_fhir(answer: Any) -> dict[str, str]:
    """Return what a search of Tasks in progress says."""
    tasks = (entry["resource"] for entry in answer.get("entry", ()) if entry["search"]["mode"] == "match")
    return {task["groupIdentifier"]["value"]: task["owner"]["reference"].rpartition("/")[2] for task in tasks}


class Feed:
    """Whoever follows a trust's assignments: a picture, and how far it has come."""

    def __init__(self, trust: str) -> None:
        self._trust = trust
        self._cursor = ""
        self.picture: dict[str, str] = {}

    @property
    def address(self) -> str:
        """Where the next page is."""
        since = {"since": self._cursor} if self._cursor else {}
        return f"/api/v1/assignments?{urlencode({'trust': self._trust, 'limit': 1_000, **since})}"

    def take(self, answer: Any) -> bool:
        """Take in a page; tell whether there is another."""
        for item in answer["items"]:
            self.picture.pop(item["accession_number"], None)
            if item["state"] == "claimed":
                self.picture[item["accession_number"]] = item["reporter_id"]
        self._cursor = answer["cursor"]
        return bool(answer["more"])


def looks(client: Client, trust: str) -> dict[str, Callable[[], Picture]]:
    """Return each way to look, with a client's own place in the feed."""
    feed = Feed(trust)

    def by_feed() -> Picture:
        while feed.take(_answer(client, feed.address)):
            pass
        return feed.picture

    return {
        "UPS-RS": lambda: by_ups(_answer(client, UPS)),
        "FHIR": lambda: by_fhir(_answer(client, FHIR)),
        "feed": by_feed,
    }


def _answer(client: Client, address: str) -> Any:
    answer = client.get(address)
    assert answer.status_code in {200, 204}, answer.text
    return answer.json() if answer.content else []
