"""Pages of lists that are at hand whole: together they are the list, whatever goes while somebody turns them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.domain.errors import InvalidValueError
from balancer.store.pages import Cut, Page, cursor, part

NAMES = st.lists(st.text("abcdef", min_size=1, max_size=3), unique=True, max_size=12)


def page_of(names: list[str], at: str | None, limit: int) -> Page[str]:
    """Return a page of names in their order."""
    return part(names, Cut(cursor=at, limit=limit), "names", lambda name: name)


@given(names=NAMES, limit=st.integers(1, 5))
def test_pages_together_are_the_list(names: list[str], limit: int) -> None:
    """Each item once, in order; every page but the last is full, and says how many there are in all."""
    seen: list[str] = []
    at = None
    while True:
        page = page_of(names, at, limit)
        assert page.total == len(names)
        seen += page.items
        at = page.next_cursor
        if at is None:
            break
        assert len(page.items) == limit
    assert seen == names


@given(names=NAMES.filter(lambda names: len(names) > 1), data=st.data())
def test_what_goes_between_two_pages_takes_nothing_with_it(names: list[str], data: st.DataObject) -> None:
    """Not even the item behind which the next page begins."""
    limit = data.draw(st.integers(1, len(names) - 1))
    first = page_of(names, None, limit)
    gone = data.draw(st.sampled_from(names))
    left = [name for name in names if name != gone]
    rest = page_of(left, first.next_cursor, len(names))
    assert set(left) <= {*first.items, *rest.items}


def test_whoever_asks_for_no_page_gets_the_whole_list() -> None:
    """As before there were pages of it."""
    assert part(["a", "b"], None, "names", str) == Page(items=("a", "b"), total=2)


@pytest.mark.parametrize("at", ["x", cursor("others", "a", 1), cursor("names", "a"), cursor("names", 1, "a")])
def test_a_cursor_of_another_list_is_refused(at: str) -> None:
    """It would skip and repeat."""
    with pytest.raises(InvalidValueError):
        page_of(["a", "b"], at, 1)


def test_no_cursor_begins_before_the_beginning() -> None:
    """Whatever somebody has made of one."""
    assert page_of(["a", "b"], cursor("names", "gone", -7), 1).items == ("a",)
