"""One cause of quarantine as a page shows it: the row as it came, the field at fault, and what would mend it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from balancer.domain.feed_word import WordKind
from balancer.domain.policy import Policy
from balancer.domain.states import QuarantineState
from balancer.ingest.exam_match import ExamMatcher
from balancer.ingest.feed_file import FeedDescription
from balancer.ingest.network_folder import NetworkFolder
from balancer.services.mend_rows import Mending
from balancer.store.tables import BatchRow, QuarantineRow
from balancer.web.class_marks import ClassMark, class_marks, mark_of
from balancer.web.field_words import within_sentence
from balancer.web.quarantine_causes import Cause, class_of
from balancer.web.targets import target_words
from balancer.web.time_left import TimeLeft, at_words, time_left

# What tells who somebody is: shown as dots, whatever the trust calls the column.
_MASKED: Final = frozenset({"nhs_number", "local_patient_id"})
_DOTS: Final = "••••••"
_OTHERS: Final = 5
_MOST_SHOWN: Final = 5
WORD_NAMES: Final = {
    WordKind.EXAM_CODE: "code",
    WordKind.EXAM_NAME: "name",
    WordKind.PRIORITY: "priority",
    WordKind.SITE: "site",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldShown:
    """A cell as it came; ``fault`` says what is wrong with it, if it is that one."""

    place: int
    column: str
    cell: str
    masked: bool
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What a word may mean: ``value`` is sent, ``why`` says what speaks for it; the first may be chosen by ``key``."""

    value: str
    name: str
    why: str
    key: str
    mark: ClassMark | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A cause opened at one of its rows."""

    cause: Cause
    row: QuarantineRow
    place: int
    next_row: str
    fields: Sequence[FieldShown]
    came: str
    others: Sequence[tuple[str, str, str]]
    word: str
    asks: str
    candidates: Sequence[Candidate]
    catalogue: Sequence[tuple[str, str]]
    chosen: str

    @property
    def is_refused(self) -> bool:
        """Whether somebody has decided that the row is not to be mended."""
        return self.row.state is QuarantineState.REFUSED

    @property
    def offered(self) -> frozenset[str]:
        """What the candidates are."""
        return frozenset(item.value for item in self.candidates)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What a fix comes to, tried on the live queue and undone."""

    meaning: str
    name: str
    words: str
    taken: int
    refused: Sequence[str]
    urgent: Sequence[tuple[str, ClassMark, TimeLeft]]


def shown(  # noqa: PLR0913, PLR0917 - which row of which cause, read by what
    cause: Cause,
    row: QuarantineRow,
    batch: BatchRow,
    network: NetworkFolder | None,
    policy: Policy,
    now: datetime,
    *,
    chosen: str = "",
) -> Shown:
    """Return a cause opened at one of its rows; without a readable network folder it cannot be mended here.

    Of examinations the likeliest is chosen until somebody chooses; of classes and sites nothing is: that is no guess.
    """
    feed = None if network is None else next((item for item in network.feeds if item.name == cause.feed), None)
    place = next(at for at, item in enumerate(cause.rows) if item.id == row.id)
    following = cause.rows[(place + 1) % len(cause.rows)]
    sheet = f", sheet {row.sheet}" if row.sheet else ""
    candidates = [] if feed is None or network is None else _candidates(cause, row, feed, network, policy)
    catalogue = [] if network is None else _catalogue(cause, network)
    likeliest = candidates[0].value if candidates and catalogue else ""
    return Shown(
        cause=cause,
        row=row,
        place=place + 1,
        next_row=f"/quarantine/{following.id}" if len(cause.rows) > 1 else "",
        fields=list(_fields(row, feed)),
        came=f"{cause.feed}, batch {batch.id:,}, file {batch.file_name or 'not named'}{sheet}, line {row.line:,}",
        others=[_other(item, feed, now) for item in cause.rows if item.id != row.id][:_OTHERS],
        word="" if cause.word is None else cause.word[1],
        asks="" if cause.word is None else WORD_NAMES[cause.word[0]],
        candidates=candidates,
        catalogue=catalogue,
        chosen=chosen or likeliest,
    )


