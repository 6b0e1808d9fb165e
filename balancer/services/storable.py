"""Rows whose text no database can keep are rows that cannot be taken: they go to quarantine, not to an exception."""

from __future__ import annotations

from dataclasses import fields, replace
from operator import attrgetter

from balancer.domain.feed import IncomingStudy, ParsedExtract, QuarantinedRow, SourceRow
from balancer.domain.study import StudyKey

# DICOM allows 16 characters, HL7 20, and the national data set 20; far beyond that a number is none.
_LONGEST_NUMBER = 64
_LONGEST_TEXT = 1_000
_TEXTS = tuple(field.name for field in fields(IncomingStudy) if field.name not in {"row", "accession_number"})
_texts_of = attrgetter(*_TEXTS)


def storable(parsed: ParsedExtract) -> ParsedExtract:
    """Return the extract with every row whose key or text cannot be stored moved to the quarantined ones."""
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
            refused.append(_refused(row.row, "accession_number", row.key))
    if len(refused) == len(parsed.quarantined):
        return parsed
    return replace(parsed, studies=tuple(kept), excluded=tuple(left_out), quarantined=tuple(refused))


def _unstorable(study: IncomingStudy) -> str | None:
    if not _is_number(study.accession_number):
        return "accession_number"
    texts = [(name, value) for name, value in zip(_TEXTS, _texts_of(study), strict=True) if isinstance(value, str)]
    # nearly every row is fine, and is looked through at once
    if not _is_text("".join([value for _, value in texts])):
        for name, value in texts:
            if not _is_text(value):
                return name
    return None if all(_is_text(name) for name in study.excluded) else "excluded"


def _is_number(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_NUMBER and _is_text(text)


def _is_text(text: str) -> bool:
    return (
        len(text) <= _LONGEST_TEXT
        and (text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text))
        and "\0" not in text
    )


def _refused(row: SourceRow, column: str, key: StudyKey) -> QuarantinedRow:
    storable_key = key if _is_number(key.accession_number) else None
    return QuarantinedRow(
        row=row,
        column=column,
        reason="text that cannot be stored",
        detail="is empty, longer than any such field can be, or holds a character that is none",
        key=storable_key,
    )
