"""A network folder: its standing data, its policy and the descriptions of what its trusts deliver."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from balancer.domain.errors import Fault, InputRefusedError
from balancer.domain.network import Examination, Trust
from balancer.domain.policy import Policy
from balancer.domain.receiver import Receiver
from balancer.domain.reporter import Reporter
from balancer.domain.working_days import WorkingCalendar
from balancer.ingest.bank_holidays import england_and_wales
from balancer.ingest.feed_file import PAEDIATRIC, FeedDescription, read_feed
from balancer.ingest.file_format import Source
from balancer.ingest.network_checks import Known, check_caps, check_feeds, check_receivers, check_rosters, read_aliases
from balancer.ingest.policy_file import parse_policy, priority_codes
from balancer.ingest.problem_catalogue import (
    EXAM_COLUMNS,
    EXAM_OPTIONAL,
    TRUST_COLUMNS,
    TRUST_OPTIONAL,
    Names,
    fault_order,
    read_examinations,
    read_trusts,
)
from balancer.ingest.problem_people import REPORTER_COLUMNS, REPORTER_OPTIONAL, read_reporters
from balancer.ingest.problem_table import Table
from balancer.ingest.receivers_file import RECEIVERS_FILE, read_receivers
from balancer.ingest.roster_file import ROSTER, RosterDescription, read_roster_description
from balancer.ingest.toml_section import TomlFile
from balancer.ingest.unmatched_names import Scopes, Use, of_examinations, of_reporters, of_sessions, unmatched

D = TypeVar("D", bound=Source)

NETWORK_FILE, POLICY_FILE = "network.toml", "policy.toml"
_FILES = (NETWORK_FILE, "trusts.csv", "exams.csv", "reporters.csv", POLICY_FILE, RECEIVERS_FILE)
# Columns that are for people; problem folders call them unknown.
_FOR_PEOPLE = frozenset({"label", "kind", "basis", "aliases", "nicip"})
_CALENDAR_YEARS = (1990, 2050)


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFolder:
    """Everything about a network that changes seldom. ``aliases`` are other names of examinations, by code.

    ``as_of`` is when the extracts of a sample were taken; a live network has none. ``warnings`` are for people.
    """

    folder: Path
    title: str
    as_of: datetime | None
    synthetic: bool
    trusts: tuple[Trust, ...]
    examinations: tuple[Examination, ...]
    aliases: Mapping[str, tuple[str, ...]]
    reporters: tuple[Reporter, ...]
    policy: Policy
    calendar: WorkingCalendar
    feeds: tuple[FeedDescription, ...] = ()
    rosters: tuple[RosterDescription, ...] = ()
    receivers: tuple[Receiver, ...] = ()
    warnings: tuple[str, ...] = ()


def read_network(folder: Path) -> NetworkFolder:
    """Return the network in ``folder``.

    Raises
    ------
    InputRefusedError
        If anything at all is wrong, with every fault of every file.
    """
    if not folder.is_dir():
        raise InputRefusedError([Fault(file=str(folder), reason="is not a folder")])
    return _NetworkReader(folder).read()


class _NetworkReader:
    """Reads one folder, gathering faults and warnings as it goes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: list[Fault] = []
        self.warnings: list[str] = []

    def read(self) -> NetworkFolder:
        title, as_of, synthetic = self._about()
        trusts_table = self._table("trusts.csv", TRUST_COLUMNS, TRUST_OPTIONAL)
        trusts, trust_names = read_trusts(trusts_table)
        exams_table = self._table("exams.csv", EXAM_COLUMNS, EXAM_OPTIONAL)
        exams, exam_names = read_examinations(exams_table)
        examinations = tuple(exam for exam in exams.values() if exam is not None)
        aliases = read_aliases(self.folder / "exams.csv", examinations, self.faults)
        reporters_table = self._table("reporters.csv", REPORTER_COLUMNS, REPORTER_OPTIONAL)
        reporters, _ = read_reporters(reporters_table, trust_names)
        policy, priorities = self._policy()
        for table in (trusts_table, exams_table, reporters_table):
            self._warn_of(table)
        known = Known(
            trusts=_complete(trust_names),
            exams=_complete(exam_names),
            priorities=priorities,
            faults=self.faults,
        )
        feeds = self._described("feeds", read_feed)
        rosters = self._described("rosters", read_roster_description)
        check_feeds(feeds, known)
        check_rosters(rosters, known)
        check_caps(policy, known)
        receivers = self._receivers()
        check_receivers(receivers, known)
        if self.faults or policy is None:
            raise InputRefusedError(sorted(self.faults, key=lambda fault: fault_order(_FILES, fault)))
        self.warnings.extend(unmatched(_named(examinations, reporters, rosters)))
        return NetworkFolder(
            folder=self.folder,
            title=title,
            as_of=as_of,
            synthetic=synthetic,
            trusts=tuple(trusts),
            examinations=examinations,
            aliases=aliases,
            reporters=tuple(reporters),
            policy=policy,
            calendar=england_and_wales(*_CALENDAR_YEARS),
            feeds=tuple(feeds.values()),
            rosters=tuple(rosters.values()),
            receivers=receivers,
            warnings=tuple(self.warnings),
        )

    def _about(self) -> tuple[str, datetime | None, bool]:
        file = TomlFile(self.folder / NETWORK_FILE, self.faults)
        if not file.readable:
            return "", None, False
        top = file.top
        title, synthetic = top.text("title"), top.flag("synthetic", default=False)
        as_of = top.instant("as_of")
        self.warnings.extend(file.unknown_keys())
        return title, as_of, synthetic

    def _table(self, file: str, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> Table:
        return Table(self.folder / file, required=required, optional=optional, faults=self.faults)

    def _warn_of(self, table: Table) -> None:
        unknown = [name for name in table.unknown if name not in _FOR_PEOPLE]
        if unknown:
            self.warnings.append(f"{table.file}: ignored unknown columns: {', '.join(map(repr, unknown))}")

    def _described(self, folder: str, read: Callable[[Path], D]) -> dict[str, D]:
        """Return every description in a folder below, by file; one at fault adds its faults and is left out."""
        found: dict[str, D] = {}
        for path in sorted((self.folder / folder).glob("*.toml")):
            try:
                found[f"{folder}/{path.name}"] = source = read(path)
            except InputRefusedError as error:
                self.faults.extend(error.faults)
            else:
                self.warnings.extend(source.warnings)
        return found

    def _receivers(self) -> tuple[Receiver, ...]:
        try:
            return read_receivers(self.folder)
        except InputRefusedError as error:
            self.faults.extend(error.faults)
            return ()

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
        if unknown:
            self.warnings.append(f"{POLICY_FILE}: ignored unknown keys: {', '.join(map(repr, unknown))}")
        return policy, priority_codes(content)


def _named(
    examinations: Iterable[Examination], reporters: Sequence[Reporter], rosters: Mapping[str, RosterDescription]
) -> list[Use]:
    """Return which subspecialties and modalities the folder names; children are a subspecialty of their own."""
    there = of_examinations(examinations) | Scopes(subspecialties=frozenset({PAEDIATRIC}), modalities=frozenset())
    skills, modalities = of_reporters(reporters)
    return [
        Use(where="reporters.csv, skills", named=skills, known=there),
        Use(where="reporters.csv, modalities", named=modalities, known=there),
        *(
            Use(
                where=file,
                named=of_sessions(rule.restrictions for rule in roster.activities.values()),
                known=there,
            )
            for file, roster in rosters.items()
        ),
    ]


def _complete(names: Names) -> list[str] | None:
    return list(names.line_of) if names.complete else None


def read_description(path: Path, network: NetworkFolder) -> FeedDescription | RosterDescription:
    """Return what ``path`` describes, a feed or a rota by its ``kind``, held against the network's own files.

    Raises
    ------
    InputRefusedError
        With every fault of the description.
    """
    faults: list[Fault] = []
    file = TomlFile(path, faults, file=f"{path.parent.name}/{path.name}")
    is_roster = file.top.values.get("kind") == ROSTER
    if faults:
        raise InputRefusedError(faults)
    known = Known(
        trusts=[trust.code for trust in network.trusts],
        exams=[exam.code for exam in network.examinations],
        priorities=[priority.code for priority in network.policy.priorities],
        faults=faults,
    )
    description: FeedDescription | RosterDescription
    if is_roster:
        description = roster = read_roster_description(path)
        check_rosters({file.file: roster}, known)
    else:
        description = feed = read_feed(path)
        check_feeds({file.file: feed}, known)
    if faults:
        raise InputRefusedError(faults)
    return description
