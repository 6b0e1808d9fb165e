"""How somebody presses and writes: with a mouse, with a finger, or with the keyboard alone."""

from __future__ import annotations

from typing import Protocol

from playwright.sync_api import Locator, Page

# Nobody presses Tab as often; a page on which it takes more has lost what is looked for.
_MOST_TABS = 400


def press_key(page: Page, key: str) -> None:
    """Press a key once the page can hear it.

    A page is there to be read before its scripts have run, and whoever has gone to it by a link may be that quick.
    """
    page.wait_for_load_state("load")
    page.keyboard.press(key)


class Hands(Protocol):
    """Presses what can be pressed, and writes into fields."""

    def press(self, what: Locator) -> None:
        """Press a link or a button."""
        ...

    def write(self, field: Locator, text: str) -> None:
        """Write into a field."""
        ...


class Mouse:
    """A mouse on a desk."""

    def press(self, what: Locator) -> None:
        """Click it."""
        what.click()

    def write(self, field: Locator, text: str) -> None:
        """Click into it and type."""
        field.click()
        field.page.keyboard.type(text)


class Finger:
    """A finger on a phone."""

    def press(self, what: Locator) -> None:
        """Tap it."""
        what.tap()

    def write(self, field: Locator, text: str) -> None:
        """Tap into it and type."""
        field.tap()
        field.page.keyboard.type(text)


class Keys:
    """The keyboard and nothing else: what Tab does not reach cannot be used."""

    def press(self, what: Locator) -> None:
        """Go to it by Tab, and press Enter."""
        _reach(what.page, what)
        press_key(what.page, "Enter")

    def write(self, field: Locator, text: str) -> None:
        """Go to it by Tab, and type."""
        _reach(field.page, field)
        field.page.keyboard.type(text)


def _reach(page: Page, what: Locator) -> None:
    what.wait_for()
    for _ in range(_MOST_TABS):
        if what.evaluate("element => element === document.activeElement"):
            return
        press_key(page, "Tab")
    raise AssertionError(f"Tab does not reach {what}")
