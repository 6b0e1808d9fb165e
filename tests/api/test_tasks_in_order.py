"""A search of Tasks in the order that it asks for, page by page, and of as much of each as it asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest
from fhir.resources.R4B.task import Task

from balancer.domain.study import StudyKey
from balancer.publish.fhir.parameters import INCLUDES, REFUSED, SORTS
from balancer.publish.fhir.subset import SUMMARY
from balancer.services.correct_study import correct_study
from balancer.services.expedite_study import expedite_study
from balancer.services.run_allocation import run_allocation
from balancer.store.database import Database
from tests.api.test_tasks import Pacs, numbers, ok, outcome
from tests.instructed import MANAGER
from tests.networks import claimed, incoming, minutes, queued, rostered, solving
from tests.publish.fhir.bindings import check
from tests.services.test_what_holds import WHY
from tests.worlds import NOW, session

RANKS: Final = ["routine", "urgent", "stat"]
LENIENT: Final = {"Prefer": "handling=lenient"}


@pytest.fixture
def pacs(db: Database) -> Pacs:
    """Return a PACS on each kind of database: A1 is open, A2 and A4 are on R1's list, A3 and A5 nobody's."""
    studies = (
        incoming("A1", acquired_at=minutes(-600)),
        incoming("A2", priority="emergency", acquired_at=minutes(-30)),
        incoming("A3", acquired_at=minutes(-10)),
        incoming("A4", acquired_at=minutes(-120)),
        incoming("A5", acquired_at=minutes(-120)),
    )
    queued(db, *studies)
    rostered(db, session("S1", "R1", hours=2.5), session("S2", "R2", hours=2.5))
    placed = {"S1": ["A4", "A2", "A1"]}
    run_allocation(db, NOW, solver=solving(placed, {"A3": "deferred", "A5": "deferred"}))
    claimed(db, "A1")
    return Pacs(db)


def planned(task: Any) -> str | None:
    """Return when a Task is planned, if it is."""
    inputs = {item["type"]["coding"][0]["code"]: item for item in task["input"]}
    return inputs["planned-start"]["valueDateTime"] if "planned-start" in inputs else None


SHOWN: Final[Mapping[str, Callable[[Any], Any]]] = {
    "_id": lambda task: int(task["id"].rpartition("-")[2]),
    "_lastUpdated": lambda task: task["meta"]["lastUpdated"],
    "authored-on": lambda task: task["authoredOn"],
    "due": lambda task: task["restriction"]["period"]["end"],
    "modified": lambda task: task["lastModified"],
    "period": lambda task: task.get("executionPeriod", {}).get("start"),
    "planned-start": planned,
    "priority": lambda task: RANKS.index(task["priority"]),
}


def paged(pacs: Pacs, **query: str) -> list[Any]:
    """Return every Task that a search finds, one a page."""
    bundle, found = pacs.search(_count="1", **query), []
    while True:
        found += [entry["resource"] for entry in bundle["entry"]]
        following = [link["url"] for link in bundle["link"] if link["relation"] == "next"]
        if not following:
            return found
        bundle = follow(pacs, following[0])


def follow(pacs: Pacs, link: str) -> Any:
    """Return the page that a link leads to."""
    return ok(pacs.client.get(urlsplit(link)._replace(scheme="", netloc="").geturl()))


def in_order(tasks: list[Any], name: str, *, falls: bool) -> list[Any]:
    """Return Tasks as they must come: what lacks it last, what is equal as numbered."""
    shown = SHOWN[name]
    by_number = sorted(tasks, key=SHOWN["_id"])
    said = [task for task in by_number if shown(task) is not None]
    said.sort(key=shown, reverse=falls)
    return [*said, *(task for task in by_number if shown(task) is None)]


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("name", sorted(SORTS))
def test_each_order_is_that_of_what_is_shown_and_pages_have_everything_once(pacs: Pacs, name: str, sign: str) -> None:
    """Either way round; what is not said comes last."""
    found = paged(pacs, _sort=f"{sign}{name}")
    assert len({task["id"] for task in found}) == 5
    assert found == in_order(found, name, falls=bool(sign))


def test_every_order_that_is_told_of_is_tested() -> None:
    """And every one shows something."""
    assert set(SHOWN) == set(SORTS)


def test_what_is_equal_is_put_in_the_next_order(pacs: Pacs) -> None:
    """The most urgent first, and of those the first due, or the last; then as numbered, or the other way."""
    ranks, dues, numbered = (SHOWN[name] for name in ("priority", "due", "_id"))
    found = paged(pacs, _sort="-priority,-due,-_id")
    assert found == sorted(found, key=lambda task: (ranks(task), dues(task), numbered(task)), reverse=True)
    found = [entry["resource"] for entry in pacs.search(_sort="-priority,due")["entry"]]
    assert found == sorted(found, key=lambda task: (-ranks(task), dues(task), numbered(task)))
    assert len({dues(task) for task in found}) < len(found)


def test_an_order_is_that_of_what_people_have_decided(pacs: Pacs) -> None:
    """Not of the feed's word; and so is what is looked for by when it is due."""
    correct_study(pacs.db, StudyKey("RVV", "A3"), {"priority": "emergency"}, NOW, by=MANAGER, said=WHY)
    expedite_study(pacs.db, StudyKey("RVV", "A5"), minutes(5), NOW, by=MANAGER, said=WHY)
    for name in ("-priority", "due"):
        found = paged(pacs, _sort=name)
        assert found == in_order(found, name.removeprefix("-"), falls=name.startswith("-"))
    assert numbers(pacs.search(_sort="-priority"))[:2] == ["A2", "A3"]
    assert numbers(pacs.search(_sort="due"))[0] == "A5"
    assert numbers(pacs.search(due=f"le{minutes(5):%Y-%m-%dT%H:%M}Z")) == ["A5"]


