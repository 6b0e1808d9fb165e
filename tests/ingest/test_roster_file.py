from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from balancer.domain.errors import InputRefusedError
from balancer.ingest.roster_file import Hours, read_roster_description
from tests.ingest.deliveries import KENT, roster

GRID = (KENT / "rosters" / "RWF.toml").read_text("utf-8")


def read(folder: Path, text: str) -> object:
    """Read a description with that text."""
    path = folder / "X.toml"
    path.write_text(text, "utf-8")
    return read_roster_description(path)


@pytest.mark.parametrize("trust", ["RVV", "RWF", "RPA"])
def test_the_samples_descriptions_have_no_fault_and_no_unknown_key(trust: str) -> None:
    """They are what a newcomer copies."""
    described = roster(trust)
    assert (described.trust, described.kind, described.warnings) == (trust, "roster", ())


def test_on_call_is_reporting_with_a_restriction_and_a_productivity_of_its_own() -> None:
    """Emergencies are reported between telephone calls."""
    rule = roster("RWF").activities["oc"]
    assert rule.reports
    assert rule.restrictions.priorities == {"emergency"}
    assert 0 < (rule.productivity or 0) < 0.7


def test_hours_beyond_midnight_end_on_the_next_day(tmp_path: Path) -> None:
    """A night ends in the morning."""
    (tmp_path / "X.toml").write_text(GRID.replace('"18:00-21:00"', '"21:00-08:30"'), "utf-8")
    grid = read_roster_description(tmp_path / "X.toml").grid
    assert grid is not None
    assert grid.half_days["eve"] == Hours(start=timedelta(hours=21), end=timedelta(hours=32, minutes=30))


@pytest.mark.parametrize(
    ("was", "now", "fault"),
    [
        ('"08:30-12:30"', '"8.30 to 12.30"', "half_day.AM: is not written like 08:30-12:30"),
        ('"08:30-12:30"', '"25:00-26:00"', "half_day.AM: is not written like 08:30-12:30"),
        ('activity = "reporting"', 'activity = "sleep"', "activity: no code is 'reporting'"),
        ("productivity = 0.35", "productivity = 1.5", "activity.OC.productivity: 1.5 is not above 0 and at most 1"),
        ("[activity.RH]", "[activity.r]", "activity.r: the code stands twice with different meanings"),
        ("days = 7", "days = 0", "covers.days: 0 is not a whole number from 1 to 366"),
        ('reporter = "GMC/HCPC"', "", "grid.reporter: is missing"),
        ('kind = "roster"', 'kind = "feed"', "kind: 'feed' is none of 'roster'"),
        ('layout = "grid"', 'layout = "list"', "columns: the table is missing"),
    ],
)
def test_a_fault_names_the_key_and_the_reason(tmp_path: Path, was: str, now: str, fault: str) -> None:
    """As for feeds."""
    with pytest.raises(InputRefusedError) as refused:
        read(tmp_path, GRID.replace(was, now))
    assert any(fault in str(found) for found in refused.value.faults), str(refused.value)
