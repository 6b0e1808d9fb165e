"""Systems show a key, or sign for a token that lives five minutes; what they may is narrow, and it ends at once."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from balancer.api import doors, recent
from balancer.api.doors import SAFE_COOKIE, CredentialsDoor
from balancer.api.sign_in.ways import Ways
from balancer.domain.actor import Actor, system
from balancer.domain.errors import ConflictError, InvalidValueError
from balancer.domain.permission import Permission
from balancer.services import redeem_assertion
from balancer.services.register_system import Registration, disable_system, register_system
from balancer.services.renew_system import Renewal, renew_system
from balancer.services.sign_in import issue_token
from balancer.services.whose_bearer import whose_bearer
from balancer.store.database import Database
from tests.access.two_trusts import EAST, WEST, allocate_both
from tests.api.service import Service, StandingClock, problem
from tests.networks import minutes
from tests.patience import until
from tests.terminal import OPERATOR
from tests.worlds import NOW

HERE = "https://balancer.example"
ENDPOINT = f"{HERE}/oauth/token"
EC, RSA = (
    ECKey.generate_key("P-384", {"kid": "ec"}, private=True),
    RSAKey.generate_key(2048, {"kid": "rsa"}, private=True),
)
PUBLIC = KeySet([EC, RSA]).as_dict(private=False)
SIGNING = Registration(
    system_id="pacs.rvv",
    name="PACS of East",
    scopes=frozenset({Permission.STUDIES_READ, Permission.WORKLISTS_READ}),
    trusts=frozenset({EAST}),
    public_keys=PUBLIC,
)
WITH_KEY = replace(SIGNING, system_id="ris.rvv", public_keys=None)


@pytest.fixture
def service(db: Database) -> Service:
    """Return a service on two trusts that knows nobody without credentials."""
    return two_served(db)


def two_served(db: Database) -> Service:
    """Return a service on two trusts that knows whoever shows a key or token, and nobody else."""
    allocate_both(db)
    clock = StandingClock()
    door = CredentialsDoor(lambda: db, clock, cookie=SAFE_COOKIE)
    made = Service(db, door=door, ways=Ways(is_private=True, public_url=HERE))
    made.clock = clock
    made.app.state.serving = replace(made.app.state.serving, clock=clock)
    return made


def ask(service: Service, bearer: str, path: str = "/studies") -> Any:
    """Ask with a key or token."""
    return service.client.get(f"/api/v1{path}", headers={"Authorization": f"Bearer {bearer}"})


def assertion(*, key: Any = EC, alg: str = "ES384", **changed: Any) -> str:
    """Return what the PACS signs, with claims changed; ``None`` leaves one out."""
    claims = {
        "iss": "pacs.rvv",
        "sub": "pacs.rvv",
        "aud": ENDPOINT,
        "exp": int(minutes(4).timestamp()),
        "iat": int(NOW.timestamp()),
        "jti": "one",
        **changed,
    }
    said = {name: value for name, value in claims.items() if value is not None}
    header = {"alg": alg, **({"kid": key.kid} if key.kid else {})}
    # as JSON escapes it, so that it may say what no text can
    return jws.serialize_compact({"typ": "JWT", **header}, json.dumps(said).encode(), key, algorithms=[alg])


def redeem(service: Service, signed: str, **form: str) -> Any:
    """Ask for a token."""
    sent = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": signed,
        **form,
    }
    return service.client.post("/oauth/token", data={name: value for name, value in sent.items() if value})


def test_a_key_opens_what_its_scopes_say_at_its_trusts(service: Service, db: Database) -> None:
    """And nothing else."""
    key = register_system(db, WITH_KEY, NOW, by=OPERATOR)
    assert key is not None
    assert key.startswith("balancer_key_")
    assert {item["trust"] for item in ask(service, key).json()["items"]} == {EAST}
    problem(ask(service, key, "/feeds"), 403, "not-allowed")
    assert ask(service, key, "/me").json()["permissions"] == ["studies.read", "worklists.read"]


def test_the_database_holds_no_key(service: Service, db: Database) -> None:
    """Nor is its digest one."""
    key = register_system(db, WITH_KEY, NOW, by=OPERATOR)
    with db.session() as session:
        kept = repr(session.connection().exec_driver_sql("SELECT * FROM systems").all())
        digest = session.connection().exec_driver_sql("SELECT key_digest FROM systems").scalar_one()
    assert str(key) not in kept
    for shown in (digest, f"balancer_key_{digest}", "", "balancer_key_"):
        problem(ask(service, shown), 401, "sign-in-needed")


@pytest.mark.parametrize(("key", "alg"), [(EC, "ES384"), (RSA, "RS384"), (RSA, "PS256")])
def test_a_signed_assertion_is_redeemed_for_a_token_of_five_minutes(
    service: Service, db: Database, key: Any, alg: str
) -> None:
    """By either of its keys; after five minutes it asks again."""
    register_system(db, SIGNING, NOW, by=OPERATOR)
    answer = redeem(service, assertion(key=key, alg=alg), scope="studies.read feeds.read nonsense")
    token = answer.json()
    assert (token["token_type"], token["expires_in"], token["scope"]) == ("bearer", 300, "studies.read")
    assert answer.headers["cache-control"] == "no-store"
    assert {item["trust"] for item in ask(service, token["access_token"]).json()["items"]} == {EAST}
    problem(ask(service, token["access_token"], "/worklists"), 403, "not-allowed")
    service.clock.at = minutes(5)
    problem(ask(service, token["access_token"]), 401, "sign-in-needed")


def test_an_assertion_is_redeemed_once(service: Service, db: Database) -> None:
    """Whoever has read it on its way gets nothing for it."""
    register_system(db, SIGNING, NOW, by=OPERATOR)
    assert redeem(service, assertion()).status_code == 200
    assert redeem(service, assertion()).json() == {"error": "invalid_client"}
    assert redeem(service, assertion(jti="two")).status_code == 200


def test_an_assertion_that_was_shown_is_remembered_beyond_its_time(service: Service, db: Database) -> None:
    """A clock that is set back must not take it again."""
    register_system(db, SIGNING, NOW, by=OPERATOR)
    signed = assertion()
    assert redeem(service, signed).status_code == 200
    service.clock.at = minutes(8)
    assert redeem(service, assertion(jti="two", exp=int(minutes(12).timestamp()))).status_code == 200
    service.clock.at = minutes(1)
    assert redeem(service, signed).json() == {"error": "invalid_client"}


@pytest.mark.parametrize(
    "payload", [b"[" * 20_000, b'{"iss":' + b"[" * 20_000, b'{"iss": "a\\u0000b"}', b'{"iss": ["a"]}', b"7", b""]
)
def test_an_assertion_that_is_nonsense_is_refused_and_breaks_nothing(service: Service, payload: bytes) -> None:
    """Whoever sends it has no key: it is looked at before any signature can be."""
    parts = (b'{"alg":"ES384"}', payload, b"signature")
    signed = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    answer = redeem(service, signed)
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


SOMEBODY_ELSES = ECKey.generate_key("P-384", {"kid": "ec"}, private=True)
OURS_AS_SECRET = OctKey.import_key("a shared secret of thirty-two bytes", {"kid": "ec"})
BAD: dict[str, Callable[[], str]] = {
    "another's key": lambda: assertion(key=SOMEBODY_ELSES),
    "a shared secret": lambda: assertion(key=OURS_AS_SECRET, alg="HS256"),
    "for somebody else": lambda: assertion(aud="https://elsewhere.example/oauth/token"),
    "for nobody": lambda: assertion(aud=None),
    "by another": lambda: assertion(iss="pacs.rwf"),
    "by a number": lambda: assertion(iss=7),
    "about another": lambda: assertion(sub="pacs.rwf"),
    "expired": lambda: assertion(exp=int(minutes(-1).timestamp())),
    "for too long": lambda: assertion(exp=int(minutes(60).timestamp())),
    "for ever": lambda: assertion(exp=None),
    "without a number": lambda: assertion(jti=None),
    "with a list for a number": lambda: assertion(jti=["one"]),
    "with a number that no database takes": lambda: assertion(jti="a\0b"),
    "with a number that is no text": lambda: assertion(jti="a\ud800b"),
    "not yet": lambda: assertion(nbf=int(minutes(10).timestamp())),
    "cut": lambda: assertion()[:-5],
    "no assertion": lambda: "x.y.z",
    "unsigned": lambda: "eyJhbGciOiJub25lIn0." + assertion().split(".")[1] + ".",
    "beyond text": lambda: "\u00e9",
}


@pytest.mark.parametrize("fault", BAD)
def test_an_assertion_with_a_fault_gets_no_token(service: Service, db: Database, fault: str) -> None:
    """Whichever it is, whoever tries is told no more than that."""
    register_system(db, SIGNING, NOW, by=OPERATOR)
    answer = redeem(service, BAD[fault]())
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": ""}, "invalid_request"),
        ({"client_assertion_type": "other"}, "invalid_client"),
        ({"client_assertion": ""}, "invalid_client"),
        ({"scope": "feeds.read"}, "invalid_scope"),
    ],
)
def test_a_request_for_a_token_is_refused_as_oauth_says(
    service: Service, db: Database, form: dict[str, str], error: str
) -> None:
    """RFC 6749, 5.2."""
    register_system(db, SIGNING, NOW, by=OPERATOR)
    assert redeem(service, assertion(), **form).json() == {"error": error}


def test_a_disabled_system_is_out_at_once(service: Service, db: Database) -> None:
    """Its key, its signature and the tokens that it has."""
    key, _ = register_system(db, WITH_KEY, NOW, by=OPERATOR), register_system(db, SIGNING, NOW, by=OPERATOR)
    token = redeem(service, assertion()).json()["access_token"]
    assert ask(service, str(key)).status_code == ask(service, token).status_code == 200
    for each in (WITH_KEY, SIGNING):
        disable_system(db, each.system_id, NOW, by=OPERATOR)
    for shown in (str(key), token):
        problem(ask(service, shown), 401, "sign-in-needed")
    assert redeem(service, assertion(jti="two")).status_code == 401


def test_a_disabled_system_has_no_token_that_is_good(service: Service, db: Database) -> None:
    """However it came by it; nor one whose time is over, though the token's own is not."""
    for wanted in (SIGNING, replace(SIGNING, system_id="pacs.rwf", expires_at=minutes(1))):
        register_system(db, wanted, NOW, by=OPERATOR)
    disable_system(db, SIGNING.system_id, NOW, by=OPERATOR)
    with db.transaction() as session:
        late, short = (issue_token(session, system_of(f"system:pacs.{name}"), NOW) for name in ("rvv", "rwf"))
    problem(ask(service, late), 401, "sign-in-needed")
    assert ask(service, short).status_code == 200
    service.clock.at = minutes(1)
    problem(ask(service, short), 401, "sign-in-needed")


