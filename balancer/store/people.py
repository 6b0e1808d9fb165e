"""Reporters, what they may report, and their rostered sessions; rows to domain values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from balancer.domain.errors import NotFoundError
from balancer.domain.reporter import Reporter, SkillLevel
from balancer.domain.reporter import Session as RosteredSession
from balancer.store.scope import unlimited
from balancer.store.tables import EntitlementRow, ReporterRow, SessionRow, SkillRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedReporter:
    """A reporter, and whether the network still lists them."""

    reporter: Reporter
    listed: bool


def reporters(session: Session, *, trust: str | None = None, unlisted: bool = False) -> list[ListedReporter]:
    """Return the reporters in the order of the network's list, with ``unlisted`` also those who have gone from it.

    ``trust`` keeps those whose home it is or who are entitled there. Three statements, whatever the number.
    """
    statement = select(ReporterRow).order_by(col(ReporterRow.ordinal), col(ReporterRow.reporter_id))
    if not unlisted:
        statement = statement.where(ReporterRow.listed)
    found = _with_scopes(session, session.exec(statement).all())
    if trust is None:
        return found
    return [item for item in found if trust == item.reporter.home_trust or trust in item.reporter.trusts]


def reporter(session: Session, reporter_id: str) -> ListedReporter:
    """Return one reporter, listed or not; ``NotFoundError`` if there is none."""
    named = select(ReporterRow, SkillRow.subspecialty, SkillRow.modality, SkillRow.level)
    skilled = named.outerjoin(SkillRow, col(SkillRow.reporter_id) == col(ReporterRow.reporter_id))
    found = session.exec(skilled.where(ReporterRow.reporter_id == reporter_id)).all()
    if not found:
        raise NotFoundError("there is no such reporter")
    row = found[0][0]
    skills = {(of, modality or None): SkillLevel(level) for _, of, modality, level in found if level is not None}
    entitled = select(EntitlementRow.trust, col(EntitlementRow.expires_on)).order_by(col(EntitlementRow.ordinal))
    trusts = dict(session.exec(entitled.where(EntitlementRow.reporter_id == reporter_id)).all())
    return ListedReporter(reporter=_reporter(row, trusts, skills), listed=row.listed)


def reporter_anywhere(session: Session, reporter_id: str) -> Reporter:
    """Return a reporter, listed or not, whoever asks: what somebody did stands when their entitlement has gone.

    For what a use case has to know, never for what a caller is shown. ``NotFoundError`` if there is none.
    """
    with unlimited(session) as whole:
        return reporter(whole, reporter_id).reporter


def listed(session: Session) -> set[str]:
    """Return the reporters whom the network's list names."""
    return set(session.exec(select(ReporterRow.reporter_id).where(ReporterRow.listed)))


def names(session: Session) -> dict[str, str]:
    """Return the names of all reporters within reach, listed or not, by id."""
    return dict(session.exec(select(ReporterRow.reporter_id, ReporterRow.name)).all())


def name_of(session: Session, reporter_id: str) -> str:
    """Return a reporter's name; "a reporter" of one whom the caller may not see."""
    name = session.exec(select(ReporterRow.name).where(ReporterRow.reporter_id == reporter_id)).first()
    return name or "a reporter"


def sessions_of(
    session: Session,
    reporter_id: str | None = None,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
) -> list[RosteredSession]:
    """Return rostered sessions that reach into ``[start, end)``, in time order; of everyone if nobody is named."""
    return [rostered(row) for row in session_rows(session, reporter_id, start=start, end=end)]


def session_rows(
    session: Session,
    reporter_id: str | None = None,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    listed_only: bool = False,
) -> list[SessionRow]:
    """Return the rows behind ``sessions_of``: they also say which trust's roster they stand on.

    ``listed_only`` leaves out the sessions of reporters who have gone from the network's list.
    """
    statement = select(SessionRow)
    if listed_only:
        listed = select(ReporterRow.reporter_id).where(ReporterRow.listed)
        statement = statement.where(col(SessionRow.reporter_id).in_(listed))
    if reporter_id is not None:
        statement = statement.where(SessionRow.reporter_id == reporter_id)
    if start is not None:
        statement = statement.where(SessionRow.end > start)
    if end is not None:
        statement = statement.where(SessionRow.start < end)
    return list(session.exec(statement.order_by(col(SessionRow.start), col(SessionRow.session_id))))


def rostered(row: SessionRow) -> RosteredSession:
    """Return the session a row states."""
    return RosteredSession(
        session_id=row.session_id,
        reporter_id=row.reporter_id,
        start=row.start,
        end=row.end,
        activity=row.activity,
        productivity=row.productivity,
        trusts=frozenset(row.trusts),
        subspecialties=frozenset(row.subspecialties),
        modalities=frozenset(row.modalities),
        priorities=frozenset(row.priorities),
        max_reads=row.max_reads,
    )


def _with_scopes(session: Session, rows: Sequence[ReporterRow]) -> list[ListedReporter]:
    trusts: dict[str, dict[str, date | None]] = defaultdict(dict)
    skills: dict[str, dict[tuple[str, str | None], SkillLevel]] = defaultdict(dict)
    # columns and no rows of their own: of a network's reporters there are thousands
    entitled = select(EntitlementRow.reporter_id, EntitlementRow.trust, col(EntitlementRow.expires_on))
    skilled = select(SkillRow.reporter_id, SkillRow.subspecialty, SkillRow.modality, SkillRow.level)
    for reporter_id, trust, expires_on in session.exec(entitled.order_by(col(EntitlementRow.ordinal))):
        trusts[reporter_id][trust] = expires_on
    for reporter_id, subspecialty, modality, level in session.exec(skilled):
        skills[reporter_id][subspecialty, modality or None] = SkillLevel(level)
    return [
        ListedReporter(reporter=_reporter(row, trusts[row.reporter_id], skills[row.reporter_id]), listed=row.listed)
        for row in rows
    ]


def _reporter(
    row: ReporterRow, trusts: Mapping[str, date | None], skills: Mapping[tuple[str, str | None], SkillLevel]
) -> Reporter:
    return Reporter(
        reporter_id=row.reporter_id,
        name=row.name,
        grade=row.grade,
        home_trust=row.home_trust,
        trusts=trusts,
        skills=skills,
        modalities=frozenset(row.modalities),
        speed=row.speed,
    )
