"""How pages are rendered: Jinja, everything escaped; the classes are the NHS design system's and ours on top.

What a template shows is made before, in values; a template decides nothing.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from jinja2 import Environment, FileSystemLoader
from starlette.responses import HTMLResponse

from balancer import __version__
from balancer.domain.instant import LONDON
from balancer.domain.study import setting_words
from balancer.web.field_words import said_of_them
from balancer.web.reasons import reason_words

FOLDER: Final = Path(__file__).parent
STATIC: Final = FOLDER / "static"
ASSETS: Final = "/assets"
# What htmx sends with what it asks for: it wants the part that changes and no page around it.
_PART: Final = "HX-Request"


@cache
def environment() -> Environment:
    """Return the one environment; a name that nothing was given for fails when it is used for anything but a test."""
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    made.globals["asset"] = asset
    made.filters["london"] = lambda instant, shape="%H:%M": instant.astimezone(LONDON).strftime(shape)
    made.filters["reason"] = reason_words
    made.filters["setting"] = setting_words
    made.filters["of_them"] = said_of_them
    return made


@cache
def asset(name: str) -> str:
    """Return the address of a file of ours, with a digest of it: another content is another address."""
    return f"{ASSETS}/{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


def render(name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page, or a part of one, made from a template and values."""
    content = environment().get_template(name).render(version=__version__, **values)
    return HTMLResponse(content, status_code=status)


def wants_part(request: Request) -> bool:
    """Tell whether the answer goes into a page that is open already."""
    return request.headers.get(_PART) == "true"
