"""Versions of the policy: the file is the first, from then on somebody approves each, and none is ever edited."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from sqlmodel import select

from balancer.domain.actor import EVERY_TRUST, Grant, person
from balancer.domain.errors import ConflictError, InvalidValueError, NotFoundError
from balancer.domain.permission import Role
from balancer.domain.policy import Policy, PublishingRules, ReadingRules
from balancer.domain.policy_version import FieldChange, PolicyState, compare, fields_of
from balancer.ingest.policy_file import read_policy
from balancer.publish.problem_folder import policy_text
from balancer.services.decide_policy import approve_policy, decline_policy
from balancer.services.ingest_studies import ingest_extract
from balancer.services.load_network import load_network
from balancer.services.propose_policy import propose_policy
from balancer.store import audit, policies, runs
from balancer.store.database import Database
from balancer.store.pages import Cut
from balancer.store.policies import current_policy, versions
from balancer.store.tables import PolicyRow, StudyRow
from balancer.store.tables_assignments import AssignmentRow
from tests.networks import Feed, Network, extract, incoming, loaded, minutes
from tests.random_worlds import policies as any_policy
from tests.worlds import EXAMPLE_POLICY, NOW

MANAGER = person("entra:7", "A. Manager", Grant(Role.MANAGER, EVERY_TRUST))
STRICTER = replace(EXAMPLE_POLICY, version="2", horizon_hours=24)


def told(db: Database) -> list[tuple[PolicyState, str, str]]:
    """Return state, version and approver of every version, oldest first."""
    with db.session() as reading:
        return [(item.state, item.row.version, item.approver) for item in reversed(versions(reading))]


def proposed(db: Database, policy: Policy = STRICTER) -> int:
    """Propose a policy; return the version's number."""
    return propose_policy(db, policy, minutes(1), by=MANAGER, author=MANAGER.name, reason="the winter")


def approved(db: Database, policy_id: int) -> None:
    """Approve a version."""
    approve_policy(db, policy_id, minutes(2), by=MANAGER, approver="Dr B. Approver", reason="agreed")


def test_the_file_is_the_first_version_and_in_force_at_once(db: Database) -> None:
    """Approved by whom it names; by nobody if it names nobody."""
    loaded(db, Network(policy=replace(EXAMPLE_POLICY, approver="Dr B. Approver")))
    assert told(db) == [(PolicyState.IN_FORCE, "", "Dr B. Approver")]


def test_a_file_that_changes_is_proposed_and_changes_nothing(db: Database) -> None:
    """Whoever can write a file is not by that whoever answers for a policy."""
    loaded(loaded(loaded(db), Network(policy=STRICTER)), Network(policy=STRICTER))
    assert told(db) == [(PolicyState.IN_FORCE, "", ""), (PolicyState.PROPOSED, "2", "")]
    with db.session() as reading:
        assert current_policy(reading) == EXAMPLE_POLICY


def test_an_old_file_does_not_undo_what_was_approved_since(db: Database) -> None:
    """A replica that restarts with last month's folder changes nobody's targets."""
    loaded(db)
    approved(db, proposed(db))
    loaded(db)
    assert told(db)[:2] == [(PolicyState.REPLACED, "", ""), (PolicyState.IN_FORCE, "2", "Dr B. Approver")]
    with db.session() as reading:
        assert current_policy(reading).horizon_hours == 24


def test_what_a_file_says_no_longer_is_no_longer_proposed(db: Database) -> None:
    """And is again when it says so again: a file that goes back and forth is never lost sight of."""
    for policy in (EXAMPLE_POLICY, STRICTER, EXAMPLE_POLICY, STRICTER):
        loaded(db, Network(policy=policy))
    assert [state for state, *_ in told(db)] == [PolicyState.IN_FORCE, PolicyState.DECLINED, PolicyState.PROPOSED]


def test_what_somebody_declined_is_not_proposed_again_by_the_same_file(db: Database) -> None:
    """The service starts again every night."""
    loaded(loaded(db), Network(policy=STRICTER))
    decline_policy(db, 2, minutes(1), by=MANAGER, reason="not in this winter")
    loaded(db, Network(policy=STRICTER))
    assert [state for state, *_ in told(db)] == [PolicyState.IN_FORCE, PolicyState.DECLINED]


def test_a_version_that_was_written_out_and_loaded_is_the_version_in_force(db: Database) -> None:
    """An export names author and approver; that alone is no other policy."""
    loaded(db)
    approved(db, proposed(db))
    with db.session() as reading:
        current = policies.version(reading, 2)
    written = read_policy(policy_text(policies.signed(current)), "policy.toml")
    assert (written.author, written.approver) == ("A. Manager", "Dr B. Approver")
    loaded(db, Network(policy=written))
    assert len(told(db)) == 2


def test_an_approved_version_is_in_force_with_whoever_answers_for_it(db: Database) -> None:
    """Open studies are due by it at once, but for those whose source says when; a run is asked for; the PACS hear."""
    loaded(db)
    ingest_extract(db, Feed(), extract("A1", incoming("A2", due_at=minutes(7))), NOW)
    urgent = replace(EXAMPLE_POLICY.priority("urgent"), target_hours=2)
    classes = tuple(urgent if item.code == "urgent" else item for item in EXAMPLE_POLICY.priorities)
    with db.session() as reading:
        before = {row.study_id: row.sequence for row in reading.exec(select(AssignmentRow))}
    approved(db, proposed(db, replace(EXAMPLE_POLICY, priorities=classes)))
    with db.session() as reading:
        due = {row.accession_number: row.due_at for row in reading.exec(select(StudyRow))}
        asked = runs.requested(reading)
        after = {row.study_id: row.sequence for row in reading.exec(select(AssignmentRow))}
    assert due == {"A1": minutes(60), "A2": minutes(7)}
    assert asked is not None
    assert "policy" in asked.stage
    assert [number for number in before if after[number] > before[number]] == [1]


