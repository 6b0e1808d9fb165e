"""Where files come from: a folder into which trusts drop them, for now the one kind of source there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
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


class StillWrittenError(OSError):
    """A file that is being written to: it is read the next time."""

    def __init__(self) -> None:
        super().__init__("it is being written to, and is read the next time")


def current_files(description: Source, network_folder: Path) -> list[SourceFile]:
    """Return the files of a source that are to be read: the newest, or of a delta all of them, oldest first.

    A file is as new as its name says it is, if the description tells where; otherwise as it was last written. A folder
    that is not there holds no file; a relative one is seen from ``network_folder``. Reading a file that is written to
    meanwhile is a ``StillWrittenError``.
    """
    files = all_files(description, network_folder)
    is_delta = isinstance(description, FeedDescription) and description.kind is FeedKind.DELTA
    return files if is_delta else files[-1:]


def all_files(description: Source, network_folder: Path) -> list[SourceFile]:
    """Return every finished file of a source, oldest first."""
    return [SourceFile(name=path.name, read=partial(_whole, path)) for path in _finished(description, network_folder)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The newest file of a source as it lay there: its name, length and when it was last written to; and its folder."""

    path: Path
    file: tuple[str, int, int]
    folder: int


def look_at(description: Source, network_folder: Path, before: Look | None) -> Look | None:
    """Return what lies there; ``None`` if nothing does, or nobody can tell.

    Where neither a file has come nor gone since ``before``, it costs two questions to the file system.
    """
    try:
        folder = (network_folder / description.drop.folder).stat().st_mtime_ns
        if before is not None and before.folder == folder:
            path = before.path
        else:
            path = _finished(description, network_folder)[-1]
        found = path.stat()
    except (OSError, IndexError):
        return None
    return Look(path=path, file=(path.name, found.st_size, found.st_mtime_ns), folder=folder)


def _finished(description: Source, network_folder: Path) -> list[Path]:
    folder = network_folder / description.drop.folder
    found = (path for path in folder.glob(description.drop.pattern) if path.is_file())
    finished = [path for path in found if not path.name.startswith(_UNFINISHED)]
    return sorted(finished, key=lambda path: (_stated(description, path.name), path.stat().st_mtime, path.name))


def _whole(path: Path) -> bytes:
    """Return a file's bytes, none of which was written while it was read."""
    before = path.stat()
    content = path.read_bytes()
    after = path.stat()
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(content) != after.st_size:
        raise StillWrittenError
    return content


def _stated(description: Source, name: str) -> datetime:
    """Return when a file says by its name that it was made; long ago if it does not say."""
    stamp = description.extracted_at if isinstance(description, FeedDescription) else None
    at = stamp.find(name) if stamp is not None and stamp.source == FILENAME else None
    return at or datetime.min  # noqa: DTZ901 - wall-clock times, compared with each other alone
