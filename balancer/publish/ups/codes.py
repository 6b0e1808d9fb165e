"""Coded concepts in workitems (PS3.16, and our own where the standard has none)."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from balancer.domain.life import ReadKind, ReturnReason

OURS: Final = "99BALANCER"
EXAMINATIONS: Final = "NICIP"


class Code(NamedTuple):
    """A code, the scheme it is of, and what it means."""

    value: str
    scheme: str
    meaning: str


INTERPRETATION: Final = Code("110005", "DCM", "Interpretation")
VERIFICATION: Final = Code("110007", "DCM", "Report Verification")
# An arbitration is an interpretation to whoever has never heard of one; the processing parameters tell it apart.
WORK: Final = {
    ReadKind.INTERPRETATION: INTERPRETATION,
    ReadKind.VERIFICATION: VERIFICATION,
    ReadKind.ARBITRATION: INTERPRETATION,
}
READ: Final = Code("READ", OURS, "Number of the read of its study")
KIND: Final = Code("KIND", OURS, "Kind of read")
UNSPECIFIED: Final = Code("110513", "DCM", "Discontinued for unspecified reason")

# With one of these as the reason of its discontinuation a workitem is handed back, with any other it is released.
RETURNS: Final = {
    Code(reason.value.upper(), OURS, reason.value.replace("_", " ").capitalize()): reason for reason in ReturnReason
}

_GMC = re.compile(r"\d{7}", re.ASCII)
_HCPC = re.compile(r"[A-Z]{2}\d{5,6}", re.ASCII)


def register_of(reporter_id: str) -> str:
    """Return the coding scheme of a reporter's number: the register it is of."""
    if _GMC.fullmatch(reporter_id):
        return "99GMC"
    return "99HCPC" if _HCPC.fullmatch(reporter_id) else OURS


def return_reason(value: str, scheme: str) -> ReturnReason | None:
    """Return why a reporter hands a read back, if a code says that they do."""
    return next((why for code, why in RETURNS.items() if (code.value, code.scheme) == (value, scheme)), None)