def test_somebody_must_answer_for_a_version_by_name(db: Database) -> None:
    """Blanks are nobody."""
    loaded(db)
    number = proposed(db)
    with pytest.raises(InvalidValueError, match="approver"):
        approve_policy(db, number, minutes(2), by=MANAGER, approver="  ", reason="agreed")
    assert told(db)[1] == (PolicyState.PROPOSED, "2", "")


def test_a_version_is_decided_about_once(db: Database) -> None:
    """Whether it was approved, declined or replaced since; and one that is not there is not."""
    loaded(db)
    for number in (proposed(db), proposed(db, replace(STRICTER, version="3"))):
        approved(db, number)
    decline_policy(db, proposed(db, replace(STRICTER, version="4")), minutes(3), by=MANAGER, reason="no")
    for number in (1, 2, 3, 4):
        with pytest.raises(ConflictError, match="does not wait"):
            approved(db, number)
        with pytest.raises(ConflictError, match="does not wait"):
            decline_policy(db, number, minutes(3), by=MANAGER, reason="no")
    with pytest.raises(NotFoundError):
        approved(db, 9)
    assert [state for state, *_ in told(db)] == [
        PolicyState.REPLACED,
        PolicyState.REPLACED,
        PolicyState.IN_FORCE,
        PolicyState.DECLINED,
    ]


def test_the_version_approved_last_is_in_force_whatever_was_proposed_last(db: Database) -> None:
    """The number says in which order they were proposed, and nothing more."""
    loaded(db)
    first, second = proposed(db), proposed(db, replace(STRICTER, version="3"))
    approved(db, second)
    approved(db, first)
    with db.session() as reading:
        assert policies.current_policy_row(reading).id == first


def test_what_is_in_force_is_not_proposed_again(db: Database) -> None:
    """Unless nobody is named for it, so that somebody may be."""
    loaded(db)
    number = proposed(db, EXAMPLE_POLICY)
    approved(db, number)
    with pytest.raises(ConflictError, match="says the same"):
        proposed(db, EXAMPLE_POLICY)


def test_no_version_is_ever_edited(db: Database) -> None:
    """What a run was made by can be looked up for as long as the run is kept."""
    loaded(db)
    number = proposed(db)
    with db.session() as reading:
        before = repr([repr(row) for row in reading.exec(select(PolicyRow).order_by(PolicyRow.id))])  # type: ignore[arg-type]
    approved(db, number)
    with db.session() as reading:
        after = repr([repr(row) for row in reading.exec(select(PolicyRow).order_by(PolicyRow.id))])  # type: ignore[arg-type]
    assert before == after


def test_who_proposed_and_decided_is_in_the_trail(db: Database) -> None:
    """In the transaction of the change."""
    load_network(db, Network(), NOW)
    number = proposed(db)
    approved(db, number)
    with db.session() as reading:
        found = audit.entries(reading, Cut(), subject_kind="policy").items
    assert [(row.action, row.actor, row.subject_id, row.became) for row in reversed(found)] == [
        ("policy.approve", "job:network", "1", "in_force"),
        ("policy.propose", "entra:7", "2", "proposed"),
        ("policy.approve", "entra:7", "2", "in_force"),
    ]
    assert found[0].detail == {"decided_by": "Dr B. Approver"}


def test_two_policies_are_compared_field_by_field() -> None:
    """By the names of the file; a class that one of them does not have is told field by field too."""
    urgent, *others = STRICTER.priorities[1:]
    after = replace(
        STRICTER,
        priorities=(replace(urgent, weight=11), *others),
        publishing=PublishingRules(hold=True),
        reading=ReadingRules(choice=4),
    )
    found = {change.field: (change.was, change.becomes) for change in compare(EXAMPLE_POLICY, after)}
    assert found["horizon.hours"] == (168, 24)
    assert found["priority.urgent.weight"] == (10, 11)
    assert found["priority"] == (["emergency", "urgent", "routine"], ["urgent", "routine"])
    assert found["priority.emergency.weight"] == (100, None)
    assert (found["publishing.hold"], found["reading.choice"]) == ((False, True), (3, 4))
    assert found["policy.version"] == ("", "2")


@given(any_policy(), any_policy())
def test_only_equal_policies_do_not_differ(one: Policy, other: Policy) -> None:
    """Nothing that a policy says is left out of a comparison."""
    assert (compare(one, other) == ()) == (one == other)
    assert compare(one, one) == ()


@given(any_policy(), any_policy())
def test_a_comparison_says_what_is_to_be_changed(one: Policy, other: Policy) -> None:
    """The earlier version with every change made to it is the later one."""
    changed = fields_of(one)
    for change in compare(one, other):
        assert change == FieldChange(field=change.field, was=changed.get(change.field), becomes=change.becomes)
        changed[change.field] = change.becomes
    assert {name: value for name, value in changed.items() if value is not None} == {
        name: value for name, value in fields_of(other).items() if value is not None
    }
