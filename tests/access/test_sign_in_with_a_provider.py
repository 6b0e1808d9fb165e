"""A person signs in with a real identity provider, in both shapes of claims, and with nothing less."""

from __future__ import annotations

import base64
import html
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from httpx2 import Response
from joserfc.jwk import RSAKey
from sqlmodel import col, select
from starlette.testclient import TestClient

from balancer.bootstrap import build_app
from balancer.config import read_settings
from balancer.store.database import Database
from balancer.store.tables_access import SignInRow
from tests.access.providers import OURS, SECRET, RunningProvider, UnavailableError, running, sign_in_there
from tests.access.two_trusts import allocate_both

ENTRA = """
shape = "entra"
reporter_claim = "employeeid"
[[grant]]
says = "Balancer.Manager.RVV"
role = "manager"
trusts = ["RVV"]
[[grant]]
says = "Balancer.Reporter"
role = "reporter"
trusts = ["RVV"]
"""
CIS2 = """
shape = "cis2"
[organisations]
RVV01 = "RVV"
RWF = "RWF"
[[grant]]
says = "R8003"
role = "manager"
[[grant]]
says = "R8000"
role = "administrator"
"""


def _provider(*, claims_in_id_token: bool) -> Iterator[RunningProvider]:
    try:
        with running(claims_in_id_token=claims_in_id_token) as provider:
            yield provider
    except UnavailableError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI needs a real identity provider: {error}")
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def entra() -> Iterator[RunningProvider]:
    """Yield a provider that says in the ID token what somebody is, as Entra ID does."""
    yield from _provider(claims_in_id_token=True)


@pytest.fixture(scope="module")
def cis2() -> Iterator[RunningProvider]:
    """Yield a provider that says it at its UserInfo endpoint only, as NHS CIS2 does."""
    yield from _provider(claims_in_id_token=False)


def browser(db: Database, folder: Path, provider: RunningProvider, rules: str, **more: str) -> TestClient:
    """Return a browser of a service that is configured as an installation is, by settings and a file."""
    (folder / "access.toml").write_text(rules, encoding="utf-8")
    by_key = rules is CIS2
    (folder / "key.pem").write_bytes(provider.key.as_pem(private=True))
    given = read_settings(
        database_url=db.engine.url.render_as_string(hide_password=False),
        pseudonym_key="sixteen bytes at least",
        access=folder / "access.toml",
        oidc_issuer=provider.issuer,
        oidc_client_id="cis2-shaped" if by_key else "entra-shaped",
        oidc_client_secret=None if by_key else SECRET,
        oidc_client_key=folder / "key.pem" if by_key else None,
        public_url=OURS,
        **more,
    )
    return TestClient(build_app(given, db), base_url=OURS, follow_redirects=False)


@pytest.fixture
def by_entra(db: Database, tmp_path: Path, entra: RunningProvider) -> TestClient:
    """Return a browser of a service whose people sign in with claims of Entra ID's shape."""
    allocate_both(db)
    return browser(db, tmp_path, entra, ENTRA)


@pytest.fixture
def by_cis2(sqlite_db: Database, tmp_path: Path, cis2: RunningProvider) -> TestClient:
    """Return a browser of a service whose people sign in with claims of CIS2's shape."""
    allocate_both(sqlite_db)
    return browser(sqlite_db, tmp_path, cis2, CIS2)


def signed_in(client: TestClient, login: str, return_to: str = "/api/v1/me") -> Response:
    """Go all the way, and return what comes of it."""
    sent = client.get("/sign-in", params={"return_to": return_to})
    assert sent.status_code == 303, sent.text
    return client.get(sign_in_there(sent.headers["location"], login))


def test_a_manager_signs_in_and_sees_their_own_trust(by_entra: TestClient) -> None:
    """With a code, PKCE and a nonce; before it nothing is to be had."""
    assert by_entra.get("/api/v1/me").status_code == 401
    back = signed_in(by_entra, "manager")
    assert (back.status_code, back.headers["location"]) == (303, "/api/v1/me")
    me = by_entra.get("/api/v1/me").json()
    assert (me["subject"], me["name"], me["kind"]) == ("entra:oid-manager", "M. Anager", "person")
    assert me["grants"] == [{"role": "manager", "trust": "RVV"}]
    studies = by_entra.get("/api/v1/studies").json()
    assert {item["trust"] for item in studies["items"]} == {"RVV"}


