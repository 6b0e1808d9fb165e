"""Every action that can stand in the trail has plain words; one from a later version is said as well as can be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import balancer
from balancer.domain.draft import DraftState
from balancer.domain.instruction import InstructionState
from balancer.domain.life import ReadEvent
from balancer.domain.policy_version import PolicyDecision
from balancer.web.audit_words import ACTIONS, action_words, kind_words
from balancer.web.run_pages import STAGES, stage_words

PACKAGE = Path(balancer.__file__).parent


def written_in_code() -> set[str]:
    """Return the actions that code enters as they stand."""
    found: set[str] = set()
    for path in (*(PACKAGE / "services").glob("*.py"), *(PACKAGE / "store").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r'action="([a-z_]+\.[a-z_]+)"', text))
        found |= set(re.findall(r'"((?:subscription|quarantine|run|system)\.[a-z_]+)"', text))
    # an event of a log, not of the trail
    return found - {"run.not_kept"}


def put_together() -> set[str]:
    """Return the actions that are put together of a kind and what happened."""
    return {
        *(f"read.{event}" for event in ReadEvent),
        *(f"instruction.{state}" for state in (*InstructionState, "made")),
        *(f"draft.{state}" for state in DraftState if state is not DraftState.OPEN),
        *(f"policy.{decision}" for decision in (*PolicyDecision, "propose")),
        *(f"{kind}.{what}" for kind in ("exception", "silence") for what in ("opened", "taken", "resolved")),
        *(f"access.{what}" for what in ("begun", "ended")),
        *(f"{kind}.looked_at" for kind in looked_at()),
    }


def looked_at() -> set[str]:
    """Return the kinds of things of which it is entered that somebody looked at them."""
    texts = [path.read_text(encoding="utf-8") for room in ("api", "web") for path in (PACKAGE / room).rglob("*.py")]
    return {kind for text in texts for kind in re.findall(r'look\("([a-z_]+)"', text)}


def test_every_action_has_words() -> None:
    """Those that code writes out, and those that are put together."""
    assert written_in_code() > {"run.publish", "quarantine.refuse", "feed_word.said"}
    assert looked_at() >= {"study", "worklist"}
    assert (written_in_code() | put_together()) - ACTIONS.keys() == set()


def test_no_two_actions_are_said_alike() -> None:
    """Whoever filters by words means one thing."""
    assert len(set(ACTIONS.values())) == len(ACTIONS)


@pytest.mark.parametrize(
    ("code", "words"), [("read.publish", "Read: its list was published"), ("later.not_known", "Later: not known")]
)
def test_an_action_is_said_in_words(code: str, words: str) -> None:
    """Also one that this version does not know."""
    assert action_words(code) == words


def test_a_kind_of_thing_is_said_in_words() -> None:
    """Decisions are called so on every page."""
    assert [kind_words(code) for code in ("instruction", "worklist")] == ["Decision", "Worklist"]


def test_every_stage_of_the_solver_has_words() -> None:
    """As the solver names them, and as a run does."""
    solver = (PACKAGE / "optimise" / "solve.py").read_text(encoding="utf-8")
    named = set(re.findall(r'\.(?:stage|tell)\("([a-z_]+)"', solver))
    assert named >= {"dispatch", "flow", "bound"}
    assert named - STAGES.keys() == set()
    assert stage_words("flow") == "A plan for all reads at once"
    assert stage_words("CT looks thin") == "CT looks thin"  # why a run was asked for
