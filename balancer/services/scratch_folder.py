"""Folders for a moment, which hold patients' numbers: gone afterwards; after a process that was killed, with the next.

Each is locked by whoever works in it, and the system lets go of the lock of a process that is gone, however it went. So
what nobody has locked is what somebody left behind.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_NAMED = "balancer-scratch-"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a folder of this process alone, which is removed when the block ends; what others left goes first."""
    sweep()
    folder, lock = _locked()
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
        os.close(lock)


def sweep() -> int:
    """Remove the folders of processes that are gone; return how many. What is another user's is theirs."""
    return sum(_removed(folder) for folder in Path(tempfile.gettempdir()).glob(f"{_NAMED}*"))


def _locked() -> tuple[Path, int]:
    """Return a new folder and what holds its lock; another one if somebody swept it away before it was locked."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_NAMED))
        with suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                continue
            if folder.exists():
                return folder, lock
            os.close(lock)


def _removed(folder: Path) -> bool:
    try:
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            return False
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # somebody else was quicker, or it is no folder
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder)
    except OSError:  # somebody works in it
        return False
    else:
        return True
    finally:
        os.close(lock)
