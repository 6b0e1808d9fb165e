"""What a run says went wrong names no patient's study: every trust's people see every run."""

from __future__ import annotations

import pytest

from balancer.domain.plan import Plan
from balancer.domain.states import RunState
from balancer.domain.study import StudyKey
from balancer.services.ingest_studies import ingest_extract
from balancer.services.run_allocation import run_allocation
from balancer.services.without_numbers import without_numbers
from balancer.store import runs, studies
from balancer.store.database import Database
from balancer.store.pages import Cut
from tests.networks import WEST, extract, incoming, minutes, queued, rostered, solving
from tests.worlds import NOW, session


def several(db: Database) -> dict[str, int]:
    """Take in studies whose numbers are parts of one another, or of two trusts; return their internal numbers."""
    queued(db, "A-1.0", "A-1.0-2", "77", "SAME-1")
    ingest_extract(db, WEST, extract(incoming("SAME-1", trust="RWF"), feed=WEST.name), NOW)
    rostered(db, session("S1"), session("S2", "R2"))
    keys = [*(("RVV", number) for number in ("A-1.0", "A-1.0-2", "77", "SAME-1")), ("RWF", "SAME-1")]
    with db.session() as reading:
        return {
            f"{trust} {number}": studies.study(reading, StudyKey(trust, number)).study.id or 0 for trust, number in keys
        }


def last_error(db: Database) -> str:
    """Return what the newest run says went wrong."""
    with db.session() as reading:
        return runs.runs(reading, Cut()).items[0].error


def test_what_the_referee_finds_is_said_by_the_studys_number_here(db: Database) -> None:
    """Whoever runs the service finds it by that."""
    several(db)
    outcome = run_allocation(db, NOW, solver=solving({"S1": ["A-1.0"], "S2": ["A-1.0", "A-1.0-2"]}))
    assert outcome.state is RunState.REJECTED
    assert last_error(db) == outcome.error
    assert "read 1" in outcome.error
    assert [number for number in ("A-1.0", "SAME-1", "RVV 77") if number in outcome.error] == []


def test_nor_does_a_run_that_fails_name_any(db: Database) -> None:
    """Whatever a library puts into its message."""
    known = several(db)

    def broken(*_: object, **__: object) -> Plan:
        raise KeyError(StudyKey("RVV", "A-1.0-2"))

    with pytest.raises(KeyError):
        run_allocation(db, minutes(1), solver=broken)
    assert last_error(db).startswith("KeyError: ")
    assert f"study {known['RVV A-1.0-2']}" in last_error(db)
    assert "A-1.0" not in last_error(db)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("H5: RVV A-1.0 read 1: late", "H5: study {RVV A-1.0} read 1: late"),
        ("RVV/A-1.0-2 and RVV A-1.0", "study {RVV A-1.0-2} and study {RVV A-1.0}"),
        ("RWF SAME-1 before RVV SAME-1", "study {RWF SAME-1} before study {RVV SAME-1}"),
        ("SAME-1 is twice", "a study is twice"),
        ("RVV 77 ends 77 minutes late", "study {RVV 77} ends 77 minutes late"),  # a short one alone may be a figure
        ("nothing of the kind: A-1.01", "nothing of the kind: A-1.01"),
    ],
)
def test_numbers_are_found_whole(db: Database, text: str, said: str) -> None:
    """Those of the trust they stand beside, and no part of another."""
    known = several(db)
    for name, number in known.items():
        said = said.replace(f"{{{name}}}", str(number))
    with db.session() as reading:
        assert without_numbers(reading, text) == said
