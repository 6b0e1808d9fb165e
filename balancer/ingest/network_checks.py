"""What the files of a network folder say of each other: every code, class and trust that is named must be known."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from balancer.domain.errors import Fault
from balancer.domain.network import Examination
from balancer.domain.policy import Policy
from balancer.domain.receiver import Receiver
from balancer.ingest.feed_file import FeedDescription
from balancer.ingest.file_format import Source
from balancer.ingest.fold import folded_name
from balancer.ingest.problem_table import Table, entries, shown
from balancer.ingest.roster_file import RosterDescription


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What other files define, and the faults so far; ``None`` is of a file that could not be read.

    No name that it may define is called unknown.
    """

    trusts: Collection[str] | None
    exams: Collection[str] | None
    priorities: Collection[str] | None
    faults: list[Fault]

    def refer(self, file: str, column: str, name: str, known: Collection[str] | None, what: str) -> None:
        """Note a fault if ``name`` is not among the known ones."""
        if known is None or name in known:
            return
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        self.faults.append(Fault(file=file, column=column, reason=f"{name!r} is not {what}{hint}"))


def read_aliases(path: Path, examinations: Sequence[Examination], faults: list[Fault]) -> dict[str, tuple[str, ...]]:
    """Return the other names of each examination; one that means two examinations is a fault."""
    if not examinations:
        return {}
    meant: dict[str, set[str]] = defaultdict(set)
    for exam in examinations:
        meant[folded_name(exam.name)].add(exam.code)
    table = Table(path, required=("exam_code",), optional=("aliases",), faults=[])
    aliases: dict[str, tuple[str, ...]] = {}
    for code, cell in table.rows():
        for alias in entries(cell):
            others = meant[folded_name(alias)] - {code}
            if others:
                reason = f"{shown(alias)} also means {', '.join(sorted(others))}"
                faults.append(Fault(file=path.name, line=table.line, column="aliases", reason=reason))
            meant[folded_name(alias)].add(code)
        aliases[code] = tuple(entries(cell))
    return aliases


def check_feeds(feeds: Mapping[str, FeedDescription], known: Known) -> None:
    """Note a fault for every name a feed uses that nobody defines."""
    _check_sources(feeds, known)
    for file, feed in feeds.items():
        for word, priority in feed.priorities.items():
            known.refer(file, f"priority.{word}", priority, known.priorities, "a class of policy.toml")
        for code, exam in feed.exam.codes.items():
            known.refer(file, f"exam.codes.{code}", exam, known.exams, "an examination of exams.csv")


def unapproved(feeds: Sequence[FeedDescription]) -> list[Fault]:
    """Return a fault for each rule that leaves studies out of the queue and names nobody who approved it."""
    reason = "nobody is named who approved that studies are left out by this rule, and production leaves none out by it"
    return [
        Fault(file=feed.name, column=f"exclude.approver of {rule.rule!r}", reason=reason)
        for feed in feeds
        for rule in feed.excludes
        if not rule.approver
    ]


def check_caps(policy: Policy | None, known: Known) -> None:
    """Note a fault for every cap of the ledger whose trust nobody defines."""
    for cap in policy.ledger if policy is not None else ():
        where = f"ledger.taken_minutes.{cap.trust}"
        known.refer("policy.toml", where, cap.trust, known.trusts, "a trust of trusts.csv")


def check_receivers(receivers: Sequence[Receiver], known: Known) -> None:
    """Note a fault for every trust of a receiver of HL7 that nobody defines."""
    for number, receiver in enumerate(receivers, start=1):
        for trust in receiver.trusts:
            known.refer("receivers.toml", f"receivers[{number}].trusts", trust, known.trusts, "a trust of trusts.csv")


def check_rosters(rosters: Mapping[str, RosterDescription], known: Known) -> None:
    """Note a fault for every name a rota uses that nobody defines."""
    _check_sources(rosters, known)
    for file, roster in rosters.items():
        for code, rule in roster.activities.items():
            for priority in sorted(rule.restrictions.priorities):
                where = f"activity.{code}.priorities"
                known.refer(file, where, priority, known.priorities, "a class of policy.toml")
            for trust in sorted(rule.restrictions.trusts):
                known.refer(file, f"activity.{code}.trusts", trust, known.trusts, "a trust of trusts.csv")


def _check_sources(sources: Mapping[str, Source], known: Known) -> None:
    first: dict[str, str] = {}
    for file, source in sources.items():
        known.refer(file, "trust", source.trust, known.trusts, "a trust of trusts.csv")
        if first.setdefault(source.name, file) != file:
            reason = f"{source.name!r} is also the name of {first[source.name]}"
            known.faults.append(Fault(file=file, column="name", reason=reason))
