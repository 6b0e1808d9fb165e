"""A system that is renewed stays who it is: its former key ends after a while, or at once."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import ECKey, KeySet

from balancer.api import recent
from balancer.domain.errors import ConflictError, InvalidValueError, NotFoundError
from balancer.domain.permission import Permission
from balancer.outlets.hooks import open_hooks
from balancer.services.lasts_until import lasts_until
from balancer.services.register_ae_title import Application, register_ae_title
from balancer.services.register_system import disable_system, register_system
from balancer.services.renew_system import Renewal, Renewed, renew_system
from balancer.services.secret import digest_of
from balancer.services.subscribe import ALL
from balancer.store import ae_titles, audit, hooks
from balancer.store.database import Database
from balancer.store.pages import Cut
from tests.access.test_systems import EC, PUBLIC, SIGNING, WITH_KEY, ask, assertion, redeem, refused, two_served
from tests.api.service import KEY, Service, problem
from tests.networks import minutes
from tests.patience import until
from tests.terminal import OPERATOR
from tests.worlds import NOW

A_DAY, A_YEAR = timedelta(days=1), timedelta(days=365)
HOOKS = "http://127.0.0.1:9"
ANOTHER = ECKey.generate_key("P-384", {"kid": "another"}, private=True)


@pytest.fixture
def service(db: Database) -> Service:
    """Return a service on two trusts that knows nobody without credentials."""
    return two_served(db)


def renewed(
    db: Database, name: str = WITH_KEY.system_id, *, at: float = 0, overlap: float = 24, **more: Any
) -> Renewed:
    """Renew a system, some minutes on, for a year; ``overlap`` is in hours."""
    now = minutes(at)
    wanted = Renewal(system_id=name, expires_at=now + A_YEAR, overlap=timedelta(hours=overlap), **more)
    return renew_system(db, wanted, now, by=OPERATOR)


def registered(db: Database, expires_at: Any = NOW + A_YEAR) -> str:
    """Register a system with a key, and return it."""
    return str(register_system(db, replace(WITH_KEY, expires_at=expires_at), NOW, by=OPERATOR))


def statuses(service: Service, *shown: str) -> list[int]:
    """Return how a question is answered with each key or token."""
    return [ask(service, secret).status_code for secret in shown]


def test_both_keys_are_good_until_the_overlap_is_over(service: Service, db: Database) -> None:
    """The former ends to the moment; the new one goes on for as long as was said."""
    former = registered(db)
    done = renewed(db)
    new = str(done.key)
    assert (new.startswith("balancer_key_"), new == former, done.former_ends_at) == (True, False, NOW + A_DAY)
    assert ask(service, former, "/me").json() == ask(service, new, "/me").json()
    service.clock.at = NOW + A_DAY - timedelta(seconds=1)
    assert statuses(service, former, new) == [200, 200]
    service.clock.at = NOW + A_DAY
    assert statuses(service, former, new) == [401, 200]
    service.clock.at = NOW + A_YEAR
    assert statuses(service, former, new) == [401, 401]


def test_a_former_key_that_has_just_called_ends_as_soon(
    service: Service, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That it was good a moment ago is no reason."""
    monkeypatch.setattr(recent, "OLDEST_SECONDS", math.inf)
    former = registered(db)
    renewed(db)
    assert statuses(service, former, former) == [200, 200]
    service.clock.at = NOW + A_DAY
    problem(ask(service, former), 401, "sign-in-needed")


def test_a_key_that_another_process_ends_changes_nothing_from_then_on_and_soon_sees_nothing(
    service: Service, db: Database
) -> None:
    """As that of a system that is disabled."""
    former = registered(db)
    assert ask(service, former).status_code == 200
    elsewhere = Database(db.engine.url.render_as_string(hide_password=False))
    new = str(renewed(elsewhere, overlap=0).key)
    elsewhere.engine.dispose()
    change = service.client.post("/api/v1/drafts", headers={"Authorization": f"Bearer {former}"}, json={})
    problem(change, 401, "sign-in-needed")
    problem(until(lambda: refused(ask(service, former))), 401, "sign-in-needed")
    assert ask(service, new).status_code == 200


