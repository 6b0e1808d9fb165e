"""A real OpenID Connect provider: npm's ``oidc-provider``, and a browser that signs in there."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx2
from joserfc.jwk import RSAKey

from tests.patience import PATIENCE_SECONDS

FOLDER = Path(__file__).parent / "provider"
SECRET = "a secret that only tests know"  # noqa: S105 - so it says
OURS = "http://127.0.0.1"
REDIRECT_URI = f"{OURS}/sign-in/callback"


class UnavailableError(Exception):
    """There is no provider on this machine; the message says what is missing."""


@dataclass(frozen=True)
class RunningProvider:
    """Where it is, and the key that the client of CIS2's shape signs with."""

    issuer: str
    key: RSAKey


@contextmanager
def running(*, claims_in_id_token: bool, ours: str = OURS) -> Iterator[RunningProvider]:
    """Start the provider of a service at ``ours`` on a free port.

    ``UnavailableError`` if it is not installed (``make test`` installs it).
    """
    node = shutil.which("node")
    if node is None or not (FOLDER / "node_modules" / "oidc-provider").is_dir():
        raise UnavailableError("no node, or npm's oidc-provider is not installed: make test does it")
    key = RSAKey.generate_key(2048, {"kid": "ours", "use": "sig"}, private=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    public = {"keys": [{**key.as_dict(private=False), "alg": "RS256"}]}
    env = {
        **os.environ,
        "CLIENT_JWKS": json.dumps(public),
        "IN_ID_TOKEN": "1" if claims_in_id_token else "0",
        "NODE_ENV": "test",
    }
    command = [node, "provider.mjs", str(port), f"{ours}/sign-in/callback", f"{ours}/signed-out"]
    process = subprocess.Popen(command, cwd=FOLDER, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        issuer = f"http://127.0.0.1:{port}"
        _wait(issuer, process)
        yield RunningProvider(issuer, key)
    finally:
        process.kill()
        process.wait()


def _wait(issuer: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx2.get(f"{issuer}/.well-known/openid-configuration", timeout=PATIENCE_SECONDS).raise_for_status()
        except httpx2.HTTPError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the provider did not start")


class Form(HTMLParser):
    """The form of a page: where it is sent, and what it holds."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note forms and their fields."""
        given = dict(attrs)
        if tag == "form":
            self.action = given.get("action") or ""
        elif tag == "input" and given.get("name"):
            self.fields[str(given["name"])] = given.get("value") or ""


def sign_in_there(address: str, login: str) -> str:
    """Sign in at the provider, agree to what it asks, and return the address that it sends the browser back to."""
    with httpx2.Client(timeout=PATIENCE_SECONDS) as browser:
        answer = browser.get(address)
        for _ in range(12):
            if answer.is_redirect:
                following = urljoin(str(answer.url), answer.headers["location"])
                if urlsplit(following).path == urlsplit(REDIRECT_URI).path:
                    return following
                answer = browser.get(following)
            else:
                form = Form(answer.text)
                assert form.action, re.sub(r"<[^>]+>", " ", answer.text)[:500]
                sent = {**form.fields, "login": login, "password": "any"}
                answer = browser.post(urljoin(str(answer.url), form.action), data=sent)
    raise AssertionError("the provider does not come to an end")
