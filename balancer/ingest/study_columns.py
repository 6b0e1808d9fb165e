"""Whole columns of an extract, checked and put into our words; what is wrong with a cell is a fault of its row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import pandas as pd

from balancer.domain.errors import InvalidValueError
from balancer.domain.network import Examination
from balancer.ingest import nhs_number
from balancer.ingest.childhood import Childhood, childhood
from balancer.ingest.exam_match import ExamMatcher, Match
from balancer.ingest.feed_file import DATES, ExcludeRule, FeedDescription
from balancer.ingest.file_format import XLSX
from balancer.ingest.fold import folded
from balancer.ingest.heading_table import Tabulated
from balancer.ingest.reasons import Reason
from balancer.ingest.row_faults import RowFaults
from balancer.ingest.toml_text import short
from balancer.ingest.wall_clock import Instants, instants

ERROR_CELLS = ("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!")
REPLACEMENT = "\ufffd"
# Nobody's list depends on these: an error cell among them is taken for an empty one.
_IN_PASSING = frozenset({"patient_setting", "prior_reporter", "study_instance_uid"})
_ABBREVIATED = r"\d(?:[.,]\d+)?E\+?\d+"
_LONGEST_ACCESSION = 64
_MOST_WORDS = 12
# An extract says its hour to the minute, a study to the second.
_SAME_MINUTE = timedelta(seconds=59)
_FURTHEST_READY = timedelta(days=366)


class StudyColumns:
    """The columns of one extract by our words, all of the same length; ``faults`` tells which rows cannot be taken.

    ``exams`` holds what each row's code and name mean, ``rules`` the rule that leaves it out, or nothing.
    """

    def __init__(
        self, table: Tabulated, feed: FeedDescription, matcher: ExamMatcher, extracted_at: datetime | None
    ) -> None:
        self.feed = feed
        self.faults = RowFaults(len(table.rows))
        self.text = table.cells.apply(_tidy)
        self._heading = {word: " + ".join(names) for word, names in feed.columns.items()}
        self._refuse_unreadable()
        self._check_accessions()
        self.exams, self.rules = self._examinations(matcher)
        self.priority = self._words("priority", feed.priorities)
        self._check_priorities()
        self.dates = {word: self._dates(word) for word in DATES}
        self._check_dates(extracted_at)
        self.nhs_number = self._nhs_numbers()
        self.setting = self._words("patient_setting", feed.settings, or_else=self.column("patient_setting"))
        self.site = self._sites(table)
        self._check_uids()
        self.childhood = self._childhood()

    def exam(self, position: int) -> Examination:
        """Return the examination of a row that is not at fault."""
        exam = self.exams[position].exam
        if exam is None:
            raise InvalidValueError("exam", "only a row that is not at fault has an examination")
        return exam

    def column(self, word: str) -> pd.Series[str]:
        """Return the cells of one of our words; empty ones if the feed does not have it."""
        if word in self.text:
            return self.text[word]
        return pd.Series("", index=self.text.index, dtype=str)

    def heading(self, word: str) -> str:
        """Return what the feed calls one of our words."""
        return self._heading.get(word, word)

    def _fault(self, where: pd.Series[bool], word: str, reason: Reason, detail: str) -> None:
        """Note a fault; ``{cell}`` in the detail is what stands there."""
        if where.any():
            cells = self.column(word).tolist()
            self.faults.add(
                where, self.heading(word), reason, lambda position: detail.replace("{cell}", short(cells[position]))
            )

    def _refuse_unreadable(self) -> None:
        for word in map(str, self.text):
            cells = self.text[word]
            everything = "".join(cells.tolist())  # to look once is quicker than to look a hundred thousand times
            if REPLACEMENT in everything:
                damaged = cells.str.contains(REPLACEMENT, regex=False)
                self._fault(damaged, word, Reason.UNREADABLE_CHARACTERS, "contains characters that could not be read")
            if "#" not in everything:
                continue
            errors = cells.isin(ERROR_CELLS)
            if word in _IN_PASSING:
                self.text[word] = cells.mask(errors, "")
            else:
                self._fault(errors, word, Reason.SPREADSHEET_ERROR, "{cell} is an error of a spreadsheet")

    def _check_accessions(self) -> None:
        numbers, word = self.column("accession_number"), "accession_number"
        self._fault(numbers == "", word, Reason.MISSING_ACCESSION_NUMBER, "is empty")
        bad = Reason.BAD_ACCESSION_NUMBER
        abbreviated = numbers.str.fullmatch(_ABBREVIATED)
        self._fault(abbreviated, word, bad, "{cell} was abbreviated by a spreadsheet, and its last digits are lost")
        self._fault(
            numbers.str.len() > _LONGEST_ACCESSION, word, bad, f"is longer than {_LONGEST_ACCESSION} characters"
        )
        self._fault(numbers.str.contains(r"[\x00-\x1f\x7f]"), word, bad, "contains characters that cannot be printed")

    # --- words -------------------------------------------------------------------------------------------------------

    def _words(
        self, word: str, meanings: Mapping[str, str], *, or_else: pd.Series[str] | None = None
    ) -> pd.Series[str]:
        """Return our words for theirs, and ``or_else`` (nothing) for those that have no meaning."""
        found = self.column(word).str.casefold().map(dict(meanings))
        return found.fillna("" if or_else is None else or_else).astype(str)

    def _check_priorities(self) -> None:
        cells = self.column("priority")
        self._fault(cells == "", "priority", Reason.MISSING_VALUE, "is empty")
        known = ", ".join(map(repr, self.feed.priority_words[:_MOST_WORDS]))
        self._fault(self.priority == "", "priority", Reason.UNKNOWN_PRIORITY, f"{{cell}} is none of {known}")

    def _sites(self, table: Tabulated) -> pd.Series[str]:
        if "site" in self.text or self.feed.format.type != XLSX:
            names, word = self.column("site"), "site"
        else:
            names, word = pd.Series([row.sheet for row in table.rows], index=self.text.index, dtype=str), "sheet"
        strange = ~pd.Series(table.listed, index=self.text.index, dtype=bool)
        self.faults.add(strange, "sheet", Reason.UNKNOWN_SITE, "the sheet is not one of those named in [format]")
        if not self.feed.sites:
            return names
        found = names.str.casefold().map(dict(self.feed.sites)).fillna("").astype(str)
        unknown, told = (found == "") & (names != ""), names.tolist()
        self.faults.add(unknown, self.heading(word), Reason.UNKNOWN_SITE, lambda at: f"{short(told[at])} is no site")
        return found

    def _check_uids(self) -> None:
        uids = self.column("study_instance_uid")
        bad = (uids != "") & ~uids.str.fullmatch(r"[0-9.]{1,64}")
        self._fault(bad, "study_instance_uid", Reason.BAD_STUDY_INSTANCE_UID, "is no DICOM UID")

    def _childhood(self) -> Childhood | None:
        if self.feed.paediatric is None:
            return None
        found = childhood(self.column("date_of_birth"), self.dates["acquired_at"].at, self.feed.paediatric)
        heading = self.feed.paediatric.column
        self.faults.add(found.unreadable, heading, Reason.UNREADABLE_DATE, "is no date of birth as [paediatric] has it")
        return found

    # --- examinations ------------------------------------------------------------------------------------------------

    def _examinations(self, matcher: ExamMatcher) -> tuple[list[Match], list[str]]:
        """Return what each row's examination is and the rule that leaves it out; every different one is met once."""
        words = ("exam", "exam_name", "status")
        given = list(zip(*(self.column(word).tolist() for word in words), strict=True))
        matches = {pair: matcher.match(*pair) for pair in dict.fromkeys((code, name) for code, name, _ in given)}
        ruled = {
            (code, name, status): _rule(
                self.feed.excludes, code, matcher.without_prefix(name), status, matches[code, name]
            )
            for code, name, status in dict.fromkeys(given)
        }
        exams, rules = [matches[code, name] for code, name, _ in given], [ruled[row] for row in given]
        for at, (match, rule) in enumerate(zip(exams, rules, strict=True)):
            if match.reason is not None and not rule:
                word = "exam" if given[at][0] or "exam_name" not in self.text else "exam_name"
                self.faults.add_one(at, self.heading(word), match.reason, match.detail)
        return exams, rules

    # --- dates and numbers -------------------------------------------------------------------------------------------

    def _dates(self, word: str) -> Instants:
        feed = self.feed
        return instants(self.column(word), feed.date_formats, feed.zone, spreadsheet=feed.format.type == XLSX)

    def _check_dates(self, extracted_at: datetime | None) -> None:
        self._fault(self.column("acquired_at") == "", "acquired_at", Reason.MISSING_VALUE, "is empty")
        formats = " or ".join(map(repr, self.feed.date_formats))
        for word, dates in self.dates.items():
            self._fault(dates.unreadable, word, Reason.UNREADABLE_DATE, f"{{cell}} is no date written {formats}")
            self._fault(dates.implausible, word, Reason.IMPLAUSIBLE_DATE, "{cell} is not of our time")
        if extracted_at is None:
            return
        future = self.dates["acquired_at"].at > extracted_at + _SAME_MINUTE
        made = f"{extracted_at:%Y-%m-%d %H:%M} UTC"
        self._fault(future, "acquired_at", Reason.FUTURE_DATE, f"{{cell}} is after the extract was made, {made}")
        never = self.dates["ready_at"].at > extracted_at + _FURTHEST_READY
        self._fault(never, "ready_at", Reason.IMPLAUSIBLE_DATE, "{cell} is more than a year ahead")

    def _nhs_numbers(self) -> pd.Series[str]:
        """Return plain numbers. What is wrong with one is told without repeating it."""
        cells = self.column("nhs_number")
        numbers = nhs_number.plain(cells)
        bad, told = (numbers != "") & ~nhs_number.valid(numbers), numbers.tolist()
        self.faults.add(bad, self.heading("nhs_number"), Reason.BAD_NHS_NUMBER, lambda at: _why_bad(told[at]))
        return numbers


def _tidy(cells: pd.Series[str]) -> pd.Series[str]:
    """Return cells without needless blanks: as ``str.replace`` and ``str.strip`` would, in a third of the time."""
    return pd.Series([" ".join(cell.split()) for cell in cells.tolist()], index=cells.index, dtype=str)


def _rule(rules: tuple[ExcludeRule, ...], code: str, name: str, status: str, match: Match) -> str:
    """Return the first rule that leaves a row out, or nothing."""
    for rule in rules:
        if (
            (match.exam is not None and match.exam.modality in rule.modalities)
            or (rule.exam_prefixes and folded(code).startswith(rule.exam_prefixes))
            or (rule.name_prefixes and not match.exam and name.casefold().startswith(rule.name_prefixes))
            or folded(status) in rule.statuses
        ):
            return rule.said
    return ""


def _why_bad(number: str) -> str:
    if not number.isdigit():
        return "is text and no NHS number"
    if len(number) != nhs_number.LENGTH:
        return f"has {len(number)} digits and not {nhs_number.LENGTH}"
    return "has the wrong check digit: at least one digit is wrong"
