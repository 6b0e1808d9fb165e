"""The pages on which people sign in and out."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Final
from urllib.parse import parse_qs, quote

import structlog
from anyio.to_thread import run_sync
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from balancer.api.callers import anybody
from balancer.api.doors import OPERATOR
from balancer.api.pages.layout import page, prose, text
from balancer.api.sign_in.provider import Provider, ProviderError
from balancer.api.sign_in.ways import Ways
from balancer.domain.actor import Actor, Grant, person
from balancer.domain.claims import ClaimRules, actor_of
from balancer.domain.errors import NotAllowedError
from balancer.domain.permission import Role
from balancer.services.secret import new_secret
from balancer.services.sign_in import sign_in, sign_out
from balancer.services.sign_in_elsewhere import PATIENCE, begin_attempt, end_attempt
from balancer.store import people, standing
from balancer.store.database import Database

_log = structlog.get_logger("balancer.api")
_SEE_OTHER: Final = 303
_LOCAL = """This is for trying Balancer out on this machine. There is no password: whoever is here is
whoever they say. It must never be used with patients' data.

Whoever has not signed in is the operator, who may everything. Choose somebody to see what they see."""
_NO_PROVIDER: Final = "there is no identity provider here"
_STILL_THERE: Final = """Whoever has signed in already goes on as before, and nothing is lost. Lists on paper are in the
folder of downtime lists. Try again in half a minute; if it goes on, tell whoever runs this service."""
_LEAVING: Final = """Of this service. Your organisation's sign-in comes next: until that has ended too, whoever sits
here is let in as you. It may ask whether you mean it."""
_LEFT_BOTH: Final = """Of this service, and of your organisation's sign-in, unless you chose there to stay signed in."""
_LEFT: Final = """Of this service. On a shared machine sign out of your organisation's sign-in as well: until then
whoever sits here is let in as you."""
_ENDED: Final = """It ends by itself after half an hour in which nothing was asked, and after a working day. If you had
just asked for something, it was not done: look when you are back. Nothing that was done before is lost."""


def install(app: FastAPI) -> None:
    """Add the pages to the application."""
    for path, method, route in (
        ("/sign-in", "GET", _begin),
        ("/sign-in", "POST", _choose),
        ("/sign-in/callback", "GET", _come_back),
        ("/sign-in/ended", "GET", _ended),
        ("/sign-out", "POST", _leave),
        ("/signed-out", "GET", _left_there),
    ):
        app.add_api_route(path, route, methods=[method], include_in_schema=False, dependencies=[anybody()])


def _ways(request: Request) -> Ways:
    found = request.app.state.ways
    assert isinstance(found, Ways)  # noqa: S101 - create_app put it there
    return found


# --- with the organisation's identity provider ------------------------------------------------------------------------


async def _begin(request: Request, return_to: str = "/", *, anew: bool = False) -> Response:
    """Send a browser to the identity provider; without one, ask who they want to be.

    ``anew``: it is to ask who they are, even if it knows them: somebody wants to be somebody else.
    """
    provider = _ways(request).provider
    if provider is None:
        return await run_in_threadpool(_local_page, request, return_to)
    return await run_sync(partial(_send, request, provider, return_to, anew=anew), limiter=provider.threads)


def _ended(return_to: str = "/") -> HTMLResponse:
    """Say that a sign-in has ended; whoever is there goes on by a click, and an empty desk does not by itself."""
    return page(
        "Your sign-in has ended",
        f'{prose(_ENDED)}<p><a class="button" href="{text(_way_in(return_to))}">Sign in again</a></p>',
    )


def _send(request: Request, provider: Provider, return_to: str, *, anew: bool) -> Response:
    ways, served = _ways(request), request.app.state.serving
    now = served.clock.now()
    attempt = begin_attempt(served.database, now, _own_path(return_to))
    try:
        address = provider.address(
            state=attempt.state, nonce=attempt.nonce, code_verifier=attempt.code_verifier, now=now, anew=anew
        )
    except ProviderError as error:
        return _refused(str(error), status=503, more=_STILL_THERE, return_to=return_to)
    answer = RedirectResponse(address, _SEE_OTHER)
    ways.give(answer, ways.attempt_cookie, attempt.browser, seconds=int(PATIENCE.total_seconds()))
    return answer


