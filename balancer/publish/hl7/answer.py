"""What a receiver answers (HL7 v2, 2.9): MSA-1 says whether it has taken the message, MSA-2 which one it means."""

from __future__ import annotations

import hl7

from balancer.domain.errors import StrangeAnswerError, UndeliveredError, UnsendableError

_TAKEN = frozenset({"AA", "CA"})
_REJECTED = frozenset({"AR", "CR"})
_FAILED = frozenset({"AE", "CE"})


def require_taken(answer: str, control_id: str) -> None:
    """Ensure that an answer says that the message of this number was taken.

    No word of the answer beyond its code is in an error: receivers quote what they were sent.

    Raises
    ------
    UnsendableError
        If it was rejected (AR, CR): sending it again would fare no better.
    StrangeAnswerError
        If it is to another message, or no acknowledgment at all.
    UndeliveredError
        If the message could not be processed (AE, CE).
    """
    try:
        message = hl7.parse(answer)
        segment = message.segment("MSA")
        code, meant = str(segment(1)), str(segment(2))
    except (hl7.HL7Exception, KeyError, IndexError, ValueError) as error:
        raise StrangeAnswerError("the answer is no acknowledgment") from error
    if meant != control_id:
        raise StrangeAnswerError("the answer is to another message")
    if code in _REJECTED:
        raise UnsendableError(f"rejected ({code})")
    if code not in _TAKEN:
        raise UndeliveredError(f"not processed ({code})" if code in _FAILED else "the answer is no acknowledgment")
