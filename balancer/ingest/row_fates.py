"""What becomes of every data row of an extract, once its own cells have been judged: rows of one study meet here."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import pandas as pd

from balancer.domain.feed import FeedKind, SourceRow
from balancer.ingest.reasons import Reason
from balancer.ingest.row_faults import RowFault
from balancer.ingest.study_columns import StudyColumns

_MOST_LINES = 5
_AS_THEY_STAND = ("first_reader", "prior_reporter", "study_instance_uid", "status", "date_of_birth")


class Fate(StrEnum):
    """The heap a row goes to."""

    STUDY = "study"
    DUPLICATE = "duplicate"
    EXCLUDED = "excluded"
    QUARANTINED = "quarantined"


def settle_fates(columns: StudyColumns, rows: list[SourceRow]) -> list[Fate]:
    """Return each row's fate.

    In a snapshot, rows that say the same of one study are duplicates of the first, and rows that contradict each other
    are all quarantined. In a delta the last row of a study is what holds: it has come through several states.
    """
    fates = _alone(columns)
    groups = list(_together(columns, fates))
    said = _said(columns, [at for positions in groups for at in positions])
    statement = said.groupby(said.columns.tolist(), dropna=False, sort=False).ngroup()  # rows that say the same
    for positions in groups:
        if columns.feed.kind is FeedKind.DELTA:
            _last_holds(positions, fates, columns)
        elif len(set(statement.loc[positions])) == 1:
            for at in positions[1:]:
                fates[at] = Fate.DUPLICATE
        else:
            _contradict(positions, fates, columns, said.loc[positions], rows)
    return fates


def _alone(columns: StudyColumns) -> list[Fate]:
    """Return what each row would be if it were the only one; a rule leaves out what is otherwise at fault."""
    faulty = columns.faults.of().tolist()
    unsure = columns.faults.of({columns.heading(word) for word in ("accession_number", "exam", "exam_name", "status")})
    fates = []
    for rule, wrong, doubtful in zip(columns.rules, faulty, unsure.tolist(), strict=True):
        if rule and not doubtful:
            fates.append(Fate.EXCLUDED)
        else:
            fates.append(Fate.QUARANTINED if wrong else Fate.STUDY)
    return fates


def _together(columns: StudyColumns, fates: list[Fate]) -> Iterator[list[int]]:
    """Yield the rows of each study that stands more than once; rows that cannot be taken are no evidence."""
    taken = pd.Series([fate is not Fate.QUARANTINED for fate in fates], dtype=bool)
    numbers = columns.column("accession_number")
    repeated = numbers[taken & numbers.where(taken).duplicated(keep=False)]
    for positions in repeated.groupby(repeated).groups.values():
        group = sorted(int(at) for at in positions)
        if any(fates[at] is Fate.STUDY for at in group):
            yield group


def _said(columns: StudyColumns, positions: list[int]) -> pd.DataFrame:
    """Return what rows say of their studies, by heading, however it is written."""
    exams = [columns.exams[at].exam for at in positions]
    said = {
        columns.heading("exam"): pd.Series([exam.code if exam else "" for exam in exams], index=positions, dtype=str)
    }
    known = {"priority": columns.priority, "nhs_number": columns.nhs_number, "patient_setting": columns.setting}
    known |= {"site": columns.site, "local_patient_id": columns.column("local_patient_id")}
    known |= {word: columns.column(word) for word in _AS_THEY_STAND}
    said |= {columns.heading(word): column.loc[positions] for word, column in known.items()}
    said |= {columns.heading(word): dates.at.loc[positions].astype(str) for word, dates in columns.dates.items()}
    return pd.DataFrame(said)


def _last_holds(positions: list[int], fates: list[Fate], columns: StudyColumns) -> None:
    *earlier, last = positions
    for at in earlier:
        if fates[last] is Fate.EXCLUDED:
            fates[at], columns.rules[at] = Fate.EXCLUDED, columns.rules[last]
        elif at not in columns.faults:
            fates[at] = Fate.DUPLICATE


def _contradict(
    positions: list[int], fates: list[Fate], columns: StudyColumns, said: pd.DataFrame, rows: list[SourceRow]
) -> None:
    differing = [str(heading) for heading in said if len(set(said[heading])) > 1]
    where = ", ".join(_place(rows[at]) for at in positions[:_MOST_LINES])
    detail = f"{len(positions)} rows are of one study ({where}) and differ in {', '.join(differing)}"
    for at in positions:
        fates[at] = Fate.QUARANTINED
        columns.faults.add_first(at, RowFault(", ".join(differing), Reason.CONTRADICTORY_ROWS, detail))


def _place(row: SourceRow) -> str:
    return f"line {row.line} of {row.sheet}" if row.sheet else f"line {row.line}"