def test_a_reporter_signs_in_to_their_own_list(by_entra: TestClient) -> None:
    """Known by the number that the provider says."""
    signed_in(by_entra, "reporter")
    assert by_entra.get("/api/v1/me").json()["reporter_id"] == "R1"
    assert len(by_entra.get("/api/v1/worklists/R1").json()["items"]) == 2
    assert by_entra.get("/api/v1/worklists/R2").status_code == 403
    assert by_entra.get("/api/v1/studies").status_code == 403


def test_somebody_without_a_role_here_is_told_so_and_is_not_signed_in(by_entra: TestClient) -> None:
    """The provider knows them; we do not."""
    refused = signed_in(by_entra, "nobody")
    assert refused.status_code == 403
    assert "you have no role here" in refused.text
    assert by_entra.get("/api/v1/me").status_code == 401


def test_a_clinician_acts_in_the_role_they_selected(by_cis2: TestClient) -> None:
    """CIS2: a signed assertion instead of a secret, roles from UserInfo, an organisation mapped to its trust."""
    assert signed_in(by_cis2, "clinician").status_code == 303
    me = by_cis2.get("/api/v1/me").json()
    assert me["subject"] == "cis2:555000000001"
    assert me["grants"] == [{"role": "manager", "trust": "RVV"}]


def test_a_cookie_is_out_of_reach_of_scripts_and_other_sites(by_entra: TestClient) -> None:
    """And of plain HTTP, where the service is reached by HTTPS: see test_cookies."""
    cookies = signed_in(by_entra, "manager").headers.get_list("set-cookie")
    session = next(cookie for cookie in cookies if cookie.startswith("balancer-local="))
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(session.split("; "))


def _callback(client: TestClient) -> str:
    sent = client.get("/sign-in")
    return sign_in_there(sent.headers["location"], "manager")


def test_a_code_that_comes_to_another_browser_signs_nobody_in(by_entra: TestClient) -> None:
    """Or a person could be signed in as somebody else without noticing (login CSRF)."""
    address = _callback(by_entra)
    by_entra.cookies.clear()
    assert by_entra.get(address).status_code == 400
    assert by_entra.get("/api/v1/me").status_code == 401


def test_a_code_is_taken_once(by_entra: TestClient) -> None:
    """The same address again, from the history of a shared machine say, leads nowhere."""
    address = _callback(by_entra)
    assert by_entra.get(address).status_code == 303
    assert by_entra.get(address).status_code == 400


@pytest.mark.parametrize(
    "change",
    [{"state": ["another"]}, {"code": ["another"]}, {"code": []}, {"iss": ["https://elsewhere.example"]}],
    ids=["another state", "another code", "no code", "another provider"],
)
def test_an_answer_that_was_changed_signs_nobody_in(by_entra: TestClient, change: dict[str, list[str]]) -> None:
    """Whatever of it was changed."""
    parts = urlsplit(_callback(by_entra))
    query = urlencode({**parse_qs(parts.query), **change}, doseq=True)
    refused = by_entra.get(f"{parts.path}?{query}")
    assert refused.status_code in {400, 403, 503}
    assert by_entra.get("/api/v1/me").status_code == 401


def test_what_goes_through_the_browser_is_bound_to_what_stays_here(by_entra: TestClient) -> None:
    """PKCE with S256, a nonce, a state: all there, all new every time."""
    first, second = (parse_qs(urlsplit(by_entra.get("/sign-in").headers["location"]).query) for _ in range(2))
    assert first["code_challenge_method"] == ["S256"]
    assert first["response_type"] == ["code"]
    assert all(first[name] != second[name] for name in ("state", "nonce", "code_challenge"))


@pytest.mark.parametrize("address", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "x"])
def test_whoever_has_signed_in_is_led_nowhere_but_here(by_entra: TestClient, address: str) -> None:
    """An open redirect would lend our name to any page."""
    assert signed_in(by_entra, "manager", return_to=address).headers["location"] == "/"


