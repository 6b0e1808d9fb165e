"""UPS event reports over DIMSE: whoever has subscribed by N-ACTION is called, and told every event once, in order."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from sqlmodel import select

from balancer.api.dimse.transport import tls
from balancer.bootstrap import open_outlets
from balancer.config import read_settings
from balancer.domain.letter import LetterState
from balancer.domain.permission import Permission
from balancer.domain.receiver import Tls
from balancer.domain.steps import StepState
from balancer.outlets.courier import Courier, Ground
from balancer.outlets.dimse import EventAssociation, Peer
from balancer.outlets.ups_events import Sending, UpsEvents, open_ups_events
from balancer.publish.ups.elements import put
from balancer.publish.ups.events import began_anew
from balancer.publish.ups.sop_classes import EVENT, PUSH
from balancer.publish.ups.uids import WorkitemKey, uid_of
from balancer.services.register_ae_title import Application, register_ae_title
from balancer.services.register_system import disable_system
from balancer.services.release_read import release_read
from balancer.services.subscribe import ALL, FILTERED, Subscriber, subscribe
from balancer.store import ae_titles, assignments, audit, outbox
from balancer.store.database import Database
from balancer.store.pages import Cut
from balancer.store.tables_access import SystemRow
from balancer.store.tables_outbox import LetterRow
from tests.api.certificates import Authority, Pair
from tests.api.dimse_peers import OURS, Workstation, calling, listening, registered
from tests.api.service import StandingClock
from tests.api.small_network import allocate
from tests.api.test_dimse import LOCK, given_up, performed
from tests.copies import copied, filled
from tests.networks import claimed, minutes, read_id
from tests.outlets.event_peer import EventPeer, free_port
from tests.patience import until
from tests.services.test_claiming import R1
from tests.terminal import OPERATOR
from tests.worlds import NOW

PACS, MUTE, ELSEWHERE, LOOKS = "PACS_RVV", "MUTE_RVV", "PACS_RWF", "WORKS_RVV"
S, P, D, C = StepState.SCHEDULED, StepState.IN_PROGRESS, StepState.COMPLETED, StepState.CANCELED
# pynetdicom leaves the socket of a connection that could not be made to the garbage collector
UNMADE = pytest.mark.filterwarnings(
    r"ignore:Exception ignored in. <(ssl\.SSL|socket\.s):pytest.PytestUnraisableExceptionWarning"
)
NO_TLS = Sending(calling=OURS, tls=Tls(), plaintext=False)


@pytest.fixture(scope="module")
def registered_file(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database file to copy from: a small network; a PACS of each of two trusts, one more without address."""

    def fill(db: Database) -> None:
        allocate(db)
        registered(db, PACS, host="127.0.0.1", port=free_port())
        registered(db, ELSEWHERE, trust="RWF", host="127.0.0.1", port=free_port())
        registered(db, LOOKS, Permission.READS_WORK)
        register_ae_title(db, Application(title=MUTE, system_id="pacs-rvv"), NOW, by=OPERATOR)

    return filled(migrated_sqlite, tmp_path_factory.mktemp("events"), fill)


@pytest.fixture
def db(registered_file: Path, tmp_path: Path) -> Iterator[Database]:
    """Yield a copy: A1 and A2 are R1's, A3 nobody's."""
    with copied(registered_file, tmp_path) as db:
        yield db


@pytest.fixture
def pacs(db: Database) -> Iterator[Workstation]:
    """Yield a PACS of RVV that has called, to subscribe and to work."""
    with listening(db) as port, calling(port, PACS) as association:
        yield Workstation(association)


class Told:
    """Somebody who takes event reports, and the courier that serves them."""

    def __init__(self, db: Database, title: str = PACS, sending: Sending = NO_TLS) -> None:
        self.db, self.clock = db, StandingClock()
        with db.session() as session:
            (row,) = [row for row in ae_titles.titles(session) if row.title == title]
        self.peer = EventPeer(title, row.port or 0)
        (self.outlet,) = [each for each in open_ups_events(db, self.clock, sending) if each.name.endswith(title)]
        self.courier = Courier(self.outlet, Ground(database=db, clock=self.clock, chance=lambda: 0.0))

    def hears(self) -> list[tuple[int, str, str]]:
        """Return what it is told while it is there."""
        self.peer.heard.clear()
        with self.peer.there():
            self.courier.step()
            self.outlet.close()
        return list(self.peer.heard)

    def letters(self) -> list[tuple[LetterState, int, str]]:
        """Return what has become of each letter."""
        with self.db.session() as session:
            return [(row.state, row.tries, row.error) for row in session.exec(select(LetterRow).order_by("id"))]


