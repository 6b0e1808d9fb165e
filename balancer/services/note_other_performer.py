"""Bring it to the trust's reporting office that a report is said to be somebody else's than whoever had the read."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from balancer.domain.actor import Actor
from balancer.domain.exceptional import ExceptionKind
from balancer.store.database import Session
from balancer.store.exceptions import open_exception
from balancer.store.tables import StudyRow


def note_other_performer(  # noqa: PLR0913, PLR0917 - of what, who had it, who is said to have done it, on whose word
    session: Session,
    read_id: int,
    study: StudyRow,
    had: str,
    said: Collection[str],
    now: datetime,
    *,
    presumed: bool,
    by: Actor,
) -> None:
    """Open an exception that names ``had`` and whoever is said to have performed it.

    It stands as it was entered until a person has looked: which of the words is right nobody can tell from here. Of a
    step that nobody was named for (``presumed``) the only word is right; that the list had somebody else is told all
    the same.
    """
    how = "presumed to be begun by" if presumed else "begun by"
    detail = f"{how} {had}, and said to be performed by {', '.join(sorted(said))}"
    open_exception(session, ExceptionKind.OTHER_PERFORMER, read_id, study, by=by, now=now, detail=detail)
