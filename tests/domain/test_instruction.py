"""Instructions: each kind is about what it is about, decides what it decides, and ends once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from balancer.domain.errors import InvalidValueError
from balancer.domain.instruction import ENDS, Instruction, InstructionKind, InstructionState, require_step
from tests.worlds import NOW, at

_SOON = NOW.isoformat()
WHOLE: dict[InstructionKind, dict[str, Any]] = {
    InstructionKind.PIN: {"study_id": 1, "read_id": 2, "reporter_id": "R1"},
    InstructionKind.BAR: {"study_id": 1, "reporter_id": "R1"},
    InstructionKind.EXPEDITE: {"study_id": 1, "value": {"due_at": _SOON, "priority": "urgent"}},
    InstructionKind.EXCLUDE: {"study_id": 1, "read_id": 2, "value": {"approver": "Dr A"}},
    InstructionKind.PARK: {"study_id": 1, "read_id": 2, "value": {"owner": "the office", "until": _SOON}},
    InstructionKind.SEND_OUT: {
        "study_id": 1,
        "read_id": 2,
        "value": {"provider": "Farsight", "sent_at": _SOON, "due_back_at": _SOON},
    },
    InstructionKind.STUDY: {"study_id": 1, "value": {"minutes": 12.5}},
    InstructionKind.ENTITLEMENT: {"reporter_id": "R1", "value": {"trust": "RWF", "granted": True}},
    InstructionKind.SKILL: {"reporter_id": "R1", "value": {"subspecialty": "msk", "level": 2}},
    InstructionKind.ABSENCE: {"reporter_id": "R1", "value": {"start": _SOON, "end": _SOON}},
    InstructionKind.SESSION: {"reporter_id": "R1", "session_id": "S1", "value": {"added": False}},
}


def given(kind: InstructionKind, **changed: Any) -> Instruction:
    """Return a whole instruction of a kind, but for what is changed."""
    about: dict[str, Any] = {"kind": kind, "trust": "RVV", "reason": "asked", "author": "oidc:m1", "made_at": NOW}
    return Instruction(**{**about, **WHOLE[kind], **changed})


@pytest.mark.parametrize("kind", InstructionKind)
def test_every_kind_says_what_it_is_about(kind: InstructionKind) -> None:
    """Without one of the things it is about, or with one more, it would mean nothing."""
    whole = given(kind)
    about = {name for name in ("study_id", "read_id", "reporter_id") if getattr(whole, name) is not None}
    for name in about:
        with pytest.raises(InvalidValueError):
            given(kind, **{name: None})
    for name in {"study_id", "read_id", "reporter_id"} - about:
        with pytest.raises(InvalidValueError):
            given(kind, **{name: "R9" if name == "reporter_id" else 9})


@pytest.mark.parametrize("kind", InstructionKind)
def test_what_is_decided_has_the_names_of_its_kind(kind: InstructionKind) -> None:
    """A typing error in a decision about a patient's study is noticed."""
    with pytest.raises(InvalidValueError, match="dueat"):
        given(kind, value={**WHOLE[kind].get("value", {}), "dueat": _SOON})


@pytest.mark.parametrize("name", ["reason", "author", "trust"])
def test_nothing_is_decided_without_a_reason_by_nobody_or_for_no_trust(name: str) -> None:
    """The audit would have nothing to say."""
    with pytest.raises(InvalidValueError):
        given(InstructionKind.BAR, **{name: " "})


@pytest.mark.parametrize("due", ["2026-03-02T08:00:00", "soon", 7])
def test_an_instant_has_an_offset(due: object) -> None:
    """09:00 with no offset is two instants a year in London."""
    with pytest.raises(InvalidValueError, match="due_at"):
        given(InstructionKind.EXPEDITE, value={"due_at": due})


def test_it_holds_until_its_time_is_over() -> None:
    """At the very instant it is over."""
    pinned = given(InstructionKind.PIN, expires_at=at(1))
    assert pinned.holds_at(at(1) - timedelta(seconds=1))
    assert not pinned.holds_at(at(1))
    assert not given(InstructionKind.PIN, state=InstructionState.STAGED, draft_id=1).holds_at(NOW)
    with pytest.raises(InvalidValueError, match="expires_at"):
        given(InstructionKind.PIN, expires_at=NOW)


def test_what_has_ended_stays_ended() -> None:
    """Nothing that was taken back, discarded or is over comes into force again."""
    ended = set(InstructionState) - set(ENDS)
    assert ended == {
        InstructionState.EXPIRED,
        InstructionState.WITHDRAWN,
        InstructionState.AGREED,
        InstructionState.DISCARDED,
    }
    for was in ended:
        for becomes in InstructionState:
            with pytest.raises(InvalidValueError):
                require_step(was, becomes)