def test_a_former_key_is_good_for_no_longer_than_it_was(service: Service, db: Database) -> None:
    """An overlap gives no more time to whoever may have it."""
    former = registered(db, expires_at=minutes(60))
    done = renewed(db)
    assert done.former_ends_at == minutes(60)
    service.clock.at = minutes(60)
    assert statuses(service, former, str(done.key)) == [401, 200]


def test_a_system_whose_time_is_over_is_renewed_and_its_former_key_is_not(service: Service, db: Database) -> None:
    """What had ended stays so."""
    former = registered(db, expires_at=minutes(60))
    service.clock.at = minutes(90)
    done = renewed(db, at=90)
    assert done.former_ends_at is None
    assert statuses(service, former, str(done.key)) == [401, 200]


def test_a_new_key_that_is_lost_costs_the_one_in_use_nothing(service: Service, db: Database) -> None:
    """Whoever renews once more has three that are good; a shorter overlap then is that of all of them."""
    first = registered(db)
    second = str(renewed(db).key)
    third = str(renewed(db, at=10).key)
    assert statuses(service, first, second, third) == [200, 200, 200]
    fourth = str(renewed(db, at=20, overlap=1).key)
    service.clock.at = minutes(80)
    assert statuses(service, first, second, third, fourth) == [401, 401, 401, 200]


def test_a_disabled_system_is_not_renewed_and_has_no_former_key(service: Service, db: Database) -> None:
    """It is out for good, by whatever it shows."""
    former = registered(db)
    new = str(renewed(db).key)
    disable_system(db, WITH_KEY.system_id, NOW, by=OPERATOR)
    assert statuses(service, former, new) == [401, 401]
    with pytest.raises(ConflictError, match="is disabled"):
        renewed(db)
    assert statuses(service, former, new) == [401, 401]


def test_only_a_system_that_is_there_is_renewed_by_what_it_shows(db: Database) -> None:
    """One with a key gets a key; one that signs says by what from now on."""
    two_served(db)
    registered(db)
    register_system(db, SIGNING, NOW, by=OPERATOR)
    with pytest.raises(NotFoundError):
        renewed(db, "nobody")
    with pytest.raises(InvalidValueError, match="it has a key"):
        renewed(db, public_keys=PUBLIC)
    with pytest.raises(InvalidValueError, match="signs"):
        renewed(db, SIGNING.system_id)
    with pytest.raises(InvalidValueError, match="private ones stay"):
        renewed(db, SIGNING.system_id, public_keys=KeySet([ANOTHER]).as_dict(private=True))


def test_public_keys_are_replaced_by_those_that_are_given(service: Service, db: Database) -> None:
    """Both are good while both are in the set; what signs with one that is not there gets nothing."""
    register_system(db, replace(SIGNING, expires_at=minutes(60)), NOW, by=OPERATOR)
    both, one = KeySet([EC, ANOTHER]).as_dict(private=False), KeySet([ANOTHER]).as_dict(private=False)
    assert renewed(db, SIGNING.system_id, public_keys=both) == Renewed()
    assert [redeem(service, assertion(key=key, jti=key.kid)).status_code for key in (EC, ANOTHER)] == [200, 200]
    renewed(db, SIGNING.system_id, public_keys=one)
    answers = [redeem(service, assertion(key=key, jti=f"{key.kid} again")) for key in (EC, ANOTHER)]
    assert [answer.status_code for answer in answers] == [401, 200]
    service.clock.at = minutes(61)
    later = int(minutes(64).timestamp())
    assert redeem(service, assertion(key=ANOTHER, jti="later", exp=later)).status_code == 200


@pytest.mark.parametrize(("overlap", "status"), [(24, 200), (0, 401)])
def test_without_an_overlap_tokens_that_were_given_for_former_keys_end_too(
    service: Service, db: Database, overlap: float, status: int
) -> None:
    """With one they live their five minutes."""
    register_system(db, SIGNING, NOW, by=OPERATOR)
    token = redeem(service, assertion()).json()["access_token"]
    renewed(db, SIGNING.system_id, overlap=overlap, public_keys=KeySet([ANOTHER]).as_dict(private=False))
    assert statuses(service, token) == [status]


