"""Every query made for a caller is limited to the caller's reach, whatever it asks for and whoever wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, delete, exists, func, select, update

from balancer.domain.actor import EVERYWHERE, NOWHERE, Reach, job
from balancer.domain.errors import NotFoundError
from balancer.domain.instruction import Instruction, InstructionKind, InstructionState
from balancer.services import hold_over
from balancer.store import (
    balance,
    instructions,
    limits,
    people,
    quarantine,
    scope,
    sources,
    studies,
    tables,
    tables_life,
    worklists,
)
from balancer.store.database import Database
from balancer.store.pages import Cut
from balancer.store.tables import Row, StudyRow, WorklistItemRow, WorklistRow
from tests.access.two_trusts import EAST, WEST, allocate_both
from tests.worlds import NOW

IN_EAST, IN_WEST = Reach(trusts=frozenset({EAST})), Reach(trusts=frozenset({WEST}))


@pytest.fixture
def both(db: Database) -> Database:
    """Return a database in which two trusts have studies, on each other's reporters' lists too."""
    allocate_both(db)
    return db


def seen(db: Database, reach: Reach, statement: Any) -> list[Any]:
    """Return what a caller finds."""
    with db.within(reach).session() as session:
        return list(session.exec(statement).all())


# One thing asked in every way that the query modules ask: each names the trusts of the studies it is about.
WAYS: dict[str, Any] = {
    "rows": select(StudyRow),
    "columns": select(StudyRow.trust, StudyRow.id),
    "a count": select(StudyRow.trust, func.count()).group_by(StudyRow.trust),
    "a join": select(WorklistItemRow, StudyRow).join(StudyRow, col(StudyRow.id) == col(WorklistItemRow.study_id)),
    "an outer join": select(StudyRow.trust, WorklistItemRow.place).outerjoin(
        WorklistItemRow, col(WorklistItemRow.study_id) == col(StudyRow.id)
    ),
    "rows that exist elsewhere": select(StudyRow).where(
        exists().where(col(WorklistItemRow.study_id) == col(StudyRow.id))
    ),
    "two joins": select(StudyRow.trust, WorklistRow.reporter_id)
    .join(WorklistItemRow, col(WorklistItemRow.study_id) == col(StudyRow.id))
    .join(WorklistRow, col(WorklistRow.id) == col(WorklistItemRow.worklist_id)),
}


def _trust_of(found: Any) -> str:
    if isinstance(found, StudyRow):
        return found.trust
    return next(_trust_of(part) if isinstance(part, StudyRow) else part for part in found if _tells(part))


def _tells(part: Any) -> bool:
    return isinstance(part, StudyRow) or (isinstance(part, str) and part in {EAST, WEST})


@pytest.mark.parametrize("way", WAYS)
def test_however_it_is_asked_nothing_of_another_trust_is_found(both: Database, way: str) -> None:
    """And everything of one's own: unlimited, the two together are all there is."""
    everything = seen(both, EVERYWHERE, WAYS[way])
    for reach, trust in ((IN_EAST, EAST), (IN_WEST, WEST)):
        found = seen(both, reach, WAYS[way])
        assert found
        assert {_trust_of(item) for item in found} == {trust}
        assert len(found) == sum(_trust_of(item) == trust for item in everything)
    assert seen(both, NOWHERE, WAYS[way]) == []


def test_a_count_over_a_subquery_counts_what_may_be_seen(both: Database) -> None:
    """A total tells too."""
    with both.within(IN_EAST).session() as session:
        of_east = studies.studies(session, studies.StudyFilter(), Cut(), now=NOW)
    assert of_east.total == len(of_east.items) == 3


def test_a_row_of_another_trust_cannot_be_had_by_its_number(both: Database) -> None:
    """It is as if it were not there."""
    (theirs,) = {row.id for row in seen(both, IN_WEST, select(StudyRow)) if row.accession_number == "WEST-1"}
    with both.within(IN_EAST).session() as session:
        assert session.get(StudyRow, theirs) is None
    with both.within(IN_WEST).session() as session:
        assert session.get(StudyRow, theirs) is not None


def test_a_change_reaches_no_further_than_what_may_be_seen(both: Database) -> None:
    """A statement without any condition changes the caller's own rows only."""
    with both.within(IN_EAST).transaction() as session:
        changed = session.exec(
            update(StudyRow).values(site="changed"), execution_options={"synchronize_session": False}
        )
        assert changed.rowcount == 3
    assert {row.site for row in seen(both, IN_WEST, select(StudyRow))} == {""}


