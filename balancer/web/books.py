"""A batch's books as pages write them: a sum that must hold."""

from __future__ import annotations

from dataclasses import dataclass

from balancer.store.batches import books_of
from balancer.store.tables import BatchRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """A batch as a sum that must hold: ``rows = new + changed + ...``; parts that are 0 are left out of ``words``."""

    rows: int
    new: int
    changed: int
    unchanged: int
    duplicate: int
    excluded: int
    quarantined: int
    closed: int
    off_by: int

    @property
    def words(self) -> str:
        """The sum in words: `1,528 = 17 new + 58 changed + 1,446 same + 7 quarantined`."""
        parts = [
            (self.new, "new"),
            (self.changed, "changed"),
            (self.unchanged, "same"),
            (self.duplicate, "repeated"),
            (self.excluded, "left out by rule"),
            (self.quarantined, "quarantined"),
        ]
        said = " + ".join(f"{number:,} {word}" for number, word in parts if number)
        return f"{self.rows:,} = {said or '0'}"


def books_shown(row: BatchRow) -> Books:
    """Return a batch's books as they are written."""
    books = books_of(row)
    heaps = books.new + books.changed + books.unchanged + books.duplicate + books.excluded + books.quarantined
    return Books(
        rows=books.rows_read,
        new=books.new,
        changed=books.changed,
        unchanged=books.unchanged,
        duplicate=books.duplicate,
        excluded=books.excluded,
        quarantined=books.quarantined,
        closed=books.withdrawn + books.excluded_since,
        off_by=books.rows_read - heaps,
    )
