"""The network's standing data: put in as it is stated, whatever has gone from it kept but no longer listed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlmodel import Session, col, delete, insert, select, update

from balancer.domain.feed import FeedKind
from balancer.domain.network import Examination, Trust
from balancer.domain.pacs_link import PacsLink
from balancer.domain.reporter import Reporter
from balancer.domain.states import StudyState
from balancer.store.tables import (
    EntitlementRow,
    ExaminationRow,
    FeedRow,
    ReporterRow,
    RosterRow,
    SkillRow,
    StudyRow,
    TrustRow,
)


def put_trusts(session: Session, trusts: Iterable[Trust]) -> None:
    """Make these the listed trusts."""
    rows = [
        {"code": trust.code, "name": trust.name, "pacs_link": trust.pacs_link.template if trust.pacs_link else ""}
        for trust in trusts
    ]
    _put(session, TrustRow, "code", rows)


def put_examinations(session: Session, examinations: Iterable[Examination]) -> None:
    """Make these the listed examinations."""
    rows = [
        {
            "code": exam.code,
            "name": exam.name,
            "modality": exam.modality,
            "body_region": exam.body_region,
            "subspecialty": exam.subspecialty,
            "minutes": exam.minutes,
            "reads": exam.reads,
        }
        for exam in examinations
    ]
    _put(session, ExaminationRow, "code", rows)


def put_reporters(session: Session, reporters: Sequence[Reporter]) -> None:
    """Make these the listed reporters, with exactly the entitlements and skills they state."""
    rows = [
        {
            "reporter_id": person.reporter_id,
            "name": person.name,
            "grade": person.grade,
            "home_trust": person.home_trust,
            "speed": person.speed,
            "modalities": sorted(person.modalities),
            "ordinal": ordinal,
        }
        for ordinal, person in enumerate(reporters)
    ]
    _put(session, ReporterRow, "reporter_id", rows)
    _replace_scopes(session, reporters)


def _replace_scopes(session: Session, reporters: Sequence[Reporter]) -> None:
    named = [person.reporter_id for person in reporters]
    for table in (EntitlementRow, SkillRow):
        session.exec(delete(table).where(col(table.reporter_id).in_(named)))
    entitlements = [
        {"reporter_id": person.reporter_id, "trust": trust, "expires_on": expires_on, "ordinal": ordinal}
        for person in reporters
        for ordinal, (trust, expires_on) in enumerate(person.trusts.items())
    ]
    skills = [
        {
            "reporter_id": person.reporter_id,
            "subspecialty": subspecialty,
            "modality": modality or "",
            "level": int(level),
        }
        for person in reporters
        for (subspecialty, modality), level in person.skills.items()
    ]
    if entitlements:
        session.exec(insert(EntitlementRow), params=entitlements)
    if skills:
        session.exec(insert(SkillRow), params=skills)


def put_feeds(session: Session, feeds: Iterable[Mapping[str, Any]]) -> None:
    """Make these the listed feeds: name, trust, kind, refresh_minutes, stale_after_minutes."""
    _put(session, FeedRow, "name", [{**feed, "kind": FeedKind(feed["kind"])} for feed in feeds])


def put_rosters(session: Session, rosters: Iterable[Mapping[str, Any]]) -> None:
    """Make these the listed rosters: name, trust."""
    _put(session, RosterRow, "name", list(rosters))


def shown_on_lists(session: Session) -> frozenset[tuple[Any, ...]]:
    """Return whatever of the standing data worklists show, or shows who may see what of them; for comparing."""
    statements: tuple[Any, ...] = (
        select(TrustRow.code, TrustRow.pacs_link),
        select(ExaminationRow.code, ExaminationRow.name),
        select(ReporterRow.reporter_id, ReporterRow.name, ReporterRow.home_trust),
        select(SkillRow.reporter_id, SkillRow.subspecialty, SkillRow.modality, SkillRow.level),
        select(EntitlementRow.reporter_id, EntitlementRow.trust, EntitlementRow.expires_on),
    )
    return frozenset(
        (number, *row) for number, statement in enumerate(statements) for row in session.exec(statement).all()
    )


def pacs_links(session: Session) -> dict[str, PacsLink]:
    """Return the templates of the trusts that have one, by trust."""
    found = session.exec(select(TrustRow.code, TrustRow.pacs_link).where(TrustRow.pacs_link != ""))
    return {code: PacsLink(template) for code, template in found}


def trusts(session: Session, *, listed_only: bool = True) -> list[TrustRow]:
    """Return the trusts by code."""
    statement = select(TrustRow).order_by(TrustRow.code)
    return list(session.exec(statement.where(TrustRow.listed) if listed_only else statement))


def examinations(session: Session, *, listed_only: bool = True) -> list[ExaminationRow]:
    """Return the catalogue by code."""
    statement = select(ExaminationRow).order_by(ExaminationRow.code)
    return list(session.exec(statement.where(ExaminationRow.listed) if listed_only else statement))


def examination_names(session: Session) -> dict[str, str]:
    """Return the names of the catalogue's examinations, listed or not, by code."""
    return dict(session.exec(select(ExaminationRow.code, ExaminationRow.name)).all())


class OpenClock(NamedTuple):
    """What of an open study says when it is due, and when it is due by now."""

    id: int
    priority: str
    clock_started_at: datetime
    source_due_at: datetime | None
    due_at: datetime


def open_clocks(session: Session) -> list[OpenClock]:
    """Return the clocks of all open studies, by number."""
    columns: Any = tuple(getattr(StudyRow, name) for name in OpenClock._fields)
    found = session.exec(select(*columns).where(StudyRow.state == StudyState.OPEN).order_by(col(StudyRow.id)))
    return [OpenClock(*row) for row in found]


def put_due_times(session: Session, due_at: Mapping[int, datetime]) -> None:
    """Enter when studies are due; the caller has locked their trusts."""
    if due_at:
        session.exec(update(StudyRow), params=[{"id": study_id, "due_at": due} for study_id, due in due_at.items()])


def _put(session: Session, table: Any, key: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Update the rows that are known, add those that are not, and unlist those that are missing."""
    known = set(session.exec(select(getattr(table, key))))
    session.exec(update(table).values(listed=False))
    listed = [{**row, "listed": True} for row in rows]
    changed = [row for row in listed if row[key] in known]
    added = [_defaults(table) | row for row in listed if row[key] not in known]
    if changed:
        session.exec(update(table), params=changed)
    if added:
        session.exec(insert(table), params=added)


def _defaults(table: Any) -> dict[str, Any]:
    """Return the columns that have a default, with it: a bulk insert knows nothing of the model's own."""
    return {name: field.default for name, field in table.model_fields.items() if not field.is_required()}
