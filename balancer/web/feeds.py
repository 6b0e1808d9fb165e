"""Feeds as a page shows them: is anything lost, is anything silent, and what does each batch's sum say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from balancer.domain.feed import FeedKind
from balancer.domain.states import BatchState
from balancer.store.feed_books import FeedSaid
from balancer.store.sources import FeedStatus, RosterStatus
from balancer.store.tables import BatchRow
from balancer.store.which_unreported import Standing
from balancer.web.books import Books, books_shown
from balancer.web.quarantine_causes import WaitingRows
from balancer.web.quarantine_rows import rows_address
from balancer.web.time_left import at_words, span

WINDOW: Final = timedelta(hours=4)
NOT_COUNTED: Final[Mapping[Standing, int]] = {}
_NO_BATCHES: Final[Mapping[int, int]] = {}
_STANDING: Final = {
    Standing.WAITING: "to be reported",
    Standing.REPORTED: "reported here, not confirmed yet",
    Standing.NOT_HERE: "not to be read here",
}
_KINDS: Final = {FeedKind.SNAPSHOT: "everything unreported", FeedKind.DELTA: "changes only"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One thing that came: ``at`` is its place in the window, from 0 to 100; ``well``: it was taken."""

    at: float
    well: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """When a feed was heard, in words; ``level`` names its mark: well, silent or never."""

    words: str
    level: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Equation:
    """The one equation: what trusts say is unreported, and where it is."""

    said: int
    queue: int
    kept: int
    quarantined: int
    unexplained: int
    refused: int = 0

    @property
    def holds(self) -> bool:
        """Whether every study is accounted for."""
        return self.unexplained == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A part of what is in the queue: as many as its list has."""

    number: int
    words: str
    link: str


def studies_standing(standing: Standing) -> str:
    """Return the address of the studies that stand so."""
    return f"/studies?state={standing}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """One feed as a row.

    ``books`` are of its newest batch, which stands at ``batch_link``; ``against`` is ours of what it said, in words,
    and ``listed`` what of that is in the queue.
    """

    name: str
    address: str
    trust: str
    kind: str
    heard: Heard
    expected: str
    ticks: Sequence[Tick]
    ticks_words: str
    books: Books | None
    batch_link: str
    against: str
    listed: int | None
    unexplained: int
    quarantine: int
    quarantine_link: str
    refused: int
    held: BatchRow | None
    owner: str
    is_taken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedsPage:
    """Everything the page of feeds shows."""

    heading: str
    lede: str
    equation: Equation | None
    feeds: Sequence[FeedEntry]
    silent: Sequence[FeedEntry]
    held: Sequence[FeedEntry]
    rosters: Sequence[tuple[str, str, str]]
    causes: Sequence[WaitingRows]
    waiting: int
    exceptions: int
    queue: Sequence[Queued]

    @property
    def queue_link(self) -> str:
        """The list of all that is in the queue, if it is as many as the equation says: of every feed that is open."""
        if self.equation is None or self.equation.queue != sum(part.number for part in self.queue):
            return ""
        return studies_standing(Standing.OPEN)

    @property
    def refused_link(self) -> str:
        """The list of what is refused, if it is as many as the equation says."""
        if self.equation is None or self.equation.refused != sum(entry.refused for entry in self.feeds):
            return ""
        return rows_address(state="refused")

    @property
    def kept_link(self) -> str:
        """The list of what is no longer listed and kept open, to whoever may open lists of studies."""
        return studies_standing(Standing.KEPT) if self.queue else ""


def feeds_page(  # noqa: PLR0913, PLR0917 - what is known of feeds, from where
    statuses: Sequence[FeedStatus],
    said: Mapping[str, FeedSaid],
    heard: Mapping[str, Sequence[tuple[datetime, BatchState]]],
    rosters: Sequence[RosterStatus],
    causes: Sequence[WaitingRows],
    exceptions: int,
    now: datetime,
    queue: Mapping[Standing, int] = NOT_COUNTED,
    seen: Mapping[int, int] = _NO_BATCHES,
) -> FeedsPage:
    """Return the page of all feeds within reach at ``now``; ``queue``: how its open studies stand, if that is shown.

    ``seen``: how many rows of quarantine each newest batch was the last to hold.
    """
    entries = [_entry(status, said.get(status.name), heard.get(status.name, ()), now, seen) for status in statuses]
    equation = _equation(statuses, said)
    waiting = sum(item.rows for item in causes)
    silent = [entry for entry in entries if entry.heard.level != "well"]
    held = [entry for entry in entries if entry.held is not None]
    return FeedsPage(
        heading=_heading(equation, waiting, len(silent), len(entries)),
        lede=_lede(equation, silent, held),
        equation=equation,
        feeds=sorted(entries, key=lambda entry: (entry.heard.level == "well", entry.name)),
        silent=silent,
        held=held,
        rosters=[_roster(status, now) for status in rosters],
        causes=causes,
        waiting=waiting,
        exceptions=exceptions,
        queue=[
            Queued(number=number, words=_STANDING[stands], link=studies_standing(stands))
            for stands, number in queue.items()
            if number
        ],
    )


def feed_address(name: str) -> str:
    """Return the address of a feed's own page."""
    return f"/feeds/{quote(name, safe='')}"


