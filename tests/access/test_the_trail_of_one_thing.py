"""Whoever manages some trusts is shown what was done to a thing of theirs; the trail as a whole is for who has all."""

from __future__ import annotations

from datetime import timedelta

import pytest

from balancer.domain.actor import EVERY_TRUST, Actor
from balancer.domain.permission import Role
from balancer.domain.study import StudyKey
from balancer.services.note_look import note_look
from balancer.store import studies
from balancer.store.database import Database
from tests.access.doors import MANAGER_AND_REPORTER, MANAGER_EAST, MANAGER_WEST, SYSTEM_EAST, holding
from tests.access.test_every_route import served, values
from tests.access.two_trusts import EAST, WEST, allocate_both
from tests.api.service import problem
from tests.worlds import NOW

KINDS = {"read": "read_id", "exception": "exception_id", "instruction": "instruction_id", "draft": "draft_id"}


@pytest.fixture
def both(db: Database) -> Database:
    """Return a database of two trusts, allocated; somebody has looked at a study of each, and at all of them."""
    allocate_both(db)
    by, later = holding(Role.MANAGER, EVERY_TRUST), NOW + timedelta(minutes=1)
    with db.session() as reading:
        seen = [
            studies.study(reading, StudyKey(trust, number)).study.id or 0
            for trust, number in ((EAST, "EAST-1"), (WEST, "WEST-1"))
        ]
    for study_id in seen:
        note_look(db, by, "study", [study_id], later)
    note_look(db, by, "study", seen, later)
    return db


def found(db: Database, who: Actor, kind: str, number: str) -> set[tuple[str, str]]:
    """Return of what the entries are that somebody is shown who asks for those of one thing."""
    shown = served(db, who).ask("/audit", subject_kind=kind, subject_id=number)
    assert shown["total"] == len(shown["items"])
    return {(entry["subject_kind"], entry["subject_id"]) for entry in shown["items"]}


def test_a_manager_sees_what_was_done_to_what_is_their_trusts_and_of_anothers_that_there_is_nothing(
    both: Database,
) -> None:
    """As of a thing that never was; so does an auditor of the trust, and a system that may."""
    east, west = values(both, EAST), values(both, WEST)
    for kind, name in ({"study": "study_id"} | KINDS).items():
        for who in (MANAGER_EAST, holding(Role.AUDITOR, EAST), SYSTEM_EAST):
            assert found(both, who, kind, east[name]) == {(kind, east[name])}
            assert found(both, who, kind, west[name]) == set()
        assert found(both, MANAGER_WEST, kind, west[name]) == {(kind, west[name])}
        assert found(both, MANAGER_WEST, kind, "999999") == set()


def test_what_somebody_reads_is_not_theirs_to_follow_because_they_manage_elsewhere(both: Database) -> None:
    """R1 has WEST-1 on their list, and manages East."""
    west = values(both, WEST)
    for kind, name in KINDS.items():
        assert found(both, MANAGER_AND_REPORTER, kind, west[name]) == set()


@pytest.mark.parametrize(
    "asked", [{}, {"subject_kind": "read"}, {"subject_id": "1"}, {"subject_kind": "caller", "subject_id": "oidc:m1"}]
)
def test_what_is_of_no_trust_is_refused_and_told_why(both: Database, asked: dict[str, str]) -> None:
    """Everything, everybody's sign-ins, all reads: a part of that would look like the whole."""
    told = problem(served(both, MANAGER_EAST).get("/audit", **asked), 403, "not-allowed")
    assert "name one read, study, instruction, exception or draft of yours" in told["detail"]


def test_a_manager_of_every_trust_sees_the_whole_trail(both: Database) -> None:
    """With what is nobody's: the looks at many studies."""
    shown = served(both, holding(Role.MANAGER, EVERY_TRUST)).ask("/audit", limit=1_000)
    subjects = {(entry["subject_kind"], entry["subject_id"]) for entry in shown["items"]}
    assert ("study", "") in subjects
    for trust in (EAST, WEST):
        known = values(both, trust)
        assert {(kind, known[name]) for kind, name in KINDS.items()} <= subjects
