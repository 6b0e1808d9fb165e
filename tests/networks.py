"""A small network in a database, and extracts for it, built in a line."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from balancer.domain.actor import system
from balancer.domain.feed import (
    ExcludedRow,
    FeedKind,
    IncomingStudy,
    ParsedExtract,
    QuarantinedRow,
    SourceRow,
)
from balancer.domain.life import ReadEvent, ReadState
from balancer.domain.network import Examination, Trust
from balancer.domain.permission import Permission
from balancer.domain.plan import Plan
from balancer.domain.policy import Policy
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import Reporter, Session
from balancer.domain.states import BatchState
from balancer.domain.study import StudyKey
from balancer.services.claim_read import claim_read
from balancer.services.ingest_studies import ingest_extract
from balancer.services.load_network import load_network
from balancer.store import claims, reads, studies
from balancer.store.database import Database
from balancer.store.database import Session as WritingSession
from balancer.store.rosters import add_roster_batch, replace_sessions
from balancer.store.tables import RosterBatchRow
from balancer.store.tables_life import ClaimRow
from tests.worlds import EXAMPLE_POLICY, NOW, lay_out, policy, priority, reporter, with_true_figures

FEED = "RVV unreported"
PACS = system("pacs-of-rvv", "PACS of RVV", [Permission.READS_WORK], ["RVV"])


@dataclass(frozen=True, kw_only=True)
class Feed:
    """A feed as its description describes it."""

    name: str = FEED
    trust: str = "RVV"
    kind: FeedKind = FeedKind.SNAPSHOT
    refresh_minutes: float = 15
    stale_after_minutes: float = 60


@dataclass(frozen=True, kw_only=True)
class Roster:
    """A roster as its description describes it."""

    name: str = "RVV rota"
    trust: str = "RVV"


@dataclass(frozen=True, kw_only=True)
class Network:
    """Two trusts, two examinations, two reporters, a feed and a roster of RVV."""

    trusts: Sequence[Trust] = (Trust(code="RVV", name="East"), Trust(code="RWF", name="West"))
    examinations: Sequence[Examination] = (
        Examination(code="CTH", name="CT head", modality="CT", body_region="head", subspecialty="neuro", minutes=7),
        Examination(
            code="XCH", name="XR chest", modality="DX", body_region="chest", subspecialty="thoracic", minutes=2
        ),
    )
    reporters: Sequence[Reporter] = field(
        default_factory=lambda: (
            reporter("R1", trusts=("RVV", "RWF"), skills={"neuro": 3, "msk/DX": 2}),
            reporter("R2", home_trust="RWF", trusts=("RVV", "RWF"), skills={"neuro": 2}),
        )
    )
    policy: Policy = EXAMPLE_POLICY
    feeds: Sequence[Feed] = (Feed(),)
    rosters: Sequence[Roster] = (Roster(),)


def loaded(db: Database, network: Network | None = None) -> Database:
    """Load a network and return its database."""
    load_network(db, network or Network(), NOW)
    return db


def minutes(count: float) -> datetime:
    """Return the instant ``count`` minutes after ``NOW``."""
    return NOW + timedelta(minutes=count)


def incoming(accession_number: str, *, trust: str = "RVV", line: int = 2, **stated: object) -> IncomingStudy:
    """Return a row that states an urgent CT head acquired an hour before ``NOW``."""
    study = IncomingStudy(
        row=SourceRow(line=line, sheet="", raw={"Accession": accession_number}),
        trust=trust,
        accession_number=accession_number,
        patient_id=f"p-{accession_number}",
        local_patient_id=f"H-{accession_number}",
        exam_code="CTH",
        priority="urgent",
        acquired_at=minutes(-60),
        modality="CT",
        subspecialty="neuro",
        minutes=7,
        reads=1,
    )
    return replace(study, **stated)  # type: ignore[arg-type]  # checked by dataclass use


def bad_row(
    accession_number: str | None = None, *, line: int = 3, reason: str = "unknown priority", **cells: str
) -> QuarantinedRow:
    """Return a row that could not be taken; it says which study it is if ``accession_number`` is given."""
    raw = {"Accession": accession_number or "", **cells}
    key = None if accession_number is None else StudyKey("RVV", accession_number)
    return QuarantinedRow(
        row=SourceRow(line=line, sheet="", raw=raw), column="Priority", reason=reason, detail="'??'", key=key
    )


def excluded_row(accession_number: str, rule: str = "medical photography") -> ExcludedRow:
    """Return a row left out by ``rule``."""
    row = SourceRow(line=9, sheet="", raw={"Accession": accession_number})
    return ExcludedRow(row=row, rule=rule, key=StudyKey("RVV", accession_number))


def extract(
    *studies: str | IncomingStudy,
    at: float = 0,
    feed: str = FEED,
    excluded: Iterable[str | ExcludedRow] = (),
    quarantined: Iterable[QuarantinedRow] = (),
    duplicates: Iterable[IncomingStudy] = (),
    **stated: object,
) -> ParsedExtract:
    """Return an extract made ``at`` minutes after ``NOW``, whose digest follows from its content."""
    rows = tuple(incoming(item) if isinstance(item, str) else item for item in studies)
    left_out = tuple(excluded_row(item) if isinstance(item, str) else item for item in excluded)
    bad, again = tuple(quarantined), tuple(duplicates)
    content: Mapping[str, object] = {"rows": rows, "out": left_out, "bad": bad, "again": again, "at": at}
    parsed = ParsedExtract(
        feed=feed,
        digest=hashlib.sha256(repr(content).encode()).hexdigest(),
        extracted_at=minutes(at),
        rows_read=len(rows) + len(left_out) + len(bad) + len(again),
        studies=rows,
        duplicates=again,
        excluded=left_out,
        quarantined=bad,
    )
    return replace(parsed, **stated)  # type: ignore[arg-type]  # checked by dataclass use


WEST = Feed(name="RWF unreported", trust="RWF")
TWO_FEEDS = Network(feeds=(Feed(), WEST))


def rostered(db: Database, *sessions: Session, trust: str = "RVV") -> None:
    """Put these sessions, and no others of theirs, on the roster of ``trust``."""
    with db.transaction() as session:
        batch = RosterBatchRow(
            roster=Roster().name,
            file_name="rota.csv",
            digest="",
            received_at=NOW,
            last_received_at=NOW,
            state=BatchState.APPLIED,
            faults=[],
        )
        batch_id = add_roster_batch(session, batch)
        replace_sessions(session, trust, sessions, start=minutes(0), end=minutes(0), batch_id=batch_id)


def queued(db: Database, *studies: str | IncomingStudy) -> None:
    """Take in a first extract of RVV made now; the example policy is replaced by one whose figures are round."""
    loaded(db, replace(TWO_FEEDS, policy=policy(priority("urgent"), priority("emergency", target_hours=1))))
    ingest_extract(db, Feed(), extract(*studies), NOW)


def claimed(db: Database, accession_number: str, reporter_id: str = "R1", *, read: int = 1) -> None:
    """Let a system say, at ``NOW``, that a reporter has opened a read of a study of RVV."""
    claim_read(db, read_id(db, accession_number, read=read), reporter_id, NOW, by=PACS, heartbeats=False)


def claim_within(writing: WritingSession, accession_number: str, reporter_id: str = "R1") -> int:
    """Claim the first read of a study of RVV in a transaction that is open; return the study's number."""
    found = studies.study(writing, StudyKey("RVV", accession_number))
    row, _ = reads.locked_read(writing, found.reads[0].row.id or 0)
    reads.move(writing, row, ReadEvent.CLAIM, ReadState.CLAIMED, by=PACS, now=NOW, reporter_id=reporter_id)
    claims.add_claim(writing, ClaimRow(read_id=row.id or 0, reporter_id=reporter_id, claimed_at=NOW))
    return row.study_id


def read_id(db: Database, accession_number: str, *, read: int = 1, trust: str = "RVV") -> int:
    """Return the number of a read."""
    with db.session() as session:
        found = studies.study(session, StudyKey(trust, accession_number)).reads
    return next(status.row.id or 0 for status in found if status.row.number == read)


def standing(db: Database, accession_number: str, *, read: int = 1) -> tuple[ReadState, str | None]:
    """Return the state of a read of RVV, and whose it is."""
    with db.session() as session:
        row = reads.read(session, read_id(db, accession_number, read=read))
    return row.state, row.reporter_id


Solving = Callable[..., Plan]


def solving(placed: Mapping[str, Sequence[str]], unallocated: Mapping[str, str] | None = None) -> Solving:
    """Return a solver whose plan is laid out by hand, as ``worlds.lay_out`` does, with the figures it truly has."""

    def solve(problem: AllocationProblem, **_: object) -> Plan:
        return with_true_figures(problem, lay_out(problem, placed, unallocated))

    return solve
