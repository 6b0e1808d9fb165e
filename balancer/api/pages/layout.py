"""The shell of a page, and plain text to HTML; nothing reaches a page but through ``text`` or ``prose``."""

from __future__ import annotations

import html
import re

from starlette.responses import HTMLResponse

from balancer import __version__

_CODE = re.compile(r"`([^`]+)`")
# The mark that every page of the service has at its top left.
_MARK = (
    '<svg class="mark" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><rect width="24" height="24" rx="4" '
    'fill="#fff"/><path d="M5 7h14M5 12h9M5 17h11" stroke="#002a5c" stroke-width="2.4" stroke-linecap="round"/>'
    '<circle cx="18.5" cy="12" r="2" fill="#005eb8"/></svg>'
)


def page(title: str, body: str, *, status: int = 200, onwards: str = "") -> HTMLResponse:
    """Return a page with this title and body; it goes on to ``onwards`` by itself, at once (WCAG 2.2, H76)."""
    goes_on = f'\n<meta http-equiv="refresh" content="0; url={text(onwards)}">' if onwards else ""
    return HTMLResponse(
        f"""<!doctype html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">{goes_on}
<title>{text(title)} - Balancer</title>
<link rel="icon" href="/static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/balancer.css">
</head>
<body>
<a class="skip" href="#main">Skip to main content</a>
<header><div class="frame"><a class="name" href="/">{_MARK}Balancer</a>
<nav aria-label="Pages"><a href="/">Start</a> <a href="/docs">API</a> <a href="/problems">Problems</a>
<a href="/sign-in">Sign in</a></nav></div></header>
<main id="main">
<h1>{text(title)}</h1>
{body}
</main>
<footer><p>Version {text(__version__)}. Not a medical device.</p></footer>
</body>
</html>
""",
        status_code=status,
    )


def text(value: object) -> str:
    """Return plain text, safe within HTML and within an attribute."""
    return html.escape(str(value))


def prose(value: str) -> str:
    """Return paragraphs of plain text in which back-ticks mark code."""
    paragraphs = [part for part in value.strip().split("\n\n") if part.strip()]
    return "\n".join(f"<p>{inline(part)}</p>" for part in paragraphs)


def inline(value: str) -> str:
    """Return a line of plain text in which back-ticks mark code."""
    return _CODE.sub(r"<code>\1</code>", text(value))
