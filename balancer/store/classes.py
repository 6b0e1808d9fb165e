"""Of which class a study is: its feed's word, unless a person has decided otherwise."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, or_, select

from balancer.store.chunks import chunks
from balancer.store.tables import StudyRow


def of_class(held: Mapping[int, str], codes: Collection[str]) -> ColumnElement[bool]:
    """Return the condition of studies that are of one of these classes; ``held``: those that people have decided."""
    said = col(StudyRow.priority).in_(sorted(codes))
    if not held:
        return said
    theirs = sorted(number for number, code in held.items() if code in codes)
    return or_(and_(said, col(StudyRow.id).not_in(sorted(held))), col(StudyRow.id).in_(theirs))


def numbered(session: Session, study_ids: Collection[int]) -> list[StudyRow]:
    """Return the studies of these internal numbers, as far as they are within reach."""
    found: list[StudyRow] = []
    for chunk in chunks(sorted(study_ids)):
        found += session.exec(select(StudyRow).where(col(StudyRow.id).in_(chunk)))
    return found