def test_a_change_of_reads_reaches_no_further(both: Database) -> None:
    """Where a row does not say itself whose it is."""
    with both.within(IN_EAST).transaction() as session:
        session.exec(
            update(tables_life.ReadRow).values(owner="changed"), execution_options={"synchronize_session": False}
        )
    assert {row.owner for row in seen(both, IN_EAST, select(tables_life.ReadRow))} == {"changed"}
    theirs = {row.owner for row in seen(both, IN_WEST, select(tables_life.ReadRow))}
    assert theirs
    assert "changed" not in theirs


@pytest.mark.parametrize("statement", [text("SELECT * FROM studies"), select(StudyRow.__table__)])  # type: ignore[attr-defined]
def test_what_cannot_be_limited_is_refused(both: Database, statement: Any) -> None:
    """Text and bare tables pass no limit."""
    with both.within(IN_EAST).session() as session, pytest.raises(scope.UnscopedError):
        session.execute(statement)
    with pytest.raises(scope.UnscopedError), both.within(IN_EAST).connection():
        pass


OTHER = aliased(tables_life.ReadRow)


@pytest.mark.parametrize(
    "statement",
    [
        select(tables.ReporterRow.reporter_id, OTHER.study_id).join(
            OTHER, col(OTHER.reporter_id) == col(tables.ReporterRow.reporter_id)
        ),
        select(tables_life.ReadRow.study_id, OTHER.study_id).outerjoin(
            OTHER, col(OTHER.reporter_id) == col(tables_life.ReadRow.reporter_id)
        ),
        select(StudyRow).where(
            col(StudyRow.id).in_(select(OTHER.study_id).join(OTHER, col(OTHER.study_id) == col(StudyRow.id)))
        ),
    ],
    ids=["a join", "an outer join to the same table", "a join within"],
)
def test_a_join_onto_an_alias_is_refused(both: Database, statement: Any) -> None:
    """What limits it would limit another row."""
    for reach in (IN_EAST, Reach(own="R1")):
        with both.within(reach).session() as session, pytest.raises(scope.UnscopedError, match="alias of ReadRow"):
            session.exec(statement)


def test_a_limit_never_takes_any_row_for_the_one_that_is_asked_about() -> None:
    """A statement without the table that a limit is of is an error, and not true of everything."""
    for row in (tables_life.ReadRow, tables_life.ClaimRow, WorklistItemRow, tables_life.CompletionRow):
        limit = limits.LIMITS[row]
        assert limit is not None
        named = str(select(tables.TrustRow.code).where(limit(IN_EAST)).compile())
        assert f"FROM trusts, {row.__tablename__}" in named.replace("\n", ""), named


def test_every_table_says_who_may_see_it() -> None:
    """A new one is named in limits.py, or nobody is served."""
    assert scope.tables_without_limits() == []


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A table that nobody has said anything about."""
    without = {row: limit for row, limit in limits.LIMITS.items() if row is not tables.QuarantineRow}
    monkeypatch.setattr(scope, "LIMITS", without)
    scope._limits.cache_clear()  # noqa: SLF001 - what it says is kept
    yield
    scope._limits.cache_clear()  # noqa: SLF001


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize("reach", [IN_EAST, EVERYWHERE, NOWHERE])
def test_while_a_table_is_forgotten_no_caller_is_served(both: Database, reach: Reach) -> None:
    """Not even with what is not in that table: it is found on the first day."""
    with pytest.raises(scope.UnscopedError, match="QuarantineRow"):
        seen(both, reach, select(StudyRow))


def test_a_reporter_sees_their_own_list_whole_and_no_other(both: Database) -> None:
    """R1's list holds a study of each trust."""
    with both.within(Reach(own="R1")).session() as session:
        assert {item.study.trust for item in worklists.worklist(session, "R1").items} == {EAST, WEST}
        with pytest.raises(NotFoundError):
            worklists.worklist(session, "R2")
        assert [entry.reporter_id for entry in worklists.worklists(session)] == ["R1"]


def test_a_reporter_whose_entitlement_ended_still_sees_what_is_on_their_list(both: Database) -> None:
    """A read that is somebody's and hidden from them would be lost."""
    with both.transaction() as session:
        for row in session.exec(select(tables.EntitlementRow).where(tables.EntitlementRow.reporter_id == "R1")):
            session.delete(row)
    with both.within(Reach(own="R1")).session() as session:
        assert {item.study.trust for item in worklists.worklist(session, "R1").items} == {EAST, WEST}


