"""A RIS shows the owner that Balancer gave a study, whatever fails on the way: against a real MLLP peer."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import signal
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlmodel import select

from balancer.domain.exceptional import ExceptionKind
from balancer.domain.letter import LetterState, Patience
from balancer.domain.receiver import ALWAYS, News, Part, Receiver, Tls
from balancer.outlets.courier import Courier, Ground
from balancer.outlets.hl7 import Hl7Outlet
from balancer.outlets.telling import TellingOrder, tell_for_ever
from balancer.services import note_not_told
from balancer.services.complete_read import complete_read
from balancer.services.forget_letters import forget_letters
from balancer.services.ingest_studies import ingest_extract
from balancer.services.release_read import release_read
from balancer.services.run_allocation import run_allocation
from balancer.store import outbox
from balancer.store.assignments import void_cursors
from balancer.store.database import Database
from balancer.store.pages import Cut
from balancer.store.tables_life import ExceptionRow
from tests.api.service import StandingClock
from tests.networks import PACS, Feed, claimed, extract, incoming, minutes, queued, read_id, rostered, solving
from tests.outlets.ris import GARBAGE, HANG_UP, SILENCE, TWICE, Ris, ris
from tests.patience import PATIENCE_SECONDS, until
from tests.processes import started
from tests.worlds import NOW, session


@pytest.fixture
def peer() -> Iterator[Ris]:
    """Yield a RIS."""
    with ris() as served:
        yield served


def receiver(peer: Ris, **described: object) -> Receiver:
    """Return the description of a RIS on this machine."""
    plain = Receiver(name="RIS", trusts=("RVV",), host="127.0.0.1", port=peer.port, tls=None, answer_seconds=60)
    return replace(plain, **described)  # type: ignore[arg-type]  # checked by dataclass use


class Told:
    """A courier that tells a RIS, and a clock of its own."""

    def __init__(self, db: Database, described: Receiver) -> None:
        self.db = db
        self.clock = StandingClock()
        self.outlet = Hl7Outlet(described)
        self.courier = Courier(self.outlet, Ground(database=db, clock=self.clock, chance=lambda: 1.0))

    def after(self, seconds: float) -> Told:
        """Look so long after NOW."""
        self.clock.at = NOW + dt.timedelta(seconds=seconds)
        self.courier.step()
        return self

    def letters(self) -> list[tuple[str, LetterState, int, str]]:
        """Return every letter, the oldest first."""
        with self.db.session() as reading:
            rows = [row for row, _ in outbox.letters(reading, Cut(), outlet=self.outlet.name).items]
        return [(row.what, row.state, row.tries, row.error) for row in reversed(rows)]


@pytest.fixture
def telling(sqlite_db: Database) -> Iterator[Callable[[Receiver], Told]]:
    """Return what opens an outlet on a queue with one study; it is closed in the end."""
    queued(sqlite_db, "A1")
    opened: list[Told] = []

    def tell(described: Receiver) -> Told:
        opened.append(Told(sqlite_db, described))
        return opened[-1]

    yield tell
    for one in opened:
        one.outlet.close()


Telling = Callable[[Receiver], Told]


def test_a_study_is_told_through_its_life(telling: Telling, peer: Ris) -> None:
    """Opened, left, opened by another, read: the RIS shows the same owner at each step, and is asked for nothing."""
    told = telling(receiver(peer, tells=frozenset(News))).after(0)
    number = read_id(told.db, "A1")
    claimed(told.db, "A1", "R1")
    told.after(1)
    release_read(told.db, number, "R1", NOW, by=PACS)
    told.after(2)
    claimed(told.db, "A1", "R2")
    told.after(3)
    complete_read(told.db, number, "R2", NOW, by=PACS)
    told.after(4).after(5)
    assert peer.owners == [("IP", "R1", ""), ("SC", '""', ""), ("IP", "R2", ""), ("CM", "R2", "")]
    assert {str(one.segment("OBR")(3)) for one in peer.messages} == {"A1"}
    assert len({str(one.segment("MSH")(10)) for one in peer.messages}) == 4
    assert peer.connections == 1


def test_a_plan_is_told_and_a_new_one_only_where_it_differs(sqlite_db: Database, peer: Ris) -> None:
    """Studies of other trusts are another RIS's; the second reader stands in OBR-33."""
    queued(sqlite_db, "A1", incoming("A2", reads=2))
    rostered(sqlite_db, session("S1", "R1"), session("S2", "R2"))
    told = Told(sqlite_db, receiver(peer))
    run_allocation(sqlite_db, NOW, solver=solving({"S1": ["A1", "A2"], "S2": ["A2#2"]}))
    told.after(0)
    assert sorted(peer.owners) == [("SC", "R1", ""), ("SC", "R1", "R2")]
    run_allocation(sqlite_db, NOW, solver=solving({"S1": ["A2"], "S2": ["A1", "A2#2"]}))
    told.after(1)
    assert peer.owners[2:] == [("SC", "R2", "")]
    other = Told(sqlite_db, receiver(peer, name="West", trusts=("RWF",)))
    other.after(2)
    assert other.letters() == []
    for one in (told, other):
        one.outlet.close()


