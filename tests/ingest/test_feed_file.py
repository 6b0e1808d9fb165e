from __future__ import annotations

from pathlib import Path

import pytest

from balancer.domain.errors import InputRefusedError
from balancer.domain.feed import FeedKind
from balancer.ingest.feed_file import read_feed
from tests.ingest.deliveries import KENT

MINIMAL = """\
name = "a feed"
trust = "RVV"
kind = "snapshot"
folder = "drop"

[format]
type = "csv"

[time]
date_format = "%d/%m/%Y %H:%M"

[columns]
accession_number = "Accession"
exam = "Exam"
priority = "Priority"
acquired_at = "Date"

[priority]
1 = "emergency"
"""


def described(folder: Path, text: str) -> Path:
    """Return the path of a description with that text."""
    path = folder / "feeds" / "X.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def faults_of(folder: Path, text: str) -> list[str]:
    """Return the faults of a description as people read them."""
    with pytest.raises(InputRefusedError) as refused:
        read_feed(described(folder, text))
    return [str(fault) for fault in refused.value.faults]


def test_the_least_that_a_feed_must_say_is_enough(tmp_path: Path) -> None:
    """Everything else has a default."""
    feed = read_feed(described(tmp_path, MINIMAL))
    assert (feed.kind, feed.refresh_minutes, feed.stale_after_minutes) == (FeedKind.SNAPSHOT, 15, 60)
    assert feed.drop.folder == tmp_path / "feeds" / "drop"
    assert (feed.format.delimiter, feed.format.header_row, feed.format.encodings) == (",", 1, ("utf-8", "cp1252"))
    assert feed.zone == "Europe/London"
    assert feed.warnings == ()


@pytest.mark.parametrize("trust", ["RVV", "RWF", "RPA"])
def test_the_samples_descriptions_have_no_fault_and_no_unknown_key(trust: str) -> None:
    """They are what a newcomer copies."""
    path = KENT / "feeds" / f"{trust}.toml"
    feed = read_feed(path)
    assert (feed.trust, feed.warnings) == (trust, ())
    assert 'label = "synthetic"' in path.read_text("utf-8")


@pytest.mark.parametrize(
    ("was", "now", "fault"),
    [
        ('name = "a feed"', "", "feeds/X.toml: name: is missing"),
        ('name = "a feed"', "name = 7", "feeds/X.toml:1: name: 7 is not text"),
        ('name = "a feed"', 'name = ""', "feeds/X.toml:1: name: is empty"),
        ('"snapshot"', '"all"', "feeds/X.toml:3: kind: 'all' is none of 'snapshot', 'delta'"),
        ('type = "csv"', 'type = "pdf"', "feeds/X.toml:7: format.type: 'pdf' is none of 'csv', 'xlsx'"),
        ('type = "csv"', 'type = "csv"\ndelimiter = "||"', "format.delimiter: '||' is not one character"),
        ('type = "csv"', 'type = "csv"\nencoding = "utf-9"', "format.encoding: 'utf-9' is not a character encoding"),
        ('type = "csv"', 'type = "csv"\nheader_row = 0', "format.header_row: 0 is not a whole number from 1 to 1000"),
        ('type = "csv"', 'type = "csv"\nends_with_newline = "yes"', "'yes' is neither true nor false"),
        ('type = "csv"', 'type = "csv"\nfooter = "Rows (\\\\d+"', "format.footer: is not a regular expression"),
        ('type = "csv"', 'type = "csv"\nfooter = "Rows"', "format.footer: needs one group in brackets"),
        ('"%d/%m/%Y %H:%M"', '"dd/mm/yyyy"', "time.date_format: 'dd/mm/yyyy' holds no field"),
        ('"%d/%m/%Y %H:%M"', '"%d/%m/%Q"', "time.date_format: '%d/%m/%Q' is not a date format"),
        ("date_format", 'zone = "Europe/Paris"\ndate_format', "time.zone: 'Europe/Paris' is none of"),
        ('priority = "Priority"', "", "columns.priority: is missing"),
        ('exam = "Exam"', "", "columns.exam: either exam or exam_name must be given"),
        ('exam = "Exam"', 'exam = ["A", "B"]', "columns.exam: only a date may be put together from several columns"),
        ('1 = "emergency"', "1 = 4", "feeds/X.toml:19: priority.1: 4 is not text"),
        ('1 = "emergency"', '"A&E" = "emergency"\n"a&e" = "urgent"', "'a&e' stands twice with different meanings"),
        ("[priority]", "[[exclude]]\nrule = 'x'\n[priority]", "exclude[1]: a rule needs one of modality"),
        ("[priority]", "[exclude]\nrule = 'x'\n[priority]", "exclude: must be [[exclude]] blocks"),
        ('kind = "snapshot"', 'kind = "snapshot"\nrefresh_minutes = -1', "refresh_minutes: -1 is not above 0"),
        (
            'kind = "snapshot"',
            'kind = "snapshot"\nstale_after_minutes = "1h"',
            "'1h' is not a number",
        ),
    ],
)
def test_a_fault_names_file_line_key_and_reason(tmp_path: Path, was: str, now: str, fault: str) -> None:
    """Whoever mends the description must not have to guess."""
    text = MINIMAL.replace(was, now, 1)
    assert any(fault in told for told in faults_of(tmp_path, text)), faults_of(tmp_path, text)


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    """In the order of the file."""
    text = MINIMAL.replace('"RVV"', "7").replace('"csv"', '"pdf"').replace('"%d/%m/%Y %H:%M"', '"?"')
    told = faults_of(tmp_path, text)
    assert [fault.split(":")[1] for fault in told] == ["2", "7", "10"]


def test_unknown_keys_are_one_warning_with_what_may_have_been_meant(tmp_path: Path) -> None:
    """A key that nobody reads is probably one that was misspelt."""
    text = MINIMAL.replace('folder = "drop"', 'folder = "drop"\npatern = "*.csv"\ncolour = 1')
    (warning,) = read_feed(described(tmp_path, text)).warnings
    assert warning == "feeds/X.toml: ignored unknown keys: 'patern' (did you mean 'pattern'?), 'colour'"


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"name = \xff", "is not UTF-8"), (b"name = ", "is not TOML"), (b"", "name: is missing")],
)
def test_what_is_no_description_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    """With the reason why it is none."""
    path = described(tmp_path, "")
    path.write_bytes(content)
    with pytest.raises(InputRefusedError, match=told):
        read_feed(path)


def test_a_description_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Like one that cannot be read."""
    with pytest.raises(InputRefusedError, match="the file is missing"):
        read_feed(tmp_path / "none.toml")
