"""The policy over the wire: proposed by whoever may, approved by a person who answers for all trusts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from balancer.domain.actor import EVERY_TRUST, system
from balancer.domain.permission import Permission, Role
from balancer.ingest.policy_file import read_policy
from balancer.publish.problem_folder import policy_text
from balancer.store import policies, runs
from balancer.store.database import Database
from tests.access.doors import Known, holding
from tests.api.service import Service, problem
from tests.networks import Network, loaded
from tests.worlds import EXAMPLE_POLICY

STRICTER = policy_text(replace(EXAMPLE_POLICY, version="2", horizon_hours=24))
MANAGER = holding(Role.MANAGER, EVERY_TRUST)


@pytest.fixture
def known(db: Database) -> Service:
    """Return a service whose caller is a manager at every trust, with the example policy in force."""
    loaded(db, Network(policy=replace(EXAMPLE_POLICY, owner="KMIN", version="1")))
    return Service(db, door=Known(MANAGER))


def propose(service: Service, content: str = STRICTER) -> dict[str, object]:
    """Propose a policy; return the version."""
    answer = service.post("/policies", {"content": content, "reason": "the winter"})
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def test_the_first_version_is_shown_whole(known: Service) -> None:
    """As a file that is the same policy when it is read."""
    (version,) = known.ask("/policies")["items"]
    assert (version["policy_id"], version["state"], version["owner"], version["approver"]) == (
        1,
        "in_force",
        "KMIN",
        "",
    )
    whole = known.ask("/policies/1")
    assert {**version, "content": whole["content"]} == whole
    assert read_policy(whole["content"], "policy.toml").horizon_hours == 168
    problem(known.get("/policies/7"), 404, "not-found")


def test_versions_can_be_had_in_pages(known: Service) -> None:
    """The newest first; a cursor of another list is refused."""
    propose(known)
    first = known.ask("/policies", limit=1)
    second = known.ask("/policies", limit=1, cursor=first["next_cursor"])
    assert [item["policy_id"] for item in first["items"] + second["items"]] == [2, 1]
    assert second["next_cursor"] is None
    for path in ("/feeds", "/batches/held", "/rosters", "/feed-words", "/balance"):
        problem(known.get(path, cursor=first["next_cursor"]), 404, "no-such-page")


def test_a_proposed_version_changes_nothing_until_it_is_approved(known: Service, db: Database) -> None:
    """By a person who is named with it, from then on."""
    version = propose(known)
    assert (version["state"], version["author"]) == ("proposed", f"{MANAGER.name} ({MANAGER.subject})")
    assert known.ask("/policies/1")["state"] == "in_force"
    answer = known.post("/policies/2/approve", {"reason": "agreed by the board", "approver": "Somebody Else"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["state"], answer.json()["approver"], answer.json()["decision_reason"]) == (
        "in_force",
        f"{MANAGER.name} ({MANAGER.subject})",
        "agreed by the board",
    )
    assert known.ask("/policies/1")["state"] == "replaced"
    with db.session() as reading:
        assert policies.current_policy(reading).horizon_hours == 24
        assert runs.requested(reading) is not None
    problem(known.post("/policies/2/approve", {"reason": "again"}), 409, "conflict")


def test_nobody_approves_beside_another_version_than_they_have_seen(known: Service) -> None:
    """What they compared it with is said with the word; another is in force by now."""
    propose(known)
    problem(known.post("/policies/2/approve", {"reason": "agreed", "base": 7}), 409, "conflict")
    assert known.ask("/policies/2")["state"] == "proposed"
    assert known.post("/policies/2/approve", {"reason": "agreed", "base": 1}).json()["state"] == "in_force"


def test_a_version_is_declined(known: Service) -> None:
    """And cannot be approved afterwards."""
    propose(known)
    assert known.post("/policies/2/decline", {"reason": "not now"}).json()["state"] == "declined"
    problem(known.post("/policies/2/approve", {"reason": "after all"}), 409, "conflict")


def test_versions_are_compared_field_by_field(known: Service) -> None:
    """With the one in force, or with any other."""
    propose(known)
    changes = {item["field"]: (item["was"], item["becomes"]) for item in known.ask("/policies/2/changes")["items"]}
    assert changes == {"horizon.hours": (168, 24), "policy.owner": ("KMIN", ""), "policy.version": ("1", "2")}
    back = known.ask("/policies/1/changes", since=2)["items"]
    assert {item["field"]: (item["becomes"], item["was"]) for item in back} == changes
    problem(known.get("/policies/2/changes", since=9), 404, "not-found")


def test_every_fault_of_what_is_proposed_is_told_with_its_line(known: Service) -> None:
    """It is read by the reader that reads the file."""
    content = STRICTER.replace("hours = 24", "hours = 0", 1).replace("[productivity]", "[productivities]")
    found = problem(known.post("/policies", {"content": content, "reason": "x"}), 422, "policy-refused")
    assert found["detail"] == "3 fault(s) in the policy"
    told = " ".join(fault["detail"] for fault in found["errors"])
    assert "horizon.hours" in told
    assert "productivity" in told
    assert "policy.toml:" in told
    problem(known.post("/policies", {"content": policy_text(EXAMPLE_POLICY)}), 422, "invalid-value")


@pytest.mark.parametrize("verb", ["approve", "decline"])
def test_the_policy_of_all_trusts_is_not_one_trusts_to_decide_about(verb: str, known: Service, db: Database) -> None:
    """A manager of one trust may propose; every trust's targets would be changed by more than that."""
    one = Service(db, door=Known(holding(Role.MANAGER, "RVV")))
    assert propose(one)["state"] == "proposed"
    problem(one.post(f"/policies/2/{verb}", {"reason": "mine"}), 403, "not-allowed")
    assert known.ask("/policies/2")["state"] == "proposed"


def test_no_system_approves_a_policy(known: Service, db: Database) -> None:
    """Somebody must answer for it."""
    propose(known)
    machine = Service(db, door=Known(system("s", "S", [Permission.POLICIES_WRITE], [EVERY_TRUST])))
    problem(machine.post("/policies/2/approve", {"reason": "x", "approver": "Dr B."}), 403, "not-allowed")


def test_whoever_brings_a_text_is_its_author_whatever_the_text_says(known: Service) -> None:
    """A name in a text proves nothing."""
    stated = policy_text(replace(EXAMPLE_POLICY, version="3", horizon_hours=24, author="Dr Somebody Else"))
    assert propose(known, stated)["author"] == f"{MANAGER.name} ({MANAGER.subject})"


def test_where_nobody_signs_in_whoever_approves_says_who_it_is(known: Service, db: Database) -> None:
    """A name, or it is refused."""
    propose(known)
    local = Service(db)
    found = problem(local.post("/policies/2/approve", {"reason": "tried out"}), 422, "invalid-value")
    assert found["errors"][0]["parameter"] == "approver"
    answer = local.post("/policies/2/approve", {"reason": "tried out", "approver": "Dr B. Approver"})
    assert answer.json()["approver"] == "Dr B. Approver"
