"""A PACS that speaks DIMSE: pynetdicom as SCU, and the listener that it calls."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.events import Event

from balancer.api.dimse.listener import Listening, listen
from balancer.api.dimse.transport import AssociationServer, without_delay
from balancer.domain.permission import Permission
from balancer.domain.steps import StepState
from balancer.outlets.dimse import keep_answers
from balancer.publish.ups.codes import OURS as SCHEME
from balancer.publish.ups.codes import Code
from balancer.publish.ups.elements import coded, put
from balancer.publish.ups.sop_classes import NAMES, PULL, PUSH
from balancer.services.register_ae_title import Application, register_ae_title
from balancer.services.register_system import Registration, register_system
from balancer.store.database import Database
from tests.api.service import StandingClock
from tests.patience import PATIENCE_SECONDS
from tests.terminal import OPERATOR
from tests.worlds import NOW

OURS = "BALANCER"
WORKS = (Permission.READS_WORK, Permission.ASSIGNMENTS_READ)


def registered(db: Database, title: str, *scopes: Permission, trust: str = "RVV", **application: Any) -> str:
    """Register a system of one AE title and return its name."""
    system_id = title.lower().replace("_", "-")
    wanted = Registration(
        system_id=system_id,
        name=title,
        scopes=frozenset(scopes or WORKS),
        trusts=frozenset({trust}),
        expires_at=NOW + timedelta(days=1),
    )
    register_system(db, wanted, NOW, by=OPERATOR)
    register_ae_title(db, Application(title=title, system_id=system_id, **application), NOW, by=OPERATOR)
    return system_id


@contextmanager
def listening(db: Database, tls: Any = None, *, believing: bool = False) -> Iterator[int]:
    """Listen on a free port of this machine, and yield it."""
    with serving(db, tls, believing=believing) as server:
        yield int(server.server_address[1])


@contextmanager
def serving(db: Database, tls: Any = None, *, believing: bool = False) -> Iterator[AssociationServer]:
    """Listen on a free port of this machine, and yield whoever does."""
    where = Listening(host="127.0.0.1", port=0, ae_title=OURS, pseudonym_key=b"a key", tls=tls, believing=believing)
    server = listen(where, db, StandingClock())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()


@contextmanager
def calling(
    port: int, title: str, *, called: str = OURS, tls: Any = None, idle_seconds: float = PATIENCE_SECONDS
) -> Iterator[Association]:
    """Yield an association under an AE title; the test looks whether it is established."""
    entity = AE(title)
    entity.acse_timeout = entity.dimse_timeout = PATIENCE_SECONDS
    entity.network_timeout = idle_seconds
    for uid in NAMES:
        entity.add_requested_context(uid)
    association = entity.associate(
        "127.0.0.1",
        port,
        ae_title=called,
        tls_args=None if tls is None else (tls, "balancer.test"),
        evt_handlers=[(evt.EVT_CONN_OPEN, _quick)],
    )
    keep_answers(association)
    try:
        yield association
    finally:
        if association.is_established:
            association.release()


def _quick(event: Event) -> None:
    without_delay(event)


class Workstation:
    """What somebody does over one association."""

    def __init__(self, association: Association) -> None:
        self.association = association

    def find(self, *, model: str = PULL, **keys: Any) -> list[Dataset]:
        """Search, and return what matches; anything but success fails the test."""
        answers = list(self.association.send_c_find(put(Dataset(), **keys), model))
        assert answers[-1][0].Status == 0, answers[-1][0]
        return [found for status, found in answers[:-1] if found is not None]

    def uid(self, number: str, state: str = "SCHEDULED") -> str:
        """Return the UID of a study's workitem in that state."""
        request = put(Dataset(), AccessionNumber=number)
        keys: dict[str, Any] = {"SOPInstanceUID": None, "ProcedureStepState": state}
        (found,) = self.find(ReferencedRequestSequence=[request], **keys)
        return str(found.SOPInstanceUID)

    def get(self, uid: str, *keywords: Any) -> tuple[int, Dataset | None]:
        """Return a workitem, with the status that came with it."""
        status, found = self.association.send_n_get(list(keywords), PUSH, uid, meta_uid=PULL)
        return status.Status, found

    def state_of(self, uid: str) -> str:
        """Return the state of a workitem."""
        status, found = self.get(uid)
        assert status == 0
        assert found is not None
        return str(found.ProcedureStepState)

    def act(self, uid: str, kind: int = 1, **said: Any) -> Dataset:
        """Send an action and return its status."""
        information = put(Dataset(), **said) if said else None  # an empty one is never finished sending
        status, _ = self.association.send_n_action(information, kind, PUSH, uid, meta_uid=PULL)
        return status

    def change(self, uid: str, to: str, transaction: str | None, *, who: str | None = "R1") -> Dataset:
        """Ask for a state, in a reporter's name if it is to begin, and return the status."""
        said: dict[str, Any] = {"ProcedureStepState": to}
        if who is not None and to == StepState.IN_PROGRESS:
            person = put(Dataset(), HumanPerformerCodeSequence=[coded(Code(who, SCHEME, who))])
            said["ActualHumanPerformersSequence"] = [person]
        return self.act(uid, **said if transaction is None else {**said, "TransactionUID": transaction})

    def say(self, uid: str, dataset: Dataset) -> Dataset:
        """Update a workitem and return the status."""
        status, _ = self.association.send_n_set(dataset, PUSH, uid, meta_uid=PULL)
        return status
