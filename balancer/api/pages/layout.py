"""The shell of a page, and plain text to HTML; nothing reaches a page but through ``text`` or ``prose``."""

from __future__ import annotations

import html
import re

from starlette.responses import HTMLResponse

_CODE = re.compile(r"`([^`]+)`")


def page(title: str, body: str, *, status: int = 200) -> HTMLResponse:
    """Return a page with this title and body."""
    return HTMLResponse(
        f"""<!doctype html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{text(title)} - Balancer</title>
<link rel="icon" href="/static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/balancer.css">
</head>
<body>
<a class="skip" href="#main">Skip to main content</a>
<header><nav aria-label="Pages"><a class="name" href="/">Balancer</a> <a href="/docs">API</a>
<a href="/problems">Problems</a> <a href="/sign-in">Sign in</a></nav></header>
<main id="main">
<h1>{text(title)}</h1>
{body}
</main>
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
