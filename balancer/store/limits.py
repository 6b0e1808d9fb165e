"""What a caller's reach allows of each table. A new table is named in ``LIMITS``, or no caller is served at all.

Limits are on the tables themselves, not on the row classes: ``scope`` adds a class's limit wherever the class stands,
and would add it within the limit too, for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    JSON,
    ColumnElement,
    Integer,
    Table,
    and_,
    case,
    cast,
    exists,
    false,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.sql.operators import OperatorClass

from balancer.domain.actor import Reach
from balancer.domain.instant import end_of_day
from balancer.domain.instruction import InstructionKind, InstructionState
from balancer.store import (
    tables,
    tables_access,
    tables_ae_titles,
    tables_assignments,
    tables_drafts,
    tables_explanations,
    tables_feed_words,
    tables_hooks,
    tables_instructions,
    tables_journal,
    tables_keys,
    tables_kinds,
    tables_ledger,
    tables_life,
    tables_outbox,
    tables_policies,
    tables_runs,
    tables_scarcity,
    tables_silences,
    tables_subscriptions,
    tables_workitems,
)
from balancer.store.tables import Row

# Says what a reach allows of a table.
Limit = Callable[[Reach], ColumnElement[bool]]


def _table(row: type[Row]) -> Table:
    """Return the table of a row class."""
    found = row.__table__  # type: ignore[attr-defined]
    assert isinstance(found, Table)  # noqa: S101 - every row class here has one
    return found


_STUDIES, _FEEDS, _ROSTERS = _table(tables.StudyRow), _table(tables.FeedRow), _table(tables.RosterRow)
_LISTS, _ITEMS, _READS = _table(tables.WorklistRow), _table(tables.WorklistItemRow), _table(tables_life.ReadRow)
_CLAIMS = _table(tables_life.ClaimRow)
_BATCHES, _PEOPLE, _ENTITLED = _table(tables.BatchRow), _table(tables.ReporterRow), _table(tables.EntitlementRow)
_GIVEN = _table(tables_instructions.InstructionRow)
_TRAIL, _EXCEPTIONS, _DRAFTS = (
    _table(row) for row in (tables_life.AuditRow, tables_life.ExceptionRow, tables_drafts.DraftRow)
)
# Other names for rows that a limit looks up, each for one place of a condition and none within itself. They are made
# once: an alias is as dear as its table has columns, and every caller's reach has conditions of its own.
_ITS_STUDY, _ITS_READ = _STUDIES.alias("its_study"), _READS.alias("its_read")
_ITS_EXCEPTION, _ITS_DECISION = _EXCEPTIONS.alias("its_exception"), _GIVEN.alias("its_decision")
_ITS_DRAFT = _DRAFTS.alias("its_draft")
_THEIR_READ, _THEIR_CLAIM = _READS.alias("their_read"), _CLAIMS.alias("their_claim")
_THEIR_ITEM, _THEIR_LIST = _ITEMS.alias("their_item"), _LISTS.alias("their_list")
_THEIR_ENTITLEMENT = _ENTITLED.alias("their_entitlement")
_THEIR_GRANT, _THEIR_WITHDRAWAL = _GIVEN.alias("their_grant"), _GIVEN.alias("their_withdrawal")
_MOST_REACHES: Final = 1_024


class _Name(JSON.JSONStrIndexType):
    """A name in JSON. SQLAlchemy's own type (2.1.9) does not say what can be done with it, of which it warns itself."""

    operator_classes = OperatorClass.ANY


def at_trust(column: str = "trust") -> Callable[[type[Row]], Limit]:
    """Return the limit of rows that name their trust."""
    return lambda row: lambda reach: _table(row).c[column].in_(sorted(reach.trusts))


def of_study(row: type[Row]) -> Limit:
    """Return the limit of rows about a study: those of studies within reach."""
    return lambda reach: _is_within(_table(row).c.study_id, reach)


