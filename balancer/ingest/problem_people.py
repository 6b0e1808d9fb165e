"""``reporters.csv`` and ``sessions.csv`` of a problem folder."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from balancer.domain.policy import Policy
from balancer.domain.reporter import REPORTING, Reporter, Session, SkillLevel
from balancer.ingest.problem_catalogue import MOST_READS, Names
from balancer.ingest.problem_table import Table, entries, shown

REPORTER_COLUMNS = ("reporter_id", "name", "grade", "home_trust", "trusts", "skills", "modalities")
REPORTER_OPTIONAL = ("speed",)
SESSION_COLUMNS = ("session_id", "reporter_id", "start", "end", "activity")
SESSION_OPTIONAL = ("productivity", "trusts", "subspecialties", "modalities", "priorities", "max_reads")

MOST_SPEED = 100.0
MOST_READS_A_SESSION = MOST_READS * 1_000_000
_LEVELS = {str(level.value): level for level in SkillLevel}


def read_reporters(table: Table, trusts: Names) -> tuple[list[Reporter], Names]:
    """Return the reporters of ``reporters.csv`` and their numbers."""
    reporters, names, at_start = [], Names(), len(table.faults)
    for cells in table.rows():
        before = len(table.faults)
        names.define(table, "reporter_id", cells[0])
        if ";" in cells[0]:
            table.fault("reporter_id", f"{shown(cells[0])} contains ';'")
        _, name, grade, home_trust, entitled, skills, modalities, speed = cells
        if home_trust:
            trusts.refer(table, "home_trust", home_trust, "a trust of trusts.csv")
        scope = _skills(table, skills)
        until = _entitlements(table, entitled, trusts)
        factor = table.number("speed", speed, most=MOST_SPEED) if speed else 1.0
        if len(table.faults) == before:
            reporters.append(
                Reporter(
                    reporter_id=cells[0],
                    name=name,
                    grade=grade,
                    home_trust=home_trust,
                    trusts=until,
                    skills=scope,
                    modalities=frozenset(entries(modalities)),
                    speed=factor,
                )
            )
    names.complete = bool(names.line_of) or len(table.faults) == at_start
    return reporters, names


def _entitlements(table: Table, cell: str, trusts: Names) -> dict[str, date | None]:
    """Return ``RVV;RWF@2026-06-30`` as last days by trust."""
    until: dict[str, date | None] = {}
    for entry in entries(cell):
        trust, at, day = entry.partition("@")
        trusts.refer(table, "trusts", trust, "a trust of trusts.csv")
        if trust in until:
            table.fault("trusts", f"{shown(trust)} stands twice")
        until[trust] = table.day("trusts", day) if at else None
    return until


def _skills(table: Table, cell: str) -> dict[tuple[str, str | None], SkillLevel]:
    """Return ``neuro:3;msk/DX:2`` as levels by (subspecialty, modality)."""
    levels: dict[tuple[str, str | None], SkillLevel] = {}
    for entry in entries(cell):
        scope, colon, level = entry.rpartition(":")
        subspecialty, slash, modality = scope.partition("/")
        if not colon or not subspecialty or (slash and not modality) or "/" in modality:
            table.fault("skills", f"{shown(entry)} is not written subspecialty:level or subspecialty/MODALITY:level")
        elif level not in _LEVELS:
            table.fault("skills", f"{shown(entry)}: the level is not 1, 2 or 3")
        elif (subspecialty, modality or None) in levels:
            table.fault("skills", f"{shown(scope)} stands twice")
        else:
            levels[subspecialty, modality or None] = _LEVELS[level]
    return levels


def read_sessions(
    table: Table, reporters: Names, trusts: Names, priorities: frozenset[str] | None, policy: Policy | None
) -> list[Session]:
    """Return the sessions of ``sessions.csv``; overlapping reporting sessions of one reporter are faults.

    ``priorities`` is ``None`` if the policy could not be read: then no code is called unknown.
    """
    sessions: list[Session] = []
    timed: list[tuple[int, Session]] = []
    names = Names()
    default = policy.default_productivity if policy else 1.0
    for cells in table.rows():
        before = len(table.faults)
        names.define(table, "session_id", cells[0])
        if table.given("reporter_id", cells[1]):
            reporters.refer(table, "reporter_id", cells[1], "a reporter of reporters.csv")
        for trust in entries(cells[6]):
            trusts.refer(table, "trusts", trust, "a trust of trusts.csv")
        for code in entries(cells[9]):
            if priorities is not None and code not in priorities:
                table.fault("priorities", f"{shown(code)} is not a class of the policy")
        session = _session(table, cells, default)
        if session is None:
            continue
        timed.append((table.line, session))
        if len(table.faults) == before:
            sessions.append(session)
    # whatever else is wrong with a session, if its times could be read they can be held against the others'
    _refuse_overlaps(table, timed)
    return sessions


def _session(table: Table, cells: Sequence[str], default_productivity: float) -> Session | None:
    session_id, reporter_id, start, end, activity, productivity, trusts, subspecialties, modalities, codes, most = cells
    start_at, end_at = table.instant("start", start), table.instant("end", end)
    if start_at is not None and end_at is not None and end_at <= start_at:
        table.fault("end", f"{end} is not after the start, {start}")
        end_at = None
    table.given("activity", activity)
    share = table.number("productivity", productivity, most=1) if productivity else default_productivity
    max_reads = table.whole("max_reads", most, least=0, most=MOST_READS_A_SESSION) if most else None
    if start_at is None or end_at is None:
        return None
    return Session(
        session_id=session_id,
        reporter_id=reporter_id,
        start=start_at,
        end=end_at,
        activity=activity,
        productivity=share,
        trusts=frozenset(entries(trusts)),
        subspecialties=frozenset(entries(subspecialties)),
        modalities=frozenset(entries(modalities)),
        priorities=frozenset(entries(codes)),
        max_reads=max_reads,
    )


def _refuse_overlaps(table: Table, sessions: Sequence[tuple[int, Session]]) -> None:
    reporting = sorted(
        (item for item in sessions if item[1].activity == REPORTING), key=lambda it: (it[1].reporter_id, it[1].start)
    )
    latest: tuple[int, Session] | None = None
    for item in reporting:
        line, session = item
        if latest is not None and latest[1].reporter_id == session.reporter_id and session.start < latest[1].end:
            table.line = max(line, latest[0])
            table.fault(
                "start",
                f"reporting sessions {shown(latest[1].session_id)} (line {latest[0]}) and "
                f"{shown(session.session_id)} (line {line}) of the same reporter overlap",
            )
        if latest is None or latest[1].reporter_id != session.reporter_id or session.end > latest[1].end:
            latest = item
