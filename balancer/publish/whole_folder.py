"""A folder of files that appears whole or not at all."""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, TextIO

from balancer.domain.errors import Fault, InputRefusedError


def refuse_target(folder: Path, files: Collection[str]) -> None:
    """Ensure that ``folder`` may be written: it does not exist, is empty, or holds nothing but earlier ``files``.

    Raises
    ------
    InputRefusedError
        If it is a file, if its parent may not be written to, or if writing it would destroy something else.
    """
    above = next(parent for parent in folder.absolute().parents if parent.exists())
    if not above.is_dir():
        raise InputRefusedError([Fault(file=str(folder), reason=f"{above} is not a folder")])
    if not os.access(above, os.W_OK | os.X_OK):
        raise InputRefusedError([Fault(file=str(folder), reason=f"{above} may not be written to")])
    if not folder.exists() and not folder.is_symlink():
        return
    if not folder.is_dir():
        raise InputRefusedError([Fault(file=str(folder), reason="is a file; a folder is to be written here")])
    others = sorted(entry.name for entry in folder.iterdir() if entry.name not in files)
    if others:
        reason = f"holds something else ({others[0]}), which writing here would remove"
        raise InputRefusedError([Fault(file=str(folder), reason=reason)])


@contextmanager
def whole_folder(folder: Path, files: Collection[str], *, mode: int = 0o777) -> Iterator[Path]:
    """Yield a temporary sibling to write ``files`` in; it takes the place of ``folder`` when the block ends well.

    If the block raises, or the process dies, ``folder`` is what it was before. ``mode`` is who may do what in it at
    most, as the process's umask leaves it.

    Raises
    ------
    InputRefusedError
        As ``refuse_target``.
    """
    refuse_target(folder, files)
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    fresh = scratch / "new"
    try:
        fresh.mkdir(mode=mode)
        yield fresh
        if folder.exists():
            # A folder in use cannot be exchanged in one step everywhere; aside first, back if the second step fails.
            folder.rename(scratch / "old")
            try:
                fresh.rename(folder)
            except OSError:
                (scratch / "old").rename(folder)
                raise
        else:
            fresh.rename(folder)
    finally:
        shutil.rmtree(scratch)


def write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write one CSV file: UTF-8, comma, line feed, on disk before it returns."""
    with path.open("w", encoding="utf-8", newline="") as handle:
        # A writer that ends lines with CR LF quotes both; one told to end them with LF leaves a lone CR bare.
        writer = csv.writer(_LineFeeds(handle), lineterminator="\r\n")
        writer.writerow(header)
        writer.writerows(rows)
        settle(handle)


class _LineFeeds:
    """Takes whole rows that end with CR LF and writes them ending with LF."""

    def __init__(self, handle: TextIO) -> None:
        self._handle = handle

    def write(self, row: str) -> int:
        return self._handle.write(f"{row[:-2]}\n")


def write_text(path: Path, text: str) -> None:
    """Write one UTF-8 file with line feeds, on disk before it returns."""
    with path.open("w", encoding="utf-8", newline="\n") as handle:
        handle.write(text)
        settle(handle)


def settle(handle: IO[Any]) -> None:
    """Bring what was written down to the disk, so that a rename never overtakes its content."""
    handle.flush()
    os.fsync(handle.fileno())


def utc(instant: datetime | None) -> str:
    """Return an instant as ISO 8601 in UTC with ``+00:00``; empty if there is none."""
    return "" if instant is None else instant.astimezone(UTC).isoformat()