def about(pacs: Workstation, uid: str, kind: int = 3, receiver: str | None = PACS, **said: Any) -> int:
    """Ask for something about a subscription, and return the status."""
    return int(pacs.act(uid, kind, **({} if receiver is None else {"ReceivingAE": receiver}), **said).Status)


def test_whoever_has_subscribed_sees_the_whole_life_in_order_and_once(db: Database, pacs: Workstation) -> None:
    """Begun, how far it is, asked to leave it, ended; given up and replaced; with the standard's SOP Class."""
    assert about(pacs, ALL) == 0
    told = Told(db)
    one, two = pacs.uid("A1"), pacs.uid("A2")
    progress = put(Dataset(), ProcedureStepProgress="50")
    assert pacs.change(one, P, LOCK).Status == 0
    half = put(Dataset(), TransactionUID=LOCK, ProcedureStepProgressInformationSequence=[progress])
    assert pacs.say(one, half).Status == 0
    assert pacs.act(one, 2, ReasonForCancellation="twice").Status == 0
    assert pacs.say(one, performed()).Status == 0
    assert pacs.change(one, D, LOCK).Status == 0
    assert pacs.change(two, P, LOCK).Status == 0
    assert pacs.say(two, given_up()).Status == 0
    assert pacs.change(two, C, LOCK).Status == 0
    heard = told.hears()
    again = pacs.uid("A2")
    assert [each for each in heard if each[0] != 3] == [
        (1, one, P),
        (2, one, "twice"),
        (1, one, D),
        (1, two, P),
        (1, two, C),
        (1, again, S),
        (5, again, "R1"),
    ]
    kind, of, percent = heard[1]
    assert (kind, of, float(percent)) == (3, one, 50)
    assert told.peer.classes == {(EVENT, PUSH)}
    assert LOCK not in str(heard)
    assert told.hears() == []
    with db.session() as session:
        looks = [entry for entry in audit.entries(session, Cut()).items if entry.action == "study.looked_at"]
    assert {entry.actor for entry in looks} == {"system:pacs-rvv"}


@UNMADE
def test_one_that_is_down_is_told_everything_once_it_is_back(db: Database, pacs: Workstation) -> None:
    """In order, none twice; no letter has used up a try, and managers see that it is not reached."""
    about(pacs, ALL)
    told, uid = Told(db), pacs.uid("A1")
    pacs.change(uid, P, LOCK)
    told.courier.step()
    pacs.say(uid, performed())
    pacs.change(uid, D, LOCK)
    told.courier.step()
    with db.session() as session:
        (status,) = outbox.outlets(session)
    assert status.row.failing_since is not None
    assert "no association" in status.row.error
    assert told.letters() == [(LetterState.WAITING, 0, "")] * 2
    with told.peer.there():
        wait_for(lambda: len(told.peer.heard) == 2, told.courier.step)
        told.courier.step()
        told.outlet.close()
    assert told.peer.heard == [(1, uid, P), (1, uid, D)]


def test_what_happens_before_its_outlet_is_open_is_told(db: Database, pacs: Workstation) -> None:
    """From the subscription on, not from when a process looks: of a single one also how it stands."""
    uid = pacs.uid("A1")
    assert about(pacs, uid, DeletionLock="TRUE") == 0
    claimed(db, "A1")
    claimed(db, "A2")
    # the state is the one in which it is when it is told
    assert Told(db).hears() == [(1, uid, P), (1, uid, P)]


def test_an_association_that_stays_open_is_used_again_and_sends_at_once(db: Database, pacs: Workstation) -> None:
    """One for all; released by the peer it is opened anew."""
    about(pacs, ALL)
    told = Told(db)
    with told.peer.there():
        claimed(db, "A1")
        told.courier.step()
        association = told.outlet._association._open  # noqa: SLF001 - nothing else shows its socket
        assert association is not None
        assert association.dul.socket is not None
        connection = association.dul.socket.socket
        assert connection is not None
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        claimed(db, "A2")
        told.courier.step()
        assert told.outlet._association._open is association  # noqa: SLF001
        told.outlet.close()
    assert [what for _, _, what in told.peer.heard] == [P, P]


