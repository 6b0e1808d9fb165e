"""Rows whose text no database can keep are rows that cannot be taken: they go to quarantine, not to an exception."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields, replace
from operator import attrgetter

from balancer.domain.feed import IncomingStudy, ParsedExtract, QuarantinedRow, SourceRow
from balancer.domain.study import StudyKey

# DICOM allows 16 characters, HL7 20, and the national data set 20; far beyond that a number is none.
_LONGEST_NUMBER = 64
_LONGEST_TEXT = 1_000
_NUMBER = "accession_number"
_TEXTS = tuple(
    field.name for field in fields(IncomingStudy) if field.type in {"str", "str | None"} and field.name != _NUMBER
)
_texts_of = attrgetter(*_TEXTS)


def storable(parsed: ParsedExtract) -> ParsedExtract:
    """Return the extract with every row whose key or text cannot be stored moved to the quarantined ones."""
    if _are_storable(parsed.studies) and all(_is_number(row.key.accession_number) for row in parsed.excluded):
        return parsed
    kept, left_out, refused = [], [], list(parsed.quarantined)
    for study in parsed.studies:
        column = _unstorable(study)
        if column is None:
            kept.append(study)
        else:
            refused.append(_refused(study.row, column, study.key))
    for row in parsed.excluded:
        if _is_number(row.key.accession_number):
            left_out.append(row)
        else:
            refused.append(_refused(row.row, _NUMBER, row.key))
    return replace(parsed, studies=tuple(kept), excluded=tuple(left_out), quarantined=tuple(refused))


def _are_storable(studies: Sequence[IncomingStudy]) -> bool:
    """Tell whether every text of these studies can be stored: nearly always, and told a column at a time."""
    columns = [[value for value in map(attrgetter(name), studies) if value is not None] for name in _TEXTS]
    columns.append(list(frozenset().union(*(study.excluded for study in studies))))
    numbers = [study.accession_number for study in studies]
    return all(numbers) and _are_texts(numbers, _LONGEST_NUMBER) and all(map(_are_texts, columns))


def _unstorable(study: IncomingStudy) -> str | None:
    if not _is_number(study.accession_number):
        return _NUMBER
    for name, value in zip(_TEXTS, _texts_of(study), strict=True):
        if value is not None and not _are_texts([value]):
            return name
    return None if _are_texts(study.excluded) else "excluded"


def _is_number(text: str) -> bool:
    return bool(text) and _are_texts([text], _LONGEST_NUMBER)


def _are_texts(texts: Collection[str], longest: int = _LONGEST_TEXT) -> bool:
    """Tell whether none of these texts is too long or holds a character that is none."""
    if max(map(len, texts), default=0) > longest:
        return False
    together = "".join(texts)
    if "\0" in together:
        return False
    try:
        together.encode()
    except UnicodeEncodeError:  # half of a pair
        return False
    return True


def _refused(row: SourceRow, column: str, key: StudyKey) -> QuarantinedRow:
    storable_key = key if _is_number(key.accession_number) else None
    return QuarantinedRow(
        row=row,
        column=column,
        reason="text that cannot be stored",
        detail="is empty, longer than any such field can be, or holds a character that is none",
        key=storable_key,
    )
