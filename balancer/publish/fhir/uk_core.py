"""UK Core's Task, element by element: what it wants, and what is sent. Nothing beyond this is claimed.

Of UKCore-Task 1.2.0 (2022-12-16): what its differential says, which narrows the targets of references and nothing else,
and the minimum viable content of its guide. Of what a Task refers to, UKCore-Practitioner 2.3.0 alone was looked at.
"""

from __future__ import annotations

from typing import Final

MINIMUM: Final = (
    "status", "intent", "code", "focus", "for", "authoredOn", "requester", "owner", "reasonCode", "restriction", "input"
)  # fmt: skip
"""What every provider and consumer of UKCore-Task is to support; of the restriction its period."""

NOT_SENT: Final = {
    "reasonCode": "no source says why an examination was asked for",
}
"""Of that, what is not sent, and why."""

SENT_AS: Final = {
    "requester": "an Organization, by reference and ODS code; not validated as a UKCore-Organization",
    "owner": (
        "a Practitioner, by reference and GMC or HCPC number, with the `identifier.system` and `identifier.value` "
        "that UKCore-Practitioner requires; nothing else of that profile concerns what is sent"
    ),
    "restriction": "`period.end` alone",
    "for": "the patient by number, the assigner by ODS code: logical, there is no UKCore-Patient to be read",
}
"""What is sent of it, where that does not go without saying."""
