"""Drafts: decisions that are collected, looked at together, and put in force or thrown away as one."""

from __future__ import annotations

from enum import StrEnum

MOST_INSTRUCTIONS = 500
"""As many decisions as one draft holds: publishing holds their reads still until it is done."""


class DraftState(StrEnum):
    """What became of a draft.

    ``open``: decisions are staged in it and hold nowhere. ``published``: they were put in force together. ``undone``:
    they were, and have been taken back. ``discarded``: it was thrown away, and nothing of it ever held.
    """

    OPEN = "open"
    PUBLISHED = "published"
    DISCARDED = "discarded"
    UNDONE = "undone"