async def _come_back(request: Request, state: str = "", code: str = "", error: str = "", iss: str = "") -> Response:
    """Sign in whoever the identity provider has sent back."""
    provider, rules = _ways(request).provider, _ways(request).rules
    if provider is None or rules is None:
        return _refused(_NO_PROVIDER, status=404)
    if error or (iss and iss != provider.registration.issuer):
        code = ""
    taken = partial(_take_back, request, provider, rules, state=state, code=code)
    return await run_sync(taken, limiter=provider.threads)


def _take_back(request: Request, provider: Provider, rules: ClaimRules, *, state: str, code: str) -> Response:
    ways, served = _ways(request), request.app.state.serving
    now = served.clock.now()
    browser = request.cookies.get(ways.attempt_cookie, "")
    returned = end_attempt(served.database, now, state=state, browser=browser)
    if returned is None:
        return _refused("this sign-in was not begun in this browser, or too long ago: begin again", status=400)
    if not code:
        broken_off = "the organisation's sign-in has let nobody in: it was broken off there, or it does not know you"
        return _refused(broken_off, status=403, return_to=returned.return_to)
    try:
        said = provider.said(code=code, nonce=returned.nonce, code_verifier=returned.code_verifier, now=now)
        actor = actor_of(said.claims, rules, network=_network(served.database))
    except ProviderError as failure:
        return _refused(str(failure), status=503, more=_STILL_THERE, return_to=returned.return_to)
    except NotAllowedError as refusal:
        _log.warning("sign_in.without_role")
        return _without_role(str(refusal), str(said.claims.get("name") or ""))
    return _signed_in(request, actor, returned.return_to, id_token=said.id_token)


def _network(database: Database) -> set[str]:
    """Return the codes of the network's trusts: no provider's word makes one more."""
    with database.session() as session:
        return {trust.code for trust in standing.trusts(session)}


def _signed_in(request: Request, actor: Actor, return_to: str, *, id_token: str = "") -> Response:
    ways, served = _ways(request), request.app.state.serving
    before = request.cookies.get(ways.cookie)
    secret = sign_in(served.database, actor, served.clock.now(), instead=before, id_token=id_token)
    _log.info("sign_in.done", roles=sorted(actor.roles))
    answer = RedirectResponse(return_to, _SEE_OTHER)
    ways.give(answer, ways.cookie, secret)
    ways.take_back(answer, ways.attempt_cookie)
    return answer


# --- out again --------------------------------------------------------------------------------------------------------


async def _leave(request: Request) -> Response:
    """Sign out here, whatever becomes of it at the identity provider; then there, if it says where."""
    ways, served = _ways(request), request.app.state.serving
    secret, hint = request.cookies.get(ways.cookie), ""
    if secret:
        hint = await run_in_threadpool(sign_out, served.database, secret, served.clock.now())
    if ways.provider is None:
        answer: Response = _left_locally()
    else:
        there = partial(_sent_out, ways, ways.provider, hint, served.clock.now())
        answer = await run_sync(there, limiter=ways.provider.threads)
    ways.take_back(answer, ways.cookie)
    return answer


def _sent_out(ways: Ways, provider: Provider, id_token: str, now: datetime) -> Response:
    """Return a page that goes on to the provider by itself.

    It is no redirection: browsers hold those that follow a form to the ``form-action`` of the page that it stood on,
    those of the provider's to where somebody is at home included, and every page would have to allow them all.
    """
    state = new_secret()
    try:
        address = provider.way_out(id_token=id_token, state=state, now=now)
    except ProviderError:
        address = ""
    if not address:
        return _left()
    answer = page(
        "You have signed out here",
        f'{prose(_LEAVING)}<p><a class="button" href="{text(address)}">Go on to your organisation\'s sign-in</a></p>',
        onwards=address,
    )
    ways.give(answer, ways.leaving_cookie, state, seconds=int(PATIENCE.total_seconds()))
    return answer


def _left_there(request: Request, state: str = "") -> Response:
    """Say what has ended to whoever comes back from the provider; to whoever was not sent there, what may go on."""
    ways = _ways(request)
    if ways.provider is None:
        return _refused(_NO_PROVIDER, status=404)
    sent = request.cookies.get(ways.leaving_cookie, "")
    # compared as bytes: what a browser shows may be no ASCII
    came_back = bool(sent) and hmac.compare_digest(sent.encode(), state.encode())
    answer = _left(_LEFT_BOTH if came_back else _LEFT)
    ways.take_back(answer, ways.leaving_cookie)
    return answer


