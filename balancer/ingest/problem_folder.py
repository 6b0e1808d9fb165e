"""A problem folder (allocation model, section 5) becomes an ``AllocationProblem``, or a list of all its faults."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from balancer.domain.errors import Fault, InputRefusedError, InvalidValueError
from balancer.domain.instant import require_aware
from balancer.domain.policy import Policy, PriorityClass, TargetClock
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import REPORTING, Session
from balancer.domain.study import Study
from balancer.domain.working_days import WorkingCalendar
from balancer.ingest.bank_holidays import england_and_wales
from balancer.ingest.collector import no_collections
from balancer.ingest.policy_file import parse_policy, priority_codes
from balancer.ingest.problem_catalogue import (
    EXAM_COLUMNS,
    EXAM_OPTIONAL,
    TRUST_COLUMNS,
    TRUST_OPTIONAL,
    fault_order,
    read_examinations,
    read_trusts,
)
from balancer.ingest.problem_people import (
    REPORTER_COLUMNS,
    REPORTER_OPTIONAL,
    SESSION_COLUMNS,
    SESSION_OPTIONAL,
    read_reporters,
    read_sessions,
)
from balancer.ingest.problem_studies import STUDY_COLUMNS, STUDY_OPTIONAL, Known, StudyReader
from balancer.ingest.problem_table import FIRST_YEAR, LAST_YEAR, Table, shown
from balancer.ingest.unmatched_names import in_a_problem, unmatched

POLICY_FILE = "policy.toml"
PROBLEM_FILES = ("trusts.csv", "exams.csv", "reporters.csv", "sessions.csv", "studies.csv", POLICY_FILE)


def read_problem(folder: Path, *, now: datetime) -> tuple[AllocationProblem, list[str]]:
    """Return the problem in ``folder`` as it stands at ``now``, and warnings for people.

    Raises
    ------
    InputRefusedError
        If anything at all is wrong, with every fault of every file: file, line, column, reason.
    InvalidValueError
        If ``now`` has no time zone, or lies outside the years that can be reckoned with.
    """
    require_aware(now, "now")
    if not FIRST_YEAR <= now.year <= LAST_YEAR:
        raise InvalidValueError("now", f"is not between the years {FIRST_YEAR} and {LAST_YEAR}")
    if not folder.is_dir():
        raise InputRefusedError([Fault(file=str(folder), reason="is not a folder")])
    with no_collections():
        return _FolderReader(folder, now).read()


class _FolderReader:
    """Reads the six files of one folder, gathering faults and unknown columns as it goes."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self.folder = folder
        self.now = now
        self.faults: list[Fault] = []
        self.unknown: dict[str, list[str]] = {}

    def read(self) -> tuple[AllocationProblem, list[str]]:
        policy, priorities = self._policy()
        trusts_table = self._table("trusts.csv", TRUST_COLUMNS, TRUST_OPTIONAL)
        trusts, trust_names = read_trusts(trusts_table)
        exams_table = self._table("exams.csv", EXAM_COLUMNS, EXAM_OPTIONAL)
        exams, exam_names = read_examinations(exams_table)
        reporters_table = self._table("reporters.csv", REPORTER_COLUMNS, REPORTER_OPTIONAL)
        reporters, reporter_names = read_reporters(reporters_table, trust_names)
        sessions_table = self._table("sessions.csv", SESSION_COLUMNS, SESSION_OPTIONAL)
        sessions = read_sessions(sessions_table, reporter_names, trust_names, priorities, policy)
        studies_table = self._table("studies.csv", STUDY_COLUMNS, STUDY_OPTIONAL)
        studies = StudyReader(
            studies_table,
            Known(
                now=self.now,
                trusts=trust_names,
                exams=exams,
                exam_names=exam_names,
                priorities=priorities,
                reporters=reporter_names,
            ),
        ).read()
        for table in (trusts_table, exams_table, reporters_table, sessions_table, studies_table):
            self.unknown[table.file] = table.unknown
        if self.faults or policy is None:
            raise InputRefusedError(sorted(self.faults, key=lambda fault: fault_order(PROBLEM_FILES, fault)))
        problem = AllocationProblem(
            now=self.now,
            policy=policy,
            trusts=tuple(trusts),
            examinations=tuple(exam for exam in exams.values() if exam is not None),
            reporters=tuple(reporters),
            sessions=tuple(sessions),
            studies=tuple(studies),
            calendar=calendar_for(policy, studies, self.now),
        )
        named = in_a_problem(problem.examinations, reporters, sessions, studies)
        return problem, [*self._warnings(), *unmatched(named), *_almost_reporting(sessions)]

    def _policy(self) -> tuple[Policy | None, frozenset[str] | None]:
        """Return the policy, and the codes of its classes, which may be readable even if the rest is at fault."""
        unknown: list[str] = []
        try:
            content = (self.folder / POLICY_FILE).read_bytes()
        except OSError as error:
            reason = "the file is missing" if isinstance(error, FileNotFoundError) else f"{error.strerror}"
            self.faults.append(Fault(file=POLICY_FILE, reason=reason))
            return None, None
        policy = parse_policy(content, POLICY_FILE, self.faults, unknown)
        self.unknown[POLICY_FILE] = unknown
        return policy, priority_codes(content)

    def _table(self, file: str, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> Table:
        return Table(self.folder / file, required=required, optional=optional, faults=self.faults)

    def _warnings(self) -> list[str]:
        named = [f"{file}: {', '.join(map(repr, names))}" for file, names in sorted(self.unknown.items()) if names]
        return [f"ignored unknown columns or keys: {'; '.join(named)}"] if named else []


def _almost_reporting(sessions: Iterable[Session]) -> list[str]:
    """Warn of activities that are ``reporting`` but for capitals and blanks: taken literally, they carry no reads."""
    named = {session.activity for session in sessions} - {REPORTING}
    almost = sorted(name for name in named if name.strip().casefold() == REPORTING)
    told = ", ".join(map(shown, almost))
    return [f"sessions.csv: activity {told} is not {REPORTING!r}: such sessions carry no reads"] if almost else []


def calendar_for(policy: Policy, studies: Iterable[Study], now: datetime) -> WorkingCalendar:
    """Return the working-days calendar that reaches from the oldest study to the furthest due time."""
    # twice the working days reach over any weekends and holidays between them
    days = max(2 * _target_days(priority) for priority in policy.priorities)
    furthest = now + timedelta(days=days)
    oldest = min((study.acquired_at for study in studies), default=now)
    return england_and_wales(oldest.year - 1, furthest.year + 1)


def _target_days(priority: PriorityClass) -> float:
    """Return how many working days a class's target spans; 0 for elapsed time."""
    if priority.target_working_days is not None:
        return priority.target_working_days
    return (priority.target_hours or 0.0) / 24.0 if priority.clock is TargetClock.WORKING_DAYS else 0.0
