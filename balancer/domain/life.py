"""The life of a read: its states, what can happen to it, and the one table of which leads where.

Everybody who changes a read's state does so by an event of this table; the store refuses any other. The values are
wire names; how they read in DICOM UPS (PS3.4, CC.1.1) and in FHIR Task is in the glossary.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Final

from balancer.domain.errors import ConflictError

# What an unallocated read says of itself until a plan has seen it.
UNPLANNED = "unplanned"


class Again(StrEnum):
    """Why a read that was done is to be done again; the values are wire names.

    ``late images``: its source has images made after it was done. ``asked for again after its report``: its source had
    confirmed it, and lists the study once more (an addendum, a correction). ``reopened``: on a manager's word.
    ``unconfirmed``: done here, and still unreported at its source after the policy's hours.
    """

    LATE_IMAGES = "late images"
    ASKED_AGAIN = "asked for again after its report"
    REOPENED = "reopened"
    UNCONFIRMED = "unconfirmed"


LATE_IMAGES, ASKED_AGAIN = Again.LATE_IMAGES.value, Again.ASKED_AGAIN.value
# Images made this little after a report, or a sending out, may only be said to be by a clock that runs ahead.
CLOCKS_DIFFER: Final = timedelta(minutes=15)
# And what one says that follows readings of which some are still to be done.
AWAITS_OTHER_READ = "awaits_other_read"


class ReadKind(StrEnum):
    """What is read: the images, a registrar's report of them, or two reports that differ."""

    INTERPRETATION = "interpretation"
    VERIFICATION = "verification"
    ARBITRATION = "arbitration"


class ReadState(StrEnum):
    """Where a read stands; it is in exactly one state at every instant.

    ``unallocated``: nobody has it, for a reason. ``allocated``: on a reporter's list. ``claimed``: a reporter has
    opened it. ``done``: read here, believed until the source contradicts. ``parked``: it cannot be read now; an owner
    sees to it until a date. ``sent_out``: with a provider. ``excluded``: by a rule that somebody approved.
    ``withdrawn``: its source no longer asks for it.
    """

    UNALLOCATED = "unallocated"
    ALLOCATED = "allocated"
    CLAIMED = "claimed"
    DONE = "done"
    PARKED = "parked"
    SENT_OUT = "sent_out"
    EXCLUDED = "excluded"
    WITHDRAWN = "withdrawn"


class ReadEvent(StrEnum):
    """What can happen to a read.

    ``publish``: a plan comes into force. ``lapse``: the lease of a claim ran out. ``return``: a reporter hands it back
    with a reason. ``take_over``: a manager ends somebody's claim, for somebody else or for nobody yet. ``take_away``: a
    manager has decided that it is not to be on the list where it is. ``dispute``: done here, and still
    unreported at its source after the policy's hours. ``report``: its source says that it has been read.
    ``withdraw``: its source no longer asks for it; ``reopen``: it does again.
    """

    PUBLISH = "publish"
    CLAIM = "claim"
    RELEASE = "release"
    LAPSE = "lapse"
    RETURN = "return"
    TAKE_OVER = "take_over"
    TAKE_AWAY = "take_away"
    COMPLETE = "complete"
    DISPUTE = "dispute"
    REPORT = "report"
    PARK = "park"
    UNPARK = "unpark"
    SEND_OUT = "send_out"
    RECALL = "recall"
    EXCLUDE = "exclude"
    READMIT = "readmit"
    WITHDRAW = "withdraw"
    REOPEN = "reopen"


class ReturnReason(StrEnum):
    """Why a reporter hands a read back."""

    OUTSIDE_SCOPE = "outside_scope"
    IMAGES_MISSING = "images_missing"
    OTHER_EXPERTISE = "other_expertise"
    CONFLICT_OF_INTEREST = "conflict_of_interest"
    NO_TIME = "no_time"
    OTHER = "other"


