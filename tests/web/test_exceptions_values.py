"""Exceptions in words."""

from __future__ import annotations

from balancer.domain.exceptional import ExceptionKind
from balancer.web.exceptions import WORDS, named


def test_whatever_needs_a_person_is_said_in_words_with_what_to_do() -> None:
    """One that is new and has none would break the list of all."""
    assert set(WORDS) == set(ExceptionKind)
    assert all(what and todo for what, todo in WORDS.values())


def test_reporters_are_named_where_an_exception_speaks_of_them() -> None:
    """Whoever looks after it knows people, not numbers; of whom they may not see they learn the number alone."""
    names = {"9900028": "Dr Amara Okafor"}
    assert named("handed back by 9900028: its images are missing", names) == (
        "handed back by Dr Amara Okafor: its images are missing"
    )
    assert named("9900029 has another read of the study", names) == "9900029 has another read of the study"