def test_a_renewed_system_keeps_its_subscriptions_and_ae_titles(service: Service, db: Database) -> None:
    """Also one whose time was over meanwhile; what it made by its former key it finds by the new one."""
    works = frozenset({Permission.ASSIGNMENTS_READ, Permission.READS_WORK})
    wanted = replace(WITH_KEY, scopes=works, expires_at=minutes(60))
    former = str(register_system(db, wanted, NOW, by=OPERATOR))
    register_ae_title(db, Application(title="RIS_RVV", system_id=wanted.system_id), NOW, by=OPERATOR)
    service.app.state.serving = replace(service.app.state.serving, hooks=frozenset({HOOKS}))
    by = {"Authorization": f"Bearer {former}", "content-type": "application/fhir+json"}
    channel = {"type": "rest-hook", "endpoint": f"{HOOKS}/news"}
    asked = {"resourceType": "Subscription", "status": "requested", "reason": "lists", "criteria": "Task?"}
    made = service.client.post("/fhir/Subscription", json={**asked, "channel": channel}, headers=by)
    followed = service.client.post(f"/dicomweb/workitems/{ALL}/subscribers/RIS_RVV", headers=by)
    assert (made.status_code, followed.status_code) == (201, 201)
    service.clock.at = minutes(90)
    new = {"Authorization": f"Bearer {renewed(db, at=90).key}"}
    path = f"/fhir/Subscription/{made.json()['id']}"
    assert service.client.get(path, headers=new).json()["criteria"] == "Task?"
    assert told(service, db) == [hooks.outlet_of(int(made.json()["id"]))]
    with db.session() as session:
        title = ae_titles.by_title(session, "RIS_RVV", now=service.clock.now())
    assert title is not None
    assert title.actor.subject == f"system:{wanted.system_id}"
    ended = service.client.post(f"/dicomweb/workitems/{ALL}/subscribers/RIS_RVV/suspend", headers=new)
    assert ended.status_code == 200


def told(service: Service, db: Database) -> list[str]:
    """Return the outlets that tell subscriptions of what changes."""
    opened = open_hooks(db, service.clock, KEY, {HOOKS})
    for hook in opened:
        hook.close()
    return [hook.name for hook in opened]


def test_nothing_that_is_given_for_a_former_key_outlasts_it(service: Service, db: Database) -> None:  # noqa: ARG001
    """A FHIRcast subscription say; for one that has ended nothing is given."""
    former = registered(db)
    assert lasts_until(db, former, NOW) == NOW + A_YEAR
    renewed(db)
    assert lasts_until(db, former, NOW) == NOW + A_DAY
    assert lasts_until(db, former, NOW + A_DAY) == NOW + A_DAY
    assert lasts_until(db, "balancer_key_x", NOW) == NOW


def test_neither_database_nor_trail_holds_a_key_and_the_trail_no_digest(service: Service, db: Database) -> None:  # noqa: ARG001
    """That a system was renewed is entered, by whom, and until when it and its former key are good."""
    former = registered(db)
    new = str(renewed(db).key)
    with db.session() as reading:
        assert audit.verify(reading).fault == ""
        trail = audit.entries(reading, Cut(limit=10), subject_kind="system").items
        kept = [
            repr(reading.connection().exec_driver_sql(f"SELECT * FROM {table}").all())  # noqa: S608 - ours
            for table in ("systems", "former_keys", "audit")
        ]
    assert [secret for secret in (former, new) if secret in "".join(kept)] == []
    assert [digest for digest in map(digest_of, (former, new)) if digest in kept[-1]] == []
    assert (trail[0].actor, trail[0].action, trail[0].subject_id) == (OPERATOR.subject, "system.renew", "ris.rvv")
    assert trail[0].detail == {
        "scopes": ["studies.read", "worklists.read"],
        "trusts": ["RVV"],
        "shows": "a key",
        "until": (NOW + A_YEAR).isoformat(),
        "former_key_until": (NOW + A_DAY).isoformat(),
    }
