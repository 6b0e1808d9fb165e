"""Whole columns of wall-clock times become instants, exactly as ``domain.instant.local_instant`` has it for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

FIRST_YEAR, LAST_YEAR = 1990, 2999
_ONE_HOUR = pd.Timedelta(hours=1)
# What a spreadsheet stores where the cell is not formatted as a date: days since the end of 1899.
_SERIAL = r"\d{5}(?:\.\d+)?"
_ISO = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instants:
    """A column of instants in UTC, ``NaT`` where there is none; and where something stood that is none."""

    at: pd.Series[pd.Timestamp]
    unreadable: pd.Series[bool]
    implausible: pd.Series[bool]


def instants(text: pd.Series[str], formats: Sequence[str], zone: str, *, spreadsheet: bool = False) -> Instants:
    """Read a column of dates in any of ``formats``, the first that fits; empty cells are no dates and no faults.

    Cells have been stripped. A time that does not exist moves forward by the gap, one that occurs twice means the
    first. Those of a ``spreadsheet`` may be ISO 8601 or a serial number as well. Years before 1990 are implausible.
    """
    at = pd.Series(pd.NaT, index=text.index, dtype="datetime64[us, UTC]")
    read = implausible = pd.Series(data=False, index=text.index)
    for style in (*formats, *(_ISO if spreadsheet else ())):
        left = text[~read & (text != "")]
        found = pd.to_datetime(left, format=style, errors="coerce", utc="%z" in style).dropna()
        at, read, implausible = _take(at, read, implausible, found, zone)
    if spreadsheet:
        left = text[~read & text.str.fullmatch(_SERIAL)]
        found = (
            pd.to_datetime(left.astype(float), unit="D", origin="1899-12-30", errors="coerce").dt.round("s").dropna()
        )
        at, read, implausible = _take(at, read, implausible, found, zone)
    return Instants(at=at, unreadable=(text != "") & ~read, implausible=implausible)


def _take(
    at: pd.Series[pd.Timestamp],
    read: pd.Series[bool],
    implausible: pd.Series[bool],
    found: pd.Series[pd.Timestamp],
    zone: str,
) -> tuple[pd.Series[pd.Timestamp], pd.Series[bool], pd.Series[bool]]:
    """Enter what one format has found; far from our time, arithmetic on instants is not to be relied on."""
    at, read, implausible = at.copy(), read.copy(), implausible.copy()
    sane = found.dt.year.between(FIRST_YEAR, LAST_YEAR)
    read.loc[found.index] = True
    implausible.loc[found.index[~sane]] = True
    found = found[sane]
    at.loc[found.index] = (found if found.dt.tz is not None else localised(found, zone)).astype(at.dtype)
    return at, read, implausible


def localised(naive: pd.Series[pd.Timestamp], zone: str) -> pd.Series[pd.Timestamp]:
    """Return wall-clock times of ``zone`` as instants in UTC."""
    first = np.ones(len(naive), dtype=bool)  # of two, the one in summer time
    return naive.dt.tz_localize(zone, ambiguous=first, nonexistent=_ONE_HOUR).dt.tz_convert("UTC")
