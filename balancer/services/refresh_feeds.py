"""Look where trusts deliver, and take in what is there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from balancer.ingest.extract import parse_extract
from balancer.ingest.feed_file import FeedDescription
from balancer.ingest.network_folder import NetworkFolder
from balancer.ingest.roster_file import RosterDescription
from balancer.ingest.rota import parse_rota
from balancer.ingest.sources import current_files
from balancer.services.ingest_studies import ingest_extract, take_again
from balancer.services.outcomes import BatchOutcome, RosterOutcome
from balancer.services.shift import shift_extract
from balancer.services.taught_feed import taught_feed
from balancer.services.update_roster import update_roster
from balancer.store.database import Database

_NO_SHIFT = timedelta()
Outcome = TypeVar("Outcome")


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
) -> list[BatchOutcome]:
    """Take in the files of a feed that are current, oldest first; none at all if nothing has been delivered yet.

    A file that was taken in before, under the same name, is recognised by its digest and not read again. ``shift`` is
    added to every instant.

    Raises
    ------
    OSError
        If a file cannot be fetched.
    """
    outcomes = []
    for file in current_files(feed, network.folder):
        content = file.read()
        outcome = take_again(db, feed, hashlib.sha256(content).hexdigest(), now, file_name=file.name)
        if outcome is None:
            with db.session() as session:
                described = taught_feed(session, feed, network)
            parsed = parse_extract(content, described, network, file_name=file.name, pseudonym_key=pseudonym_key)
            outcome = ingest_extract(db, feed, shift_extract(parsed, shift), now, file_name=file.name)
        outcomes.append(outcome)
    return outcomes


def refresh_roster(
    db: Database, network: NetworkFolder, roster: RosterDescription, now: datetime, shift: timedelta = _NO_SHIFT
) -> list[RosterOutcome]:
    """Take in the current file of a roster; none at all if nothing has been delivered yet.

    Raises
    ------
    OSError
        If a file cannot be fetched.
    """
    return [
        update_roster(
            db,
            roster,
            parse_rota(file.read(), roster, network, file_name=file.name),
            now,
            file_name=file.name,
            shift=shift,
        )
        for file in current_files(roster, network.folder)
    ]


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
