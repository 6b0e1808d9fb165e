"""What is true of every committed file."""

from __future__ import annotations

import ast
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.house.committed import ROOT, committed, committed_under

# Spelt in pieces, or this file would be its own finding.
REGISTRIES = [
    ".".join(parts)
    for parts in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("anaconda", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("jsdelivr", "net"),
        ("unpkg", "com"),
    ]
]
# Folders of a person or of a machine; what is committed works wherever it is cloned to.
OF_ONE_MACHINE = re.compile(rb"(?<![\w.])/(?:root|home|Users|work|opt|tmp)/\w")
NAMES_THAT_SAY_NOTHING = {"utils", "helpers", "manager", "common", "base"}


def content(path: Path) -> bytes:
    """Return what a reader of the file sees: workbooks unpacked."""
    if path.suffix != ".xlsx":
        return path.read_bytes()
    with zipfile.ZipFile(path) as workbook:
        return b"\n".join(workbook.read(name) for name in workbook.namelist())


@pytest.mark.parametrize("host", REGISTRIES)
def test_no_file_names_a_package_registry(host: str) -> None:
    """Whoever installs decides where packages come from: a mirror in a hospital's network, say."""
    assert [path for path in committed() if host.encode() in content(path)] == []


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    """Paths are relative to the repository or come in as arguments."""
    found = {str(path.relative_to(ROOT)): OF_ONE_MACHINE.search(content(path)) for path in committed()}
    assert {name: match.group() for name, match in found.items() if match} == {}


def test_no_committed_file_is_a_link() -> None:
    """Least of all one to what is installed beside the tree: whoever checks it out would lose theirs for it."""
    listed = subprocess.run(["git", "ls-files", "--stage"], cwd=ROOT, capture_output=True, check=True, text=True)
    assert [line for line in listed.stdout.splitlines() if line.startswith("120000")] == []


def test_every_file_of_the_sample_says_that_it_is_synthetic() -> None:
    """Nobody who comes across a single file of it may take it for patients."""
    sample = committed_under("data")
    assert sample
    assert [path for path in sample if b"synthetic" not in content(path).lower()] == []


def test_every_module_says_what_it_is() -> None:
    """A package with nothing in it still says what its room is for."""
    modules = committed_under("balancer", ".py")
    assert modules
    assert [path for path in modules if not ast.get_docstring(ast.parse(path.read_bytes()))] == []


def test_no_module_is_called_by_a_name_that_says_nothing() -> None:
    """What would go into such a module has a better home."""
    assert [path for path in committed() if path.suffix == ".py" and path.stem in NAMES_THAT_SAY_NOTHING] == []


def test_text_ends_with_a_line_feed_and_has_no_carriage_returns() -> None:
    """Except extracts, which are as trusts send them."""
    suffixes = {".py", ".toml", ".md", ".lock", ".sql", ".mako", ".ini"}
    texts = [path for path in committed() if path.suffix in suffixes and path.stat().st_size]
    wrong = [path for path in texts if b"\r" in path.read_bytes() or not path.read_bytes().endswith(b"\n")]
    assert wrong == []
