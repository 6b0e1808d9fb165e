"""The questions between acts of chance are worth something: each finds what breaks its rule, and is content without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from balancer.store.audit import AuditEnd
from balancer.store.database import Database
from tests.random_acts import at_random, questions
from tests.random_acts.acts import Act
from tests.random_acts.asking import Everybody
from tests.random_acts.at_random import Wanted, act_at_random
from tests.random_acts.hands import Hands
from tests.random_acts.questions import Asked
from tests.random_acts.small_morning import SmallMorning, small_morning
from tests.worlds import NOW

READS_ARE_MISSING = "UPDATE studies SET reads = 9 WHERE accession_number = 'V05'"
A_LIST_IS_MISSING = "UPDATE worklists SET superseded_at = published_at WHERE reporter_id = 'R3'"
A_RUN_WAS_REJECTED = "UPDATE runs SET state = 'rejected', error = 'H9: both are for R1'"
BOTH_ARE_FOR_ONE = (
    "UPDATE reads SET reporter_id = (SELECT max(other.reporter_id) FROM reads AS other "
    "WHERE other.study_id = reads.study_id AND other.number = 1) WHERE number = 2 AND state = 'allocated'"
)


@pytest.fixture
def morning(sqlite_db: Database, tmp_path: Path) -> SmallMorning:
    """Return a morning on which nothing has happened yet."""
    return small_morning(sqlite_db, tmp_path)


@pytest.fixture
def asked(morning: SmallMorning, sqlite_db: Database) -> Iterator[Asked]:
    """Yield what questions are put to."""
    everybody = Everybody(morning.connect)
    reporters = [item["reporter_id"] for item in everybody.items("/reporters")]
    hands = Hands(everybody=everybody, chance=Random(1), reporters=reporters, trusts=["RVV", "RWF"], begins=NOW)  # noqa: S311
    found = Asked.of(everybody, hands, sqlite_db, limit=9)
    found.last_run_before = 0
    yield found
    everybody.close()


@pytest.mark.parametrize(
    ("question", "statement", "expected"),
    [
        (questions.the_books_balance, READS_ARE_MISSING, "RVV does not balance"),
        (questions.everybody_has_a_list, A_LIST_IS_MISSING, "R3 has no list"),
        (questions.no_run_fails, A_RUN_WAS_REJECTED, "run 1 (allocation) is rejected: H9: both are for R1"),
        (questions.two_reads_have_two_readers, BOTH_ARE_FOR_ONE, "has two reads of study"),
    ],
)
def test_what_is_wrong_in_the_database_is_found(
    asked: Asked, question: Callable[[Asked], Iterator[str]], statement: str, expected: str
) -> None:
    """Each by its own question, which has nothing to say before."""
    assert list(question(asked)) == []
    with asked.database.connection() as connection:
        connection.execute(text(statement))
    assert expected in next(question(asked))


def test_a_read_that_the_list_of_its_reader_does_not_show_is_found(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database has it there, and the API leaves it out."""
    assert list(questions.every_list_has_what_is_on_it(asked)) == []
    monkeypatch.setattr(Everybody, "look", lambda *_, **__: {"items": []})
    found = list(questions.every_list_has_what_is_on_it(asked))
    assert "is not on the list that the API shows" in found[0]


def test_a_page_that_is_not_there_is_found(asked: Asked) -> None:
    """Of a draft that should be."""
    asked.hands.drafts.append(99)
    assert list(questions.every_page_is_there(asked)) == ["/drafts/99: 404"]


@pytest.mark.parametrize("takes", [[], [{"name": "cursor"}, {"name": "limit"}]], ids=["whole", "in pages"])
def test_what_the_document_promises_and_nobody_answers_is_found(asked: Asked, takes: list[dict[str, str]]) -> None:
    """Whether or not it is had in pages."""
    asked.document["paths"] = {"/api/v1/nowhere": {"get": {"parameters": takes}}}
    assert [line.strip() for line in questions.every_question_of_the_api_is_answered(asked)] == ["GET /nowhere: 404"]


def test_a_trail_that_does_not_lead_through_what_was_seen_of_it_is_found(asked: Asked) -> None:
    """Its end is kept from one round of questions to the next."""
    assert list(questions.the_trail_holds(asked)) == []
    assert asked.audit_end is not None
    asked.audit_end = AuditEnd(sequence=asked.audit_end.sequence, hash="of another")
    assert len(list(questions.the_trail_holds(asked))) == 1


def test_a_failure_is_told_once_with_what_was_asked() -> None:
    """By whom, with what, and what came back."""

    async def fail(_: Request) -> JSONResponse:
        return JSONResponse({"detail": "it broke"}, status_code=500)

    app = Starlette(routes=[Route("/{path:path}", fail, methods=["GET", "POST"])])
    everybody = Everybody(lambda: TestClient(app), "pin")
    everybody.ask("POST", "/reads/1/pin", {"reason": "x"}, who="reporter:R1")
    line = "POST /api/v1/reads/1/pin {'reason': 'x'} by reporter:R1: 500 {\"detail\":\"it broke\"}"
    assert everybody.failures == [line]
    assert everybody.answers == {("pin", 500): 1}


def test_what_goes_wrong_is_told_with_the_act_after_which_it_did(
    morning: SmallMorning, sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, and in the table of answers is whatever was drawn."""
    done = []

    def look(hands: Hands) -> None:
        done.append(hands.everybody.ask("POST", "/nowhere"))
        if len(done) == 3:
            with sqlite_db.connection() as connection:
                connection.execute(text(READS_ARE_MISSING))

    monkeypatch.setattr(at_random, "ACTS", (Act(name="look", weight=1, do=look),))
    monkeypatch.setattr(questions, "QUESTIONS", (questions.the_books_balance, questions.nothing_fails))
    result = act_at_random(morning.connect, sqlite_db, Wanted(acts=5, seed=1, begins=NOW, ask_every=1))
    assert [(item.act, item.line) for item in result.wrong] == [
        (3, "the books balance: RVV does not balance"),
        (3, "the books balance: RVV: missing 1"),
    ]
    assert result.answers["look"] == {"404": 5}
