"""What may be done, and which role may do it: the one table.

A permission's value is also the OAuth 2.0 scope (RFC 6749, 3.3) that a system is given for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Permission(StrEnum):
    """One thing that a route does; every route names the permissions of which its caller needs one."""

    ACCESS_MANAGE = "access.manage"
    ASSIGNMENTS_READ = "assignments.read"
    AUDIT_READ = "audit.read"
    BALANCE_READ = "balance.read"
    FEEDS_DECIDE = "feeds.decide"
    FEEDS_READ = "feeds.read"
    LEDGER_READ = "ledger.read"
    POLICIES_READ = "policies.read"
    POLICIES_WRITE = "policies.write"
    QUARANTINE_READ = "quarantine.read"
    READS_EXPEDITE = "reads.expedite"
    READS_STEER = "reads.steer"
    READS_WORK = "reads.work"
    REPORTERS_READ = "reporters.read"
    REPORTERS_WRITE = "reporters.write"
    RUNS_DECIDE = "runs.decide"
    RUNS_READ = "runs.read"
    RUNS_START = "runs.start"
    SERVICE_READ = "service.read"
    STUDIES_CREATE = "studies.create"
    STUDIES_READ = "studies.read"
    WORKLISTS_READ = "worklists.read"


def permissions_named(names: Iterable[str]) -> frozenset[Permission]:
    """Return the permissions of these names; a name that is none, or none any more, permits nothing."""
    known = {permission.value: permission for permission in Permission}
    return frozenset(known[name] for name in names if name in known)


class Role(StrEnum):
    """What a person is to the network.

    ``manager`` steers a trust's reporting; ``reporter`` works their own list, and whatever they may is for their own
    reads only; ``referrer`` asks for a trust's studies and may say that one is urgent; ``administrator`` runs the
    service and needs no patient's data for it; ``auditor`` looks at who did what and changes nothing.
    """

    MANAGER = "manager"
    REPORTER = "reporter"
    REFERRER = "referrer"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


MEANING: Mapping[Permission, str] = {
    Permission.ACCESS_MANAGE: "see who and what has access, and end it",
    Permission.ASSIGNMENTS_READ: "follow who is to report which study",
    Permission.AUDIT_READ: "see who did what",
    Permission.BALANCE_READ: "see where every read stands",
    Permission.FEEDS_DECIDE: "release or discard held files, read quarantined rows again",
    Permission.FEEDS_READ: "see what trusts deliver",
    Permission.LEDGER_READ: "see who reported how much for whom",
    Permission.POLICIES_READ: "see the clinical policy",
    Permission.POLICIES_WRITE: "make a new version of the clinical policy",
    Permission.QUARANTINE_READ: "see rows that could not be taken, whole",
    Permission.READS_EXPEDITE: "say that a study is needed sooner",
    Permission.READS_STEER: "pin, park, exclude, send out, take over",
    Permission.READS_WORK: "claim, release, return and complete reads",
    Permission.REPORTERS_READ: "see reporters and when they are rostered",
    Permission.REPORTERS_WRITE: "change rosters and entitlements",
    Permission.RUNS_DECIDE: "publish or discard a plan that is held",
    Permission.RUNS_READ: "see allocation runs",
    Permission.RUNS_START: "ask for allocation runs",
    Permission.SERVICE_READ: "see what is running",
    Permission.STUDIES_CREATE: "make studies known, as a feed does",
    Permission.STUDIES_READ: "see studies and where their reads stand",
    Permission.WORKLISTS_READ: "see worklists",
}

FOR_SYSTEMS = frozenset({Permission.STUDIES_CREATE})
"""What no role has: a person who types a study in is no source that anybody could ask again."""

MAY: Mapping[Role, frozenset[Permission]] = {
    Role.MANAGER: frozenset(Permission) - FOR_SYSTEMS - {Permission.ACCESS_MANAGE},
    Role.REPORTER: frozenset(
        {
            Permission.WORKLISTS_READ,
            Permission.READS_WORK,
            Permission.REPORTERS_READ,
            Permission.SERVICE_READ,
        }
    ),
    Role.REFERRER: frozenset({Permission.STUDIES_READ, Permission.READS_EXPEDITE, Permission.SERVICE_READ}),
    Role.ADMINISTRATOR: frozenset(
        {
            Permission.ACCESS_MANAGE,
            Permission.BALANCE_READ,
            Permission.FEEDS_READ,
            Permission.POLICIES_READ,
            Permission.REPORTERS_READ,
            Permission.REPORTERS_WRITE,
            Permission.RUNS_READ,
            Permission.RUNS_START,
            Permission.SERVICE_READ,
        }
    ),
    Role.AUDITOR: frozenset(
        {
            Permission.AUDIT_READ,
            Permission.BALANCE_READ,
            Permission.FEEDS_READ,
            Permission.LEDGER_READ,
            Permission.POLICIES_READ,
            Permission.REPORTERS_READ,
            Permission.RUNS_READ,
            Permission.SERVICE_READ,
            Permission.STUDIES_READ,
            Permission.WORKLISTS_READ,
        }
    ),
}
