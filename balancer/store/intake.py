"""What taking in an extract reads and writes, in bulk: a statement for thousands of rows, never one for each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlmodel import Session, and_, col, delete, exists, func, insert, or_, select, update

from balancer.domain.feed import ExcludedRow, FeedKind, IncomingStudy
from balancer.domain.life import ReadKind, ReadState
from balancer.domain.states import BatchKind, BatchState, StudyState
from balancer.domain.study import StudyKey
from balancer.store import assignments
from balancer.store.chunks import chunks, is_among
from balancer.store.reads import locked_reads
from balancer.store.tables import BatchRow, ExclusionRow, FeedRow, HeldClosureRow, StudyRow
from balancer.store.tables_life import ClaimRow, ReadRow

_STATED = (
    "patient_id",
    "local_patient_id",
    "exam_code",
    "priority",
    "acquired_at",
    "modality",
    "subspecialty",
    "minutes",
    "reads",
    "site",
    "patient_setting",
    "ready_at",
    "source_due_at",
    "excluded",
    "prior_reporter",
    "study_instance_uid",
)
Stated = tuple[Any, ...]
_CLAIMED = ReadState.CLAIMED
_OVER = (ReadState.DONE, ReadState.WITHDRAWN, ReadState.EXCLUDED)


class KnownStudy(NamedTuple):
    """A study the store holds already; ``stated`` is what its source said last, comparable with ``stated_by``."""

    id: int
    accession_number: str
    feed: str
    state: StudyState
    clock_started_at: datetime
    came_back: bool
    local_patient_id: str
    last_batch_id: int
    closed_at: datetime | None
    stated: Stated

    @property
    def priority(self) -> str:
        """The class that its source said last."""
        found: str = self.stated[_STATED.index("priority")]
        return found


class RequiredReads(NamedTuple):
    """How many reads a study requires while it is open, who has done some already, when its images were made."""

    study_id: int
    state: StudyState
    reads: int
    done_by: list[str]
    acquired_at: datetime


def stated_by(study: IncomingStudy) -> Stated:
    """Return what a row of an extract states of its study, comparable with ``KnownStudy.stated``."""
    return (
        study.patient_id,
        study.local_patient_id,
        study.exam_code,
        study.priority,
        study.acquired_at,
        study.modality,
        study.subspecialty,
        study.minutes,
        study.reads,
        study.site,
        study.patient_setting,
        study.ready_at,
        study.due_at,
        sorted(study.excluded),
        study.prior_reporter,
        study.study_instance_uid,
    )


def columns_of(stated: Stated) -> dict[str, Any]:
    """Return the columns in which a study's row keeps what its source states."""
    return dict(zip(_STATED, stated, strict=True))


def with_images_of(stated: Stated, known: KnownStudy) -> Stated:
    """Return what a source states, with the Study Instance UID that is known of the study if it states none."""
    return stated if stated[-1] is not None else (*stated[:-1], known.stated[-1])


def known_studies(
    session: Session, trust: str, accession_numbers: Collection[str], *, all_open: bool
) -> dict[str, KnownStudy]:
    """Return the trust's studies that are named, by accession number; with ``all_open`` those that are open as well."""
    columns = [getattr(StudyRow, name) for name in _STATED]
    statement = select(  # type: ignore[call-overload]  # more columns than its typed forms take
        StudyRow.id,
        StudyRow.accession_number,
        StudyRow.feed,
        StudyRow.state,
        StudyRow.clock_started_at,
        col(StudyRow.reopened_at).is_not(None),
        StudyRow.local_patient_id,
        StudyRow.last_batch_id,
        StudyRow.closed_at,
        *columns,
    ).where(StudyRow.trust == trust)
    known = {}
    for row in session.exec(statement.where(StudyRow.state == StudyState.OPEN)) if all_open else ():
        known[row.accession_number] = _known(row)
    for chunk in chunks([number for number in accession_numbers if number not in known]):
        for row in session.exec(statement.where(col(StudyRow.accession_number).in_(chunk))):
            known[row.accession_number] = _known(row)
    return known


