"""Why a row could not be taken: one word for machines, and for people what to do about it."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a row is in quarantine; the values are what the store, the API and reports show."""

    BROKEN_ROW = "broken_row"
    UNREADABLE_CHARACTERS = "unreadable_characters"
    SPREADSHEET_ERROR = "spreadsheet_error"
    MISSING_VALUE = "missing_value"
    MISSING_ACCESSION_NUMBER = "missing_accession_number"
    BAD_ACCESSION_NUMBER = "bad_accession_number"
    UNKNOWN_EXAM = "unknown_exam"
    AMBIGUOUS_EXAM = "ambiguous_exam"
    UNKNOWN_PRIORITY = "unknown_priority"
    UNREADABLE_DATE = "unreadable_date"
    IMPLAUSIBLE_DATE = "implausible_date"
    FUTURE_DATE = "future_date"
    BAD_NHS_NUMBER = "bad_nhs_number"
    UNKNOWN_SITE = "unknown_site"
    BAD_STUDY_INSTANCE_UID = "bad_study_instance_uid"
    CONTRADICTORY_ROWS = "contradictory_rows"
    UNKNOWN_REPORTER = "unknown_reporter"
    UNKNOWN_ACTIVITY = "unknown_activity"
    ENDS_BEFORE_START = "ends_before_start"
    IMPLAUSIBLE_LENGTH = "implausible_length"
    OVERLAPPING_SESSION = "overlapping_session"
    BAD_RESTRICTION = "bad_restriction"


ADVICE: dict[Reason, str] = {
    Reason.BROKEN_ROW: "a delimiter or a quotation mark inside a cell: have cells quoted where the file is made",
    Reason.UNREADABLE_CHARACTERS: "add the file's character encoding to encoding in [format]",
    Reason.SPREADSHEET_ERROR: "mend the formula in the workbook the file was made from",
    Reason.MISSING_VALUE: "fill in the cell at the source",
    Reason.MISSING_ACCESSION_NUMBER: "fill in the accession number at the source: without it there is no study",
    Reason.BAD_ACCESSION_NUMBER: "correct the accession number at the source",
    Reason.UNKNOWN_EXAM: "map the code in [exam.codes], or add the name to the aliases of exams.csv",
    Reason.AMBIGUOUS_EXAM: "map the code in [exam.codes], or have the whole name exported",
    Reason.UNKNOWN_PRIORITY: "map the word in [priority], or correct it at the source",
    Reason.UNREADABLE_DATE: "correct the date at the source, or add its format to date_format in [time]",
    Reason.IMPLAUSIBLE_DATE: "correct the date at the source",
    Reason.FUTURE_DATE: "correct the date at the source: day and month may have been exchanged",
    Reason.BAD_NHS_NUMBER: "correct the NHS number at the source, or leave the cell empty if it is not known",
    Reason.UNKNOWN_SITE: "map the name in [site]",
    Reason.BAD_STUDY_INSTANCE_UID: "correct the UID at the source: digits and full stops, 64 at most",
    Reason.CONTRADICTORY_ROWS: "find out which row is right and have the others left out",
    Reason.UNKNOWN_REPORTER: "add the person to reporters.csv, or correct the number",
    Reason.UNKNOWN_ACTIVITY: "describe the code as [activity.CODE], or correct it",
    Reason.ENDS_BEFORE_START: "correct the hours",
    Reason.IMPLAUSIBLE_LENGTH: "correct the hours",
    Reason.OVERLAPPING_SESSION: "take one of the two sessions out of the rota",
    Reason.BAD_RESTRICTION: "correct the cell: figures and names as in the policy and trusts.csv",
}
