"""Exceptions in words."""

from __future__ import annotations

from balancer.domain.exceptional import ExceptionKind
from balancer.web.exceptions import WORDS


def test_whatever_needs_a_person_is_said_in_words_with_what_to_do() -> None:
    """One that is new and has none would break the list of all."""
    assert set(WORDS) == set(ExceptionKind)
    assert all(what and todo for what, todo in WORDS.values())
