"""What must hold whatever people do: each rule is a question with its own function, which yields what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from sqlmodel import Session, col, select

from balancer.domain.life import ON_A_LIST
from balancer.store import audit, conservation
from balancer.store.audit import AuditEnd
from balancer.store.database import Database
from balancer.store.tables import StudyRow, WorklistItemRow
from balancer.store.tables_life import ReadRow
from balancer.store.worklists import with_place
from tests.random_acts.asking import Everybody
from tests.random_acts.hands import Hands
from tests.web.addresses import Known, addresses

# Followed for an hour, or as long as a preview takes; and what is ready depends on who runs beside.
_NOT_ASKED = ("/events", "/progress", "/health/")
_LISTS_LOOKED_AT = 15
_STUDIES_LOOKED_AT = 12


@dataclass(slots=True, kw_only=True)
class Asked:
    """What questions are put to: the service, its database, and how both were before anything was done."""

    everybody: Everybody
    hands: Hands
    database: Database
    lists_before: frozenset[str]
    last_run_before: int
    limit: int = 500
    audit_end: AuditEnd | None = None
    failures_told: int = 0
    document: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, everybody: Everybody, hands: Hands, database: Database, limit: int) -> Asked:
        """Return what questions are put to, as it is now, before anything is done."""
        return cls(
            everybody=everybody,
            hands=hands,
            database=database,
            lists_before=frozenset(item["reporter_id"] for item in everybody.all_of("/worklists")),
            last_run_before=max((run["run_id"] for run in everybody.items("/runs", limit=1)), default=0),
            limit=limit,
            document=everybody.look("/openapi.json"),
        )


def nothing_fails(asked: Asked) -> Iterator[str]:
    """Whatever is asked, the service answers, and never with 5xx."""
    yield from asked.everybody.failures[asked.failures_told :]
    asked.failures_told = len(asked.everybody.failures)


def the_books_balance(asked: Asked) -> Iterator[str]:
    """Every read that a trust asks for is somewhere, with whoever has it."""
    for trust in asked.everybody.items("/balance"):
        if not trust["balanced"]:
            yield f"{trust['trust']} does not balance"
    for fault in asked.everybody.items("/conservation"):
        yield f"{fault['trust']}: {fault['fault']} {fault['reads']}"


def everybody_has_a_list(asked: Asked) -> Iterator[str]:
    """Whoever had a list has one, if only one that says that there is nothing to read."""
    there = {item["reporter_id"] for item in asked.everybody.all_of("/worklists", limit=asked.limit)}
    for reporter_id in sorted(asked.lists_before - there):
        yield f"{reporter_id} has no list"


def no_run_fails(asked: Asked) -> Iterator[str]:
    """The referee has nothing against any list that was made, and no run has ended in an error."""
    for state in ("rejected", "failed"):
        for run in asked.everybody.items("/runs", state=state, limit=20):
            if run["run_id"] > asked.last_run_before:
                yield f"run {run['run_id']} ({run['kind']}) is {state}: {run['error']}"


def two_reads_have_two_readers(asked: Asked) -> Iterator[str]:
    """Nobody's list has two reads of a study, and two that are open are known to the office (H9)."""
    with asked.database.session() as session:
        for found in conservation.same_readers(session):
            yield f"{found.reporter_id} has two reads of study {found.study_id} of {found.trust}"


def every_list_has_what_is_on_it(asked: Asked) -> Iterator[str]:
    """Whoever has a read finds it on their list."""
    some = sorted(asked.lists_before)
    for reporter_id in asked.hands.chance.sample(some, min(_LISTS_LOOKED_AT, len(some))):
        before = _on_list(asked.database, reporter_id)
        listed = asked.everybody.look(f"/worklists/{reporter_id}")
        shown = set() if listed is None else {item["read_id"] for item in listed["items"]}
        # what has moved meanwhile may be on either side
        for read_id in sorted((before & _on_list(asked.database, reporter_id)) - shown):
            yield f"read {read_id} is {reporter_id}'s, and is not on the list that the API shows"


def _on_list(database: Database, reporter_id: str) -> set[int]:
    """Return the reads that are on somebody's list, or open there."""
    theirs = select(ReadRow.id).where(
        ReadRow.reporter_id == reporter_id, col(ReadRow.state).in_(sorted(ON_A_LIST))
    )  # fmt: skip
    with database.session() as session:
        found = session.exec(with_place(theirs).where(col(WorklistItemRow.study_id).is_not(None)))
        return {read_id for read_id in found if read_id is not None}


def every_page_is_there(asked: Asked) -> Iterator[str]:
    """Every page is shown, of studies and people that something was done with too."""
    with asked.database.session() as session:
        studies = _touched(session, asked.hands)
    looked_at = {*addresses(_known(asked, studies)), *(f"/studies/{number}" for number in studies)}
    looked_at |= {f"/drafts/{number}" for number in asked.hands.drafts[-4:]}
    for address in sorted(looked_at):
        status = asked.everybody.page(address).status_code
        if status != 200:
            yield f"{address}: {status}"
    for _ in range(3):
        reporter_id = asked.hands.anybody()
        status = asked.everybody.page("/my-list", who=f"reporter:{reporter_id}").status_code
        if status != 200:
            yield f"/my-list of {reporter_id}: {status}"