def of_read(row: type[Row]) -> Limit:
    """Return the limit of rows about a read: those of studies within reach."""
    return lambda reach: _is_of_read_within(_table(row).c.read_id, reach)


def _is_of_read_within(read_id: Any, reach: Reach) -> ColumnElement[bool]:
    """Return the condition that the study of a read is within reach."""
    its = _ITS_READ
    return _of_row(read_id, exists().where(its.c.id == read_id, _is_within(its.c.study_id, reach)))


def _is_within(study_id: Any, reach: Reach) -> ColumnElement[bool]:
    """Return the condition that a study is within reach.

    It is looked up for each row: a list of all studies of some trusts would be made anew for every statement.
    """
    return _of_row(study_id, exists().where(_ITS_STUDY.c.id == study_id, _is_its_study_within(reach)))


@lru_cache(maxsize=_MOST_REACHES)
def _is_its_study_within(reach: Reach) -> ColumnElement[bool]:
    """Return the limit of the study that a row is about: the same in what limits each of thirty tables."""
    return _study(reach, _ITS_STUDY)


def _of_row(column: Any, found: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition ``found`` of the row that has the column, which every row fills.

    Named outside too, it is an error where the statement has no such row. Within EXISTS alone it would be taken for any
    row of its table, and everything be within reach.
    """
    return and_(column.is_not(None), found)


def of_feed(row: type[Row]) -> Limit:
    """Return the limit of rows about a feed."""
    return lambda reach: _table(row).c.feed.in_(select(_FEEDS.c.name).where(_FEEDS.c.trust.in_(sorted(reach.trusts))))


def _study(reach: Reach, studies: Any = _STUDIES) -> ColumnElement[bool]:
    """Return the limit of studies.

    A reporter's are those of trusts where they report or are entitled to, and whatever is theirs all the same: on
    their list, in their hands, or opened by them before, when an entitlement ended. A report that was written then is
    told late, and must find its read.
    """
    allowed: list[ColumnElement[bool]] = [studies.c.trust.in_(sorted(reach.trusts))]
    if reach.own is not None:
        home = select(_PEOPLE.c.home_trust).where(_PEOPLE.c.reporter_id == reach.own)
        read, claim, item, current = _THEIR_READ, _THEIR_CLAIM, _THEIR_ITEM, _THEIR_LIST
        theirs = exists().where(read.c.study_id == studies.c.id, read.c.reporter_id == reach.own)
        opened = exists().where(claim.c.read_id == read.c.id, claim.c.reporter_id == reach.own)
        once = exists().where(read.c.study_id == studies.c.id, opened)
        listed = (
            exists()
            .where(item.c.study_id == studies.c.id, current.c.id == item.c.worklist_id)
            .where(current.c.reporter_id == reach.own, current.c.superseded_at.is_(None))
        )
        allowed += [_entitled(reach, studies.c.trust), studies.c.trust.in_(home), theirs, once, listed]
    return or_(*allowed)


def _entitled(reach: Reach, trust: Any) -> ColumnElement[bool]:
    """Return the condition of trusts that a reporter is entitled to: by the network's list, or by a manager's word.

    Of what managers have decided the later word counts, as in ``domain.overrides.reporter_held``: it has ended the one
    before. Should both be in force, the trust is out of reach.
    """
    said, given = _THEIR_ENTITLEMENT, _THEIR_GRANT
    by_list = select(said.c.trust).where(said.c.reporter_id == reach.own, _holds(said, reach))
    by_word = select(given.c.trust).where(*_about_own(reach, given), _grants(given).is_(true()), _lasts(given, reach))
    return and_(or_(trust.in_(by_list), trust.in_(by_word)), trust.not_in(_withdrawn(reach)))


def _holds(said: Any, reach: Reach) -> ColumnElement[bool]:
    """Return the condition of entitlements that hold on the day asked; without a day, of those that never end."""
    for_good = said.c.expires_on.is_(None)
    return for_good if reach.on is None else or_(for_good, said.c.expires_on >= reach.on)


def _lasts(given: Any, reach: Reach) -> ColumnElement[bool]:
    """Return the same of what a manager has decided, which may end at any time.

    Within the minute it is in force no more then; should nobody have ended it, it is over with the day.
    """
    lasts: ColumnElement[bool] = given.c.expires_at.is_(None)
    if reach.on is not None:
        lasts = or_(lasts, given.c.expires_at > end_of_day(reach.on - timedelta(days=1)))
    return lasts


def _withdrawn(reach: Reach) -> Any:
    """Return the trusts whose managers have withdrawn a reporter's entitlement; without a day, whenever that ends."""
    given = _THEIR_WITHDRAWAL
    found = select(given.c.trust).where(*_about_own(reach, given), _grants(given).is_not(true()))
    return found if reach.on is None else found.where(_lasts(given, reach))


def _grants(given: Any) -> ColumnElement[bool]:
    """Return what a decision about an entitlement says: whether it is granted."""
    found: ColumnElement[bool] = given.c.value[literal("granted", _Name())].as_boolean()
    return found


def _about_own(reach: Reach, given: Any) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of what managers have decided of a reporter's own entitlements, and is in force."""
    kind, state = InstructionKind.ENTITLEMENT, InstructionState.IN_FORCE
    return given.c.reporter_id == reach.own, given.c.kind == kind, given.c.state == state


def _working_at(reach: Reach, reporter_id: Any) -> list[ColumnElement[bool]]:
    """Return the conditions under which a reporter is at home or entitled within reach."""
    trusts = sorted(reach.trusts)
    at_home = select(_PEOPLE.c.reporter_id).where(_PEOPLE.c.home_trust.in_(trusts))
    entitled = select(_ENTITLED.c.reporter_id).where(_ENTITLED.c.trust.in_(trusts))
    return [reporter_id.in_(at_home), reporter_id.in_(entitled)]


def of_reporter(row: type[Row]) -> Limit:
    """Return the limit of rows about a reporter: the caller's own, and of those who work within reach."""

    def limit(reach: Reach) -> ColumnElement[bool]:
        column = _table(row).c.reporter_id
        mine = [] if reach.own is None else [column == reach.own]
        return or_(*mine, *_working_at(reach, column))

    return limit


def _worklist_item(reach: Reach) -> ColumnElement[bool]:
    """Return the limit of reads on lists: on one's own every one, on others' those of studies within reach."""
    allowed: list[ColumnElement[bool]] = []
    if reach.own is not None:
        mine = select(_LISTS.c.id).where(_LISTS.c.reporter_id == reach.own)
        allowed.append(_ITEMS.c.worklist_id.in_(mine))
    its = _ITS_STUDY
    within = exists().where(its.c.id == _ITEMS.c.study_id, its.c.trust.in_(sorted(reach.trusts)))
    return or_(*allowed, _of_row(_ITEMS.c.study_id, within))


def _session(reach: Reach) -> ColumnElement[bool]:
    rostered = _table(tables.SessionRow)
    mine = [] if reach.own is None else [rostered.c.reporter_id == reach.own]
    return or_(*mine, rostered.c.trust.in_(sorted(reach.trusts)))


def _instruction(reach: Reach) -> ColumnElement[bool]:
    """Return the limit of instructions: those of trusts within reach, and what somebody's own work depends on.

    A reporter's own reads may be pinned to somebody else by a manager of another trust: that they must be told.
    """
    given = _table(tables_instructions.InstructionRow)
    allowed: list[ColumnElement[bool]] = [given.c.trust.in_(sorted(reach.trusts))]
    if reach.own is not None:
        allowed += [given.c.reporter_id == reach.own, _is_within(given.c.study_id, reach)]
    return or_(*allowed)


def _of_draft(row: type[Row]) -> Limit:
    """Return the limit of rows about a draft."""
    drafts = _table(tables_drafts.DraftRow)
    return lambda reach: _table(row).c.draft_id.in_(select(drafts.c.id).where(drafts.c.trust.in_(sorted(reach.trusts))))


def _held_closure(reach: Reach) -> ColumnElement[bool]:
    within = select(_BATCHES.c.id).where(of_feed(tables.BatchRow)(reach))
    return _table(tables.HeldClosureRow).c.batch_id.in_(within)


def _roster_batch(reach: Reach) -> ColumnElement[bool]:
    within = select(_ROSTERS.c.name).where(_ROSTERS.c.trust.in_(sorted(reach.trusts)))
    return _table(tables.RosterBatchRow).c.roster.in_(within)


def _ledger(reach: Reach) -> ColumnElement[bool]:
    """Return the limit of the ledger: what a trust within reach gave or took is its own business and the other's."""
    entries, trusts = _table(tables_ledger.LedgerRow), sorted(reach.trusts)
    return or_(entries.c.by_trust.in_(trusts), entries.c.for_trust.in_(trusts))


def _audit_entry(reach: Reach) -> ColumnElement[bool]:
    """Return the limit of the audit trail: what was done to a study, to its reads, and what was decided, within reach.

    Never a reporter's own reach: of who did what with their reads they are told elsewhere. Sign-ins, looks at whole
    lists, runs and policies are of no trust, and for whoever reaches every one.
    """
    steered = replace(reach, own=None, on=None)
    kind, number = _TRAIL.c.subject_kind, cast(_TRAIL.c.subject_id, Integer)
    # CASE, because a number is one only where an entry is of a kind that is numbered
    within = [(kind == name, is_within(number, steered)) for name, is_within in _ENTRY_ABOUT.items()]
    return case((_TRAIL.c.subject_id == "", false()), *within, else_=false()).is_(true())


def _is_exception_within(number: Any, reach: Reach) -> ColumnElement[bool]:
    noticed = _ITS_EXCEPTION
    return exists().where(noticed.c.id == number, _is_of_read_within(noticed.c.read_id, reach))


def _is_decision_within(number: Any, reach: Reach) -> ColumnElement[bool]:
    return exists().where(_ITS_DECISION.c.id == number, _ITS_DECISION.c.trust.in_(sorted(reach.trusts)))


def _is_draft_within(number: Any, reach: Reach) -> ColumnElement[bool]:
    return exists().where(_ITS_DRAFT.c.id == number, _ITS_DRAFT.c.trust.in_(sorted(reach.trusts)))


# What an entry of the trail may be about that is of one trust and has a number: whether it is within reach.
_ENTRY_ABOUT: Final[dict[str, Callable[[Any, Reach], ColumnElement[bool]]]] = {
    "read": _is_of_read_within,
    "study": _is_within,
    "instruction": _is_decision_within,
    "exception": _is_exception_within,
    "draft": _is_draft_within,
}
OF_ONE_TRUST: Final = tuple(_ENTRY_ABOUT)


def nobody(_reach: Reach) -> ColumnElement[bool]:
    """Return the limit of what no caller sees, whatever their reach: keys, sign-ins."""
    return false()


# Rows that say nothing of a trust, a patient or a person's access.
OPEN: Final = None

LIMITS: dict[type[Row], Limit | None] = {
    # which trusts there are is no secret among those who report for several
    tables.TrustRow: lambda reach: (
        at_trust("code")(tables.TrustRow)(reach) if reach.own is None else _table(tables.TrustRow).c.code.is_not(None)
    ),
    tables.ExaminationRow: OPEN,
    # who works where is known among colleagues; a reporter sees who has what they ask for
    tables.ReporterRow: lambda reach: (
        or_(*_working_at(reach, _PEOPLE.c.reporter_id)) if reach.own is None else _PEOPLE.c.reporter_id.is_not(None)
    ),
    tables.EntitlementRow: of_reporter(tables.EntitlementRow),
    tables.SkillRow: of_reporter(tables.SkillRow),
    tables.PolicyRow: OPEN,
    tables_policies.PolicyDecisionRow: OPEN,
    tables.FeedRow: at_trust()(tables.FeedRow),
    tables.BatchRow: of_feed(tables.BatchRow),
    tables.StudyRow: _study,
    tables.HeldClosureRow: _held_closure,
    tables.ExclusionRow: at_trust()(tables.ExclusionRow),
    tables.QuarantineRow: of_feed(tables.QuarantineRow),
    tables.RosterRow: at_trust()(tables.RosterRow),
    tables.RosterBatchRow: _roster_batch,
    tables.SessionRow: _session,
    tables.RunRow: OPEN,
    # what a run was made from holds every trust's studies: nobody is shown it, and publishing it is for all or none
    tables_runs.RunRecordRow: nobody,
    tables_runs.ProposedRow: of_study(tables_runs.ProposedRow),
    tables_runs.RunMoveRow: of_study(tables_runs.RunMoveRow),
    tables_scarcity.PricingRow: OPEN,
    tables_silences.SilenceRow: of_feed(tables_silences.SilenceRow),
    tables_scarcity.ScarcityRow: at_trust()(tables_scarcity.ScarcityRow),
    tables.WorklistRow: of_reporter(tables.WorklistRow),
    tables.WorklistItemRow: _worklist_item,
    tables.UnallocatedRow: of_study(tables.UnallocatedRow),
    tables_life.ReadRow: of_study(tables_life.ReadRow),
    tables_life.ClaimRow: of_read(tables_life.ClaimRow),
    tables_life.ReturnRow: of_read(tables_life.ReturnRow),
    tables_life.CompletionRow: of_read(tables_life.CompletionRow),
    tables_life.SkipRow: of_read(tables_life.SkipRow),
    tables_kinds.FollowUpRow: of_read(tables_kinds.FollowUpRow),
    tables_life.ExceptionRow: of_read(tables_life.ExceptionRow),
    tables_life.AuditRow: _audit_entry,
    tables_life.AuditHeadRow: OPEN,
    tables_instructions.InstructionRow: _instruction,
    tables_feed_words.FeedWordRow: of_feed(tables_feed_words.FeedWordRow),
    tables_drafts.DraftRow: at_trust()(tables_drafts.DraftRow),
    tables_drafts.PreviewRow: _of_draft(tables_drafts.PreviewRow),
    tables_drafts.PreviewLoadRow: of_reporter(tables_drafts.PreviewLoadRow),
    tables_explanations.ExplanationRow: of_read(tables_explanations.ExplanationRow),
    tables_ledger.LedgerRow: _ledger,
    tables.LeaseRow: OPEN,
    tables.JobRow: OPEN,
    tables.HeartbeatRow: OPEN,
    tables.SettingRow: OPEN,
    tables_keys.IdempotencyKeyRow: nobody,
    tables_assignments.AssignmentRow: at_trust()(tables_assignments.AssignmentRow),
    tables_assignments.AssignmentHeadRow: at_trust()(tables_assignments.AssignmentHeadRow),
    tables_assignments.ChangeFeedRow: OPEN,
    tables_assignments.WorklistRevisionRow: of_reporter(tables_assignments.WorklistRevisionRow),
    tables_access.SignInRow: nobody,
    tables_access.SignInAttemptRow: nobody,
    tables_access.SystemRow: nobody,
    tables_access.FormerKeyRow: nobody,
    tables_access.AssertionRow: nobody,
    tables_ae_titles.AeTitleRow: nobody,
    tables_journal.JournalRow: at_trust()(tables_journal.JournalRow),
    tables_subscriptions.SubscriptionRow: nobody,
    tables_workitems.WorkitemRow: of_read(tables_workitems.WorkitemRow),
    # that a trust's RIS does not answer is nobody's data
    tables_outbox.OutletRow: OPEN,
    tables_outbox.LetterRow: at_trust()(tables_outbox.LetterRow),
    tables_outbox.ToldRow: nobody,
    tables_hooks.HookRow: nobody,  # a system asks for its own by name
}