_S, _E = ReadState, ReadEvent
# From, event, to. A claim that ends goes back to the list it stood on (allocated), or to nobody (unallocated), or out
# of the queue if its source has withdrawn the study meanwhile.
TRANSITIONS: frozenset[tuple[ReadState, ReadEvent, ReadState]] = frozenset(
    {
        (_S.UNALLOCATED, _E.PUBLISH, _S.UNALLOCATED),
        (_S.UNALLOCATED, _E.PUBLISH, _S.ALLOCATED),
        (_S.ALLOCATED, _E.PUBLISH, _S.ALLOCATED),
        (_S.ALLOCATED, _E.PUBLISH, _S.UNALLOCATED),
        (_S.UNALLOCATED, _E.CLAIM, _S.CLAIMED),
        (_S.ALLOCATED, _E.CLAIM, _S.CLAIMED),
        (_S.ALLOCATED, _E.TAKE_AWAY, _S.UNALLOCATED),
        (_S.CLAIMED, _E.TAKE_OVER, _S.CLAIMED),
        (_S.CLAIMED, _E.TAKE_OVER, _S.UNALLOCATED),
        (_S.CLAIMED, _E.TAKE_OVER, _S.WITHDRAWN),
        (_S.CLAIMED, _E.RELEASE, _S.ALLOCATED),
        (_S.CLAIMED, _E.RELEASE, _S.UNALLOCATED),
        (_S.CLAIMED, _E.RELEASE, _S.WITHDRAWN),
        (_S.CLAIMED, _E.LAPSE, _S.ALLOCATED),
        (_S.CLAIMED, _E.LAPSE, _S.UNALLOCATED),
        (_S.CLAIMED, _E.LAPSE, _S.WITHDRAWN),
        (_S.ALLOCATED, _E.RETURN, _S.UNALLOCATED),
        (_S.ALLOCATED, _E.RETURN, _S.PARKED),
        (_S.CLAIMED, _E.RETURN, _S.UNALLOCATED),
        (_S.CLAIMED, _E.RETURN, _S.PARKED),
        (_S.CLAIMED, _E.RETURN, _S.WITHDRAWN),
        (_S.CLAIMED, _E.COMPLETE, _S.DONE),
        (_S.ALLOCATED, _E.COMPLETE, _S.DONE),  # the claim lapsed, and nobody else has claimed
        (_S.UNALLOCATED, _E.COMPLETE, _S.DONE),
        (_S.DONE, _E.DISPUTE, _S.UNALLOCATED),
        (_S.DONE, _E.DISPUTE, _S.ALLOCATED),  # it stands on the list of somebody else than whoever did it
        (_S.UNALLOCATED, _E.PARK, _S.PARKED),
        (_S.ALLOCATED, _E.PARK, _S.PARKED),
        (_S.PARKED, _E.UNPARK, _S.UNALLOCATED),
        (_S.UNALLOCATED, _E.SEND_OUT, _S.SENT_OUT),
        (_S.ALLOCATED, _E.SEND_OUT, _S.SENT_OUT),
        (_S.SENT_OUT, _E.RECALL, _S.UNALLOCATED),
        (_S.UNALLOCATED, _E.EXCLUDE, _S.EXCLUDED),
        (_S.ALLOCATED, _E.EXCLUDE, _S.EXCLUDED),
        (_S.EXCLUDED, _E.READMIT, _S.UNALLOCATED),
        (_S.WITHDRAWN, _E.REOPEN, _S.UNALLOCATED),
        (_S.WITHDRAWN, _E.REOPEN, _S.ALLOCATED),  # it still has its place on a list
        # what a person decided about it holds on
        (_S.WITHDRAWN, _E.REOPEN, _S.EXCLUDED),
        (_S.WITHDRAWN, _E.REOPEN, _S.PARKED),
        (_S.WITHDRAWN, _E.REOPEN, _S.SENT_OUT),
        *((state, _E.REPORT, _S.DONE) for state in _S if state not in {_S.CLAIMED, _S.WITHDRAWN}),
        *((state, _E.WITHDRAW, _S.WITHDRAWN) for state in _S if state not in {_S.CLAIMED, _S.DONE, _S.WITHDRAWN}),
    }
)

PLANNABLE = frozenset({ReadState.UNALLOCATED, ReadState.ALLOCATED, ReadState.CLAIMED})
"""The states in which a read takes part in a run."""

ON_A_LIST = frozenset({ReadState.ALLOCATED, ReadState.CLAIMED})
"""The states in which a reporter has the read."""

THEIRS = frozenset({ReadState.CLAIMED, ReadState.DONE})
"""The states in which a reporter is the one who reads, or has read: no other read of the study is theirs too."""


def require_transition(state: ReadState, event: ReadEvent, to: ReadState) -> None:
    """Ensure that ``event`` may lead a read from ``state`` to ``to``.

    Raises
    ------
    ConflictError
        If the table does not have it: the read is not in a state in which this can happen to it.
    """
    if (state, event, to) not in TRANSITIONS:
        raise ConflictError(f"the read is {state}: {event} cannot make it {to}")