def test_a_manager_sees_of_a_list_the_studies_of_their_own_trust(both: Database) -> None:
    """Whose list it is may be known; another trust's patient may not."""
    with both.within(IN_EAST).session() as session:
        found = worklists.worklist(session, "R1")
    assert {item.study.trust for item in found.items} == {EAST}
    assert found.version.items == 2


QUESTIONS: dict[str, Any] = {
    "feeds": lambda session: {status.trust for status in sources.feeds(session, NOW)},
    "rosters": lambda session: {status.trust for status in sources.rosters(session)},
    "balance": lambda session: {trust.trust for trust in balance.balance(session)},
    "sessions": lambda session: {row.trust for row in people.session_rows(session)},
    "quarantine": lambda session: {
        row.feed.split()[0] for row in quarantine.quarantined(session, quarantine.QuarantineFilter(), Cut()).items
    },
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_each_subject_shows_the_callers_trust_only(both: Database, question: str) -> None:
    """Feeds, rosters, balance, sessions and quarantine alike."""
    ask = QUESTIONS[question]

    def answer(reach: Reach) -> Any:
        with both.within(reach).session() as session:
            return ask(session)

    assert (answer(IN_EAST), answer(IN_WEST), answer(NOWHERE)) == ({EAST}, {WEST}, set())
    assert answer(EVERYWHERE) >= {EAST, WEST}


def test_no_limit_is_looser_than_nothing_for_a_caller_without_reach(both: Database) -> None:
    """Table by table: whoever reaches nowhere finds nothing but what is everybody's."""
    limited: list[type[Row]] = [row for row, limit in limits.LIMITS.items() if limit is not limits.OPEN]
    for row in limited:
        with both.within(NOWHERE).session() as session:
            assert _first(session, row) is None


def _first(session: Session, row: type[Row]) -> Row | None:
    return session.exec(select(row)).first()


@pytest.mark.parametrize(
    ("expires_on", "asked_at", "seen_then"),
    [
        (date(2026, 3, 2), datetime(2026, 3, 2, 23, 59, tzinfo=UTC), {EAST, WEST}),
        (date(2026, 3, 2), datetime(2026, 3, 3, 0, 0, tzinfo=UTC), {EAST}),
        (date(2026, 6, 1), datetime(2026, 6, 1, 22, 59, tzinfo=UTC), {EAST, WEST}),
        (date(2026, 6, 1), datetime(2026, 6, 1, 23, 0, tzinfo=UTC), {EAST}),  # midnight in London
        (None, datetime(2026, 6, 2, tzinfo=UTC), {EAST, WEST}),
    ],
)
def test_an_entitlement_that_has_expired_widens_nobodys_reach(
    both: Database, expires_on: date | None, asked_at: datetime, seen_then: set[str]
) -> None:
    """R1 is at home in East, entitled in West until a day, and has nothing of West on their list."""
    nobodys(both)
    entitled_by_file(both, expires_on)
    found = seen(both, Reach(own="R1").at(asked_at), select(StudyRow.trust))
    assert set(found) == seen_then
    # whoever does not say when it is reaches no further than what never ends
    assert set(seen(both, Reach(own="R1"), select(StudyRow.trust))) == ({EAST, WEST} if expires_on is None else {EAST})


def nobodys(db: Database) -> None:
    """Let no study be on anybody's list or theirs otherwise."""
    with db.transaction() as session:
        session.exec(delete(WorklistItemRow))
        session.exec(delete(tables_life.ClaimRow))
        session.exec(update(tables_life.ReadRow).values(reporter_id=None))


def entitled_by_file(db: Database, expires_on: date | None) -> None:
    """Let the network's list say until when people report for West."""
    with db.transaction() as session:
        for row in session.exec(select(tables.EntitlementRow).where(tables.EntitlementRow.trust == WEST)):
            row.expires_on = expires_on


ENDED, GRANTED, WITHDRAWN = date(2026, 3, 1), True, False
SOON, TOMORROW = NOW + timedelta(minutes=1, seconds=30), NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("by_file", "decided", "asked_at", "west_is_seen"),
    [
        (None, [(WITHDRAWN, None)], NOW, False),
        (ENDED, [(GRANTED, None)], NOW, True),
        (None, [(WITHDRAWN, SOON)], NOW, False),
        (None, [(WITHDRAWN, SOON)], TOMORROW, True),
        (ENDED, [(GRANTED, SOON)], NOW, True),
        (ENDED, [(GRANTED, SOON)], TOMORROW, False),
        (None, [(GRANTED, None), (WITHDRAWN, None)], NOW, False),
        (ENDED, [(WITHDRAWN, SOON), (GRANTED, None)], TOMORROW, True),
    ],
)
def test_what_a_manager_has_decided_of_an_entitlement_counts_over_the_networks_list(
    both: Database,
    by_file: date | None,
    decided: list[tuple[bool, datetime | None]],
    asked_at: datetime,
    west_is_seen: bool,  # noqa: FBT001 - what is expected
) -> None:
    """Until its time is over, and with the day at the latest, whether or not it has been ended by then."""
    nobodys(both)
    entitled_by_file(both, by_file)
    for granted, until in decided:
        entitlement_decided(both, granted=granted, expires_at=until)
    found = set(seen(both, Reach(own="R1").at(asked_at), select(StudyRow.trust)))
    assert found == ({EAST, WEST} if west_is_seen else {EAST})
    with both.session() as session:  # what a claim is looked at by says the same
        person = hold_over.reporter_as_held(session, people.reporter(session, "R1").reporter, asked_at)
    until_then = person.entitled_until(WEST) if WEST in person.trusts else asked_at
    assert (until_then is None or until_then > asked_at) is west_is_seen


