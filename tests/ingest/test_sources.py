from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from balancer.domain.feed import FeedKind
from balancer.ingest.feed_file import FeedDescription
from balancer.ingest.sources import StillWrittenError, current_files
from tests.ingest.deliveries import feed, roster


def dropped(folder: Path, *names: str) -> FeedDescription:
    """Return East Kent's feed with files dropped one after the other."""
    for age, name in enumerate(reversed(names)):
        (folder / name).write_text(name)
        os.utime(folder / name, (1_800_000_000 - age, 1_800_000_000 - age))
    return replace(feed("RVV"), drop=replace(feed("RVV").drop, folder=folder))


def names_of(described: FeedDescription, folder: Path) -> list[str]:
    """Return the names of the files that are to be read."""
    return [file.name for file in current_files(described, folder)]


def test_the_newest_file_of_a_snapshot_is_read(tmp_path: Path) -> None:
    """As new as its name says, whenever it was copied."""
    described = dropped(tmp_path, "unreported-20260303T0730.csv", "unreported-20260302T0730.csv")
    (file,) = current_files(described, tmp_path)
    assert file.name == "unreported-20260303T0730.csv"
    assert file.read() == b"unreported-20260303T0730.csv"


def test_every_file_of_a_delta_is_read_oldest_first(tmp_path: Path) -> None:
    """Each says only what changed since the one before."""
    described = dropped(tmp_path, "unreported-20260303T0730.csv", "unreported-20260302T0730.csv")
    delta = replace(described, kind=FeedKind.DELTA)
    assert names_of(delta, tmp_path) == ["unreported-20260302T0730.csv", "unreported-20260303T0730.csv"]


def test_files_whose_names_say_nothing_are_as_new_as_they_were_written(tmp_path: Path) -> None:
    """Workbooks say their hour in a title; names may be anything."""
    assert names_of(dropped(tmp_path, "b.csv", "a.csv"), tmp_path) == ["a.csv"]


def test_unfinished_files_and_other_files_are_left_alone(tmp_path: Path) -> None:
    """What Excel and file transfer leave lying about is no delivery."""
    described = dropped(tmp_path, "a.csv", "~$a.csv", ".a.csv", "a.csv.part", "readme.txt")
    (tmp_path / "folder.csv").mkdir()
    assert names_of(described, tmp_path) == ["a.csv"]


def test_a_file_that_is_written_to_while_it_is_read_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a file is no file, however whole its last line is."""
    (file,) = current_files(dropped(tmp_path, "a.csv"), tmp_path)
    read = Path.read_bytes

    def read_while_written(path: Path) -> bytes:
        content = read(path)
        path.write_bytes(content + b"one more line\n")
        return content

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Path, "read_bytes", read_while_written)
        with pytest.raises(StillWrittenError, match="read the next time"):
            file.read()
    assert file.read() == b"a.csvone more line\n"


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    """Nothing has been delivered yet."""
    described = replace(roster("RVV"), drop=replace(roster("RVV").drop, folder=tmp_path / "none"))
    assert current_files(described, tmp_path) == []