def system_of(subject: str) -> Actor:
    """Return who a token is given to."""
    return system(subject, "PACS of East", SIGNING.scopes, SIGNING.trusts)


@pytest.mark.parametrize("change", ["disabled", "renewed"])
def test_nothing_is_given_for_an_assertion_that_was_good_until_a_moment_ago(
    service: Service, db: Database, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """Whoever disables a system, or takes its former public keys away at once, need not look twice."""
    register_system(db, SIGNING, NOW, by=OPERATOR)
    verified = redeem_assertion._verified  # noqa: SLF001 - where another comes between

    def overtaken(*given: Any) -> Any:
        found = verified(*given)
        if change == "disabled":
            disable_system(db, SIGNING.system_id, NOW, by=OPERATOR)
        else:
            keys = KeySet([SOMEBODY_ELSES]).as_dict(private=False)
            wanted = Renewal(system_id=SIGNING.system_id, expires_at=minutes(9), public_keys=keys, overlap=timedelta(0))
            renew_system(db, wanted, NOW, by=OPERATOR)
        return found

    monkeypatch.setattr(redeem_assertion, "_verified", overtaken)
    answer = redeem(service, assertion())
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


def test_a_system_whose_time_is_over_is_out(service: Service, db: Database) -> None:
    """Access that nobody renews ends."""
    key = register_system(db, replace(WITH_KEY, expires_at=NOW + timedelta(days=1)), NOW, by=OPERATOR)
    service.clock.at = NOW + timedelta(days=1)
    problem(ask(service, str(key)), 401, "sign-in-needed")


def test_a_system_whose_time_is_over_is_out_even_if_it_has_just_called(service: Service, db: Database) -> None:
    """That it was good a moment ago is no reason."""
    key = register_system(db, replace(WITH_KEY, expires_at=NOW + timedelta(days=1)), NOW, by=OPERATOR)
    assert ask(service, str(key)).status_code == 200
    service.clock.at = NOW + timedelta(days=1)
    problem(ask(service, str(key)), 401, "sign-in-needed")


def test_a_system_that_another_process_disables_changes_nothing_from_then_on_and_soon_sees_nothing(
    service: Service, db: Database
) -> None:
    """A question may be answered by what was true a moment ago; a change is not."""
    key = register_system(db, WITH_KEY, NOW, by=OPERATOR)
    assert ask(service, str(key)).status_code == 200
    elsewhere = Database(db.engine.url.render_as_string(hide_password=False))
    disable_system(elsewhere, WITH_KEY.system_id, NOW, by=OPERATOR)
    elsewhere.engine.dispose()
    change = service.client.post("/api/v1/drafts", headers={"Authorization": f"Bearer {key}"}, json={})
    problem(change, 401, "sign-in-needed")
    problem(until(lambda: refused(ask(service, str(key)))), 401, "sign-in-needed")


def refused(answer: Any) -> Any:
    """Return the answer if it is no success."""
    return None if answer.is_success else answer


def test_who_polls_is_looked_up_once_for_many_questions(
    service: Service, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many questions come in a moment, while nothing is written here."""
    monkeypatch.setattr(recent, "OLDEST_SECONDS", math.inf)
    key = str(register_system(db, WITH_KEY, NOW, by=OPERATOR))
    assert ask(service, key).status_code == 200  # which is noted, the first time
    look_up = Mock(side_effect=whose_bearer)
    monkeypatch.setattr(doors, "whose_bearer", look_up)
    assert [ask(service, key).status_code for _ in range(5)] == [200] * 5
    assert look_up.call_count == 1


PRIVATE = KeySet([EC]).as_dict(private=True)
NAMELESS = {"keys": [ECKey.generate_key("P-256", private=True).as_dict(private=False)]}


@pytest.mark.parametrize(
    "changed",
    [
        {"public_keys": PRIVATE},
        {"public_keys": {"keys": []}},
        {"public_keys": {}},
        {"public_keys": {"keys": [OURS_AS_SECRET.as_dict(private=True)]}},
        {"scopes": frozenset()},
        {"trusts": frozenset()},
        {"trusts": frozenset({"RXX"})},
        {"trusts": frozenset({"*"})},
        {"system_id": "PACS of East"},
    ],
)
def test_a_registration_that_makes_no_sense_is_refused(db: Database, changed: dict[str, Any]) -> None:
    """Private keys stay where they are; a system works at named trusts of the network."""
    allocate_both(db)
    with pytest.raises(InvalidValueError):
        register_system(db, replace(SIGNING, **changed), NOW, by=OPERATOR)


def test_a_name_is_given_once(db: Database) -> None:
    """Or the record would say one of two."""
    allocate_both(db)
    register_system(db, SIGNING, NOW, by=OPERATOR)
    disable_system(db, SIGNING.system_id, NOW, by=OPERATOR)
    with pytest.raises(ConflictError):
        register_system(db, replace(SIGNING, trusts=frozenset({WEST})), NOW, by=OPERATOR)


def test_how_tokens_are_had_is_published(service: Service) -> None:
    """RFC 8414: under the public address, whatever the request's own was."""
    said = service.client.get("/.well-known/oauth-authorization-server").json()
    assert (said["issuer"], said["token_endpoint"]) == (HERE, ENDPOINT)
    assert "none" not in said["token_endpoint_auth_signing_alg_values_supported"]
