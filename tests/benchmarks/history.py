"""Years of work in a store: studies that were reported long ago, with who read them.

What is looked at while an emergency waits must not grow with what has been: a network reports a million studies a year,
and nothing of them is thrown away.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import String, cast, func, insert, literal, select, text

from balancer.domain.life import ReadEvent, ReadKind, ReadState
from balancer.domain.states import StudyState
from balancer.store.database import Database
from balancer.store.tables import ReporterRow, Row, StudyRow
from balancer.store.tables_life import ClaimRow, ReadRow

_STUDIES, _READS, _CLAIMS, _REPORTERS = (
    Row.metadata.tables[row.__tablename__] for row in (StudyRow, ReadRow, ClaimRow, ReporterRow)
)
_PREFIX = "HISTORY"
_STUDIES_A_PATIENT = 4
_AGO = timedelta(days=365)


def add_history(database: Database, studies: int) -> None:
    """Add so many studies that were reported a year ago: a claim and a read that is done and confirmed of each.

    Each is like one that waits in the store, of every trust in turn, and four are of one patient; all reporters have
    read as many.
    """
    with database.transaction() as session:
        store = session.connection()
        newest = store.scalar(select(func.max(_STUDIES.c.first_seen_at)))
        assert newest is not None, "a store without a study has no past"
        trusts = list(store.scalars(select(_STUDIES.c.trust).distinct()))
        for place, trust in enumerate(trusts):
            number = studies // len(trusts) + (place < studies % len(trusts))
            store.execute(_studies_of(trust, place, number, newest - _AGO))
        store.execute(_reads())
        store.execute(_claims())
        if database.dialect == "postgresql":
            store.execute(text("ANALYZE"))  # it would by itself, a little later


def _studies_of(trust: str, place_of: int, number: int, reported_at: datetime) -> Any:
    place = select(literal(1).label("place")).cte("places", recursive=True)
    place = place.union_all(select(place.c.place + 1).where(place.c.place < number))
    model = select(func.min(_STUDIES.c.id)).where(_STUDIES.c.trust == trust).scalar_subquery()
    number_of_its_own = literal(_PREFIX) + cast(place.c.place, String)
    patient = literal(f"{_PREFIX}{trust}") + cast(place.c.place // _STUDIES_A_PATIENT, String)
    said = {
        "accession_number": number_of_its_own,
        "patient_id": patient,
        "local_patient_id": patient,
        "study_instance_uid": literal(f"1.2.826.0.1.3680043.9.8.{place_of}.") + cast(place.c.place, String),
        "state": literal(StudyState.WITHDRAWN, _STUDIES.c.state.type),
        "closed_at": literal(reported_at, _STUDIES.c.closed_at.type),
    }
    return _copy(_STUDIES, said, select(_STUDIES).join(place, literal(value=True)).where(_STUDIES.c.id == model))


def _reads() -> Any:
    place = func.row_number().over(order_by=_REPORTERS.c.reporter_id)
    people = select(_REPORTERS.c.reporter_id, place.label("place")).subquery()
    everybody = select(func.count()).select_from(_REPORTERS).scalar_subquery()
    said = {
        "study_id": _STUDIES.c.id,
        "number": literal(1),
        "kind": literal(ReadKind.INTERPRETATION, _READS.c.kind.type),
        "state": literal(ReadState.DONE, _READS.c.state.type),
        "reporter_id": people.c.reporter_id,
        "owner": literal(""),
        "reason": literal(""),
        "version": literal(3),
        "since": _STUDIES.c.closed_at,
        "done_at": _STUDIES.c.closed_at,
        "confirmed_at": _STUDIES.c.closed_at,
        "provisional": literal(value=False),
        "again": literal(""),
    }
    rows = select(_STUDIES).join(people, people.c.place == _STUDIES.c.id % everybody + 1)
    return _said(_READS, said, rows.where(_STUDIES.c.accession_number.startswith(_PREFIX)))


def _claims() -> Any:
    said = {
        "read_id": _READS.c.id,
        "reporter_id": _READS.c.reporter_id,
        "system": literal(""),
        "claimed_at": _READS.c.done_at,
        "ended_at": _READS.c.done_at,
        "ended_by": literal(ReadEvent.COMPLETE, _CLAIMS.c.ended_by.type),
    }
    rows = select(_READS).join(_STUDIES, _STUDIES.c.id == _READS.c.study_id)
    return _said(_CLAIMS, said, rows.where(_STUDIES.c.accession_number.startswith(_PREFIX)))


def _copy(table: Any, said: dict[str, Any], rows: Any) -> Any:
    """Return an insert of rows as they are, but for what is said of them; the store numbers them."""
    as_it_is = {column.name: column for column in table.columns if column.name != "id"}
    return _said(table, as_it_is | said, rows)


def _said(table: Any, said: dict[str, Any], rows: Any) -> Any:
    return insert(table).from_select(list(said), rows.with_only_columns(*said.values()), include_defaults=False)
