"""The hard rules of section 3, one function a rule; each yields what breaks it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from balancer.domain.reporter import Session
from balancer.domain.study import ReadKey, Study, StudyKey
from balancer.optimise.referee.case import TOLERANCE, Case, Finding, Placed, named
from balancer.optimise.referee.reasons import claimed_read_fits

_SESSIONS_OF_A_CLAIM = 2


def broken_rules(case: Case) -> Iterator[Finding]:
    """Yield every broken rule, in the order of the contract."""
    yield from entitled(case)
    yield from skilled(case)
    yield from modality(case)
    yield from session_takes(case)
    yield from session_full(case)
    yield from known_session(case)
    yield from positions(case)
    yield from times(case)
    yield from excluded(case)
    yield from pinned(case)
    yield from claimed_by_claimant(case)
    yield from claimed_first(case)
    yield from claimed_unallocated(case)
    yield from two_readers(case)
    yield from once(case)
    yield from due_times(case)


def entitled(case: Case) -> Iterator[Finding]:
    """H1: the study's trust is in the reporter's ``trusts`` and the read starts before the expiry day's end."""
    for item in case.placed:
        if item.study.trust not in item.reporter.trusts:
            yield _found("H1", item, f"{item.reporter.reporter_id} is not entitled for {item.study.trust}")
            continue
        until = item.reporter.entitled_until(item.study.trust)
        if until is not None and item.row.start >= until:
            yield _found("H1", item, f"starts at {item.row.start}, when the entitlement is over ({until})")


def skilled(case: Case) -> Iterator[Finding]:
    """H2: the reporter's level in the study's subspecialty, for its modality, is at least 1."""
    for item in case.placed:
        if item.reporter.level(item.study.subspecialty, item.study.modality) < 1:
            scope = f"{item.study.subspecialty}/{item.study.modality}"
            yield _found("H2", item, f"{item.reporter.reporter_id} has no skill in {scope}")


def modality(case: Case) -> Iterator[Finding]:
    """H3: the study's modality is within the reporter's ``modalities`` (blank = all)."""
    for item in case.placed:
        if item.reporter.modalities and item.study.modality not in item.reporter.modalities:
            yield _found("H3", item, f"{item.study.modality} is outside the scope of {item.reporter.reporter_id}")


def session_takes(case: Case) -> Iterator[Finding]:
    """H4: a session restricted to trusts, subspecialties, modalities or priorities takes only those; claims apart."""
    for item in case.placed:
        if item.is_claimed:
            continue
        for name, allowed, own in _restrictions(item.session, item.study):
            if allowed and own not in allowed:
                yield _found("H4", item, f"session {item.session.session_id} does not take {name} {own}")


def _restrictions(session: Session, study: Study) -> tuple[tuple[str, frozenset[str], str], ...]:
    return (
        ("trust", session.trusts, study.trust),
        ("subspecialty", session.subspecialties, study.subspecialty),
        ("modality", session.modalities, study.modality),
        ("priority", session.priorities, study.priority),
    )


def session_full(case: Case) -> Iterator[Finding]:
    """H4: at most ``max_reads`` reads if given; claimed reads count, but alone break nothing, for H4 is not theirs."""
    for session_id, items in case.by_session.items():
        most = items[0].session.max_reads
        if most is not None and len(items) > most and any(not item.is_claimed for item in items):
            what = f"holds {len(items)} reads, at most {most} are allowed"
            yield Finding(rule="H4", where=f"session {session_id}", what=what)


def known_session(case: Case) -> Iterator[Finding]:
    """H5: every read is inside a reporting session, of its own reporter, that counts in this horizon."""
    for row in case.plan.allocations:
        where = named(row.key)
        session = case.sessions.get(row.session_id)
        if row.reporter_id not in case.reporters:
            yield Finding(rule="H5", where=where, what=f"there is no reporter {row.reporter_id!r}")
        if session is None:
            what = f"session {row.session_id!r} does not exist, is not for reporting or lies outside the horizon"
            yield Finding(rule="H5", where=where, what=what)
        elif session.reporter_id != row.reporter_id:
            what = f"session {row.session_id} is that of {session.reporter_id}, not of {row.reporter_id}"
            yield Finding(rule="H5", where=where, what=what)


def positions(case: Case) -> Iterator[Finding]:
    """H5: the positions in a session are 1, 2, ... without holes."""
    for session_id, items in case.by_session.items():
        found = [item.row.position for item in items]
        if found != list(range(1, len(items) + 1)):
            wrong = next(place for place, position in enumerate(found, start=1) if place != position)
            what = f"positions are not 1 to {len(items)}: {found[wrong - 1]} stands where {wrong} should"
            yield Finding(rule="H5", where=f"session {session_id}", what=what)


