"""Lists on disk for when nothing answers: whole or not there, what each reporter may see, and old ones go."""

from __future__ import annotations

import csv
import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from balancer.domain.errors import NotFoundError
from balancer.publish.downtime import folder as on_disk
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.write_downtime_lists import Written, write_downtime_lists
from balancer.store import worklists
from balancer.store.database import Database
from tests.api.small_network import allocate
from tests.networks import PACS, minutes
from tests.worlds import NOW

DAYS = timedelta(days=2)


def written(db: Database, root: Path, now: datetime = NOW) -> Written:
    """Write them, and return what was written."""
    found = write_downtime_lists(db, root, now, keep=DAYS)
    assert found is not None
    return found


def accessions(root: Path, name: str, reporter_id: str) -> list[str]:
    """Return the accession numbers on a reporter's list in a set, in order, as its CSV has them."""
    kept = next(item for item in on_disk.kept_set(root, name).lists if item.reporter_id == reporter_id)
    rows = csv.DictReader(on_disk.kept_file(root, name, f"{kept.file}.csv").decode().splitlines())
    return [row["accession_number"] for row in rows]


@pytest.fixture
def lists(sqlite_db: Database) -> Database:
    """Return a database in which A1 and A2 are R1's, in this order, and R2 has nothing to read."""
    allocate(sqlite_db)
    return sqlite_db


def test_nothing_is_written_before_anything_is_published(sqlite_db: Database, tmp_path: Path) -> None:
    """A folder of empty lists would say that there is nothing to read."""
    assert write_downtime_lists(sqlite_db, tmp_path / "lists", NOW, keep=DAYS) is None
    assert not (tmp_path / "lists").exists()


def test_every_reporter_has_a_csv_and_a_pdf_and_latest_leads_to_them(lists: Database, tmp_path: Path) -> None:
    """Whoever has nothing to read has a list that says so."""
    found = written(lists, tmp_path / "lists")
    assert (found.lists, found.reads) == (2, 2)
    names = {path.name for path in (tmp_path / "lists" / "latest").iterdir()}
    assert names == {"lists.csv", "001-R1.csv", "001-R1.pdf", "002-R2.csv", "002-R2.pdf"}
    assert (tmp_path / "lists" / "latest" / "002-R2.pdf").read_bytes().startswith(b"%PDF-")
    assert (tmp_path / "lists").stat().st_mode & 0o077 == 0


def test_nobody_but_owner_and_group_reads_a_set_in_whatever_folder(lists: Database, tmp_path: Path) -> None:
    """The root may be a share that is open to many, and the process's umask none."""
    (tmp_path / "share").mkdir(mode=0o755)
    before = os.umask(0)
    try:
        made = tmp_path / "share" / written(lists, tmp_path / "share").name
    finally:
        os.umask(before)
    assert made.stat().st_mode & 0o777 == 0o750
    assert {path.stat().st_mode & 0o777 for path in made.iterdir()} == {0o640}


def test_a_list_is_in_order_and_every_row_says_as_of_when_it_is(lists: Database, tmp_path: Path) -> None:
    """Rows are copied about; each carries its own time, with the offset of London."""
    found = written(lists, tmp_path / "lists", minutes(4))
    assert accessions(tmp_path / "lists", found.name, "R1") == ["A1", "A2"]
    text = (tmp_path / "lists" / "latest" / "001-R1.csv").read_text(encoding="utf-8")
    assert [row["list_as_of"] for row in csv.DictReader(text.splitlines())] == ["2026-03-02 08:04+00:00"] * 2


def test_what_is_done_is_on_it_no_more_and_what_is_open_says_so(lists: Database, tmp_path: Path) -> None:
    """A list on paper must not have somebody report what is reported."""
    with lists.session() as session:
        first, second = (item.read.id or 0 for item in worklists.worklist(session, "R1").items)
    claim_read(lists, first, "R1", NOW, by=PACS)
    complete_read(lists, first, "R1", minutes(3), by=PACS)
    claim_read(lists, second, "R1", minutes(4), by=PACS)
    found = written(lists, tmp_path / "lists", minutes(5))
    rows = list(csv.DictReader((tmp_path / "lists" / found.name / "001-R1.csv").read_text().splitlines()))
    assert [(row["accession_number"], row["open"]) for row in rows] == [("A2", "yes")]


def test_a_set_that_cannot_be_finished_leaves_what_was_there(
    lists: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full at the second list: the set before stands, latest leads to it, and nothing is half there."""
    root = tmp_path / "lists"
    before = written(lists, root).name
    taken = [0]

    def full(_path: Path, _content: bytes) -> None:
        taken[0] += 1
        if taken[0] == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(on_disk, "_write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        written(lists, root, minutes(5))
    assert {path.name for path in root.iterdir()} == {before, "latest"}
    assert (root / "latest").resolve().name == before


def test_old_sets_go_but_never_the_newest(lists: Database, tmp_path: Path) -> None:
    """The newest stays however old it is: it is all there is when the service has been down for long."""
    root = tmp_path / "lists"
    first, second = written(lists, root).name, written(lists, root, NOW + timedelta(days=1)).name
    assert on_disk.prune(root, NOW + timedelta(days=2, hours=1), DAYS) == 1
    assert on_disk.kept_sets(root) == [second]
    assert first != second
    assert on_disk.prune(root, NOW + timedelta(days=90), DAYS) == 0


@pytest.mark.parametrize("name", ["../../etc", "latest", "20260302T080000Z/..", ""])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    """Neither a set's nor a file's."""
    with pytest.raises(NotFoundError):
        on_disk.kept_set(tmp_path, name)
    with pytest.raises(NotFoundError):
        on_disk.kept_file(tmp_path, "20260302T080000Z", f"{name}/../x.csv")