def _left(words: str = _LEFT) -> HTMLResponse:
    return page(
        "You have signed out",
        f"""{prose(words)}<p><a class="button" href="/sign-in?anew=true">Sign in as somebody else</a></p>
<p><a href="/sign-in">Sign in again</a></p>""",
    )


def _left_locally() -> HTMLResponse:
    return page(
        "You are the operator again",
        f"""{prose("Here that is whoever has not signed in.")}
<p><a class="button" href="/">Go on as the operator</a></p><p><a href="/sign-in">Be somebody else</a></p>""",
    )


def _own_path(address: str) -> str:
    """Return an address within this service; the first page for any other (an open redirect would lead anywhere)."""
    inside = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if inside and address.isprintable() and "\\" not in address else "/"


def _way_in(return_to: str) -> str:
    """Return where one signs in and is led to ``return_to`` afterwards."""
    return f"/sign-in?return_to={quote(_own_path(return_to), safe='/')}"


def _refused(reason: str, *, status: int, more: str = "", return_to: str = "/") -> HTMLResponse:
    return page(
        "You are not signed in",
        f"{prose(_sentence(reason))}{prose(more)}"
        f'<p><a class="button" href="{text(_way_in(return_to))}">Try again</a></p>',
        status=status,
    )


def _without_role(reason: str, name: str) -> HTMLResponse:
    """Tell somebody whom the provider knows and we do not what to ask for, and how to be somebody else."""
    known = f"Your organisation says that you are {name}." if name else ""
    return page(
        "You are not signed in",
        f"{prose(_sentence(reason))}{prose(known)}"
        '<p><a class="button" href="/sign-in?anew=true">Sign in as somebody else</a></p>'
        '<p><a href="/sign-in">Try again</a>, once you have been given a role</p>',
        status=403,
    )


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


# --- locally, to try it out -------------------------------------------------------------------------------------------


def _local_page(request: Request, return_to: str) -> HTMLResponse:
    options = "".join(f'<option value="{text(value)}">{text(name)}</option>' for value, name, _ in _people(request))
    return page(
        "Local sign-in",
        f"""{prose(_LOCAL)}
<form method="post" action="/sign-in"><input type="hidden" name="return_to" value="{text(_own_path(return_to))}">
<label>Who <select name="who">{options}</select></label>
<button type="submit">Sign in</button></form>
<form method="post" action="/sign-out"><button type="submit">Be the operator again</button></form>""",
    )


async def _choose(request: Request) -> Response:
    """Sign in as whoever was chosen, where that is how one signs in."""
    if _ways(request).provider is not None:
        return _refused("people sign in with their organisation here", status=404)
    sent = parse_qs((await request.body()).decode("utf-8", "replace"))
    who = sent.get("who", [""])[0]
    chosen = await run_in_threadpool(lambda: {value: actor for value, _, actor in _people(request)}.get(who))
    if chosen is None:
        return _refused("there is nobody of that name", status=422)
    return await run_in_threadpool(_signed_in, request, chosen, _own_path(sent.get("return_to", ["/"])[0]))


def _people(request: Request) -> Iterator[tuple[str, str, Actor]]:
    """Yield everybody one can be: for the form, for people, and for us."""
    with request.app.state.serving.database.session() as session:
        trusts = [trust.code for trust in standing.trusts(session)]
        reporters = [listed.reporter for listed in people.reporters(session)]
    yield "operator", "Operator: everything, at every trust", OPERATOR
    for role in (Role.MANAGER, Role.REFERRER, Role.ADMINISTRATOR, Role.AUDITOR):
        for trust in trusts:
            value = f"{role}@{trust}"
            yield value, f"{role.capitalize()} of {trust}", person(f"local:{value}", value, Grant(role, trust))
    for reporter in reporters:
        grant = Grant(Role.REPORTER, reporter.home_trust)
        value = f"reporter:{reporter.reporter_id}"
        actor = person(f"local:{value}", reporter.name, grant, reporter_id=reporter.reporter_id)
        yield value, f"Reporter {reporter.name}, {reporter.home_trust}", actor
