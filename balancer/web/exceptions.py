"""Exceptions as pages show them: what each kind means, what to do, whose it is, and what became of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from balancer.domain.exceptional import ExceptionKind
from balancer.store.tables import StudyRow
from balancer.store.tables_life import ExceptionRow
from balancer.store.tables_silences import SilenceRow
from balancer.web.feeds import feed_address
from balancer.web.tables import Cell, Choice, Column, Row, Table, View
from balancer.web.time_left import at_words

# What it is, and what to do.
WORDS: Final[Mapping[ExceptionKind, tuple[str, str]]] = {
    ExceptionKind.UNCONFIRMED: (
        "Done here, still unreported at its source",
        "Look in the trust's RIS: if the report is there, it closes with the next list; if not, ring the reporter.",
    ),
    ExceptionKind.CLAIMED_TOO_LONG: (
        "Open for too long",
        "A system holds it and sends no sign of life. Ask whoever has it; take the read over if they are gone.",
    ),
    ExceptionKind.COMPLETED_BESIDE: (
        "Completed by somebody who no longer had it",
        "There may be two reports. Find both before either is acted upon.",
    ),
    ExceptionKind.SKIPPED_OFTEN: ("Passed over again and again", "Ask why; give it to somebody by pinning it."),
    ExceptionKind.PARKED_TOO_LONG: (
        "Parked beyond its date",
        "What it waited for has not come, or nobody has said so. Bring the read back, or agree a new date.",
    ),
    ExceptionKind.CLAIMANT_NOT_ENTITLED: (
        "Opened or done by somebody not entitled",
        "Have the report looked at by somebody who is; renew the entitlement if it lapsed by mistake.",
    ),
    ExceptionKind.SAME_READER: (
        "Two reads of one study by one reader",
        "Two readings need two readers: one of them has to be read again.",
    ),
    ExceptionKind.EMERGENCY_WAITS: (
        "An emergency that nobody reads now",
        "Find a reader at once, or what is missing of its images.",
    ),
    ExceptionKind.NOT_BACK: ("Not back from the provider", "Ring the provider; bring the read back if they cannot."),
    ExceptionKind.CANCEL_REQUESTED: (
        "Another system asks that it be not read",
        "Find out why, and exclude the read if it is right.",
    ),
    ExceptionKind.OUTCOME_UNSAID: (
        "A reading without an outcome",
        "Nobody can tell whether the two readings agree: ask its reader.",
    ),
    ExceptionKind.NOT_FOLLOWED_UP: (
        "No longer asked for before it was verified or decided",
        "Look in the trust's RIS whether the report there is final.",
    ),
    ExceptionKind.MAY_NOT_VERIFY: (
        "Verified or decided by somebody who may not",
        "It does not count: somebody else has to do it.",
    ),
    ExceptionKind.OTHER_PERFORMER: (
        "Two systems name two readers",
        "Find out who wrote the report: it stands as that of whoever began it.",
    ),
    ExceptionKind.NOT_TOLD: (
        "A system outside refuses to be told whose it is",
        "It may show another owner until the study's next step: tell whoever runs it, then put the letter back.",
    ),
    ExceptionKind.ASKED_AGAIN: (
        "Asked for again, and was with a provider",
        "Find out whether they have reported it: then it is to be read here; else it is theirs.",
    ),
}
SILENT: Final = ("A feed is silent", "Look whether the trust's export still runs and its file still arrives.")
FEED_SILENT: Final = "feed_silent"
_COLUMNS: Final = (
    Column(key="exception", head="What is wrong"),
    Column(key="study", head="Study"),
    Column(key="trust", head="Trust"),
    Column(key="owner", head="Whose it is"),
    Column(key="detail", head="Detail"),
    Column(key="opened_at", head="Since"),
    Column(key="resolved", head="What became of it", second="resolved_by"),
)


def exceptions_table(  # noqa: PLR0913, PLR0917 - what is shown of them, to whom
    rows: Sequence[ExceptionRow],
    silent: Sequence[SilenceRow],
    total: int,
    studies: Mapping[int, StudyRow],
    hidden: Collection[int],
    names: Mapping[str, str],
    trusts: Sequence[str],
    view: View,
    now: datetime,
) -> Table:
    """Return a page of exceptions; what is read blind by the caller names nobody (``hidden`` reads).

    Feeds that are ``silent`` stand first. ``names``: of reporters, by id.
    """
    asked = dict(view.asked)
    return Table(
        name="Exceptions",
        columns=_COLUMNS,
        rows=[
            *(_silent_row(row, now) for row in silent),
            *(_row(row, studies.get(row.read_id), None if row.read_id in hidden else names, now) for row in rows),
        ],
        total=total,
        view=view,
        filters=(
            Choice(
                name="kind",
                label="What is wrong",
                options=[
                    ("", "Anything"),
                    (FEED_SILENT, SILENT[0]),
                    *((kind.value, words[0]) for kind, words in WORDS.items()),
                ],
                chosen=asked.get("kind", ""),
            ),
            Choice(
                name="trust",
                label="Trust",
                options=[("", "Every trust"), *((code, code) for code in trusts)],
                chosen=asked.get("trust", ""),
            ),
            Choice(
                name="resolved",
                label="State",
                options=[("", "Waits for somebody"), ("true", "Resolved")],
                chosen=asked.get("resolved", ""),
            ),
        ),
        empty="Nothing waits for anybody. What systems disagree about would stand here.",
    )


def _silent_row(row: SilenceRow, now: datetime) -> Row:
    last = "never heard" if row.since is None else f"its last list is of {at_words(row.since, now)}"
    return Row(
        id=f"silence-{row.id}",
        cells=(
            Cell(text=SILENT[0], link=feed_address(row.feed)),
            Cell(text=f"all of {row.feed}"),
            Cell(trust=row.trust),
            Cell(text=row.owner, second="" if row.taken_at is None else f"on it since {at_words(row.taken_at, now)}"),
            Cell(text=last),
            Cell(text=at_words(row.opened_at, now), value=row.opened_at),
            Cell() if row.ended_at is None else Cell(text="It delivers again", second=at_words(row.ended_at, now)),
        ),
    )


def _row(row: ExceptionRow, study: StudyRow | None, names: Mapping[str, str] | None, now: datetime) -> Row:
    hidden = names is None
    return Row(
        id=f"exception-{row.id}",
        cells=(
            Cell(text=WORDS[row.kind][0], link=f"/exceptions/{row.id}"),
            study_cell(study),
            Cell(trust=row.trust),
            Cell(text=row.owner),
            Cell(text="" if names is None else named(row.detail, names)),
            Cell(text=at_words(row.opened_at, now), value=row.opened_at),
            Cell(text="" if hidden else row.resolution, second=_who(row, now, hidden=hidden)),
        ),
    )


def named(detail: str, names: Mapping[str, str]) -> str:
    """Return what is said of an exception with the names of reporters in place of their numbers."""
    return re.sub(r"[\w-]+", lambda found: names.get(found[0], found[0]), detail)


def study_cell(study: StudyRow | None) -> Cell:
    """Return a study as a link to it."""
    if study is None:
        return Cell(text="not shown while it is read blind", value="", grey=True)
    return Cell(text=study.accession_number, link=f"/studies/{study.id}")


def _who(row: ExceptionRow, now: datetime, *, hidden: bool) -> str:
    if row.resolved_at is None:
        return ""
    return f"{'' if hidden else row.resolved_by + ', '}{at_words(row.resolved_at, now)}"
