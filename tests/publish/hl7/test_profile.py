"""The HL7 profile is made from the messages themselves, and the committed one is the one that is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from balancer.domain.receiver import MESSAGES
from balancer.publish.hl7.profile import MEANING, profile, sent_fields

COMMITTED = Path(__file__).parents[3] / "docs" / "reference" / "hl7.md"


def test_the_committed_profile_is_current() -> None:
    """Write it anew from ``profile()`` after a change of what is sent."""
    assert COMMITTED.read_text(encoding="utf-8") == profile()


@pytest.mark.parametrize("message", MESSAGES)
def test_every_field_that_is_sent_is_described(message: str) -> None:
    """And the radiographer's is none of them."""
    assert set(sent_fields(message)) <= set(MEANING)
    assert "OBR-34" not in sent_fields(message)