def test_who_signs_out_is_out_whoever_kept_the_cookie(by_entra: TestClient) -> None:
    """The session ends here, not only in that browser."""
    signed_in(by_entra, "manager")
    kept = dict(by_entra.cookies)
    assert by_entra.post("/sign-out", headers={"Origin": OURS}).status_code == 200
    by_entra.cookies.update(kept)
    assert by_entra.get("/api/v1/me").status_code == 401


def _leave(client: TestClient) -> str:
    """Sign out; return what the page says."""
    answer = client.post("/sign-out", headers={"Origin": OURS})
    assert answer.status_code == 200
    return answer.text


def _onwards(shown: str) -> dict[str, str]:
    """Return what a page takes to the provider by itself; nothing if it stays."""
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', shown)
    if found is None:
        return {}
    address = urlsplit(html.unescape(found[1]))
    asked = {name: value for name, (value,) in parse_qs(address.query).items()}
    return {"": f"{address.scheme}://{address.netloc}{address.path}", **asked}


def test_who_signs_out_is_sent_to_the_provider_to_sign_out_there(by_entra: TestClient, entra: RunningProvider) -> None:
    """RP-Initiated Logout 1.0, 2: with the ID token of this sign-in, and where to come back to."""
    signed_in(by_entra, "manager")
    taken = _onwards(_leave(by_entra))
    assert taken.pop("") == f"{entra.issuer}/session/end"
    said = json.loads(base64.urlsafe_b64decode(taken.pop("id_token_hint").split(".")[1] + "=="))
    assert (said["iss"], said["oid"]) == (entra.issuer, "oid-manager")
    state = taken.pop("state")
    assert taken == {"client_id": "entra-shaped", "post_logout_redirect_uri": f"{OURS}/signed-out"}
    back = by_entra.get("/signed-out", params={"state": state})
    assert "and of your organisation&#x27;s sign-in" in back.text
    assert not any("leaving" in name for name in by_entra.cookies)


def test_what_the_provider_knows_a_sign_in_by_is_kept_no_longer_than_it(by_entra: TestClient, db: Database) -> None:
    """Nor shown to any browser while it lasts."""
    back = signed_in(by_entra, "manager")
    with db.session() as session:
        (kept,) = session.exec(select(SignInRow.id_token).where(col(SignInRow.id_token).is_not(None))).all()
    assert kept is not None
    assert kept not in str(back.headers)
    _leave(by_entra)
    with db.session() as session:
        assert session.exec(select(SignInRow.id_token).where(col(SignInRow.id_token).is_not(None))).all() == []


def test_whoever_was_not_sent_to_sign_out_is_not_told_that_they_have(by_entra: TestClient) -> None:
    """A link from elsewhere leads to the page too: it warns that the provider's sign-in may go on."""
    signed_in(by_entra, "manager")
    _leave(by_entra)
    for state in ("", "another", "é"):
        assert "On a shared machine" in by_entra.get("/signed-out", params={"state": state}).text


def test_whose_sign_in_has_ended_already_is_sent_there_all_the_same(by_entra: TestClient) -> None:
    """By the client's name alone, which the specification allows: the provider asks who it is about."""
    taken = _onwards(_leave(by_entra))
    assert taken["client_id"] == "entra-shaped"
    assert "id_token_hint" not in taken


def test_the_providers_sign_in_goes_on_where_that_is_wanted(
    sqlite_db: Database, tmp_path: Path, entra: RunningProvider
) -> None:
    """On desks of one person's each; the page says so."""
    stays = browser(sqlite_db, tmp_path, entra, ENTRA, oidc_sign_out="false")
    said = _leave(stays)
    assert "On a shared machine" in said
    assert _onwards(said) == {}


def test_who_signs_out_is_out_though_the_provider_does_not_answer(sqlite_db: Database, tmp_path: Path) -> None:
    """And is told that its sign-in may go on."""
    key = RSAKey.generate_key(2048, private=True)
    gone = browser(sqlite_db, tmp_path, RunningProvider("http://127.0.0.1:9", key), ENTRA)
    said = _leave(gone)
    assert "On a shared machine" in said
    assert _onwards(said) == {}