def tried(  # noqa: PLR0913, PLR0917 - what came of which fix
    mending: Mending, cause: Cause, meaning: str, network: NetworkFolder, policy: Policy, now: datetime
) -> Tried:
    """Return what a fix comes to, in words that add up."""
    marks, known = class_marks(policy), {item.code: item for item in policy.priorities}
    ours = {row.id for row in cause.rows}
    refused = [item.detail for item in mending.still if item.row_id in ours]
    urgent = sorted(mending.taken, key=lambda item: item.due_at)[:_MOST_SHOWN]
    names = {exam.code: exam.name for exam in network.examinations}
    return Tried(
        meaning=meaning,
        name=names.get(meaning, mark_of(marks, meaning).name if meaning in known else meaning),
        words=_words(mending, len(refused)),
        taken=len(mending.taken),
        refused=sorted(set(refused))[:_MOST_SHOWN],
        urgent=[
            (
                f"{names.get(item.exam_code, item.exam_code)}, {item.accession_number}",
                mark_of(marks, item.priority),
                time_left(
                    began_at=item.acquired_at,
                    due_at=item.due_at,
                    ceiling_at=known[item.priority].ceiling_at(item.acquired_at) if item.priority in known else None,
                    now=now,
                ),
            )
            for item in urgent
        ],
    )


def _words(mending: Mending, refused: int) -> str:
    ended = f", {mending.ended} settled otherwise (left out by a rule, repeated or overtaken)" if mending.ended else ""
    return (
        f"{_rows(len(mending.taken))} accepted, {refused} still refused{ended}. The queue becomes "
        f"{mending.open_after:,}, quarantine {mending.quarantined_before:,} to {mending.quarantined_after:,}, and the "
        f"books {'balance' if mending.books.balance else 'do not balance'}."
    )


def _rows(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"


def _fields(row: QuarantineRow, feed: FeedDescription | None) -> Iterable[FieldShown]:
    """Yield a row's cells in the order in which they came; what the feed does not read is not shown."""
    ours = {heading: word for word, headings in (feed.columns.items() if feed else ()) for heading in headings}
    for place, (column, cell) in enumerate(row.raw.items(), start=1):
        masked = bool(cell) and (column not in ours or ours[column] in _MASKED)
        at_fault = column in row.column.split(" + ")
        yield FieldShown(
            place=place,
            column=column,
            cell=_DOTS if masked else cell,
            masked=masked,
            fault=row.detail if at_fault else "",
        )


def _other(row: QuarantineRow, feed: FeedDescription | None, now: datetime) -> tuple[str, str, str]:
    headings = () if feed is None else feed.columns.get("exam_name", feed.columns.get("exam", ()))
    name = " ".join(row.raw.get(heading, "") for heading in headings)
    code = class_of(row, feed)
    words = "" if code is None else code.replace("_", " ")
    return (f"/quarantine/{row.id}", f"line {row.line}", f"{name}, {words}, since {at_words(row.first_seen_at, now)}")


def _candidates(
    cause: Cause, row: QuarantineRow, feed: FeedDescription, network: NetworkFolder, policy: Policy
) -> list[Candidate]:
    """Return what a word may mean, each with what speaks for it."""
    if cause.word is None:
        return []
    kind = cause.word[0]
    if kind is WordKind.PRIORITY:
        marks = class_marks(policy)
        return [
            Candidate(
                value=item.code,
                name=marks[item.code].name,
                why=f"due within {target_words(item)}",
                key=str(at),
                mark=marks[item.code],
            )
            for at, item in enumerate(policy.priorities, start=1)
        ]
    if kind is WordKind.SITE:
        sites = sorted(set(feed.sites.values()))
        return [Candidate(value=site, name=site, why="a site of this trust", key=str(at)) for at, site in _few(sites)]
    return _exams(row, feed, network)


def _exams(row: QuarantineRow, feed: FeedDescription, network: NetworkFolder) -> list[Candidate]:
    cells = [" ".join(row.raw.get(name, "") for name in feed.columns.get(word, ())) for word in ("exam", "exam_name")]
    matcher = ExamMatcher(network.examinations, network.aliases, feed.exam)
    exams = {exam.code: exam for exam in network.examinations}
    used = {code: item.trust for item in network.feeds if item.name != feed.name for code in item.exam.codes.values()}
    found = []
    for at, code in _few(matcher.match(*cells).near):
        exam = exams[code]
        elsewhere = f"; {used[code]} maps one of its codes to it" if code in used else ""
        why = f"{within_sentence(exam.subspecialty)}, {exam.modality}, {exam.minutes:g} min. Nearest in name{elsewhere}"
        found.append(Candidate(value=code, name=exam.name, why=why, key=str(at)))
    return found


def _few(found: Sequence[str]) -> Iterable[tuple[int, str]]:
    return enumerate(found[:9], start=1)


def _catalogue(cause: Cause, network: NetworkFolder) -> list[tuple[str, str]]:
    """Return every examination to choose from, by name; nothing where the word is no examination's."""
    if cause.word is None or cause.word[0] not in {WordKind.EXAM_CODE, WordKind.EXAM_NAME}:
        return []
    return sorted(
        ((exam.code, f"{exam.name} ({exam.code})") for exam in network.examinations), key=lambda item: item[1]
    )