def test_a_study_that_came_back_is_whose_reads_it_now(telling: Telling, peer: Ris) -> None:
    """Late images after the report was confirmed: the RIS does not go on naming who wrote that report."""
    told = telling(receiver(peer)).after(0)
    claimed(told.db, "A1", "R1")
    told.after(0)
    complete_read(told.db, read_id(told.db, "A1"), "R1", minutes(1), by=PACS)
    ingest_extract(told.db, Feed(), extract("B1", at=30), minutes(30), most_closed=1)
    ingest_extract(told.db, Feed(), extract(incoming("A1", acquired_at=minutes(50)), "B1", at=60), minutes(60))
    told.after(3600)
    claimed(told.db, "A1", "R2", read=2)
    told.after(3600)
    assert peer.owners == [("IP", "R1", ""), ("SC", '""', ""), ("IP", "R2", "")]


def test_a_study_that_comes_back_when_what_was_told_is_forgotten_has_no_owner_either(
    telling: Telling, peer: Ris
) -> None:
    """Weeks later the RIS still shows who wrote the report; of another that is over it is told nothing anew."""
    told = telling(receiver(peer)).after(0)
    claimed(told.db, "A1", "R1")
    told.after(0)
    complete_read(told.db, read_id(told.db, "A1"), "R1", minutes(1), by=PACS)
    ingest_extract(told.db, Feed(), extract("B1", at=30), minutes(30), most_closed=1)
    told.after(1800)
    weeks = 60 * 24 * 14
    forget_letters(told.db, minutes(weeks))
    with told.db.session() as session:
        assert outbox.told(session, told.outlet.name) == {}
    with told.db.transaction() as writing:
        void_cursors(writing)
    told.after(weeks * 60)
    assert peer.owners == [("IP", "R1", "")]
    back = incoming("A1", acquired_at=minutes(weeks - 10))
    ingest_extract(told.db, Feed(), extract(back, "B1", at=weeks), minutes(weeks))
    told.after(weeks * 60)
    assert peer.owners == [("IP", "R1", ""), ("SC", '""', '""')]


def test_a_receiver_is_told_only_what_it_wants_and_where_it_wants_it(telling: Telling, peer: Ris) -> None:
    """That a study was opened, or left again, is not for this one; whoever has it is."""
    told = telling(receiver(peer, tells=ALWAYS, places={Part.FIRST: "OBR-33"})).after(0)
    number = read_id(told.db, "A1")
    claimed(told.db, "A1", "R1")
    told.after(1)
    release_read(told.db, number, "R1", NOW, by=PACS)
    told.after(2)
    claimed(told.db, "A1", "R1")
    told.after(3)
    assert peer.owners == [("IP", "", "R1")]


@pytest.mark.parametrize("word", ["AE", "AA other", GARBAGE, HANG_UP, SILENCE])
def test_what_was_not_taken_is_said_again_the_same_to_the_letter(telling: Telling, peer: Ris, word: str) -> None:
    """An error, an answer to another message, one that is none, a line that breaks, no answer at all."""
    impatient = receiver(peer, answer_seconds=0.3) if word == SILENCE else receiver(peer)
    told = telling(impatient).after(0)
    claimed(told.db, "A1")
    peer.answers = [word]
    told.after(0)
    until(lambda: peer.messages)
    assert [(state, tries) for _, state, tries, _ in told.letters()] == [(LetterState.WAITING, 1)]
    told = telling(receiver(peer)).after(1)
    assert [state for _, state, _, _ in told.letters()] == [LetterState.SENT]
    first, second = peer.messages
    assert str(first) == str(second)


