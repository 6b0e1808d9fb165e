"""What a reading came to, as far as two readings of one study must be told to agree or not."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Outcome(StrEnum):
    """What a reader says of a study in a word; the report itself is not Balancer's.

    ``normal``: nothing that needs anything further (in breast screening, routine recall). ``technical_recall``: the
    images must be taken again before anybody can say. ``abnormal``: something that does (recall for assessment).
    """

    NORMAL = "normal"
    TECHNICAL_RECALL = "technical_recall"
    ABNORMAL = "abnormal"


def are_discordant(outcomes: Iterable[Outcome]) -> bool:
    """Tell whether readings differ, so that somebody else has to decide between them."""
    return len(set(outcomes)) > 1
