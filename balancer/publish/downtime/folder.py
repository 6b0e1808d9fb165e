"""Sets of downtime lists on disk: each a folder that appears whole, is never changed again, and goes when it is old.

Whoever needs them when the service is down finds ``latest``, which leads to the newest whole set; on a file system that
has no such links the newest name is it.
"""

from __future__ import annotations

import csv
import re
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from balancer.domain.downtime import DowntimeList
from balancer.domain.errors import NotFoundError
from balancer.publish.downtime import table
from balancer.publish.downtime.sheet import sheet
from balancer.publish.whole_folder import settle, whole_folder, write_table

LATEST: Final = "latest"
INDEX: Final = "lists.csv"
_NAMED: Final = "%Y%m%dT%H%M%SZ"
_SET: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_UNFIT: Final = re.compile(r"[^A-Za-z0-9-]+")
# What a process that died half-way left: nobody is at work on it any more.
_ABANDONED: Final = timedelta(hours=1)
# Patients' data, wherever the root lies: its owner writes, its group reads, nobody else looks.
_SET_MODE, _FILE_MODE = 0o750, 0o640


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptList:
    """One list of a set; its files are ``file`` with ``.pdf`` and ``.csv``. Times are as the index has them."""

    file: str
    reporter_id: str
    name: str
    home_trust: str
    version: int
    published_at: datetime
    made_at: datetime
    reads: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSet:
    """A set of lists on disk."""

    name: str
    made_at: datetime
    lists: Sequence[KeptList]


def write_set(root: Path, lists: Sequence[DowntimeList], made_at: datetime) -> str:
    """Write a set under ``root``, all of it or nothing, and return its name; ``latest`` leads to it afterwards.

    A root that is made for it is for its owner alone: who else may read it is for whoever runs the service to say. A
    set and its files are for their owner and group, in whatever root they lie.

    Raises
    ------
    OSError
        If it cannot be written; every earlier set is as it was.
    InputRefusedError
        If something else lies where it should be.
    """
    if not root.exists():
        root.mkdir(mode=0o700, parents=True)
    name = made_at.astimezone(UTC).strftime(_NAMED)
    stems = [f"{place:03}-{_UNFIT.sub('-', listed.reporter_id)}" for place, listed in enumerate(lists, start=1)]
    files = [INDEX, *(f"{stem}.{ending}" for stem in stems for ending in ("csv", "pdf"))]
    with whole_folder(root / name, files, mode=_SET_MODE) as fresh:
        for file in files:
            (fresh / file).touch(mode=_FILE_MODE)  # made so, not changed afterwards: a share may refuse changes of it
        for stem, listed in zip(stems, lists, strict=True):
            write_table(fresh / f"{stem}.csv", table.HEADER, table.rows(listed))
            _write_bytes(fresh / f"{stem}.pdf", sheet(listed))
        index = (table.index_row(stem, listed) for stem, listed in zip(stems, lists, strict=True))
        write_table(fresh / INDEX, table.INDEX_HEADER, index)
    _lead_to(root, name)
    return name


def kept_sets(root: Path) -> list[str]:
    """Return the names of the whole sets, the newest first."""
    if not root.is_dir():
        return []
    return sorted((entry.name for entry in root.iterdir() if _SET.fullmatch(entry.name)), reverse=True)


def kept_set(root: Path, name: str) -> KeptSet:
    """Return one set as its index has it; ``NotFoundError`` if there is none of that name, or no longer."""
    try:
        content = (root / _named(name) / INDEX).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise NotFoundError("these downtime lists are no longer kept") from error
    rows = csv.DictReader(content.splitlines())
    return KeptSet(name=name, made_at=made_at(name), lists=[_kept(row) for row in rows])


def kept_file(root: Path, name: str, file: str) -> bytes:
    """Return a file of a set; ``NotFoundError`` if there is none."""
    if _UNFIT.search(file.rpartition(".")[0]) or not file.endswith((".csv", ".pdf")):
        raise NotFoundError("there is no such file")
    try:
        return (root / _named(name) / file).read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError("these downtime lists are no longer kept") from error


def made_at(name: str) -> datetime:
    """Return when a set was made, from its name."""
    return datetime.strptime(_named(name), _NAMED).replace(tzinfo=UTC)


def prune(root: Path, now: datetime, keep: timedelta) -> int:
    """Remove sets that are older than ``keep``, never the newest, and what was left half-way; return how many sets."""
    old = [name for name in kept_sets(root)[1:] if made_at(name) < now - keep]
    for name in old:
        gone = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=root))
        (root / name).rename(gone / name)  # first out of sight: nobody ever sees half a set
        shutil.rmtree(gone)
    for entry in root.iterdir():
        if entry.name.startswith(".") and entry.is_dir() and entry.stat().st_mtime < _seconds_ago(_ABANDONED):
            shutil.rmtree(entry)
    return len(old)


def _seconds_ago(length: timedelta) -> float:
    """Return the time of this machine so long ago, as its files have theirs."""
    return datetime.now(UTC).timestamp() - length.total_seconds()


def _lead_to(root: Path, name: str) -> None:
    """Make ``latest`` lead to a set, in one step."""
    with suppress(NotImplementedError, PermissionError):  # a share without links: the newest name is the newest set
        scratch = Path(tempfile.mkdtemp(prefix=".latest.", dir=root))
        try:
            (scratch / LATEST).symlink_to(Path(name), target_is_directory=True)
            (scratch / LATEST).replace(root / LATEST)
        finally:
            shutil.rmtree(scratch)


def _named(name: str) -> str:
    if not _SET.fullmatch(name):
        raise NotFoundError("there are no such downtime lists")
    return name


def _kept(row: dict[str, str]) -> KeptList:
    return KeptList(
        file=row["file"],
        reporter_id=row["reporter_id"],
        name=row["name"],
        home_trust=row["home_trust"],
        version=int(row["version"]),
        published_at=datetime.fromisoformat(row["published_at"]),
        made_at=datetime.fromisoformat(row["list_as_of"]),
        reads=int(row["reads"]),
    )


def _write_bytes(path: Path, content: bytes) -> None:
    with path.open("wb") as handle:
        handle.write(content)
        settle(handle)