def _known(row: Any) -> KnownStudy:
    own = len(KnownStudy._fields) - 1
    return KnownStudy._make((*row[:own], row[own:]))


def unclaimed(session: Session, study_ids: Collection[int], *, beside: Collection[int] = ()) -> set[int]:
    """Return those of these studies of which nobody has claimed a read; nobody will until the transaction ends.

    The reads of the studies ``beside`` them are locked with theirs: whoever changes both must take all in one order, or
    two who do can wait for each other.
    """
    found = locked_reads(session, {*study_ids, *beside})
    found = {study_id: reads for study_id, reads in found.items() if study_id in study_ids}
    claimed = {study_id for study_id, reads in found.items() if any(read.state is _CLAIMED for read in reads)}
    return set(study_ids) - claimed


def done_here(session: Session, trust: str) -> set[int]:
    """Return the trust's open studies of which every read has been done here: that they go is what is expected."""
    # counted study by study: what waits is little beside all that has been done
    done = _reads_of(col(ReadRow.state) == ReadState.DONE, col(ReadRow.confirmed_at).is_(None))
    left = _reads_of(col(ReadRow.state).not_in([ReadState.DONE, ReadState.WITHDRAWN]))
    asked = select(StudyRow.id).where(StudyRow.trust == trust, StudyRow.state == StudyState.OPEN, done > 0, left == 0)
    return {study_id for study_id in session.exec(asked) if study_id is not None}


def _reads_of(*conditions: Any) -> Any:
    """Return how many reads of a study there are of which this is true."""
    of_study = col(ReadRow.study_id) == col(StudyRow.id)
    return select(func.count()).where(of_study, *conditions).correlate(StudyRow).scalar_subquery()


def brought_by(session: Session, trust: str, batch_id: int) -> set[int]:
    """Return the open studies of a trust of which a batch was the first to tell.

    What has been closed is not looked through: a network reports a million studies a year, and keeps them.
    """
    open_here = (StudyRow.state == StudyState.OPEN, StudyRow.trust == trust)
    return set(filter(None, session.exec(select(StudyRow.id).where(*open_here, StudyRow.first_batch_id == batch_id))))


def required_reads(session: Session, study_ids: Collection[int], trust: str, batch_id: int) -> list[RequiredReads]:
    """Return what these studies, and those that a batch has brought to a trust, require of reads now."""
    wanted = {*study_ids, *brought_by(session, trust, batch_id)}
    found = []
    for chunk in chunks(sorted(wanted)):
        statement = select(  # type: ignore[call-overload]  # more columns than its typed forms take
            StudyRow.id, StudyRow.state, StudyRow.reads, StudyRow.excluded, StudyRow.acquired_at
        )
        found += [RequiredReads(*row) for row in session.exec(statement.where(col(StudyRow.id).in_(chunk)))]
    return found


def other_owners(session: Session, feed: FeedRow) -> set[str]:
    """Return the other listed feeds of the same trust: what they own is theirs to withdraw."""
    statement = select(FeedRow.name).where(FeedRow.trust == feed.trust, FeedRow.name != feed.name, FeedRow.listed)
    return set(session.exec(statement))