def test_one_answer_too_many_does_not_put_the_line_out_of_step(telling: Telling, peer: Ris) -> None:
    """Else each later message would read the answer to the one before, and be dead in the end though it was taken."""
    told = telling(receiver(peer)).after(0)
    peer.answers = [TWICE]
    claimed(told.db, "A1")
    told.after(0)
    release_read(told.db, read_id(told.db, "A1"), "R1", NOW, by=PACS)
    told.after(0).after(1)
    claimed(told.db, "A1", "R2")
    told.after(2)
    assert [(state, tries) for _, state, tries, _ in told.letters()] == [
        (LetterState.SENT, 0),
        (LetterState.SENT, 1),
        (LetterState.SENT, 0),
    ]
    assert peer.connections == 2


@pytest.mark.parametrize(("word", "lines"), [("AA other", 2), (GARBAGE, 2), ("AE", 1)])
def test_only_what_is_no_answer_to_it_costs_the_line(telling: Telling, peer: Ris, word: str, lines: int) -> None:
    """An error that means this message is an answer like any other."""
    told = telling(receiver(peer)).after(0)
    claimed(told.db, "A1")
    peer.answers = [word]
    told.after(0).after(1)
    assert [state for _, state, _, _ in told.letters()] == [LetterState.SENT]
    assert peer.connections == lines


def test_what_is_rejected_is_dead_and_said_anew_with_the_next_step_or_when_put_back(
    telling: Telling, peer: Ris
) -> None:
    """AR means that it will never be taken as it is; the error names nothing of the study."""
    told = telling(receiver(peer)).after(0)
    claimed(told.db, "A1")
    peer.answers = ["AR"]
    told.after(1)
    assert told.letters() == [("assigned", LetterState.DEAD, 1, "rejected (AR)")]
    assert exceptions_of(told.db) == [("not_told", "hl7 RIS: rejected (AR)")]
    with told.db.transaction() as writing:
        outbox.put_back(writing, 1, NOW)
    told.after(2)
    assert told.letters()[0] == ("assigned", LetterState.SENT, 0, "")


def test_the_office_is_told_once_of_a_study_and_not_of_what_is_tried_again(telling: Telling, peer: Ris) -> None:
    """A manager has to know that the RIS shows another owner; not each time, nor while it may still hear."""
    told = telling(receiver(peer)).after(0)
    claimed(told.db, "A1")
    peer.answers = ["AE", "AR"]
    told.after(1)
    assert exceptions_of(told.db) == []
    told.after(100)
    released(told.db)
    peer.answers = ["AR"]
    told.after(200)
    assert len(exceptions_of(told.db)) == 1