def test_a_change_with_a_cookie_comes_from_our_own_page(by_entra: TestClient) -> None:
    """Not from another site's, and not from where a browser does not say."""
    signed_in(by_entra, "manager")

    def asked(**headers: str) -> int:
        return by_entra.post("/api/v1/runs", headers=headers).status_code

    assert asked(Origin="https://elsewhere.example") == 403
    assert asked(**{"Sec-Fetch-Site": "cross-site"}) == 403
    assert asked(**{"Sec-Fetch-Site": "same-site"}) == 403
    assert asked() == 403
    assert by_entra.get("/api/v1/runs").json()["total"] == 1
    assert asked(Origin=OURS) == 202


def test_nobody_chooses_who_they_are_where_a_provider_says_it(by_entra: TestClient) -> None:
    """The local sign-in is not there."""
    refused = by_entra.post("/sign-in", data={"who": "operator"}, headers={"Origin": OURS})
    assert refused.status_code == 404
    assert by_entra.get("/api/v1/me").status_code == 401


def test_a_provider_that_does_not_answer_signs_nobody_in(sqlite_db: Database, tmp_path: Path) -> None:
    """503, what goes on meanwhile, and it is tried again without losing where one wanted to go."""
    key = RSAKey.generate_key(2048, private=True)
    gone = browser(sqlite_db, tmp_path, RunningProvider("http://127.0.0.1:9", key), ENTRA)
    answer = gone.get("/sign-in", params={"return_to": "/studies?trust=RVV"})
    assert answer.status_code == 503
    assert "folder of downtime lists" in answer.text
    assert 'href="/sign-in?return_to=/studies%3Ftrust%3DRVV"' in answer.text


PAGE = {"Accept": "text/html"}


def test_whoever_was_sent_to_sign_in_comes_back_to_the_very_page(by_entra: TestClient) -> None:
    """With everything in its address: a list that was filtered is filtered."""
    sent = by_entra.get("/studies?trust=RVV&page=1", headers=PAGE)
    assert sent.status_code == 303
    begun = by_entra.get(sent.headers["location"])
    back = by_entra.get(sign_in_there(begun.headers["location"], "manager"))
    assert back.headers["location"] == "/studies?trust=RVV&page=1"


def test_a_form_after_the_end_of_a_sign_in_says_that_nothing_was_done(by_entra: TestClient) -> None:
    """It leads to a page that says so and back to where the form stood: nobody can go to where forms are sent."""
    headers = {**PAGE, "Origin": OURS, "Referer": f"{OURS}/lists/R1?as=page"}
    sent = by_entra.post("/lists/R1/reads/1/open", headers=headers)
    assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in/ended?return_to=/lists/R1%3Fas%3Dpage")
    said = by_entra.get(sent.headers["location"])
    assert said.status_code == 200
    assert "it was not done" in said.text
    assert 'href="/sign-in?return_to=/lists/R1%3Fas%3Dpage"' in said.text
    assert "elsewhere.example" not in by_entra.get("/sign-in/ended?return_to=https://elsewhere.example/").text


def test_somebody_else_is_asked_who_they_are(by_entra: TestClient) -> None:
    """Or whoever the provider still knows in that browser would be signed in once more."""
    signed_in(by_entra, "manager")
    state = _onwards(_leave(by_entra))["state"]
    assert 'href="/sign-in?anew=true"' in by_entra.get("/signed-out", params={"state": state}).text
    asked = [parse_qs(urlsplit(by_entra.get(f"/sign-in{how}").headers["location"]).query) for how in ("", "?anew=true")]
    assert [each.get("prompt") for each in asked] == [None, ["login"]]


def test_whoever_has_no_role_is_told_as_whom_they_are_known(by_entra: TestClient) -> None:
    """A shared machine may have signed in the one before them."""
    refused = signed_in(by_entra, "nobody")
    assert "N. Obody" in refused.text
    assert 'href="/sign-in?anew=true"' in refused.text


def test_every_page_lets_one_sign_out(by_entra: TestClient) -> None:
    """A desk in a reading room is several people's."""
    signed_in(by_entra, "reporter")
    assert 'action="/sign-out"' in by_entra.get("/lists/R1", headers=PAGE).text
