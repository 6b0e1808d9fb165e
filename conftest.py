"""With CI=true a test that is skipped has failed: on a machine built to run everything, a skip is a hole."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

# A collector's skip (a whole file) never becomes a test, so both doors are watched.
_FORBIDDEN = os.environ.get("CI") == "true"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test into a failed one that says why it was skipped; expected failures stay what they are."""
    report = yield
    if _FORBIDDEN and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which CI does not allow: {_reason(report)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a skipped file into a collection error that says why it was skipped."""
    report = yield
    if _FORBIDDEN and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped, which CI does not allow: {_reason(report)}"
    return report


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return what the skip said."""
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
