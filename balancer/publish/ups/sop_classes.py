"""The UPS SOP Classes (PS3.4, CC.3), and what each lets an SCU do: what the conformance statement is made of too."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

PUSH: Final = "1.2.840.10008.5.1.4.34.6.1"
WATCH: Final = "1.2.840.10008.5.1.4.34.6.2"
PULL: Final = "1.2.840.10008.5.1.4.34.6.3"
EVENT: Final = "1.2.840.10008.5.1.4.34.6.4"
QUERY: Final = "1.2.840.10008.5.1.4.34.6.5"
VERIFICATION: Final = "1.2.840.10008.1.1"

IMPLICIT: Final = "1.2.840.10008.1.2"
EXPLICIT: Final = "1.2.840.10008.1.2.1"
TRANSFER_SYNTAXES: Final = (EXPLICIT, IMPLICIT)
"""Not deflated: a few kilobytes could become gigabytes. Not big-endian: it is retired."""


class Service(StrEnum):
    """One DIMSE service of a SOP Class, in the standard's words."""

    ECHO = "C-ECHO"
    GET = "N-GET"
    FIND = "C-FIND"
    CREATE = "N-CREATE"
    SET = "N-SET"
    CHANGE_STATE = "N-ACTION Change UPS State"
    REQUEST_CANCEL = "N-ACTION Request UPS Cancel"
    SUBSCRIBE = "N-ACTION Subscribe to Receive UPS Event Reports"
    UNSUBSCRIBE = "N-ACTION Unsubscribe from Receiving UPS Event Reports"
    SUSPEND = "N-ACTION Suspend Global Subscription"
    EVENT_REPORT = "N-EVENT-REPORT"


NAMES: Final[Mapping[str, str]] = {
    VERIFICATION: "Verification",
    PUSH: "Unified Procedure Step - Push",
    WATCH: "Unified Procedure Step - Watch",
    PULL: "Unified Procedure Step - Pull",
    QUERY: "Unified Procedure Step - Query",
}
"""The SOP Classes that are taken as SCP."""

SERVICES: Final[Mapping[str, tuple[Service, ...]]] = {
    VERIFICATION: (Service.ECHO,),
    PUSH: (Service.CREATE, Service.REQUEST_CANCEL, Service.GET),
    WATCH: (
        Service.REQUEST_CANCEL,
        Service.SUBSCRIBE,
        Service.UNSUBSCRIBE,
        Service.SUSPEND,
        Service.GET,
        Service.FIND,
    ),
    PULL: (Service.FIND, Service.GET, Service.SET, Service.CHANGE_STATE),
    QUERY: (Service.FIND,),
}
"""What each is for (PS3.4, Tables CC.2-1 to CC.2-5).

What comes over another one of them is done all the same: instances may be operated on by the services of any (CC.3.1),
and stacks choose a context by the SOP Class of the instance, which is always Push.
"""

OPENED: Final[Mapping[str, tuple[str, Service]]] = {EVENT: ("Unified Procedure Step - Event", Service.EVENT_REPORT)}
"""What is done as SCP on associations that are opened from here, to whoever has subscribed (PS3.4, CC.2.4)."""

ACTIONS: Final[Mapping[int, Service]] = {
    1: Service.CHANGE_STATE,
    2: Service.REQUEST_CANCEL,
    3: Service.SUBSCRIBE,
    4: Service.UNSUBSCRIBE,
    5: Service.SUSPEND,
}
"""Action Type IDs (PS3.4, Table CC.2.1-1 and following)."""
