"""The outlet of a receiver of HL7 v2: whose a study is, whenever that is not what the receiver was last told.

What is said is how things stand when it is written, not each step on the way: a RIS shows one owner, and one that was
down for an hour is not led through everybody who had a study meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from secrets import token_hex
from typing import Any

from balancer.domain.errors import StrangeAnswerError, UnsendableError
from balancer.domain.letter import Letter, Patience
from balancer.domain.ownership import OrderStatus, Ownership, news, ownership
from balancer.domain.receiver import Part, Receiver
from balancer.outlets.mllp import MllpConnection
from balancer.publish.hl7.answer import require_taken
from balancer.publish.hl7.order import OrderedStudy, OrderMessage, Person, order_message
from balancer.publish.ups.codes import register_of
from balancer.store import outbox, owned
from balancer.store.database import Session
from balancer.store.owned import OwnedStudy
from balancer.store.tables_journal import JournalRow
from balancer.store.tables_outbox import LetterRow

# MSH-10 is 20 characters long at most up to 2.5.1.
_CONTROL_BYTES = 10


class Hl7Outlet:
    """Tells one receiver."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._connection = MllpConnection(receiver.host, receiver.port, receiver.tls, receiver.answer_seconds)

    @property
    def name(self) -> str:
        """What its letters are kept under."""
        return f"hl7 {self._receiver.name}"

    @property
    def description(self) -> object:
        """The receiver, as its file describes it."""
        return self._receiver

    @property
    def patience(self) -> Patience:
        """For how long it tries."""
        return self._receiver.patience

    def letters(self, session: Session, steps: Sequence[JournalRow], now: datetime) -> Iterable[Letter]:
        """Return a letter for each study of which these steps have changed what the receiver knows."""
        return self._letters(session, {step.study_id for step in steps if step.trust in self._receiver.trusts}, now)

    def anew(self, session: Session, now: datetime) -> Iterable[Letter]:
        """Return a letter for each study that stands otherwise than the receiver was last told."""
        known = {int(subject) for subject in outbox.told(session, self.name)}
        return self._letters(session, known.union(owned.open_studies(session, self._receiver.trusts)), now)

    def again(self, session: Session, now: datetime) -> Iterable[Letter]:
        """Return a letter for each study of which one was given up."""
        return self._letters(session, {int(subject) for subject in outbox.uncertain(session, self.name)}, now)

    def send(self, letter: LetterRow) -> None:
        """Send a message, and look at its acknowledgment.

        A line on which anything else came is given up: one answer too many, and each later message would be taken for
        answered by that to the one before.
        """
        text = order_message(_message(letter.body), self._receiver)
        try:
            content = text.encode(self._receiver.charset)
        except UnicodeEncodeError as error:
            raise UnsendableError(f"cannot be written in {self._receiver.charset}") from error
        answer = self._connection.exchange(content)
        try:
            require_taken(self._decoded(answer), letter.body["control_id"])
        except StrangeAnswerError:
            self._connection.disconnect()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _decoded(self, answer: bytes) -> str:
        try:
            return answer.decode(self._receiver.charset)
        except UnicodeDecodeError as error:
            raise StrangeAnswerError("the answer is no acknowledgment") from error

    def _letters(self, session: Session, study_ids: set[int], now: datetime) -> list[Letter]:
        told = outbox.told(session, self.name, map(str, study_ids))
        uncertain = outbox.uncertain(session, self.name)
        letters, said = [], {}
        for item in owned.owned(session, study_ids):
            subject = str(item.study.id)
            before = _ownership(told[subject]) if subject in told else None
            # what was told before a study came back may be forgotten here by now, and is not by the receiver
            is_in_doubt = subject in uncertain or (before is None and any(read.confirmed for read in item.reads))
            stands = ownership(item.reads, withholds_blind=self._receiver.withholds_blind)
            what = news(before, stands, self._receiver.tells, uncertain=is_in_doubt)
            if what is not None:
                # whoever may not have heard the last may still name whoever any earlier one did
                was = frozenset(Part) if is_in_doubt else frozenset((before or Ownership()).owners)
                body = _body(item, stands, was, now)
                letters.append(_letter(item, what, body))
                said[subject] = _said(stands)
        outbox.tell(session, self.name, said)
        return letters


def _letter(item: OwnedStudy, what: str, body: dict[str, Any]) -> Letter:
    subject = str(item.study.id)
    return Letter(key=subject, subject=subject, what=what, body=body, trust=item.study.trust, study_id=item.study.id)


def _said(stands: Ownership) -> dict[str, Any]:
    return {"owners": {part.value: number for part, number in stands.owners.items()}, "status": stands.status.value}


def _ownership(said: dict[str, Any]) -> Ownership:
    owners = {Part(part): number for part, number in said["owners"].items()}
    return Ownership(owners=owners, status=OrderStatus(said["status"]))


def _body(item: OwnedStudy, stands: Ownership, was: frozenset[Part], now: datetime) -> dict[str, Any]:
    """Return all that the message says: it is the same however often it is sent."""
    study = item.study
    # of a study that nobody is to read any more nobody is the owner
    owners = {} if stands.status is OrderStatus.CANCELLED else stands.owners
    return {
        "control_id": token_hex(_CONTROL_BYTES),
        "at": now.isoformat(),
        "status": stands.status.value,
        "owners": {part.value: [number, item.names.get(number, "")] for part, number in owners.items()},
        "was": [part.value for part in Part if part in was],
        "study": {
            "trust": study.trust,
            "accession_number": study.accession_number,
            "local_patient_id": study.local_patient_id,
            "exam_code": study.exam_code,
            "exam_name": item.exam_name,
            "modality": study.modality,
            "study_instance_uid": study.study_instance_uid or "",
        },
    }


def _message(body: dict[str, Any]) -> OrderMessage:
    return OrderMessage(
        control_id=body["control_id"],
        at=datetime.fromisoformat(body["at"]),
        status=body["status"],
        study=OrderedStudy(**body["study"]),
        owners={
            Part(part): Person(number=number, name=name, register=register_of(number).removeprefix("99"))
            for part, (number, name) in body["owners"].items()
        },
        was=frozenset(map(Part, body["was"])),
    )