# --- to what ---------------------------------------------------------------------------------------------------------


def test_a_filter_is_the_matching_keys(db: Database, pacs: Workstation) -> None:
    """As a search has them, sequences and characters that a filter over HTTP must encode among them."""
    request = put(Dataset(), AccessionNumber="A1")
    assert about(pacs, FILTERED, ReferencedRequestSequence=[request], ProcedureStepLabel=None, WorklistLabel="*") == 0
    told = Told(db)
    claimed(db, "A2")
    claimed(db, "A1")
    assert told.hears() == [(1, pacs.uid("A1", P), P)]
    assert about(pacs, FILTERED, 4) == 0
    claimed(db, "A3", "R2")
    assert told.hears() == []


def test_what_is_left_is_told_no_more_and_what_is_suspended_takes_in_nothing_new(
    db: Database, pacs: Workstation
) -> None:
    """One is left while the others go on; suspended, the workitem that replaces one is not told of."""
    assert about(pacs, ALL) == 0
    told, one, two = Told(db), pacs.uid("A1"), pacs.uid("A2")
    assert about(pacs, one, 4) == 0
    assert about(pacs, ALL, 5) == 0
    claimed(db, "A1")
    assert pacs.change(two, P, LOCK).Status == 0
    release_read(db, read_id(db, "A2"), "R1", minutes(1), by=R1)
    assert told.hears() == [(1, two, P), (1, two, C)]


@pytest.mark.parametrize(
    ("uid", "kind", "receiver", "said", "code"),
    [
        (ALL, 3, "STRANGER", {}, 0xC308),
        (ALL, 3, ELSEWHERE, {}, 0xC308),
        (ALL, 4, ELSEWHERE, {}, 0xC308),
        (ALL, 5, ELSEWHERE, {}, 0xC308),
        (ALL, 3, MUTE, {}, 0xC315),
        (ALL, 3, None, {"DeletionLock": "TRUE"}, 0x0115),
        (ALL, 3, PACS, {"DeletionLock": "MAYBE"}, 0x0115),
        (ALL, 3, PACS, {"DeletionLock": "TRUE"}, 0xB301),
        ("A1", 3, PACS, {"DeletionLock": "TRUE"}, 0x0000),
        ("A1", 5, PACS, {}, 0xC314),
        (ALL, 5, PACS, {}, 0xC307),
        (FILTERED, 3, PACS, {}, 0x0115),
        (FILTERED, 3, PACS, {"ProcedureStepState": "COMPLETED"}, 0x0115),
        (FILTERED, 3, PACS, {"TransactionUID": "2.25.1"}, 0x0115),
        *((uid_of(WorkitemKey(999, 0), "0123456789abcdef"), kind, PACS, {}, 0xC307) for kind in (3, 4, 5)),
    ],
)
def test_what_an_action_about_subscriptions_meets(  # noqa: D103 - the table says it
    pacs: Workstation, uid: str, kind: int, receiver: str | None, said: dict[str, Any], code: int
) -> None:
    named = pacs.uid("A1") if uid == "A1" else uid
    assert f"{about(pacs, named, kind, receiver, **said):04X}" == f"{code:04X}"


def test_whoever_may_not_look_does_not_subscribe(db: Database) -> None:
    """0124H."""
    with listening(db) as port, calling(port, LOOKS) as association:
        assert about(Workstation(association), ALL, 3, LOOKS) == 0x0124


# --- who is told what ------------------------------------------------------------------------------------------------


def test_another_trusts_pacs_hears_nothing_and_may_not_be_subscribed_to_ours(db: Database, pacs: Workstation) -> None:
    """Everything is everything within its reach; a single one of ours is not there for it."""
    uid = pacs.uid("A1")
    with listening(db) as port, calling(port, ELSEWHERE) as association:
        elsewhere = Workstation(association)
        assert about(elsewhere, ALL, 3, ELSEWHERE) == 0
        assert about(elsewhere, uid, 3, ELSEWHERE) == 0xC307
    told = Told(db, ELSEWHERE)
    claimed(db, "A1")
    assert told.hears() == []
    assert told.letters() == []


def test_what_was_written_for_a_system_that_is_shut_out_is_not_sent(db: Database, pacs: Workstation) -> None:
    """Nor is an outlet opened for it again."""
    about(pacs, ALL)
    told = Told(db)
    claimed(db, "A1")
    told.courier.write()
    disable_system(db, "pacs-rvv", NOW, by=OPERATOR)
    assert told.hears() == []
    assert told.letters() == [(LetterState.WAITING, 0, "")]
    assert [each.name for each in open_ups_events(db, told.clock, NO_TLS)] == [f"ups pacs-rwf {ELSEWHERE}"]


