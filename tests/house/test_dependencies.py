"""pyproject.toml, requirements.lock and what is installed say the same."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from itertools import chain
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import balancer
from tests.house.committed import ROOT

PIN = re.compile(r"^(?P<requirement>[A-Za-z0-9].*?)\s*\\?$", re.MULTILINE)
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}", re.MULTILINE)


LOCKS = ["requirements.lock", "tests/client/requirements.lock"]


def project() -> dict[str, Any]:
    """Return pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def asked_for() -> list[Requirement]:
    """Return what pyproject.toml asks for: to run, to develop, and to compare with."""
    declared = project()
    groups = declared["dependency-groups"].values()
    return [Requirement(text) for text in chain(declared["project"]["dependencies"], *groups)]


def pinned() -> dict[str, Requirement]:
    """Return what requirements.lock pins for this Python and this platform, by name."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pins = [Requirement(match["requirement"]) for match in PIN.finditer(text)]
    return {canonicalize_name(pin.name): pin for pin in pins if pin.marker is None or pin.marker.evaluate()}


def version_of(pin: Requirement) -> Version:
    """Return the one version a pin allows."""
    (specifier,) = pin.specifier
    assert specifier.operator == "=="
    return Version(specifier.version)


def needed() -> set[str]:
    """Return the names of everything that what pyproject.toml asks for needs, as installed here."""
    found: set[tuple[str, str]] = set()
    waiting = [(canonicalize_name(one.name), extra) for one in asked_for() for extra in ["", *one.extras]]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in found:
            continue
        found.add((name, extra))
        for one in map(Requirement, metadata.requires(name) or []):
            if one.marker is None or one.marker.evaluate({"extra": extra}):
                waiting.extend((canonicalize_name(one.name), also) for also in ["", *one.extras])
    return {name for name, _ in found}


def test_the_lock_pins_what_pyproject_asks_for_and_nothing_that_nothing_needs() -> None:
    """If this fails, ``make lock`` was forgotten."""
    assert set(pinned()) == needed()


def test_every_pin_is_a_version_that_pyproject_allows() -> None:
    """A raised lower bound without a new lock is found here."""
    pins = pinned()
    refused = [one for one in asked_for() if not one.specifier.contains(version_of(pins[canonicalize_name(one.name)]))]
    assert refused == []


def test_what_is_installed_is_what_the_lock_pins() -> None:
    """The tests say something about what users get only if they run on the same versions."""
    installed = {name: Version(metadata.version(name)) for name in pinned()}
    assert installed == {name: version_of(pin) for name, pin in pinned().items()}


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash(lock: str) -> None:
    """Pip and uv refuse to mix, but a lock without any would be taken."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    blocks = PIN.split(text)[2::2]
    assert blocks
    assert [block for block in blocks if not HASH.search(block)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_the_lock_says_nothing_of_where_packages_come_from(lock: str) -> None:
    """No index, no folder of wheels, no address."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert [mark for mark in ("://", "--index", "--extra-index", "--find-links") if mark in text] == []


def test_the_version_is_the_same_wherever_it_stands() -> None:
    """The package, its metadata, pyproject.toml and the newest heading of the changelog."""
    headings = re.findall(r"^## \[?(\d\S*?)\]? ", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    said = {balancer.__version__, metadata.version("balancer"), project()["project"]["version"], headings[0]}
    assert said == {balancer.__version__}


def test_every_dependency_has_a_reason() -> None:
    """Decision 3 names each and says why it is there."""
    (record,) = (ROOT / "docs/adr").glob("0003-*.md")
    reasons = set(re.findall(r"^\| `([^`]+)`", record.read_text(encoding="utf-8"), re.MULTILINE))
    names = {one.name for one in asked_for()} | {Requirement(one).name for one in project()["build-system"]["requires"]}
    assert reasons == set(chain(names, ["uv"]))
