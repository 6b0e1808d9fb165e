"""What goes beyond the rules and needs a person: each with an owner, until somebody says what became of it."""

from __future__ import annotations

from enum import StrEnum


class ExceptionKind(StrEnum):
    """Why somebody has to look at a read.

    ``unconfirmed``: done here, and still unreported at its source after the policy's hours. ``claimed_too_long``: by a
    system that sends no heartbeats. ``completed_beside``: somebody completed a read that is somebody else's by now, or
    no longer to be read. ``skipped_often``: reporters keep taking others first. ``parked_too_long``: its date has
    passed. ``claimant_not_entitled``: somebody has opened or completed it who may not report it (any more).
    ``same_reader``: a system says that somebody has opened or done two reads of one study.
    ``emergency_waits``: an emergency that somebody had is read by nobody now: whoever had it open gave no sign of life,
    or handed it back because its images are missing. ``not_back``: the provider who was given it has not reported it by
    the date that was agreed. ``cancel_requested``: another system asks that it be not read; that is for a person to
    decide. ``outcome_unsaid``: two have read a study blind, and of a reading nobody has said what it came to, so that
    nobody can tell whether they agree. ``not_followed_up``: the source stopped asking for a study before its
    provisional report was verified, or somebody had decided between its readings. ``may_not_verify``: somebody has
    opened, verified or arbitrated who may not, by the policy; it does not count. ``other_performer``: a system says at
    the end that somebody else has done a read than whoever it said had begun it; it stands as the latter's.
    ``not_told``: a system outside refuses to be told whose a study is, and may show another owner until the next step.
    ``asked_again``: it was with a provider when its source stopped asking for it, and it is asked for once more.
    """

    UNCONFIRMED = "unconfirmed"
    CLAIMED_TOO_LONG = "claimed_too_long"
    COMPLETED_BESIDE = "completed_beside"
    SKIPPED_OFTEN = "skipped_often"
    PARKED_TOO_LONG = "parked_too_long"
    CLAIMANT_NOT_ENTITLED = "claimant_not_entitled"
    SAME_READER = "same_reader"
    EMERGENCY_WAITS = "emergency_waits"
    NOT_BACK = "not_back"
    CANCEL_REQUESTED = "cancel_requested"
    OUTCOME_UNSAID = "outcome_unsaid"
    NOT_FOLLOWED_UP = "not_followed_up"
    MAY_NOT_VERIFY = "may_not_verify"
    OTHER_PERFORMER = "other_performer"
    NOT_TOLD = "not_told"
    ASKED_AGAIN = "asked_again"


def office_of(trust: str) -> str:
    """Return who owns what nobody else does: the trust's own reporting office."""
    return f"{trust} reporting office"