def test_what_was_written_of_a_trust_that_is_taken_from_a_system_is_not_sent(db: Database, pacs: Workstation) -> None:
    """Managers see it among what was given up."""
    about(pacs, ALL)
    told = Told(db)
    claimed(db, "A1")
    told.courier.write()
    with db.transaction() as session:
        session.get_one(SystemRow, "pacs-rvv").at = ["RWF"]
    assert told.hears() == []
    assert told.letters() == [(LetterState.DEAD, 1, "its system no longer reaches the trust")]


def test_a_subscription_over_http_under_a_title_that_has_an_address_is_told_over_dimse(db: Database) -> None:
    """A subscription is to what, and not to whom it goes (ADR 0021)."""
    with db.session() as session:
        known = ae_titles.by_title(session, PACS, now=NOW)
    assert known is not None
    within = db.within(known.actor.reach(Permission.ASSIGNMENTS_READ))
    subscribe(within, Subscriber(by=known.actor, aet=PACS), ALL, NOW)
    claimed(db, "A1")
    assert [what for _, _, what in Told(db).hears()] == [P]


# --- what is answered ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "states"),
    [
        (0x0110, [(LetterState.WAITING, 1, "answered 0110"), (LetterState.WAITING, 0, "")]),
        (0x0112, [(LetterState.DEAD, 1, "answered 0112"), (LetterState.SENT, 0, "")]),
        (0x0113, [(LetterState.SENT, 0, "")] * 2),
        (0xB000, [(LetterState.SENT, 0, "")] * 2),
    ],
)
def test_what_becomes_of_a_report_that_is_not_taken(
    db: Database, pacs: Workstation, answer: int, states: list[tuple[LetterState, int, str]]
) -> None:
    """Told again later, and nothing behind it before; or never again, where it would be answered the same."""
    about(pacs, ALL)
    told = Told(db)
    claimed(db, "A1")
    claimed(db, "A2")
    told.peer.answers = [answer]
    told.hears()
    assert told.letters() == states
    told.clock.at = minutes(5)
    told.hears()
    assert {state for state, _, _ in told.letters()} <= {LetterState.SENT, LetterState.DEAD}


def test_whoever_may_have_missed_something_is_told_so(db: Database, pacs: Workstation) -> None:
    """SCP Status Change, RESTARTED: numbers have been given anew after a backup, and they must look again."""
    told = Told(db)
    about(pacs, ALL)
    with db.transaction() as session:
        assignments.void_cursors(session)
    assert told.hears() == [(4, ALL, "RESTARTED")]
    assert told.hears() == []


# --- how it is sent --------------------------------------------------------------------------------------------------


@UNMADE
def test_over_tls_it_is_told_only_if_it_is_who_it_should_be(db: Database, pacs: Workstation, tmp_path: Path) -> None:
    """By the certificate that the title is bound to: neither a stranger's nor another of the same authority's is it."""
    ours, others = Authority(tmp_path, "ours"), Authority(tmp_path, "others")
    own, its_own, another, false = ours.pair("own"), ours.pair("its"), ours.pair("another"), others.pair("false")
    told = Told(db, bound(db, pacs, its_own), over_tls(ours, own))
    for shown in (false, another):
        with told.peer.there(tls(shown.certificate, shown.key, ours.certificate, required=True)):
            told.courier.step()
            assert told.peer.heard == []
            told.courier._not_before = 0.0  # noqa: SLF001 - it tries again, and need not wait for it here
    with told.peer.there(tls(its_own.certificate, its_own.key, ours.certificate, required=True)):
        wait_for(lambda: len(told.peer.heard) == 1, told.courier.step)
        told.outlet.close()


def over_tls(authority: Authority, own: Pair, *, plaintext: bool = False) -> Sending:
    """Return how this service calls over TLS."""
    shown = Tls(authorities=authority.certificate, certificate=own.certificate, key=own.key)
    return Sending(calling=OURS, tls=shown, plaintext=plaintext)


