"""A PACS that takes UPS event reports: pynetdicom as SCU of UPS Event, which is called and does not call."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.dimse_primitives import N_EVENT_REPORT
from pynetdicom.events import Event

from balancer.publish.ups.elements import first, items, text
from balancer.publish.ups.sop_classes import EVENT

Heard = tuple[int, str, str]


@dataclass
class EventPeer:
    """What it has heard, in short; ``answers`` are the statuses that it gives in turn, then 0000."""

    title: str
    port: int
    heard: list[Heard] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    classes: set[tuple[str, str]] = field(default_factory=set)
    named: list[str] = field(default_factory=list)

    def hear(self, event: Event) -> tuple[int, Dataset | None]:
        """Take an event report."""
        said, request = event.event_information, event.request
        assert isinstance(request, N_EVENT_REPORT)
        self.classes.add((str(event.context.abstract_syntax), str(request.AffectedSOPClassUID)))
        self.named += [text(item, "CodeMeaning") for item in items(said, "HumanPerformerCodeSequence")]
        self.heard.append((event.event_type or 0, str(request.AffectedSOPInstanceUID), _short(said)))
        return (self.answers.pop(0) if self.answers else 0x0000), None

    @contextmanager
    def there(self, tls: ssl.SSLContext | None = None) -> Iterator[None]:
        """Listen."""
        entity = AE(self.title)
        entity.require_called_aet = True
        entity.add_supported_context(EVENT, scu_role=False, scp_role=True)
        server = entity.start_server(
            ("127.0.0.1", self.port),
            block=False,
            ssl_context=tls,
            evt_handlers=[(evt.EVT_N_EVENT_REPORT, self.hear)],
        )
        assert server is not None
        try:
            yield
        finally:
            server.shutdown()


def _short(said: Dataset) -> str:
    """Return what a report is about: a state, a performer's number, how far it is, or how the service stands."""
    progress = first(said, "ProcedureStepProgressInformationSequence")
    performer = first(said, "HumanPerformerCodeSequence")
    found = (
        text(said, "ProcedureStepState"),
        text(performer, "CodeValue"),
        text(progress, "ProcedureStepProgress"),
        text(said, "ReasonForCancellation"),
        text(said, "SCPStatus"),
    )
    return next((each for each in found if each), "")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
