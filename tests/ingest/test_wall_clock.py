from __future__ import annotations

from datetime import datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balancer.domain.instant import local_instant
from balancer.ingest.wall_clock import instants, localised
from tests.ingest.deliveries import parse, rvv_file, rvv_row

FORWARD = datetime(2026, 3, 29)  # noqa: DTZ001 - wall-clock times
BACK = datetime(2026, 10, 25)  # noqa: DTZ001
NEAR_A_CHANGE = st.one_of(
    st.builds(
        lambda day, minutes: day + timedelta(minutes=minutes), st.sampled_from([FORWARD, BACK]), st.integers(0, 240)
    ),
    st.datetimes(datetime(1990, 1, 1), datetime(2099, 1, 1)),  # noqa: DTZ001
)


@settings(deadline=None)
@given(st.lists(NEAR_A_CHANGE, max_size=20))
def test_whole_columns_are_what_the_domain_has_for_one(times: list[datetime]) -> None:
    """Vectorised or not, an hour that does not exist and one that occurs twice mean the same."""
    column = pd.Series(times, dtype="datetime64[us]")
    found = [at.to_pydatetime() for at in localised(column, "Europe/London")]
    assert found == [local_instant(at) for at in times]


@settings(deadline=None)
@given(st.lists(NEAR_A_CHANGE.map(lambda at: at.replace(second=0, microsecond=0)), max_size=20))
def test_dates_as_text_are_the_instants_they_say(times: list[datetime]) -> None:
    """Written down and read back, a wall-clock time is the same instant."""
    text = pd.Series([f"{at:%d/%m/%Y %H:%M}" for at in times], dtype=str)
    read = instants(text, ["%d/%m/%Y %H:%M"], "Europe/London")
    assert [at.to_pydatetime() for at in read.at] == [local_instant(at) for at in times]
    assert not read.unreadable.any()


@pytest.mark.parametrize(
    ("cell", "utc"),
    [
        ("29/03/2025 23:30", "2025-03-29T23:30"),
        ("30/03/2025 00:59", "2025-03-30T00:59"),
        ("30/03/2025 01:30", "2025-03-30T01:30"),
        ("30/03/2025 02:00", "2025-03-30T01:00"),
        ("26/10/2025 00:30", "2025-10-25T23:30"),
        ("26/10/2025 01:30", "2025-10-26T00:30"),
        ("26/10/2025 02:00", "2025-10-26T02:00"),
    ],
)
def test_studies_of_the_nights_the_clocks_change_have_the_right_instant(cell: str, utc: str) -> None:
    """The hour that is left out moves forward by the gap; of the hour that comes twice the first is meant."""
    (study,) = parse(rvv_file(rvv_row(Exam_Date=cell)), "RVV").studies
    assert f"{study.acquired_at:%Y-%m-%dT%H:%M}" == utc


def test_a_feed_that_writes_offsets_means_them() -> None:
    """With an offset there is nothing to guess."""
    read = instants(pd.Series(["2026-10-25 01:30 +0000"]), ["%Y-%m-%d %H:%M %z"], "Europe/London")
    assert f"{read.at.iloc[0]:%H:%M}" == "01:30"


def test_a_feed_in_utc_is_not_shifted() -> None:
    """Some systems export UTC all year."""
    read = instants(pd.Series(["25/10/2026 01:30"]), ["%d/%m/%Y %H:%M"], "UTC")
    assert f"{read.at.iloc[0]:%H:%M}" == "01:30"


def test_empty_cells_are_no_dates_and_no_faults() -> None:
    """Most studies have no hour at which their images will be complete."""
    read = instants(pd.Series(["", ""], dtype=str), ["%d/%m/%Y"], "Europe/London")
    assert read.at.isna().all()
    assert not read.unreadable.any()