def bound(db: Database, pacs: Workstation, pair: Pair | None, *, private: bool = True) -> str:
    """Return a title that has subscribed and is told over TLS, bound to a certificate or to none; A1 is claimed."""
    pem = "" if pair is None else pair.certificate.read_text()
    place: dict[str, Any] = {"host": "localhost", "port": free_port(), "tls": private, "certificate": pem}
    register_ae_title(db, Application(title="SAFE_RVV", system_id="pacs-rvv", **place), NOW, by=OPERATOR)
    assert about(pacs, ALL, 3, "SAFE_RVV") == 0
    claimed(db, "A1")
    return "SAFE_RVV"


def why_nothing_is_told(db: Database, told: Told) -> str:
    """Return what managers see of an outlet that tells nothing."""
    told.courier.step()
    with db.session() as session:
        (status,) = [each for each in outbox.outlets(session) if each.row.name == told.outlet.name]
    return status.row.error


def test_over_tls_a_title_that_is_bound_to_no_certificate_is_nobodys(
    db: Database, pacs: Workstation, tmp_path: Path
) -> None:
    """As when it calls; where the network lets in nobody else, by its name."""
    ours = Authority(tmp_path, "ours")
    own, its_own = ours.pair("own"), ours.pair("its")
    title = bound(db, pacs, None)
    assert "--certificate" in why_nothing_is_told(db, Told(db, title, over_tls(ours, own)))
    told = Told(db, title, over_tls(ours, own, plaintext=True))
    with told.peer.there(tls(its_own.certificate, its_own.key, ours.certificate, required=True)):
        told.courier.step()
        told.outlet.close()
    assert [what for _, _, what in told.peer.heard] == [P]


def test_a_title_that_is_bound_to_a_certificate_is_told_nothing_in_plain_text(
    db: Database, pacs: Workstation, tmp_path: Path
) -> None:
    """Not on this machine either."""
    title = bound(db, pacs, Authority(tmp_path, "ours").pair("its"), private=False)
    assert "--tls" in why_nothing_is_told(db, Told(db, title))


def test_in_plain_text_nothing_leaves_this_machine_unless_that_is_said(db: Database, pacs: Workstation) -> None:
    """A report names reporters."""
    place: dict[str, Any] = {"host": "192.0.2.1", "port": 11112}
    register_ae_title(db, Application(title="FAR_RVV", system_id="pacs-rvv", **place), NOW, by=OPERATOR)
    assert about(pacs, ALL, 3, "FAR_RVV") == 0
    told = Told(db, "FAR_RVV")
    claimed(db, "A1")
    assert "beyond this machine" in why_nothing_is_told(db, told)


def test_the_outlets_process_has_one_for_each_title_with_an_address(db: Database, tmp_path: Path) -> None:
    """Under the AE title that this service is called by."""
    (tmp_path / "network").mkdir()
    settings = read_settings(database_url=str(db.engine.url), network=tmp_path / "network", dimse_ae_title="OTHER")
    found = [each for each in open_outlets(settings, db) if isinstance(each, UpsEvents)]
    assert [each.name for each in found] == []  # their keys ended long ago by this machine's clock
    with db.transaction() as session:
        for row in session.exec(select(SystemRow)):
            row.expires_at = NOW + timedelta(days=100_000)
    found = [each for each in open_outlets(settings, db) if isinstance(each, UpsEvents)]
    assert [each.name for each in found] == [f"ups pacs-rvv {PACS}", f"ups pacs-rwf {ELSEWHERE}"]
    assert "OTHER" in str(found[0].description)


class Restless(threading.Event):
    """Holds nobody up for long: whoever is to pause has paused, and goes on before it is over."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for a moment."""
        super().wait(0.002 if timeout is None else timeout)
        return True


def test_an_answer_is_taken_by_whoever_waits_for_it(db: Database) -> None:
    """However often the library's own thread looks meanwhile: what it found would be told late, and twice."""
    told = Told(db)
    with told.peer.there():
        association = EventAssociation(Peer(title=PACS, host="127.0.0.1", port=told.peer.port, calling=OURS))
        assert association.report(began_anew(ALL)) == 0
        association._open._reactor_checkpoint = Restless()  # type: ignore[union-attr]  # noqa: SLF001 - a slow machine
        assert [association.report(began_anew(ALL)) for _ in range(20)] == [0] * 20
        association.close()
    assert len(told.peer.heard) == 21


def wait_for(holds: Callable[[], bool], do: Callable[[], object]) -> None:
    """Do something again and again until something holds."""

    def look() -> bool:
        if holds():
            return True
        do()
        return False

    until(look)
