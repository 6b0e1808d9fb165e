"""Work out where a minute more is worth most beside the newest plan, from what was kept of its run; once a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter

from balancer.domain.capacity import Scarcity
from balancer.ingest.problem_archive import read_archive
from balancer.publish.run_record import instant_of, unpack_plan
from balancer.services.scratch_folder import scratch_folder
from balancer.services.without_numbers import without_numbers
from balancer.store import run_records, scarcities
from balancer.store.database import Database

# As many cells of pool and half-day are tried with a real session.
_CELLS: Final = 10
_SHAPE: Final = TypeAdapter(Scarcity)


def price_next(db: Database, now: datetime) -> int | None:
    """Price the capacity of the newest plan, if that has not been begun, and return its run; ``None`` if it has.

    What fails is kept with the run, and not begun again: the next run has its own. What a process left half done, which
    was killed, is begun again after a while.
    """
    with db.transaction() as session:
        run_id = scarcities.waiting(session, now)
        if run_id is None:
            return None
        scarcities.begin(session, run_id, now)
    try:
        found = _found(db, run_id)
    except Exception as error:
        with db.transaction() as session:
            said = without_numbers(session, f"{type(error).__name__}: {error}")
            scarcities.fail(session, run_id, said)
        raise
    with db.transaction() as session:
        scarcities.keep(session, run_id, [(one.trust, _SHAPE.dump_python(one, mode="json")) for one in found], now)
    return run_id


def priced(found: Iterable[Mapping[str, Any]]) -> list[Scarcity]:
    """Return what is scarce as it was kept: of a trust, subspecialty, modality and half-day together."""
    return [_SHAPE.validate_python(one) for one in found]


def _found(db: Database, run_id: int) -> list[Scarcity]:
    from balancer.optimise.opened import open_plan  # noqa: PLC0415 - takes seconds; only who prices needs it
    from balancer.optimise.scarcity import scarcity  # noqa: PLC0415

    with db.session() as session:
        record = run_records.record(session, run_id)
    content = record.problem or b""
    with scratch_folder() as scratch:
        problem, _ = read_archive(content, scratch, now=instant_of(content))
    opened = open_plan(problem, unpack_plan(record.plan).plan)
    return [one for one in scarcity(opened, count=_CELLS) if one.trust and one.start is not None]
