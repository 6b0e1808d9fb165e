"""What the documents say is there, is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from balancer.cli import app
from balancer.config import PREFIX, Settings
from tests.house.committed import ROOT, committed, committed_under

DOCUMENTS = [path for path in committed() if path.suffix == ".md"]
LINK = re.compile(r"\[[^\]]*\]\((?!\w+:)([^)#\s]+)?(?:#([^)\s]+))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def name(path: Path) -> str:
    """Return the path as people say it."""
    return str(path.relative_to(ROOT))


def anchors(path: Path) -> set[str]:
    """Return the anchors of a document's headings, as forges make them."""
    kept = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(path.read_text(encoding="utf-8"))]
    return {heading.strip().replace(" ", "-") for heading in kept}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_link_leads_somewhere(document: Path) -> None:
    """To a file or folder of the repository, and to a heading that exists where one is named."""
    broken = []
    for target, anchor in LINK.findall(document.read_text(encoding="utf-8")):
        path = (document.parent / target).resolve() if target else document
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(f"{target}#{anchor}")
    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_recipe_and_command_a_document_tells_to_type_exists(document: Path) -> None:
    """``make ...`` is a target of the Makefile, ``balancer ...`` a command."""
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", document.read_text(encoding="utf-8"), re.DOTALL))
    recipes = set(re.findall(r"(?:^|[\s`])make ([a-z-]+)", code))
    commands = set(re.findall(r"(?:^|[`/]|\$ )balancer ([a-z]+)", code, re.MULTILINE))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert recipes <= targets
    assert commands <= set(getattr(get_command(app), "commands", {}))


def test_every_setting_is_described() -> None:
    """The reference has a row for each variable, and none for one that does not exist."""
    reference = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    described = set(re.findall(rf"^\| `{PREFIX}(\w+)`", reference, re.MULTILINE))
    assert described == {field.upper() for field in Settings.model_fields}


def test_every_decision_is_in_the_index() -> None:
    """And the index names no other."""
    folder = ROOT / "docs/adr"
    listed = set(re.findall(r"\]\((\d{4}-[^)]+\.md)\)", (folder / "README.md").read_text(encoding="utf-8")))
    assert listed == {path.name for path in folder.glob("[0-9]*.md")}


def test_every_test_that_the_hazard_list_names_exists() -> None:
    """A control that says it is tested is tested."""
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs/safety.md").read_text(encoding="utf-8")))
    tests = (path.read_text(encoding="utf-8") for path in committed_under("tests", ".py"))
    assert named
    assert named <= {found for text in tests for found in re.findall(r"^def (test_\w+)", text, re.MULTILINE)}
