"""Look where trusts deliver, and take in what is there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import TypeVar

import structlog

from balancer.domain.feed import ParsedExtract
from balancer.domain.instant import day_of
from balancer.domain.roster import ParsedRoster
from balancer.ingest.collector import no_collections
from balancer.ingest.extract import parse_extract
from balancer.ingest.feed_file import FeedDescription
from balancer.ingest.network_folder import NetworkFolder
from balancer.ingest.read_before import ReadBefore
from balancer.ingest.roster_file import RosterDescription
from balancer.ingest.rota import parse_rota
from balancer.ingest.sources import all_files, current_files
from balancer.services.ingest_studies import ingest_extract, take_again
from balancer.services.outcomes import BatchOutcome, RosterOutcome
from balancer.services.shift import shift_extract
from balancer.services.take_emergencies import take_emergencies
from balancer.services.taught_feed import taught_feed
from balancer.services.update_roster import update_roster, why_refused
from balancer.store import batches, rosters
from balancer.store.database import Database, StoreBusyError

_log = structlog.get_logger("balancer.services")
_NO_SHIFT = timedelta()
# What began yesterday may go on today.
_A_NIGHT = timedelta(days=1)
Outcome = TypeVar("Outcome")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadExtract:
    """An extract that has been read, and by what: it is not what another description would have made of it."""

    extract: ParsedExtract
    feed: FeedDescription
    network: NetworkFolder
    shift: timedelta


# Extracts that have been read and not been taken in, by the name of the file and the SHA-256 of its content.
Ahead = Mapping[tuple[str, str], ReadExtract]
NOTHING_AHEAD: Ahead = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """What became of every file that lay there, in the order in which they were taken in."""

    rosters: tuple[RosterOutcome, ...]
    batches: tuple[BatchOutcome, ...]


def refresh_feed(  # noqa: PLR0913, PLR0917 - what is read, how, and when
    db: Database,
    network: NetworkFolder,
    feed: FeedDescription,
    now: datetime,
    pseudonym_key: bytes,
    shift: timedelta = _NO_SHIFT,
    ahead: Ahead = NOTHING_AHEAD,
    *,
    before: ReadBefore | None = None,
    tell: Callable[[BatchOutcome], None] | None = None,
) -> list[BatchOutcome]:
    """Take in the files of a feed that are current, oldest first; none at all if nothing has been delivered yet.

    A file that was taken in before, under the same name, is recognised by its digest and not read again; nor is one
    that has been read ``ahead``, by what describes the feed now, and no row that was read ``before``. Emergencies of a
    long one are taken first, in a batch of their own, and are what ``tell`` is told at once: if the rest then fails,
    they are here, and are no news when it is tried again. ``shift`` is added to every instant.

    Raises
    ------
    OSError
        If a file cannot be fetched.
    """
    outcomes = []
    for file in current_files(feed, network.folder):
        content = file.read()
        digest = hashlib.sha256(content).hexdigest()
        known = ahead.get((file.name, digest))
        outcome = take_again(db, feed, digest, now, file_name=file.name) if known is None else None
        if outcome is None:
            with no_collections():
                found = _read(db, network, feed, file.name, content, pseudonym_key, shift, known, before)
                urgent = _emergencies_first(db, feed, found.extract, now, file.name)
                if urgent is not None:
                    outcomes.append(urgent)
                    if tell is not None:
                        tell(urgent)
                most = feed.most_withdrawn
                outcome = ingest_extract(db, feed, found.extract, now, file_name=file.name, most_closed=most)
        outcomes.append(outcome)
    return outcomes


def _emergencies_first(
    db: Database, feed: FeedDescription, parsed: ParsedExtract, now: datetime, file_name: str
) -> BatchOutcome | None:
    """Take emergencies before the rest; if that fails they come with it, for it is a short cut and nothing more."""
    try:
        return take_emergencies(db, feed, parsed, now, file_name=file_name)
    except StoreBusyError:  # nor could the rest be taken
        raise
    except Exception:  # noqa: BLE001 - whatever it is, the whole is taken all the same
        _log.exception("feed.emergencies_not_first", feed=feed.name)
        return None


def read_ahead(  # noqa: PLR0913, PLR0917 - what is read, and how
    db: Database,
    network: NetworkFolder,
    feed: FeedDescription,
    pseudonym_key: bytes,
    shift: timedelta = _NO_SHIFT,
    known: Ahead = NOTHING_AHEAD,
    *,
    before: ReadBefore | None = None,
) -> Ahead:
    """Read the current files of a feed that never came before, by name and digest, and write nothing.

    So a file can be read while others write, such as a plan that is being published: only taking it in waits for them.
    What is ``known`` is not read again, unless the feed, its words or the network are described otherwise by now; nor
    are rows that were read ``before``.

    Raises
    ------
    OSError
        If a file cannot be fetched.
    """
    found = {}
    for file in current_files(feed, network.folder):
        content = file.read()
        digest = hashlib.sha256(content).hexdigest()
        with db.session() as session:
            came_before = batches.same_file(session, feed.name, digest) is not None
        if not came_before:
            read = known.get((file.name, digest))
            with no_collections():
                found[file.name, digest] = _read(
                    db, network, feed, file.name, content, pseudonym_key, shift, read, before
                )
    return found


def _read(  # noqa: PLR0913, PLR0917 - what is read, and how
    db: Database,
    network: NetworkFolder,
    feed: FeedDescription,
    file_name: str,
    content: bytes,
    pseudonym_key: bytes,
    shift: timedelta,
    known: ReadExtract | None,
    before: ReadBefore | None,
) -> ReadExtract:
    """Return what a file says by what describes its feed now: ``known`` if that was read so, else it is read."""
    with db.session() as session:
        described = taught_feed(session, feed, network)
    if known is not None and known.network is network and (known.feed, known.shift) == (described, shift):
        return known
    parsed = parse_extract(content, described, network, file_name=file_name, pseudonym_key=pseudonym_key, before=before)
    return ReadExtract(extract=shift_extract(parsed, shift), feed=described, network=network, shift=shift)


def refresh_roster(
    db: Database, network: NetworkFolder, roster: RosterDescription, now: datetime, shift: timedelta = _NO_SHIFT
) -> list[RosterOutcome]:
    """Take in the files of a roster that hold; none at all if nothing has been delivered yet.

    Of two that cover a day the newer one holds, and each replaces the days it covers: so if one of several is new, all
    of them are taken in again, oldest first.

    Raises
    ------
    OSError
        If a file cannot be fetched.
    """
    holding = _holding(network, roster, day_of(now - shift))
    good = [parsed.digest for _, parsed in holding if not why_refused(parsed)]
    with db.session() as session:
        stands = rosters.last_applied(session, roster.name, len(good)) == good
    return [
        update_roster(db, roster, parsed, now, file_name=name, shift=shift)
        for name, parsed in (holding[-1:] if stands else holding)
    ]


def _holding(network: NetworkFolder, roster: RosterDescription, today: date) -> list[tuple[str, ParsedRoster]]:
    """Return the newest file, and those before it that say something of days to come that no newer one covers.

    The oldest first; looking back ends at the first that says nothing new: what is older is history.
    """
    found: list[tuple[str, ParsedRoster]] = []
    covered: set[date] = set()
    for file in reversed(all_files(roster, network.folder)):
        parsed = parse_rota(file.read(), roster, network, file_name=file.name)
        if found and why_refused(parsed):
            continue
        days = set() if why_refused(parsed) else _days_from(parsed, today - _A_NIGHT)
        if found and days <= covered:
            break
        covered |= days
        found.append((file.name, parsed))
    return found[::-1]


def _days_from(parsed: ParsedRoster, first: date) -> set[date]:
    begins = max(parsed.covers_from, first)
    return {begins + timedelta(days=number) for number in range((parsed.covers_to - begins).days + 1)}


def refresh_all(
    db: Database, network: NetworkFolder, now: datetime, pseudonym_key: bytes, shift: timedelta = _NO_SHIFT
) -> Refreshed:
    """Take in every roster, then every feed; one that fails keeps no other from being taken in.

    Raises
    ------
    ExceptionGroup
        When all have had their turn, with whatever went wrong.
    """
    failures: list[Exception] = []
    rosters = _each(network.rosters, lambda roster: refresh_roster(db, network, roster, now, shift), failures)
    batches = _each(network.feeds, lambda feed: refresh_feed(db, network, feed, now, pseudonym_key, shift), failures)
    if failures:
        raise ExceptionGroup("not everything could be taken in", failures)
    return Refreshed(rosters=tuple(rosters), batches=tuple(batches))


Source = TypeVar("Source")


def _each(
    sources: Iterable[Source], refresh: Callable[[Source], list[Outcome]], failures: list[Exception]
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for source in sources:
        try:
            outcomes += refresh(source)
        except Exception as error:  # noqa: BLE001 - raised with all others when every source has had its turn
            failures.append(error)
    return outcomes