def every_question_of_the_api_is_answered(asked: Asked) -> Iterator[str]:
    """Whatever the API's document says can be asked for is there, and what is listed goes on to a last page."""
    values = _values(asked)
    for path, ways in asked.document["paths"].items():
        names = re.findall(r"{(\w+)}", path)
        if "get" not in ways or any(part in path for part in _NOT_ASKED) or any(values.get(n) is None for n in names):
            continue
        address = path.removeprefix("/api/v1").format(**values)
        takes = {parameter.get("name") for parameter in ways["get"].get("parameters", ())}
        query: dict[str, Any] = {"trust": asked.hands.trusts[0]} if path.endswith("/assignments") else {}
        try:
            if {"cursor", "limit"} <= takes:
                for _ in asked.everybody.all_of(address, limit=asked.limit, **query):
                    pass
            elif (status := asked.everybody.ask("GET", address, **query).status_code) not in _may_be(names):
                yield f"GET {address}: {status}"
        except LookupError as error:
            yield str(error)


def the_trail_holds(asked: Asked) -> Iterator[str]:
    """Nobody has changed the audit trail, and it goes on from where it ended when it was last looked at."""
    with asked.database.session() as session:
        verdict = audit.verify(session, witnessed=asked.audit_end)
    if verdict.fault:
        yield verdict.fault
    asked.audit_end = verdict.end


QUESTIONS: Final[tuple[Callable[[Asked], Iterator[str]], ...]] = (
    the_books_balance,
    everybody_has_a_list,
    no_run_fails,
    two_reads_have_two_readers,
    every_list_has_what_is_on_it,
    every_page_is_there,
    every_question_of_the_api_is_answered,
    the_trail_holds,
    nothing_fails,  # last: what the others were answered counts too
)


def wrong(asked: Asked) -> list[str]:
    """Put every question, and return what is wrong, each with the rule that it breaks."""
    return [f"{question.__name__.replace('_', ' ')}: {line}" for question in QUESTIONS for line in question(asked)]


# --- what there is to look at ----------------------------------------------------------------------------------------


def _touched(session: Session, hands: Hands) -> list[int]:
    """Return the numbers of some of the studies that something was done with."""
    keys = list(hands.touched)
    found = []
    for trust, number in hands.chance.sample(keys, min(_STUDIES_LOOKED_AT, len(keys))):
        same = select(StudyRow.id).where(StudyRow.trust == trust, StudyRow.accession_number == number)
        found += [study_id for study_id in session.exec(same) if study_id is not None]
    return found


def _known(asked: Asked, studies: list[int]) -> Known:
    everybody, hands = asked.everybody, asked.hands
    runs = everybody.items("/runs", limit=100)
    policies = sorted(row["policy_id"] for row in everybody.items("/policies"))
    previewed = [number for number in hands.drafts[-4:] if everybody.look(f"/drafts/{number}/preview")]
    return Known(
        trust=hands.chance.choice(hands.trusts),
        subspecialty="neuro",
        reporter_id=hands.anybody(),
        feed=everybody.items("/feeds")[0]["feed"],
        day=f"{hands.begins:%Y-%m-%d}",
        study=studies[-1] if studies else None,
        run=runs[0]["run_id"],
        proposed=next((run["run_id"] for run in runs if run["state"] == "held"), None),
        draft=previewed[-1] if previewed else None,
        quarantined=_first(everybody, "/quarantine", "row_id"),
        exception=_first(everybody, "/exceptions", "exception_id"),
        policies=(policies[0], policies[-1]) if len(policies) > 1 else None,
    )


def _values(asked: Asked) -> dict[str, Any]:
    """Return by the names of parameters in addresses what they can be; ``None`` where there is nothing."""
    everybody, hands = asked.everybody, asked.hands
    trust, number = next(reversed(hands.touched), (None, None))
    return {
        "reporter_id": hands.anybody(),
        "trust": trust,
        "accession_number": number,
        "draft_id": hands.drafts[-1] if hands.drafts else None,
        "run_id": _first(everybody, "/runs", "run_id"),
        "policy_id": _first(everybody, "/policies", "policy_id"),
        "feed": _first(everybody, "/feeds", "feed"),
        "roster": _first(everybody, "/rosters", "roster"),
        "row_id": _first(everybody, "/quarantine", "row_id"),
    }


def _may_be(names: list[str]) -> set[int]:
    """Return what may be answered: of one thing also that it has no such part, as a draft without a preview."""
    return {200, 404, 409, 410} if names else {200}


def _first(everybody: Everybody, path: str, name: str) -> Any:
    return next((item[name] for item in everybody.items(path)), None)
