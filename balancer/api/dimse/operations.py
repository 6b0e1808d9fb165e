"""What is done for each DIMSE operation on workitems: the services that UPS-RS calls, answered by PS3.4's statuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import structlog
from pydicom.dataset import Dataset
from pynetdicom.events import Event

from balancer.api.dimse import statuses
from balancer.api.dimse.identity import Caller, Callers
from balancer.api.dimse.requested import dataset_sent, requested_uid
from balancer.api.dimse.subscriptions import Reply, Subscriptions
from balancer.api.looks import Looks
from balancer.domain.actor import Reach
from balancer.domain.errors import BalancerError, ConflictError, InvalidValueError
from balancer.domain.instant import Clock
from balancer.domain.permission import Permission
from balancer.publish.ups.elements import text
from balancer.publish.ups.identifier import answer_to, is_supported, query_in
from balancer.publish.ups.sop_classes import ACTIONS, Service
from balancer.publish.ups.state_table import Status
from balancer.publish.ups.uids import is_uid
from balancer.publish.ups.workitem import MOST_LO
from balancer.services.cancel_workitem import cancel_workitem
from balancer.services.change_workitem import Acting, change_in, change_workitem
from balancer.services.create_workitem import create_workitem
from balancer.services.search_workitems import every_workitem
from balancer.services.see_workitem import see_workitem
from balancer.services.update_workitem import update_workitem
from balancer.store.database import Database, StoreBusyError

_log = structlog.get_logger("balancer.api")
_STUDY: Final = "study"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """What is done, on which database, by which clock, for whom."""

    database: Database
    clock: Clock
    callers: Callers
    looks: Looks
    pseudonym_key: bytes

    def echo(self, _event: Event) -> int:
        """Answer that we are here (C-ECHO)."""
        return statuses.SUCCESS

    def get(self, event: Event) -> Reply:
        """Return the attributes of a workitem that are asked for, or all (N-GET; CC.2.7)."""
        return _replied(event, statuses.INVALID_ATTRIBUTE, self._get)

    def find(self, event: Event) -> Iterator[Reply]:
        """Yield what matches (C-FIND; CC.2.8), until whoever asks has had enough."""
        try:
            yield from self._find(event)
        except BalancerError as error:
            yield statuses.refusal(error, invalid=statuses.IDENTIFIER), None
        except StoreBusyError:
            yield statuses.said(statuses.OUT_OF_RESOURCES, "the database does not answer"), None
        except Exception:  # noqa: BLE001 - whatever it is, the caller is answered and the log has it
            _log.exception("dimse.failed", operation=Service.FIND)
            yield statuses.said(statuses.UNABLE), None

    def set(self, event: Event) -> Reply:
        """Keep what a performer says of their step (N-SET; CC.2.6)."""
        return _replied(event, statuses.INVALID_ATTRIBUTE, self._set)

    def act(self, event: Event) -> Reply:
        """Change a workitem's state, take a request to cancel it, or a subscription (N-ACTION; CC.2.1 to CC.2.3)."""
        told = Subscriptions(database=self.database, clock=self.clock, callers=self.callers)
        done = {
            Service.CHANGE_STATE: self._change_state,
            Service.REQUEST_CANCEL: self._request_cancel,
            Service.SUBSCRIBE: told.subscribe,
            Service.UNSUBSCRIBE: told.unsubscribe,
            Service.SUSPEND: told.suspend,
        }
        service = ACTIONS.get(event.action_type or 0)
        if service is None:
            return statuses.said(statuses.NO_SUCH_ACTION), None
        return _replied(event, statuses.INVALID_ARGUMENT, done[service])

    def create(self, event: Event) -> Reply:
        """Make a study known, and the workitem of its first read (N-CREATE; CC.2.5)."""
        return _replied(event, statuses.INVALID_ATTRIBUTE, self._create)

    def _create(self, event: Event) -> Reply:
        caller = self.callers.require(event.assoc, Permission.STUDIES_CREATE)
        dataset = dataset_sent(event, "attribute_list")
        uid = str(getattr(event.request, "AffectedSOPInstanceUID", None) or "")
        if not is_uid(uid) or text(dataset, "SOPInstanceUID") not in {"", uid}:
            raise InvalidValueError("AffectedSOPInstanceUID", "is the UID that the workitem is to have")
        try:
            made = create_workitem(
                self._within(caller.reach),
                uid,
                dataset,
                self.clock.now(),
                by=caller.actor,
                reach=caller.reach,
                key=self.pseudonym_key,
            )
        except ConflictError as error:  # half of a UID would name something else
            known = str(error) if len(str(error)) <= MOST_LO else "the study is known already"
            return statuses.said(statuses.PROCESSING_FAILURE, known), None
        return statuses.told(made.status, _lacking(made.missing)), None

    def _get(self, event: Event) -> Reply:
        caller = self.callers.require(event.assoc, Permission.ASSIGNMENTS_READ)
        found, study_id = see_workitem(self._within(caller.reach), requested_uid(event), self.clock.now())
        self._look(caller, [study_id])
        wanted = {int(tag) for tag in event.attribute_identifiers}
        if not wanted:
            return statuses.said(statuses.SUCCESS), found
        there = {int(element.tag) for element in found}
        made = Dataset()
        for element in found:
            if int(element.tag) in wanted or element.keyword == "SpecificCharacterSet":
                made.add(element)
        return statuses.said(statuses.SUCCESS if wanted <= there else statuses.PARTLY), made

    def _find(self, event: Event) -> Iterator[Reply]:
        caller = self.callers.require(event.assoc, Permission.ASSIGNMENTS_READ)
        identifier = dataset_sent(event, "identifier")
        query = query_in(identifier)
        answer = every_workitem(self._within(caller.reach), query, self.clock.now())
        self._look(caller, answer.study_ids)
        for workitem in answer.datasets:
            if event.is_cancelled:
                yield statuses.said(statuses.CANCELED), None
                return
            whole = is_supported(identifier, workitem)
            code = statuses.PENDING if whole else statuses.PENDING_WITHOUT
            yield statuses.said(code), answer_to(identifier, workitem)

    def _set(self, event: Event) -> Reply:
        caller = self.callers.require(event.assoc, Permission.READS_WORK)
        dataset = dataset_sent(event, "modification_list")
        status = update_workitem(
            self._within(caller.reach),
            requested_uid(event),
            dataset,
            text(dataset, "TransactionUID"),
            self.clock.now(),
            by=caller.actor,
            acting=self._acting(caller.reach),
        )
        return (statuses.said(statuses.PARTLY) if status is Status.MODIFIED else statuses.told(status)), None

    def _change_state(self, event: Event) -> Reply:
        caller = self.callers.require(event.assoc, Permission.READS_WORK)
        change = change_in(dataset_sent(event, "action_information"))
        answer = change_workitem(
            self._within(caller.reach),
            requested_uid(event),
            change,
            self.clock.now(),
            by=caller.actor,
            acting=self._acting(caller.reach),
        )
        kept = "the step had been taken away; the completion is on record"
        return statuses.told(answer.status, kept if answer.kept else _lacking(answer.missing)), None

    def _request_cancel(self, event: Event) -> Reply:
        caller = self.callers.require(event.assoc, Permission.READS_WORK)
        request, within = dataset_sent(event, "action_information"), self._within(caller.reach)
        status = cancel_workitem(within, requested_uid(event), request, self.clock.now(), by=caller.actor)
        asked = "asked for already: the reporting office is to decide"
        return statuses.told(status, asked if status is Status.WILL_NOT_CANCEL else ""), None

    def _within(self, reach: Reach) -> Database:
        return self.database.within(reach)

    def _acting(self, reach: Reach) -> Acting:
        return lambda reporter_id: self.database.within(reach.acting_for(reporter_id))

    def _look(self, caller: Caller, study_ids: list[int]) -> None:
        self.looks.note(self._within(caller.reach), caller.actor, _STUDY, study_ids, self.clock.now())


def _replied(event: Event, invalid: int, do: Callable[[Event], Reply]) -> Reply:
    """Do what an N-operation asks for; whatever happens, there is an answer."""
    try:
        return do(event)
    except BalancerError as error:
        return statuses.refusal(error, invalid=invalid), None
    except StoreBusyError:
        return statuses.said(statuses.RESOURCES, "the database does not answer"), None
    except Exception:  # noqa: BLE001 - whatever it is, the caller is answered and the log has it
        _log.exception("dimse.failed", operation=do.__name__.strip("_"))
        return statuses.said(statuses.PROCESSING_FAILURE), None


def _lacking(names: tuple[str, ...]) -> str:
    return "missing: " + ", ".join(name.rsplit(".", 1)[-1] for name in names) if names else ""
