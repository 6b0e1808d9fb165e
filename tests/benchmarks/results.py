"""Results of long runs, one JSON file each: what is there is not run again."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

Record = dict[str, Any]
ROOT = Path(__file__).parents[2]
KEPT = ROOT / "docs" / "benchmarks" / "results"
SCRATCH = ROOT / "var" / "bench"
_PACKAGES = ("numpy", "numba", "ortools", "highspy", "pyjobshop")


@dataclass(frozen=True, slots=True)
class Results:
    """A folder of results by name."""

    folder: Path

    def kept(self, name: str) -> Record | None:
        """Return the result of that name, or nothing if there is none."""
        file = self._file(name)
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None

    def keep(self, name: str, record: Record) -> Record:
        """Write a result, whole or not at all, and return it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self._file(name).with_suffix(".part")
        part.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        part.replace(self._file(name))
        return record

    def once(self, name: str, run: Callable[[], Record]) -> Record:
        """Return the result of that name; ``run`` only if there is none yet."""
        found = self.kept(name)
        return found if found is not None else self.keep(name, run())

    def all(self) -> Iterator[Record]:
        """Yield every result, by name."""
        for file in sorted(self.folder.glob("*.json")):
            yield json.loads(file.read_text(encoding="utf-8"))

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.json"


def versions() -> Record:
    """Return what a figure depends on but the machine: the commit, Python, and the packages that do the sums."""
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {
        "commit": said.stdout.strip(),
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in _PACKAGES},
    }
