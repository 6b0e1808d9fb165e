"""Where files come from: a folder into which trusts drop them, for now the one kind of source there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from balancer.domain.feed import FeedKind
from balancer.ingest.feed_file import FeedDescription
from balancer.ingest.file_format import FILENAME, Source

# What file transfer and Excel leave lying about while they are at it.
_UNFINISHED = (".", "~")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file as it lies there; ``read`` fetches its bytes when they are wanted."""

    name: str
    read: Callable[[], bytes]


def current_files(description: Source, network_folder: Path) -> list[SourceFile]:
    """Return the files of a source that are to be read: the newest, or of a delta all of them, oldest first.

    A file is as new as its name says it is, if the description tells where; otherwise as it was last written. A folder
    that is not there holds no file; a relative one is seen from ``network_folder``.
    """
    folder = network_folder / description.drop.folder
    found = (path for path in folder.glob(description.drop.pattern) if path.is_file())
    finished = [path for path in found if not path.name.startswith(_UNFINISHED)]
    files = sorted(finished, key=lambda path: (_stated(description, path.name), path.stat().st_mtime, path.name))
    if not (isinstance(description, FeedDescription) and description.kind is FeedKind.DELTA):
        files = files[-1:]
    return [SourceFile(name=path.name, read=path.read_bytes) for path in files]


def _stated(description: Source, name: str) -> datetime:
    """Return when a file says by its name that it was made; long ago if it does not say."""
    stamp = description.extracted_at if isinstance(description, FeedDescription) else None
    at = stamp.find(name) if stamp is not None and stamp.source == FILENAME else None
    return at or datetime.min  # noqa: DTZ901 - wall-clock times, compared with each other alone