def times(case: Case) -> Iterator[Finding]:
    """H5, section 2: start = max(session's first instant, end of the read before, ``ready_at``); lasts d; inside."""
    for items in case.by_session.values():
        free = items[0].session.start
        for item in items:
            row = item.row
            start = max(free, item.study.ready_at) if item.study.ready_at is not None else free
            if abs(row.start - start) > TOLERANCE:
                yield _found("H5", item, f"starts at {row.start}; section 2 gives {start}")
            lasts = row.end - row.start
            if abs(lasts - timedelta(seconds=item.seconds)) > TOLERANCE:
                yield _found("H5", item, f"lasts {lasts.total_seconds():g} s; section 2 gives {item.seconds} s")
            if row.end > item.session.end + TOLERANCE:
                yield _found("H5", item, f"ends at {row.end}, after its session, {item.session.end}")
            free = row.end


def excluded(case: Case) -> Iterator[Finding]:
    """H6: never a reporter on the study's exclusion list."""
    for item in case.placed:
        if item.reporter.reporter_id in item.study.excluded:
            yield _found("H6", item, f"{item.reporter.reporter_id} is excluded")


def pinned(case: Case) -> Iterator[Finding]:
    """H7: a pinned read is done by that reporter or by nobody."""
    for item in case.placed:
        to = item.study.pinned(item.row.read)
        if to is not None and to != item.row.reporter_id:
            yield _found("H7", item, f"is pinned to {to}, not to {item.row.reporter_id}")


def claimed_by_claimant(case: Case) -> Iterator[Finding]:
    """H8: a claimed read is done by its claimant, in the claimant's first or second session that counts."""
    for item in case.placed:
        claimant = item.study.claimed(item.row.read)
        if claimant is None:
            continue
        if claimant != item.row.reporter_id:
            yield _found("H8", item, f"is claimed by {claimant}, not by {item.row.reporter_id}")
        elif item.session not in first_sessions(case, claimant):
            what = f"is claimed and stands in {item.session.session_id}, neither the first nor the second session"
            yield _found("H8", item, what)


def claimed_first(case: Case) -> Iterator[Finding]:
    """H8: a claimed read stands before every unclaimed read of its session."""
    for items in case.by_session.values():
        unclaimed_before = False
        for item in items:
            if item.is_claimed and unclaimed_before:
                yield _found("H8", item, "is claimed and stands after an unclaimed read")
            unclaimed_before = unclaimed_before or not item.is_claimed


def claimed_unallocated(case: Case) -> Iterator[Finding]:
    """H8: a claimed read is unallocated only if it fits neither the claimant's first nor second session."""
    for row in case.plan.unallocated:
        study = case.studies.get(StudyKey(row.trust, row.accession_number))
        if study is None or not 1 <= row.read <= study.reads:
            continue  # H10 says so
        claimant = study.claimed(row.read)
        if claimant is None:
            continue
        for session in first_sessions(case, claimant):
            if claimed_read_fits(case, session, study, row.read):
                what = f"is claimed by {claimant} and unallocated, but fits session {session.session_id}"
                yield Finding(rule="H8", where=named(row.key), what=what)
                break


def first_sessions(case: Case, reporter_id: str) -> tuple[Session, ...]:
    """Return the reporter's first and second session that count."""
    return case.sessions_of.get(reporter_id, ())[:_SESSIONS_OF_A_CLAIM]


def two_readers(case: Case) -> Iterator[Finding]:
    """H9: the reads of one study have different reporters."""
    for key, readers in case.readers_of.items():
        for reporter_id, count in Counter(readers).items():
            if count > 1:
                what = f"{reporter_id} does {count} of its reads"
                yield Finding(rule="H9", where=f"{key.trust} {key.accession_number}", what=what)


def once(case: Case) -> Iterator[Finding]:
    """H10: every required read appears exactly once, placed or unallocated."""
    found = Counter(row.key for row in case.plan.allocations)
    found.update(row.key for row in case.plan.unallocated)
    for study in case.problem.studies:
        for read in range(1, study.reads + 1):
            count = found.pop(ReadKey(study.trust, study.accession_number, read), 0)
            if count != 1:
                what = "is missing from the plan" if count == 0 else f"appears {count} times"
                where = named(ReadKey(study.trust, study.accession_number, read))
                yield Finding(rule="H10", where=where, what=what)
    for key in found:
        yield Finding(rule="H10", where=named(key), what="is not a read of this problem")


def due_times(case: Case) -> Iterator[Finding]:
    """Section 4: the due time a row states is the study's ``due_at``, else acquisition plus the class's target."""
    for item in case.placed:
        due = case.due_at[item.study.key]
        if abs(item.row.due_at - due) > TOLERANCE:
            yield _found("figure", item, f"states due_at {item.row.due_at}; it is {due}")


def _found(rule: str, item: Placed, what: str) -> Finding:
    return Finding(rule=rule, where=item.where, what=what)