def add_studies(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add studies; each row gives every column but ``id``."""
    if rows:
        session.exec(insert(StudyRow), params=rows)


def change_studies(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Change studies by ``id``; every row gives the same columns.

    Whose a study was before it is said to be another patient's is remembered: lists show it among that one's priors.
    """
    if rows:
        now_of = {row["id"]: row["patient_id"] for row in rows if "patient_id" in row}
        assignments.left(session, _patients_left(session, now_of))
        session.exec(update(StudyRow), params=rows)


def _patients_left(session: Session, now_of: Mapping[int, str]) -> set[str]:
    """Return the patients of these studies who will not have them any more, given whose each is from now on."""
    known = select(StudyRow.id, StudyRow.patient_id).where(is_among(session, StudyRow.id, sorted(now_of)))
    found = session.exec(known).all() if now_of else ()
    return {patient_id for study_id, patient_id in found if now_of[study_id or 0] != patient_id}


def see_studies(session: Session, ids: Collection[int], *, batch_id: int, now: datetime) -> None:
    """Enter that a batch has seen these studies again."""
    if ids:
        seen = update(StudyRow).where(is_among(session, StudyRow.id, ids))
        seen = seen.values(last_batch_id=batch_id, last_seen_at=now)
        session.exec(seen, execution_options={"synchronize_session": False})


def adopt_studies(session: Session, ids: Iterable[int], feed: FeedRow) -> None:
    """Make studies whose feed is no longer listed the feed's own."""
    for chunk in chunks(ids):
        adopted = update(StudyRow).where(col(StudyRow.id).in_(chunk)).values(feed=feed.name)
        session.exec(adopted, execution_options={"synchronize_session": False})


def close_studies(session: Session, closures: Mapping[int, str], *, now: datetime) -> None:
    """Close open studies: withdraw them, or exclude them by the rule given as value."""
    rows = [
        {
            "id": study_id,
            "state": StudyState.EXCLUDED if rule else StudyState.WITHDRAWN,
            "exclusion_rule": rule,
            "closed_at": now,
        }
        for study_id, rule in closures.items()
    ]
    change_studies(session, rows)


def hold_closures(session: Session, batch_id: int, closures: Mapping[int, str]) -> None:
    """Keep what a held batch would close until a person decides."""
    rows = [{"batch_id": batch_id, "study_id": study_id, "rule": rule} for study_id, rule in closures.items()]
    if rows:
        session.exec(insert(HeldClosureRow), params=rows)


def held_closures(session: Session, batch_id: int) -> dict[int, str]:
    """Return what a held batch would still close: open studies that no later batch has seen and nobody has claimed."""
    claimed = select(ReadRow.study_id).where(ReadRow.state == _CLAIMED)
    statement = (
        select(HeldClosureRow.study_id, HeldClosureRow.rule)
        .join(StudyRow, col(StudyRow.id) == col(HeldClosureRow.study_id))
        .where(
            HeldClosureRow.batch_id == batch_id,
            StudyRow.state == StudyState.OPEN,
            StudyRow.last_batch_id <= batch_id,
            col(StudyRow.id).not_in(claimed),
        )
    )
    return dict(session.exec(statement).all())


def forget_closures(session: Session, batch_id: int) -> None:
    """Forget what a batch would have closed."""
    session.exec(delete(HeldClosureRow).where(col(HeldClosureRow.batch_id) == batch_id))


# --- excluded rows ---------------------------------------------------------------------------------------------------


def keep_exclusions(
    session: Session, feed: FeedRow, rows: Iterable[ExcludedRow], *, batch_id: int, now: datetime
) -> None:
    """Keep the rows a named rule left out, with their content; a row known already is brought up to date."""
    stated = {row.key.accession_number: row for row in rows}
    known: set[str] = set()
    for chunk in chunks(stated):
        of_trust = select(ExclusionRow.accession_number).where(ExclusionRow.trust == feed.trust)
        known.update(session.exec(of_trust.where(col(ExclusionRow.accession_number).in_(chunk))))
    now_so = {
        number: {
            "trust": feed.trust,
            "accession_number": number,
            "feed": feed.name,
            "rule": row.rule,
            "line": row.row.line,
            "sheet": row.row.sheet,
            "raw": dict(row.row.raw),
            "last_batch_id": batch_id,
            "last_seen_at": now,
            "active": True,
        }
        for number, row in stated.items()
    }
    changed = [columns for number, columns in now_so.items() if number in known]
    if changed:
        session.exec(update(ExclusionRow), params=changed)
    added = [{**columns, "first_batch_id": batch_id} for number, columns in now_so.items() if number not in known]
    if added:
        session.exec(insert(ExclusionRow), params=added)


def left_out_by(session: Session, key: StudyKey) -> str:
    """Return the rule by which a source's last word leaves a study out; empty if none does."""
    named = select(ExclusionRow.rule).where(ExclusionRow.trust == key.trust, col(ExclusionRow.active))
    return session.exec(named.where(ExclusionRow.accession_number == key.accession_number)).first() or ""


def left_out_but_open(session: Session) -> dict[str, dict[int, str]]:
    """Return the open studies that a feed of changes left out while somebody had them open, and nobody has any more.

    By feed and study, with the rule that leaves each out. Only an extract says so, and none that a person has not
    believed: of rows that are read again from quarantine nothing is concluded. A snapshot says it again. What has yet
    to be verified or decided on stays until it is.
    """
    its_own = (
        col(ExclusionRow.trust) == col(StudyRow.trust),
        col(ExclusionRow.accession_number) == col(StudyRow.accession_number),
        col(ExclusionRow.active),
        col(ExclusionRow.last_batch_id) > col(StudyRow.last_batch_id),
    )
    waits = exists().where(
        col(ReadRow.study_id) == col(StudyRow.id),
        or_(
            col(ReadRow.state) == _CLAIMED,
            and_(col(ReadRow.kind) != ReadKind.INTERPRETATION, col(ReadRow.state).not_in(_OVER)),
        ),
    )
    was_open = exists().where(
        col(ReadRow.study_id) == col(StudyRow.id),
        col(ClaimRow.read_id) == col(ReadRow.id),
        ClaimRow.claimed_at <= func.coalesce(BatchRow.resolved_at, BatchRow.received_at),
        col(ClaimRow.ended_at) >= BatchRow.received_at,
    )
    statement = (
        select(ExclusionRow.feed, StudyRow.id, ExclusionRow.rule)
        .select_from(StudyRow)
        .join(ExclusionRow, and_(*its_own))
        .join(FeedRow, col(FeedRow.name) == col(ExclusionRow.feed))
        .join(BatchRow, col(BatchRow.id) == col(ExclusionRow.last_batch_id))
        .where(
            StudyRow.state == StudyState.OPEN,
            FeedRow.kind == FeedKind.DELTA,
            BatchRow.kind == BatchKind.EXTRACT,
            col(BatchRow.state).in_([BatchState.APPLIED, BatchState.RELEASED]),
            ~waits.correlate(StudyRow),
            was_open.correlate(StudyRow, BatchRow),
        )
    )
    found: dict[str, dict[int, str]] = {}
    for feed, study_id, rule in session.exec(statement):
        found.setdefault(feed, {})[study_id or 0] = rule
    return found


def end_exclusions(session: Session, feed: FeedRow, accession_numbers: Collection[str]) -> None:
    """Enter that these studies are no longer left out."""
    # few are left out, and fewer of those that are not any more: to look for every accepted one takes far longer
    left_out = select(ExclusionRow.accession_number).where(ExclusionRow.trust == feed.trust, col(ExclusionRow.active))
    for chunk in chunks(number for number in session.exec(left_out).all() if number in accession_numbers):
        _end(session, ExclusionRow.trust == feed.trust, col(ExclusionRow.accession_number).in_(chunk))


def end_other_exclusions(session: Session, feed: FeedRow, *, batch_id: int) -> None:
    """Enter that whatever the feed left out before and a complete batch no longer holds is no longer left out."""
    _end(session, ExclusionRow.feed == feed.name, ExclusionRow.last_batch_id < batch_id)


def _end(session: Session, *conditions: Any) -> None:
    ended = update(ExclusionRow).where(col(ExclusionRow.active), *conditions).values(active=False)
    session.exec(ended, execution_options={"synchronize_session": False})