def test_what_comes_or_goes_meanwhile_moves_nothing_else(pacs: Pacs) -> None:
    """A page begins behind the place at which the last one ended, not after a number of Tasks."""
    bundle = pacs.search(_sort="due", _count="2", status="ready,requested")
    assert numbers(bundle) == ["A2", "A4"]
    claimed(pacs.db, "A2")
    (following,) = (link["url"] for link in bundle["link"] if link["relation"] == "next")
    assert "due" not in following
    assert numbers(follow(pacs, following)) == ["A5", "A3"]


def test_what_goes_on_is_found_by_when_it_does(pacs: Pacs) -> None:
    """A1 was begun now and has not ended, so that it goes on ever after; what has not begun is never found."""
    now = f"{NOW:%Y-%m-%dT%H:%M}Z"
    for asked, found in (("ge2026-03-03", ["A1"]), ("lt2026-03-02", []), (f"le{now}", ["A1"]), ("2026-03-02", [])):
        assert numbers(pacs.search(period=asked)) == found, asked
    ok(pacs.change("A1", "completed"))
    for asked, found in (("2026-03-02", ["A1"]), ("gt2026-03-02", []), (f"sa{now}", []), ("eb2026-03-03", ["A1"])):
        assert numbers(pacs.search(period=asked)) == found, asked


# --- what is not known -----------------------------------------------------------------------------------------------


def test_an_order_that_is_not_known_is_refused_or_left_out(pacs: Pacs) -> None:
    """By the same header as a parameter; the self link has what was understood."""
    assert "_sort: is none of" in outcome(pacs.client.get("/fhir/Task?_sort=due,label"), 400, "structure")
    bundle = ok(pacs.client.get("/fhir/Task?_sort=label,-due&_include=Task:patient", headers=LENIENT))
    assert parse_qs(urlsplit(bundle["link"][0]["url"]).query) == {"_sort": ["-due"]}
    assert numbers(bundle) == numbers(pacs.search(_sort="-due"))
    assert numbers(ok(pacs.client.get("/fhir/Task?_sort=label", headers=LENIENT))) == ["A1", "A2", "A3", "A4", "A5"]


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_parameter_that_is_refused_is_with_the_reason_that_is_told(pacs: Pacs, name: str) -> None:
    """In the answer and in the CapabilityStatement."""
    assert REFUSED[name] in outcome(pacs.client.get("/fhir/Task", params={name: "1"}), 400, "structure")
    (rest,) = ok(pacs.client.get("/fhir/metadata"))["rest"]
    (task,) = (each for each in rest["resource"] if each["type"] == "Task")
    assert f"{name} ({REFUSED[name]})" in task["documentation"]
    assert set(task["searchInclude"]) == INCLUDES


# --- part of a Task --------------------------------------------------------------------------------------------------


def test_as_much_of_a_task_is_shown_as_is_asked_for(pacs: Pacs) -> None:
    """With what no Task is without, and marked; what it points to is whole."""
    whole = pacs.task("A1")
    always = {"resourceType", "id", "meta", "status", "intent"}
    query = "_elements=owner,Task.focus&_elements=priority&_include=Task:owner&_sort=_id"
    bundle = ok(pacs.client.get(f"/fhir/Task?{query}"))
    check(bundle)
    shown, *_, owner = (entry["resource"] for entry in bundle["entry"])
    assert set(shown) == {*always, "owner", "focus", "priority"}
    assert {name: shown[name] for name in shown if name != "meta"} == {
        name: whole[name] for name in shown if name != "meta"
    }
    assert (shown["meta"]["versionId"], shown["meta"]["tag"][0]["code"]) == (whole["meta"]["versionId"], "SUBSETTED")
    assert owner["name"]
    assert set(ok(pacs.client.get(f"/fhir/Task/{whole['id']}?_elements=owner"))) == {*always, "owner"}


@pytest.mark.parametrize(("asked", "shown"), [("true", SUMMARY), ("text", set()), ("data", None), ("false", None)])
def test_a_summary_is_what_r4_says(pacs: Pacs, asked: str, shown: set[str] | None) -> None:
    """Of what we send."""
    whole = pacs.task("A1")
    (entry,) = pacs.search(_summary=asked, _id=whole["id"])["entry"]
    always = {"resourceType", "id", "meta", "status", "intent"}
    assert set(entry["resource"]) == (set(whole) if shown is None else {*always, *(shown & set(whole))})


def test_the_summary_has_those_elements_that_the_standard_marks() -> None:
    """By the models of another hand (R4B, whose Task is R4's)."""
    sent = {"identifier", "priority", "authoredOn", "restriction", "input", "output", *SUMMARY}
    assert {name for name in Task.summary_elements_sequence() if name in sent} == SUMMARY


def test_part_of_a_task_is_not_sent_back(pacs: Pacs) -> None:
    """What is missing from it would look like a wish."""
    task = pacs.task("A2")
    part = ok(pacs.client.get(f"/fhir/Task/{task['id']}?_summary=true"))
    assert "part of a Task" in outcome(pacs.put({**part, "status": "in-progress"}), 422, "invalid")
    for query in ("_elements=no%20name", "_summary=all"):
        outcome(pacs.client.get(f"/fhir/Task/{task['id']}?{query}"), 400, "structure")
