"""Why rows are in quarantine, in words: what is wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from balancer.ingest.reasons import ADVICE, Reason

_WORDS: Final[Mapping[Reason, str]] = {
    Reason.BROKEN_ROW: "Row is broken",
    Reason.UNREADABLE_CHARACTERS: "Characters cannot be read",
    Reason.SPREADSHEET_ERROR: "Error of a spreadsheet",
    Reason.MISSING_VALUE: "Value is missing",
    Reason.MISSING_ACCESSION_NUMBER: "No accession number",
    Reason.BAD_ACCESSION_NUMBER: "Accession number is damaged",
    Reason.UNKNOWN_EXAM: "Exam not known",
    Reason.AMBIGUOUS_EXAM: "Exam may be several",
    Reason.UNKNOWN_PRIORITY: "Priority not known",
    Reason.UNREADABLE_DATE: "Date cannot be read",
    Reason.IMPLAUSIBLE_DATE: "Date cannot be right",
    Reason.FUTURE_DATE: "Date is in the future",
    Reason.BAD_NHS_NUMBER: "NHS number is wrong",
    Reason.UNKNOWN_SITE: "Site not known",
    Reason.BAD_STUDY_INSTANCE_UID: "Study UID is wrong",
    Reason.CONTRADICTORY_ROWS: "Rows contradict each other",
    Reason.UNKNOWN_REPORTER: "Reporter not known",
    Reason.UNKNOWN_ACTIVITY: "Activity not known",
    Reason.ENDS_BEFORE_START: "Ends before it starts",
    Reason.IMPLAUSIBLE_LENGTH: "Length cannot be right",
    Reason.OVERLAPPING_SESSION: "Sessions overlap",
    Reason.BAD_RESTRICTION: "Restriction not understood",
}


def reason_words(code: str) -> str:
    """Return what is wrong; of a code that this version does not know, the code itself in words."""
    known = next((words for reason, words in _WORDS.items() if reason.value == code), None)
    return known or code.replace("_", " ").capitalize()


def advice(code: str) -> str:
    """Return what to do about it, as a sentence."""
    known = next((words for reason, words in ADVICE.items() if reason.value == code), "look at the row at its source")
    return f"{known[:1].upper()}{known[1:]}."