def batch_rows_address(batch: BatchRow | None, seen: Mapping[int, int]) -> str:
    """Return the list of the rows that a batch left in quarantine, whatever became of them.

    There is none once some of them have come again with a later file: a row knows the last that held it.
    """
    if batch is None or not batch.quarantined or seen.get(batch.id or 0) != batch.quarantined:
        return ""
    return rows_address(state="any", batch=str(batch.id))


def heard_words(status: FeedStatus, now: datetime) -> Heard:
    """Return when a feed was last heard: its newest extract's own time counts, not when the file came."""
    made = status.last_extracted_at
    if made is None:
        return Heard(words="Never heard", level="never")
    age = span(max(now - made, timedelta()))
    words, level = (f"Silent {age}", "silent") if status.stale else (f"{age} ago", "well")
    return Heard(words=words, level=level, at=made)


def _entry(
    status: FeedStatus,
    said: FeedSaid | None,
    heard: Sequence[tuple[datetime, BatchState]],
    now: datetime,
    seen: Mapping[int, int],
) -> FeedEntry:
    ticks = [_tick(at, state, now) for at, state in heard]
    return FeedEntry(
        name=status.name,
        address=feed_address(status.name),
        trust=status.trust,
        kind=_KINDS[status.kind],
        heard=heard_words(status, now),
        expected=f"every {status.refresh_minutes:g} min" if status.has_rhythm else "as it comes",
        ticks=ticks,
        ticks_words=f"{len(ticks)} in the last 4 hours" if ticks else "nothing in the last 4 hours",
        books=None if status.last_batch is None else books_shown(status.last_batch),
        batch_link="" if status.last_batch is None else f"{feed_address(status.name)}#batch-{status.last_batch.id}",
        against=_against(status, said),
        listed=said.listed if said is not None and status.kind is FeedKind.SNAPSHOT else None,
        unexplained=said.unexplained if said is not None and status.kind is FeedKind.SNAPSHOT else 0,
        quarantine=status.open_quarantine,
        quarantine_link=batch_rows_address(status.last_batch, seen),
        refused=status.refused_rows,
        held=status.held_batch,
        owner=status.owner,
        is_taken=status.is_taken,
    )


def _tick(at: datetime, state: BatchState, now: datetime) -> Tick:
    share = 100.0 * (1 - (now - at) / WINDOW)
    return Tick(at=round(min(max(share, 0.0), 99.0), 1), well=state not in {BatchState.REFUSED, BatchState.HELD})


def _against(status: FeedStatus, said: FeedSaid | None) -> str:
    if status.kind is FeedKind.DELTA:
        return "not a total"
    if said is None:
        return "nothing said yet"
    parts = [f"{said.listed:,}"]
    if said.quarantined:
        parts.append(f"{said.quarantined:,}")
    if said.refused:
        parts.append(f"{said.refused:,} refused")
    if said.unexplained:
        parts.append(f"{said.unexplained:,} unexplained")
    return f"{said.said:,} = {' + '.join(parts)}"


def _equation(statuses: Sequence[FeedStatus], said: Mapping[str, FeedSaid]) -> Equation | None:
    """Return the sum over the feeds that say everything there is; ``None`` if none has said anything."""
    whole = [said[item.name] for item in statuses if item.kind is FeedKind.SNAPSHOT and item.name in said]
    if not whole:
        return None
    return Equation(
        said=sum(item.said for item in whole),
        queue=sum(item.listed + item.kept for item in whole),
        kept=sum(item.kept for item in whole),
        quarantined=sum(item.quarantined for item in whole),
        refused=sum(item.refused for item in whole),
        unexplained=sum(item.unexplained for item in whole),
    )


def _heading(equation: Equation | None, waiting: int, silent: int, feeds: int) -> str:
    if not feeds:
        return "No feed is within your reach"
    if equation is None:
        return "No trust has delivered anything yet"
    if not equation.holds:
        number = abs(equation.unexplained)
        return f"{number:,} {'study is' if number == 1 else 'studies are'} not accounted for"
    rows = f"{waiting:,} {'row needs' if waiting == 1 else 'rows need'} you"
    if waiting:
        return f"Every study is accounted for. {rows}"
    return "Every study is accounted for" + (f". {silent} of {feeds} feeds are silent" if silent else "")


def _lede(equation: Equation | None, silent: Sequence[FeedEntry], held: Sequence[FeedEntry]) -> str:
    said = []
    if equation is not None and not equation.holds:
        said.append("Do not rely on the lists of these trusts until it is found: look at the feed's batches below.")
    for entry in silent:
        if entry.heard.level == "never":
            said.append(f"{entry.name} has never delivered.")
        else:
            on_it = f"; {entry.owner} is on it" if entry.is_taken else ""
            silent_for = entry.heard.words.lower()
            said.append(f"{entry.name} is {silent_for}: its list is served as it stood and marked so{on_it}.")
    said.extend(f"A file of {entry.name} waits for your decision: it closes nothing until then." for entry in held)
    return " ".join(said) or "Nothing is silent, nothing waits for a decision."


def _roster(status: RosterStatus, now: datetime) -> tuple[str, str, str]:
    last = status.last_batch
    if last is None:
        return status.name, status.trust, "Never heard"
    return status.name, status.trust, f"Last file {at_words(last.received_at, now)}"
