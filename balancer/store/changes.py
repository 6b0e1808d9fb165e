"""The change feed's reading side: what has changed of a trust's reads since a cursor, or all there is."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import NamedTuple

from sqlmodel import Session, col, select

from balancer.domain.errors import GoneError, InvalidValueError, NotFoundError
from balancer.domain.life import ReadKind
from balancer.store.tables import StudyRow
from balancer.store.tables_assignments import AssignmentHeadRow, AssignmentRow, ChangeFeedRow
from balancer.store.tables_kinds import FollowUpRow
from balancer.store.tables_life import ReadRow

MOST_CHANGES = 10_000
_LARGEST = 2**53
_ORDER = "assignments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far a trust's changes have come, and of which numbering."""

    incarnation: str
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where somebody is who follows a trust's changes.

    ``sequence`` is the last change they have. ``began_at`` is the last there was when they began: of what had gone by
    then they have never heard, and need not.
    """

    trust: str
    incarnation: str
    sequence: int
    began_at: int

    def is_at(self, mark: Mark) -> bool:
        """Tell whether whoever is here has everything up to the mark."""
        return self.incarnation == mark.incarnation and self.sequence >= mark.sequence

    def __str__(self) -> str:
        content = json.dumps([_ORDER, self.trust, self.incarnation, self.sequence, self.began_at])
        return base64.urlsafe_b64encode(content.encode("ascii")).decode("ascii")


class Change(NamedTuple):
    """How a read stands, of which study; ``follows``: what it has of its own if it is no reading of the images.

    There is no ``read`` for a caller who may not be told of it.
    """

    row: AssignmentRow
    study: StudyRow
    read: ReadRow | None
    follows: FollowUpRow | None

    @property
    def kind(self) -> ReadKind:
        """What is read."""
        return ReadKind.INTERPRETATION if self.read is None else self.read.kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Some of a trust's changes, in the order in which they were committed.

    ``position`` is where whoever has them is then; ``more`` tells that there are others behind it already.
    """

    items: tuple[Change, ...]
    position: Position
    more: bool


def position_of(cursor: str, trust: str) -> Position:
    """Return what a cursor says.

    Raises
    ------
    InvalidValueError
        If it is none of ours, or another trust's.
    """
    try:
        found = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii")))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise InvalidValueError("cursor", "is not a cursor") from error
    if not isinstance(found, list) or len(found) != 5 or found[0] != _ORDER:
        raise InvalidValueError("cursor", "belongs to another list")
    _, whose, incarnation, *numbers = found
    if not isinstance(incarnation, str) or any(type(item) is not int or not 0 <= item < _LARGEST for item in numbers):
        raise InvalidValueError("cursor", "is not a cursor")
    if whose != trust:
        raise InvalidValueError("cursor", "belongs to another trust")
    return Position(trust=trust, incarnation=incarnation, sequence=numbers[0], began_at=numbers[1])


def marks(session: Session) -> dict[str, Mark]:
    """Return how far every trust's changes have come, by its code."""
    statement = select(AssignmentHeadRow.trust, AssignmentHeadRow.sequence, ChangeFeedRow.incarnation)
    found = session.exec(statement.join(ChangeFeedRow, col(ChangeFeedRow.id) == 1)).all()
    return {trust: Mark(incarnation=incarnation, sequence=sequence) for trust, sequence, incarnation in found}


def changes(session: Session, trust: str, since: Position | None, *, limit: int) -> Changes:
    """Return what has changed of a trust's reads since then; from the beginning, how every read stands.

    Of a read that has changed several times only how it stands now is told, where it changed last. Reading on until
    there is no ``more`` gives the whole; whatever changes meanwhile comes again, further on.

    Raises
    ------
    NotFoundError
        If there is no such trust.
    GoneError
        If the cursor may have missed something: tombstones after it have been forgotten, or numbers were given anew.
    """
    head = session.get(AssignmentHeadRow, trust)
    if head is None:
        raise NotFoundError("there is no such trust")
    feed = session.get_one(ChangeFeedRow, 1)
    position = since or Position(
        trust=trust, incarnation=feed.incarnation, sequence=0, began_at=max(head.sequence, head.floor)
    )
    _require_kept(position, head, feed)
    found = session.exec(
        select(AssignmentRow, StudyRow, ReadRow, FollowUpRow)
        .join(StudyRow, col(StudyRow.id) == col(AssignmentRow.study_id))
        .outerjoin(
            ReadRow,
            (col(ReadRow.study_id) == col(AssignmentRow.study_id)) & (col(ReadRow.number) == col(AssignmentRow.read)),
        )
        .outerjoin(FollowUpRow, col(FollowUpRow.read_id) == col(ReadRow.id))
        .where(
            AssignmentRow.trust == trust,
            AssignmentRow.sequence > position.sequence,
            ~col(AssignmentRow.gone) | (col(AssignmentRow.sequence) > position.began_at),
        )
        .order_by(col(AssignmentRow.sequence))
        .limit(limit + 1)
    ).all()
    items, more = tuple(Change(*row) for row in found[:limit]), len(found) > limit
    reached = items[-1].row.sequence if more else max(head.sequence, position.sequence)
    following = Position(trust=trust, incarnation=position.incarnation, sequence=reached, began_at=position.began_at)
    return Changes(items=items, position=following, more=more)


def _require_kept(position: Position, head: AssignmentHeadRow, feed: ChangeFeedRow) -> None:
    """Ensure that nothing after the position has been forgotten; what was gone before it began is no loss."""
    if position.incarnation != feed.incarnation or position.sequence > feed.sequence:
        raise GoneError("the changes are numbered anew: begin again without a cursor")
    if max(position.sequence, position.began_at) < head.floor:
        raise GoneError("what had gone since that cursor has been forgotten: begin again without a cursor")
