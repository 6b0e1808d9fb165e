"""What somebody may do, and how far it reaches, is what their roles say, trust by trust."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.domain.actor import EVERY_TRUST, EVERYWHERE, NOWHERE, Actor, ActorKind, Grant, Reach, job, person, system
from balancer.domain.errors import InvalidValueError, NotAllowedError
from balancer.domain.permission import FOR_SYSTEMS, MAY, MEANING, Permission, Role

GRANTS = st.frozensets(st.builds(Grant, st.sampled_from(Role), st.sampled_from(["RVV", "RWF", "RPA"])), max_size=5)


def test_a_manager_of_one_trust_who_reports_for_another_manages_only_the_one() -> None:
    """Roles are held at trusts: two grants are not every role at every trust."""
    actor = person("p1", "A", Grant(Role.MANAGER, "RVV"), Grant(Role.REFERRER, "RWF"))
    assert actor.reach(Permission.FEEDS_DECIDE).trusts == {"RVV"}
    assert actor.reach(Permission.STUDIES_READ).trusts == {"RVV", "RWF"}


def test_what_a_reporter_may_is_for_their_own_reads() -> None:
    """At whatever trust those were imaged; nobody else's."""
    reach = person("p1", "A", Grant(Role.REPORTER, "RVV"), reporter_id="R1").reach(Permission.WORKLISTS_READ)
    assert (reach.trusts, reach.own) == (frozenset(), "R1")


def test_whoever_is_a_manager_and_a_reporter_acts_as_one_of_them_at_a_time() -> None:
    """In their own name at their own reads, in another's at the trusts they manage; a mere reporter for nobody else."""
    both = person("p1", "A", Grant(Role.MANAGER, "RVV"), Grant(Role.REPORTER, "RWF"), reporter_id="R1")
    reach = both.reach(Permission.READS_WORK)
    assert reach.acting_for("R1") == Reach(own="R1")
    assert reach.acting_for("R2") == Reach(trusts=frozenset({"RVV"}), reader="R1")
    with pytest.raises(NotAllowedError):
        Reach(own="R1").acting_for("R2")
    assert Reach(trusts=frozenset({"RVV"})).acting_for("R1") == Reach(trusts=frozenset({"RVV"}))


def test_a_reporter_without_a_number_is_refused() -> None:
    """There would be no saying whose reads are theirs."""
    with pytest.raises(InvalidValueError, match="reporter_id"):
        person("p1", "A", Grant(Role.REPORTER, "RVV"))


def test_everywhere_is_said_and_never_comes_of_saying_nothing() -> None:
    """No trust is no trust."""
    with pytest.raises(InvalidValueError, match="trust"):
        Grant(Role.AUDITOR, "")
    assert person("p1", "A").reach(*Permission) == NOWHERE
    assert person("p1", "A", Grant(Role.AUDITOR, EVERY_TRUST)).reach(Permission.AUDIT_READ) == EVERYWHERE


def test_a_system_may_what_its_scopes_say_at_its_trusts() -> None:
    """No role ever comes with it."""
    pacs = system("s1", "PACS", [Permission.ASSIGNMENTS_READ], ["RVV"])
    assert pacs.reach(Permission.ASSIGNMENTS_READ).trusts == {"RVV"}
    assert not pacs.may(Permission.STUDIES_READ)
    assert not system("s1", "PACS", [Permission.ASSIGNMENTS_READ], []).may(Permission.ASSIGNMENTS_READ)
    with pytest.raises(InvalidValueError, match="grants"):
        Actor(subject="s1", name="PACS", kind=ActorKind.SYSTEM, grants=frozenset({Grant(Role.MANAGER, "RVV")}))
    with pytest.raises(InvalidValueError, match="scopes"):
        Actor(subject="p1", name="A", scopes=frozenset({Permission.STUDIES_READ}))


def test_a_job_may_nothing_over_the_wire() -> None:
    """It is a name for the record."""
    assert not job("scheduler").may(*Permission)


@given(grants=GRANTS, permission=st.sampled_from(Permission))
def test_nothing_reaches_a_trust_at_which_no_role_allows_it(grants: frozenset[Grant], permission: Permission) -> None:
    """For any grants: exactly the trusts of roles that may, and own reads exactly for a reporter who may."""
    reach = person("p1", "A", *grants, reporter_id="R1").reach(permission)
    holding = {grant for grant in grants if permission in MAY[grant.role]}
    assert reach.trusts == {grant.trust for grant in holding if grant.role is not Role.REPORTER}
    assert (reach.own is not None) == any(grant.role is Role.REPORTER for grant in holding)


def test_every_permission_is_somebodys_and_says_what_it_is() -> None:
    """One that no role has could be used by nobody."""
    assert frozenset().union(FOR_SYSTEMS, *MAY.values()) == frozenset(Permission) == set(MEANING)
    assert all(FOR_SYSTEMS.isdisjoint(theirs) for theirs in MAY.values())
    assert set(MAY) == set(Role)


def test_who_runs_the_service_sees_no_patient() -> None:
    """Nor does an auditor change anything."""
    seeing = {Permission.STUDIES_READ, Permission.QUARANTINE_READ, Permission.WORKLISTS_READ}
    assert MAY[Role.ADMINISTRATOR].isdisjoint(seeing)
    assert {permission.rsplit(".")[-1] for permission in MAY[Role.AUDITOR]} == {"read"}
