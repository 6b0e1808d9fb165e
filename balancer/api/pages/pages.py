"""The pages' addresses, and the files they load."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from balancer import __version__, api
from balancer.api import problems
from balancer.api.callers import anybody
from balancer.api.pages.layout import page, prose, text
from balancer.api.pages.reference import reference
from balancer.api.readiness import checks

_STATIC = Path(api.__file__).parent / "static"
_ABOUT = """Balancer takes in what trusts' radiology systems say is unreported and who is rostered, shares the reads
out across the network, and publishes a worklist for every reporter, in the order in which it should be read."""


def install(app: FastAPI) -> None:
    """Add the pages and their files to the application."""
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    app.add_api_route("/about", _index, include_in_schema=False, response_class=HTMLResponse, dependencies=[anybody()])
    app.add_api_route(
        "/problems", _problems, include_in_schema=False, response_class=HTMLResponse, dependencies=[anybody()]
    )
    app.add_api_route("/docs", _docs, include_in_schema=False, response_class=HTMLResponse, dependencies=[anybody()])


def _docs(request: Request) -> HTMLResponse:
    """Show what can be asked; made once for each application.

    A function of the module: FastAPI keeps what it knows of endpoints, and with one made here the whole application.
    """
    app: FastAPI = request.app
    if not hasattr(app.state, "documentation"):
        app.state.documentation = reference(app.openapi(), str(app.openapi_url))
    return page("The API", app.state.documentation)


def _index(request: Request) -> HTMLResponse:
    """Show what this is, how it stands, and where to go."""
    state = "".join(
        f'<li class="{"ok" if check.ok else "not-ok"}">{text(check.check.capitalize())}: '
        f"{'yes' if check.ok else 'no'} - {text(check.detail)}</li>"
        for check in checks(request.app.state.serving)
    )
    links = "".join(
        f'<li><a href="{address}">{text(name)}</a>: {text(what)}</li>'
        for address, name, what in (
            ("/my-list", "My list", "what to read next; sign in as a reporter first"),
            ("/lists", "Lists", "what is on every reporter's list"),
            ("/api/v1/worklists", "Worklists", "every reporter's list in figures"),
            ("/api/v1/feeds", "Feeds", "what the trusts delivered and how fresh it is"),
            ("/api/v1/unallocated/reasons", "Unallocated", "what has no place, and why"),
            ("/api/v1/balance", "Balance", "where every open read stands, by trust"),
            ("/docs", "The API", "everything that can be asked, with examples"),
        )
    )
    return page(
        "Who reads what next",
        f"""{prose(_ABOUT)}
<p>Version {text(__version__)}. Not a medical device; not connected to any reporting system by itself.</p>
<h2>How it stands</h2><ul class="checks">{state}</ul>
<h2>Where to go</h2><ul>{links}</ul>""",
    )


def _problems() -> HTMLResponse:
    """Describe every kind of problem: where the ``type`` of an error leads."""
    described = "".join(
        f'<h2 id="{text(kind.name)}">{text(kind.title)}</h2><p><code>{kind.status.value}</code> '
        f"<code>{text(kind.type)}</code></p>{prose(kind.remedy)}"
        for kind in problems.KINDS
    )
    return page("Problems", described)
