"""The files that are committed, or would be in a source archive."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def committed() -> tuple[Path, ...]:
    """Return the files git keeps; those of a file that was removed but not yet committed are left out."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    paths = (ROOT / name.decode() for name in listed.stdout.split(b"\0") if name)
    return tuple(path for path in paths if path.is_file())


def committed_under(folder: str, suffix: str = "") -> tuple[Path, ...]:
    """Return the committed files below ``folder`` whose names end in ``suffix``."""
    return tuple(path for path in committed() if path.is_relative_to(ROOT / folder) and path.name.endswith(suffix))