def test_a_ris_that_refuses_everything_has_one_cause_and_not_a_thousand(
    telling: Telling, peer: Ris, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What else was refused stands in the list of letters."""
    monkeypatch.setattr(note_not_told, "MOST_OPEN", 1)
    told = telling(receiver(peer)).after(0)
    ingest_extract(told.db, Feed(), extract("A1", "A2"), NOW)
    peer.answers = ["AR", "AR"]
    for number in ("A1", "A2"):
        claimed(told.db, number)
    told.after(1)
    assert [state for _, state, _, _ in told.letters()] == [LetterState.DEAD, LetterState.DEAD]
    assert len(exceptions_of(told.db)) == 1


def exceptions_of(db: Database) -> list[tuple[str, str]]:
    """Return what the office has been told of what could not be told."""
    with db.session() as reading:
        rows = reading.exec(select(ExceptionRow).where(ExceptionRow.kind == ExceptionKind.NOT_TOLD)).all()
    return [(row.kind.value, row.detail) for row in rows]


def released(db: Database, reporter_id: str = "R1", *, read: int = 1) -> None:
    """Let a reporter leave a read of A1."""
    release_read(db, read_id(db, "A1", read=read), reporter_id, NOW, by=PACS)


def test_an_owner_whose_letter_was_put_back_is_taken_away_again(telling: Telling, peer: Ris) -> None:
    """What a dead letter said is not forgotten: the RIS may know it, and by a person's hand it does."""
    told = telling(receiver(peer)).after(0)
    claimed(told.db, "A1")
    peer.answers = ["AR"]
    told.after(1)
    with told.db.transaction() as writing:
        outbox.put_back(writing, 1, NOW)
    told.after(2)
    released(told.db)
    told.after(3)
    assert peer.owners[-1][:2] == ("SC", '""')


def test_that_nobody_has_it_any_more_is_told_with_the_next_step_though_nobody_has_it_then(
    telling: Telling, peer: Ris
) -> None:
    """The first was rejected; the RIS still names somebody."""
    told = telling(receiver(peer)).after(0)
    claimed(told.db, "A1")
    told.after(1)
    released(told.db)
    peer.answers = ["AR"]
    told.after(2)
    claimed(told.db, "A1", "R2")
    released(told.db, "R2")
    told.after(3)
    assert [(what, state) for what, state, _, _ in told.letters()] == [
        ("assigned", LetterState.SENT),
        ("unassigned", LetterState.DEAD),
        ("unassigned", LetterState.SENT),
    ]
    assert peer.owners[-1] == ("SC", '""', '""')


def test_after_a_dead_letter_a_second_reader_who_has_gone_is_deleted(sqlite_db: Database, peer: Ris) -> None:
    """Nobody knows whom the RIS names by now: each part that nobody has is deleted in as many words."""
    queued(sqlite_db, incoming("A1", reads=2))
    told = Told(sqlite_db, receiver(peer))
    claimed(sqlite_db, "A1", "R1")
    claimed(sqlite_db, "A1", "R2", read=2)
    told.after(0)
    released(sqlite_db, "R2", read=2)
    peer.answers = ["AR"]
    told.after(1)
    released(sqlite_db, "R1")
    claimed(sqlite_db, "A1", "R1")
    told.after(2)
    assert peer.owners[-1] == ("IP", "R1", '""')
    told.outlet.close()


def test_a_ris_that_was_down_for_longer_than_letters_live_is_told_how_things_stand(telling: Telling) -> None:
    """Though nothing has moved since: what is too old is written anew, and waits for it."""
    with ris() as before:
        port = before.port
        described = replace(receiver(before), patience=Patience(first_seconds=0.0))
    told = telling(described).after(0)
    claimed(told.db, "A1")
    told.after(0).after(73 * 3600)
    with ris(port=port) as back:
        told.after(74 * 3600)
        assert back.owners == [("IP", "R1", '""')]
        assert [state for _, state, _, _ in told.letters()] == [LetterState.DEAD, LetterState.SENT]
        told.outlet.close()
        told.outlet.close = lambda: None  # type: ignore[method-assign]  # it is closed, with the RIS still there


def test_once_a_ris_takes_messages_again_it_is_told_what_was_given_up(sqlite_db: Database, peer: Ris) -> None:
    """It was there and failed for long enough; what is rejected for good is not sent with each that is taken."""
    queued(sqlite_db, "A1", "A2", "A3", "A4")
    told = Told(sqlite_db, receiver(peer, patience=Patience(tries=1)))
    claimed(sqlite_db, "A1")
    peer.answers = ["AE"]
    told.after(0)
    claimed(sqlite_db, "A2")
    peer.answers = ["AA", "AR"]
    told.after(1).after(2)
    assert [str(one.segment("OBR")(3)) for one in peer.messages] == ["A1", "A2", "A1"]
    for second, accession_number in ((3, "A3"), (4, "A4")):
        claimed(sqlite_db, accession_number)
        told.after(second)
    told.after(5)
    assert [str(one.segment("OBR")(3)) for one in peer.messages] == ["A1", "A2", "A1", "A3", "A4"]
    told.outlet.close()


def test_a_connection_that_the_ris_closed_while_idle_is_made_anew(telling: Telling, peer: Ris) -> None:
    """That is no failure of the letter."""
    told = telling(receiver(peer)).after(0)
    claimed(told.db, "A1")
    told.after(0)
    peer.hang_up()
    release_read(told.db, read_id(told.db, "A1"), "R1", NOW, by=PACS)
    told.after(0)
    assert [(state, tries) for _, state, tries, _ in told.letters()] == [(LetterState.SENT, 0)] * 2
    assert peer.connections == 2


def test_a_ris_that_was_down_is_told_how_things_stand(telling: Telling) -> None:
    """Nothing is used up while nobody is there; what was written is sent in order."""
    with ris() as before:
        port = before.port
        described = replace(receiver(before), patience=Patience(tries=1, first_seconds=0.0))
    told = telling(described).after(0)
    claimed(told.db, "A1")
    told.after(0)
    assert [(state, tries) for _, state, tries, _ in told.letters()] == [(LetterState.WAITING, 0)]
    with ris(port=port) as back:
        told.after(0)
        assert back.owners == [("IP", "R1", "")]
        told.outlet.close()
        told.outlet.close = lambda: None  # type: ignore[method-assign]  # it is closed, with the RIS still there


def test_after_a_restored_backup_only_what_differs_is_told(telling: Telling, peer: Ris) -> None:
    """The numbers are others; what the RIS was told is kept."""
    told = telling(receiver(peer)).after(0)
    claimed(told.db, "A1")
    told.after(0)
    with told.db.transaction() as writing:
        void_cursors(writing)
    told.after(0)
    assert len(peer.messages) == 1


def test_names_in_letters_that_the_receivers_charset_lacks_are_for_a_person(telling: Telling, peer: Ris) -> None:
    """They are not sent with question marks in them."""
    told = telling(receiver(peer, charset="ascii", from_facility="Kent\N{EN DASH}Medway")).after(0)
    claimed(told.db, "A1")
    told.after(0)
    assert told.letters() == [("assigned", LetterState.DEAD, 1, "cannot be written in ascii")]
    assert peer.messages == []


# --- private connections ---------------------------------------------------------------------------------------------


def certificate(folder: Path, name: str) -> Path:
    """Write a certificate that vouches for itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(here, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / f"{name}.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path


def test_over_tls_both_sides_show_who_they_are(telling: Telling, tmp_path: Path) -> None:
    """A RIS that asks for our certificate gets it; one whose certificate nobody vouches for is told nothing."""
    server, ours = certificate(tmp_path, "ris"), certificate(tmp_path, "balancer")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server)
    context.load_verify_locations(ours)
    context.verify_mode = ssl.CERT_REQUIRED
    with ris(context) as peer:
        strange = telling(receiver(peer, name="strange", tls=Tls(authorities=ours, certificate=ours))).after(0)
        claimed(strange.db, "A1")
        strange.after(0)
        with strange.db.session() as reading:
            (status,) = outbox.outlets(reading)
        assert (status.waiting, status.row.error) == (
            1, "the connection cannot be made private: CERTIFICATE_VERIFY_FAILED",
        )  # fmt: skip
        assert peer.messages == []
        told = telling(receiver(peer, tls=Tls(authorities=server, certificate=ours))).after(0)
        assert [owner for _, owner, _ in peer.owners] == ["R1"]
        told.outlet.close()
        told.outlet.close = lambda: None  # type: ignore[method-assign]  # it is closed, with the RIS still there


# --- a process that is killed ----------------------------------------------------------------------------------------


def one_outlet(described: Receiver, _database: Database) -> list[Hl7Outlet]:
    """Return the only outlet there is to be; at the top of a module, so that it can be pickled."""
    return [Hl7Outlet(described)]


def nothing() -> None:
    """Prepare nothing."""


def test_killed_between_sending_and_the_answer_it_says_the_same_message_again(sqlite_db: Database) -> None:
    """The process that follows sends what the first cannot know to have been taken, by the same MSH-10."""
    queued(sqlite_db, "A1")
    claimed(sqlite_db, "A1")
    with ris() as peer:
        peer.answers = [SILENCE]
        order = TellingOrder(
            database_url=str(sqlite_db.engine.url),
            clock=StandingClock(),
            lease=None,
            outlets=partial(one_outlet, receiver(peer, answer_seconds=60)),
            prepare=nothing,
        )
        for seen in (1, 2):
            with started(tell_for_ever, order) as process:
                until(lambda seen=seen: len(peer.messages) >= seen)  # type: ignore[misc]  # mypy infers no default
                os.kill(process.pid or 0, signal.SIGKILL if seen == 1 else signal.SIGTERM)
                process.join(PATIENCE_SECONDS)
                assert process.exitcode == (-signal.SIGKILL if seen == 1 else 0)
        assert str(peer.messages[0]) == str(peer.messages[1])
    with sqlite_db.session() as reading:
        (row, _study) = outbox.letters(reading, Cut()).items[0]
    assert row.state is LetterState.SENT