def entitlement_decided(db: Database, *, granted: bool, expires_at: datetime | None = None, **more: Any) -> int:
    """Let it have been decided whether R1 may report for West; return the decision's number."""
    given = Instruction(
        kind=InstructionKind.ENTITLEMENT,
        trust=WEST,
        reason="asked",
        author="oidc:m1",
        made_at=NOW - timedelta(minutes=1),
        expires_at=expires_at,
        value={"trust": WEST, "granted": granted},
        **({"reporter_id": "R1"} | more),
    )
    with db.transaction() as session:
        return instructions.add(session, given, by=job("test"), now=NOW).id or 0


def test_a_decision_that_has_ended_or_is_a_drafts_widens_and_narrows_nobodys_reach(both: Database) -> None:
    """Nor one about somebody else."""
    nobodys(both)
    number = entitlement_decided(both, granted=False)
    assert set(seen(both, Reach(own="R1").at(NOW), select(StudyRow.trust))) == {EAST}
    with both.transaction() as session:
        row = instructions.locked(session, number)
        instructions.end(session, row, InstructionState.WITHDRAWN, by=job("test"), now=NOW, why="a mistake")
    entitlement_decided(both, granted=False, draft_id=1)
    entitlement_decided(both, granted=False, reporter_id="R2")
    assert set(seen(both, Reach(own="R1").at(NOW), select(StudyRow.trust))) == {EAST, WEST}


@pytest.mark.parametrize(("by_file", "granted"), [(None, False), (ENDED, True)])
def test_whoever_does_not_say_when_it_is_has_nothing_of_what_is_decided_until_some_time(
    both: Database, by_file: date | None, *, granted: bool
) -> None:
    """Whatever a decision withdraws is out of reach, whenever it ends; whatever it grants until then is too."""
    nobodys(both)
    entitled_by_file(both, by_file)
    entitlement_decided(both, granted=granted, expires_at=SOON)
    assert set(seen(both, Reach(own="R1"), select(StudyRow.trust))) == {EAST}


@pytest.mark.parametrize("row", limits.LIMITS, ids=lambda row: row.__name__)
def test_a_statement_carries_the_conditions_of_the_tables_it_names(sqlite_db: Database, row: type[Row]) -> None:
    """However it names them: by itself, under another name, in a question within it, to be changed."""
    dialect, name = sqlite_db.engine.dialect, str(row.__tablename__)
    other = aliased(row)
    in_it = select(StudyRow).where(exists(select(other)))
    for statement in (select(row), select(func.count()).select_from(other), in_it, update(row).values(), delete(row)):
        assert name in scope.tables_named(statement, dialect)
        assert name in scope.tables_named(statement, dialect)  # as it was kept
    assert len(scope.tables_named(select(row), dialect)) <= 4


def test_statements_that_differ_in_their_values_alone_are_looked_at_once(
    sqlite_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes longer than many a statement takes to run."""
    looked: list[object] = []

    def look(statement: object, _dialect: object) -> frozenset[str]:
        looked.append(statement)
        return frozenset()

    monkeypatch.setattr(scope, "_NAMED", {})
    monkeypatch.setattr(scope, "_named_in", look)
    for number in range(3):
        scope.tables_named(select(StudyRow).where(StudyRow.id == number), sqlite_db.engine.dialect)
    assert len(looked) == 1
