from __future__ import annotations

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from balancer.ingest.nhs_number import plain, valid
from balancer.ingest.pseudonym import pseudonym
from balancer.simulate.kent.patients import check_digit

NUMBERS = st.integers(0, 999_999_999).map(lambda number: f"{number:09d}").filter(lambda nine: check_digit(nine) < 10)


def is_valid(number: str) -> bool:
    """Return the verdict on one number."""
    return bool(valid(pd.Series([number], dtype=str))[0])


def test_the_number_everybody_publishes_is_valid() -> None:
    """943 476 5919 is the national example; the test range 999 is as good as any other."""
    assert is_valid("9434765919")
    assert is_valid("9990000018")


@settings(deadline=None)
@given(NUMBERS, st.integers(0, 9))
def test_only_one_last_digit_is_right(nine: str, digit: int) -> None:
    """It is the one by which the weighted sum of all is divisible by eleven; ten times the same digit is nobody's."""
    number = f"{nine}{digit}"
    assert is_valid(number) == (digit == check_digit(nine) and len(set(number)) > 1)


@settings(deadline=None)
@given(NUMBERS, st.integers(0, 8))
def test_two_neighbours_exchanged_are_noticed(nine: str, at: int) -> None:
    """The slip of the hand that the check digit is there for."""
    number = f"{nine}{check_digit(nine)}"
    exchanged = number[:at] + number[at + 1] + number[at] + number[at + 2 :]
    assert exchanged == number or not is_valid(exchanged)


@settings(deadline=None)
@given(st.text(max_size=12))
def test_no_other_text_is_valid(text: str) -> None:
    """Ten plain digits or nothing; digits of other scripts are no digits."""
    assert not is_valid(text) or (len(text) == 10 and text.isascii() and text.isdigit())


def test_groups_are_made_plain() -> None:
    """Blanks and hyphens are how people write it."""
    assert plain(pd.Series(["943 476 5919", "943-476-5919"])).tolist() == ["9434765919"] * 2


def test_a_pseudonym_depends_on_the_key_and_never_shows_the_number() -> None:
    """Whoever has not the key cannot work it out by trying all numbers."""
    one, other = pseudonym(b"a", "9434765919", "RVV", "1"), pseudonym(b"b", "9434765919", "RVV", "1")
    assert one != other
    assert len(one) == 16
    assert int(one, 16) >= 0
    assert "9434765919" not in one


def test_without_an_nhs_number_the_trusts_own_counts() -> None:
    """One per trust and local number, capitals and blanks aside; a local number is never mistaken for an NHS number."""
    assert pseudonym(b"a", None, "RVV", " ek1 ") == pseudonym(b"a", "", "RVV", "EK1")
    assert pseudonym(b"a", None, "RVV", "EK1") != pseudonym(b"a", None, "RPA", "EK1")
    assert pseudonym(b"a", None, "RVV", "9434765919") != pseudonym(b"a", "9434765919", "RVV", "")
    assert pseudonym(b"a", None, "RVV", " ") == ""
