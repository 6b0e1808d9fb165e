"""A living Monday morning of the Kent sample, for pictures: lists are worked, a feed is silent, a plan waits.

It is 2 March 2026, a few minutes past eight. `balancer serve` is started on a copy of the sample as a replay starts it
(``BALANCER_REPLAY_CLOCK``, at the speed of a clock), and whatever happens there is asked for over the API and the
pages' own forms. Which study, and who, is found by asking; no number stands here that could go stale.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from balancer.bootstrap import QuickClock
from balancer.simulate.kent.sample import AS_OF, draw_sample
from tests.replay.day import KENT, Wanted, environment
from tests.replay.service import PATIENCE_SECONDS, Service
from tests.replay.time_shown import ShownTime
from tests.replay.trusts import TrustSystem, trust_systems

_EIGHT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
_SILENT, _SPEAKING = "RPA", ("RVV", "RWF")
# Every trust delivers each quarter of an hour; Medway's silence is seen after this.
_STALE_MINUTES = 20
_SOLVE_SECONDS = 60.0
_READERS, _READ = 4, 3
_WHY = "as agreed on Friday"

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Morning:
    """Where it is served, and what is to be looked at there: addresses of pages, and whose list."""

    address: str
    reporter_id: str
    study: str
    draft: str
    away: str
    run: str
    quarantine: str


class Person:
    """Somebody who asks the service, signed in as ``who`` is."""

    def __init__(self, address: str, who: str) -> None:
        self._client = httpx2.Client(base_url=address, headers={"Origin": address}, timeout=120)
        self._client.post("/sign-in", data={"who": who})

    def get(self, path: str) -> Any:
        """Return what is there."""
        return self._must(self._client.get(f"/api/v1{path}")).json()

    def items(self, path: str) -> list[dict[str, Any]]:
        """Return what is listed there."""
        found: list[dict[str, Any]] = self.get(path)["items"]
        return found

    def post(self, path: str, content: Mapping[str, Any]) -> Any:
        """Do what must be possible."""
        return self._must(self._client.post(f"/api/v1{path}", json=content)).json()

    def try_to(self, path: str, content: Mapping[str, Any]) -> bool:
        """Do something that may be refused, and tell whether it was done."""
        answer = self._client.post(f"/api/v1{path}", json=content)
        return answer.status_code not in {404, 409} and bool(self._must(answer))

    def page(self, path: str) -> str:
        """Return a page as it is sent."""
        return self._must(self._client.get(path)).text

    def fill(self, path: str, form: Mapping[str, str]) -> httpx2.Response:
        """Send a form of a page; what comes back, which may be where to go on."""
        return self._must(self._client.post(path, data=form))

    @staticmethod
    def _must(answer: httpx2.Response) -> httpx2.Response:
        if answer.status_code >= 400:
            raise AssertionError(f"{answer.request.method} {answer.request.url.path}: {answer.text[:500]}")
        return answer


@contextmanager
def monday(
    folder: Path, *, database_url: str = "", say: Callable[[str], object] = sys.stderr.write
) -> Iterator[Morning]:
    """Yield the morning while it goes on; with the folder goes everything that was made for it.

    Its database is an SQLite file in the folder unless an empty one is named.
    """
    network = folder / "kent"
    shutil.copytree(KENT, network)
    _expect_soon(network / "feeds" / f"{_SILENT}.toml")
    systems = trust_systems(draw_sample(), network, 1.0, seed=1)
    wanted = Wanted(
        database_url=database_url or f"sqlite:///{folder / 'balancer.sqlite'}",
        folder=folder,
        solve_seconds=_SOLVE_SECONDS,
        allocate_every_minutes=240.0,
    )
    service = Service(network, folder / "printed.txt", environment(wanted))
    try:
        say("starting the service; its first lists take a minute or two\n")
        _begin(service, AS_OF + timedelta(minutes=1))
        operator = Person(service.url, "operator")
        _wait(service, lambda: operator.items("/runs?state=published") and not _is_busy(operator))
        service.stop()
        began = _begin(service, _EIGHT)
        say("they are there; it is eight\n")
        yield _pass(service, systems, began, say)
    finally:
        service.kill()


def _expect_soon(feed: Path) -> None:
    """Expect a trust's list as often as it comes: the sample's description bears an hour of silence."""
    text = feed.read_text(encoding="utf-8")
    before = tomllib.loads(text)["stale_after_minutes"]
    line = f"stale_after_minutes = {before}"
    feed.write_text(text.replace(line, f"stale_after_minutes = {_STALE_MINUTES}"), encoding="utf-8")


def _begin(service: Service, shows: datetime) -> ShownTime:
    shown = ShownTime(clock=QuickClock(shows=shows, at=datetime.now(UTC), speed=1.0), hours=1.0)
    service.start(shown.setting)
    _wait(service, lambda: service.answers)
    return shown


def _wait(service: Service, look: Callable[[], _Found]) -> _Found:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        if service.has_died or time.monotonic() > deadline:
            raise AssertionError(f"it does not come; see {service.printed.read_text(encoding='utf-8')[-2_000:]}")
        time.sleep(0.3)
    return found


def _pass(
    service: Service, systems: Mapping[str, TrustSystem], began: ShownTime, say: Callable[[str], object]
) -> Morning:
    operator = Person(service.url, "operator")
    people = _work(service.url, operator, systems)
    for trust in _SPEAKING:
        systems[trust].report_elsewhere(30)
        systems[trust].deliver(began.now())
    heard = {trust: systems[trust].last for trust in _SPEAKING}
    _wait(service, lambda: all(_has_heard(operator, trust, heard[trust]) for trust in heard))
    say("lists are worked, two trusts are heard, one is silent\n")
    _hold(operator)
    run = _wait(service, lambda: _waiting(operator))
    say("a plan waits for approval\n")
    for row in operator.items("/exceptions")[:2]:
        operator.post(f"/exceptions/{row['exception_id']}/take", {})
    item = _shown_item(operator, people, began.now())
    study = _study_of(operator, item)
    operator.fill(f"{study}/reads/{item['read']}/why", {})
    _wait(service, lambda: "b-checked--yes" in operator.page(study))
    draft = _draft(operator, item, people[1]["reporter_id"], began.now())
    _wait(service, lambda: operator.get(f"/drafts/{draft}/preview")["state"] == "previewed")
    away = _away(operator, people[2]["reporter_id"], began.now())
    _wait(service, lambda: "Confirm: mark away" in operator.page(away))
    say("the study is explained, a draft and an absence are previewed\n")
    reasons = operator.items("/quarantine/reasons")
    cause = next((row for row in reasons if row["reason"] == "unknown_priority"), reasons[0])
    return Morning(
        address=service.url,
        reporter_id=people[0]["reporter_id"],
        study=study,
        draft=f"/drafts/{draft}",
        away=away,
        run=f"/runs/{run}",
        quarantine=f"/quarantine?reason={cause['reason']}",
    )


def _work(address: str, operator: Person, systems: Mapping[str, TrustSystem]) -> list[dict[str, Any]]:
    """Let those whose sessions begin first read some of their list; one hands a read back, three have one open."""
    lists = [item for item in operator.items("/worklists") if item["first_start"]]
    people = sorted(lists, key=lambda item: (item["first_start"], item["reporter_id"]))[:_READERS]
    for number, person in enumerate(people):
        reporter_id = person["reporter_id"]
        who = Person(address, f"reporter:{reporter_id}")
        for _ in range(_READ):
            item = _open(who, reporter_id)
            systems[item["trust"]].report(item["accession_number"], reporter_id)
            who.post(f"/reads/{item['read_id']}/complete", {"reporter_id": reporter_id})
        if number:
            item = _open(who, reporter_id)
        if number == 1:
            gone = {"reporter_id": reporter_id, "reason": "images_missing"}
            who.post(f"/reads/{item['read_id']}/return", gone)
    return people


def _open(who: Person, reporter_id: str) -> dict[str, Any]:
    read_id = who.post(f"/worklists/{reporter_id}/next", {})["claim"]["read_id"]
    found = [item for item in who.items(f"/worklists/{reporter_id}") if item["read_id"] == read_id]
    return found[0]


def _has_heard(operator: Person, trust: str, delivered: Any) -> bool:
    return any(
        row["trust"] == trust
        and row["last_extracted_at"]
        and datetime.fromisoformat(row["last_extracted_at"]) >= delivered.taken_at
        for row in operator.items("/feeds")
    )


def _hold(operator: Person) -> None:
    """Bring a policy into force by which every plan waits for a manager."""
    content = operator.get(f"/policies/{_in_force(operator)}")["content"]
    assert "[publishing]" not in content  # the sample leaves it out: every plan is published at once
    content += "\n[publishing]\nhold = true\n"
    proposal = {"content": content, "reason": "every plan is looked at before it is published"}
    proposed = operator.post("/policies", proposal)
    approval = {"reason": _WHY, "approver": "Reporting board"}
    operator.post(f"/policies/{proposed['policy_id']}/approve", approval)


def _in_force(operator: Person) -> int:
    return next(int(row["policy_id"]) for row in operator.items("/policies") if row["state"] == "in_force")


def _waiting(operator: Person) -> int | None:
    """Return the run whose plan waits, once nothing newer is on its way."""
    held = operator.items("/runs?state=held")
    return int(held[0]["run_id"]) if held and not _is_busy(operator) else None


def _is_busy(operator: Person) -> bool:
    return any(operator.items(f"/runs?state={state}") for state in ("requested", "running"))


def _shown_item(operator: Person, people: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    """Return a CT on a list that is due today and has a prior at another trust, or what comes nearest to it."""
    lists = [
        (row["reporter_id"], operator.items(f"/worklists/{row['reporter_id']}")) for row in operator.items("/worklists")
    ]
    theirs = [item | {"reporter_id": who} for who, items in lists for item in items if len(items) > 3]

    def fit(item: dict[str, Any]) -> tuple[bool, ...]:
        elsewhere = any(prior["trust"] != item["trust"] for prior in item["priors"])
        due = datetime.fromisoformat(item["due_at"])
        return (
            item["modality"] == "CT",
            elsewhere,
            timedelta(hours=1) < due - now < timedelta(hours=12),
            not item["late"],
            item["reporter_id"] != people[1]["reporter_id"],
        )

    return max(theirs, key=lambda item: (*fit(item), -item["read_id"]))


def _study_of(operator: Person, item: Mapping[str, Any]) -> str:
    answer = operator.fill("/search", {"text": item["accession_number"]})
    found = re.search(r"/studies/\d+", answer.headers.get("location", "") + answer.text)
    assert found is not None
    return found[0]


def _draft(operator: Person, item: Mapping[str, Any], ill: str, now: datetime) -> int:
    """Return a draft in which a read is pinned to somebody else and a reporter is ill for the day."""
    begun = operator.post("/drafts", {"name": "Monday, one reporter ill", "trust": item["trust"]})
    draft: int = begun["draft_id"]
    reporters = [row["reporter_id"] for row in operator.items("/worklists")]
    pinned = (
        {"reporter_id": who, "reason": "has the previous examination open", "draft_id": draft}
        for who in reporters
        if who not in {item["reporter_id"], ill}
    )
    assert any(operator.try_to(f"/reads/{item['read_id']}/pin", asked) for asked in pinned)
    home = operator.get(f"/reporters/{ill}")["home_trust"]
    absence = {
        "trust": home,
        "start": now.isoformat(),
        "end": now.replace(hour=23, minute=59).isoformat(),
        "reason": "ill",
        "draft_id": draft,
    }
    operator.post(f"/reporters/{ill}/absences", absence)
    operator.post(f"/drafts/{draft}/preview", {})
    return draft


def _away(operator: Person, reporter_id: str, now: datetime) -> str:
    """Mark somebody ill on the rosters' page, and return the address at which what that would do is shown."""
    form = {"begins": f"{now:%Y-%m-%dT%H:%M}", "until": f"{now:%Y-%m-%d}", "draft": ""}
    answer = operator.fill(f"/reporters/{reporter_id}/away", form)
    address: str = answer.headers["location"]
    return address
