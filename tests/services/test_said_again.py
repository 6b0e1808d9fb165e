"""Completions that come late, again, or of somebody whose entitlement has gone: kept, and never believed blindly."""

from __future__ import annotations

import pytest
from sqlmodel import col, delete, select

from balancer.domain.actor import Grant, Reach, person
from balancer.domain.errors import NotFoundError
from balancer.domain.exceptional import ExceptionKind
from balancer.domain.life import ReadState
from balancer.domain.outcome import Outcome
from balancer.domain.permission import Role
from balancer.services.check_completions import check_completions
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.ingest_studies import ingest_extract
from balancer.services.lapse_claims import lapse_claims
from balancer.services.reopen_read import reopen_read
from balancer.services.run_allocation import run_allocation
from balancer.store import audit, claims, conservation, exceptions, queue, reads
from balancer.store.database import Database
from balancer.store.pages import Cut
from balancer.store.tables import EntitlementRow, ReporterRow
from tests.networks import PACS, Feed, extract, incoming, minutes, queued, read_id, rostered, solving, standing
from tests.services.test_claiming import MANAGER, R1, five, opened, take
from tests.services.test_ending_a_read import finish
from tests.services.test_looking_after_reads import EVERYTHING, HOURS
from tests.worlds import NOW, session

OFFICE = "RVV reporting office"
R2 = person("oidc:r2", "Reporter 2", Grant(Role.REPORTER, "RVV"), reporter_id="R2")
OF_RVV = Reach(trusts=frozenset({"RVV"}))


def disputed(db: Database) -> None:
    """Let R1 complete A1, and its source list it five hours later all the same."""
    five(db)
    take(db, "A1")
    assert finish(db, "A1", at=5)
    later = 5 * HOURS
    ingest_extract(db, Feed(), extract(*EVERYTHING, at=later), minutes(later))
    assert check_completions(db, minutes(later)) == 1


def entitled_no_more(db: Database, *, moved: bool = False) -> None:
    """Take R1's entitlement at RVV away; ``moved``: they work elsewhere by now."""
    with db.transaction() as writing:
        here = (col(EntitlementRow.reporter_id) == "R1", col(EntitlementRow.trust) == "RVV")
        writing.exec(delete(EntitlementRow).where(*here))
        if moved:
            writing.exec(select(ReporterRow).where(ReporterRow.reporter_id == "R1")).one().home_trust = "RWF"


@pytest.mark.parametrize("by", [PACS, R1], ids=["system", "reporter"])
def test_the_old_word_once_more_does_not_hide_a_read_that_came_back(db: Database, by: object) -> None:
    """A client that never got its answer repeats itself after hours: the report is still not at the source."""
    disputed(db)
    again = 5 * HOURS + 1
    assert not complete_read(db, read_id(db, "A1"), "R1", minutes(again), by=by)  # type: ignore[arg-type]
    assert standing(db, "A1")[0] is ReadState.UNALLOCATED
    assert opened(db) == [(ExceptionKind.COMPLETED_BESIDE, OFFICE), (ExceptionKind.UNCONFIRMED, OFFICE)]
    with db.session() as reading:
        kept = claims.completions(reading, read_id(db, "A1"))
    assert [row.accepted for row in kept] == [True, False]


def test_whoever_opens_it_again_may_complete_it_again(db: Database) -> None:
    """They have looked: it is a new report, or the old one sent once more."""
    disputed(db)
    at = 5 * HOURS + 1
    claim_read(db, read_id(db, "A1"), "R1", minutes(at), by=PACS)
    assert finish(db, "A1", at=at + 1)
    assert standing(db, "A1") == (ReadState.DONE, "R1")


def test_somebody_elses_completion_of_what_came_back_is_news(db: Database) -> None:
    """The PACS of a trust does not say who has opened what."""
    disputed(db)
    assert finish(db, "A1", "R2", at=5 * HOURS + 1)
    assert standing(db, "A1") == (ReadState.DONE, "R2")


def test_a_report_of_somebody_who_is_entitled_no_more_is_kept(db: Database) -> None:
    """It was written; that it should not have been is for the office. The trust's system no longer sees who it was."""
    five(db)
    take(db, "A1")
    entitled_no_more(db, moved=True)
    assert complete_read(db.within(OF_RVV), read_id(db, "A1"), "R1", minutes(5), by=PACS)
    assert standing(db, "A1") == (ReadState.DONE, "R1")
    assert opened(db) == [(ExceptionKind.CLAIMANT_NOT_ENTITLED, OFFICE)]
    with db.session() as reading:
        (row,) = exceptions.exceptions(reading, Cut()).items
    assert row.detail == "R1: not entitled at RVV"


def test_that_somebody_who_is_not_entitled_has_opened_it_is_so_too(db: Database) -> None:
    """Else a second person opens the same study."""
    five(db)
    entitled_no_more(db, moved=True)
    claim_read(db.within(OF_RVV), read_id(db, "A1"), "R1", NOW, by=PACS)
    assert standing(db, "A1") == (ReadState.CLAIMED, "R1")
    assert opened(db) == [(ExceptionKind.CLAIMANT_NOT_ENTITLED, OFFICE)]


def test_a_reporters_own_late_word_finds_its_read_when_their_entitlement_has_gone(db: Database) -> None:
    """The network was down, the claim lapsed, another run was published, and then the contract ended."""
    five(db)
    take(db, "A1")
    assert lapse_claims(db, minutes(10)).lapsed == 1
    run_allocation(db, minutes(11), solver=solving({"S2": [*EVERYTHING]}))
    assert standing(db, "A1") == (ReadState.ALLOCATED, "R2")
    entitled_no_more(db, moved=True)
    own = db.within(Reach(own="R1").at(minutes(20)))
    assert complete_read(own, read_id(db, "A1"), "R1", minutes(20), by=R1)
    assert standing(db, "A1") == (ReadState.DONE, "R1")
    assert opened(db) == [(ExceptionKind.CLAIMANT_NOT_ENTITLED, OFFICE)]


def test_a_late_word_is_no_report_of_images_that_were_made_since(db: Database) -> None:
    """The study went and came back with more of them: what R1 had written is kept, and it is read all the same."""
    five(db)
    take(db, "A1")
    rest = EVERYTHING[1:]
    ingest_extract(db, Feed(), extract(*rest, at=2), minutes(2))
    lapse_claims(db, minutes(30))
    more = incoming("A1", acquired_at=minutes(50))
    ingest_extract(db, Feed(), extract(more, *rest, at=60), minutes(60))
    assert not complete_read(db, read_id(db, "A1"), "R1", minutes(61), by=PACS)
    assert standing(db, "A1")[0] in {ReadState.UNALLOCATED, ReadState.ALLOCATED}
    assert (ExceptionKind.COMPLETED_BESIDE, OFFICE) in opened(db)


# --- of a study that is read by two ---------------------------------------------------------------------------------


def gone_to_another(db: Database) -> Database:
    """Let R1's claim of the first of two readings lapse, and a plan give it to R2; return what R1 may see.

    The second is R1's to read by now, as far as anybody knows.
    """
    queued(db, incoming("A1", reads=2), "B1")
    rostered(db, session("S1", "R1"), session("S2", "R2"))
    assert run_allocation(db, NOW, solver=solving({"S1": ["A1", "B1"], "S2": ["A1#2"]})).error == ""
    take(db, "A1")
    assert lapse_claims(db, minutes(10)).lapsed == 1
    assert run_allocation(db, minutes(11), solver=solving({"S2": ["A1", "B1"], "S1": ["A1#2"]})).error == ""
    assert standing(db, "A1") == (ReadState.ALLOCATED, "R2")
    return db.within(Reach(own="R1").at(minutes(20)))


def done_by(db: Database) -> set[str]:
    """Return who may not be given A1 any more."""
    with db.session() as reading:
        study_id = reads.read(reading, read_id(db, "A1")).study_id
        return queue.barred(reading, [study_id])[study_id]


def test_a_late_word_finds_a_reading_that_is_on_a_colleagues_list(db: Database) -> None:
    """It is hidden from R1, who may read the study blind; were their report lost they could read it twice."""
    own = gone_to_another(db)
    assert complete_read(own, read_id(db, "A1"), "R1", minutes(20), by=R1, outcome=Outcome.NORMAL)
    assert standing(db, "A1") == (ReadState.DONE, "R1")
    assert done_by(db) == {"R1"}
    assert opened(db) == []
    with db.session() as reading:
        assert audit.entries(reading, Cut(), subject_kind="read").items[0].action == "read.complete"
        assert conservation.faults(reading) == []


def test_a_late_word_on_a_reading_that_a_colleague_has_open_is_kept(db: Database) -> None:
    """Both stand, the office is told, and R1 does not learn who has it."""
    own = gone_to_another(db)
    claim_read(db, read_id(db, "A1"), "R2", minutes(15), by=PACS)
    assert not complete_read(own, read_id(db, "A1"), "R1", minutes(20), by=R1, outcome=Outcome.NORMAL)
    assert standing(db, "A1") == (ReadState.CLAIMED, "R2")
    assert opened(db) == [(ExceptionKind.COMPLETED_BESIDE, OFFICE)]
    with db.session() as reading:
        kept = claims.completions(reading, read_id(db, "A1"))
    assert [(row.reporter_id, row.accepted, row.outcome) for row in kept] == [("R1", False, Outcome.NORMAL)]
    with own.session() as reading, pytest.raises(NotFoundError, match="look at your list again"):
        reads.read(reading, read_id(db, "A1"))


def test_the_old_word_once_more_is_none_though_the_reading_is_hidden_by_now(db: Database) -> None:
    """R1's report was accepted, reopened, and went to R2: that R1's client says the same again is no news."""
    own = gone_to_another(db)
    assert complete_read(own, read_id(db, "A1"), "R1", minutes(20), by=R1)
    reopen_read(db, read_id(db, "A1"), minutes(21), by=MANAGER, reason="another patient's")
    assert standing(db, "A1") == (ReadState.ALLOCATED, "R2")
    assert not complete_read(own, read_id(db, "A1"), "R1", minutes(30), by=R1)
    assert standing(db, "A1") == (ReadState.ALLOCATED, "R2")


def test_whoever_never_opened_a_hidden_reading_completes_nothing(db: Database) -> None:
    """To them it is not there."""
    queued(db, incoming("A1", reads=2))
    claim_read(db, read_id(db, "A1"), "R1", NOW, by=PACS)
    own = db.within(Reach(own="R2").at(minutes(20)))
    with pytest.raises(NotFoundError):
        complete_read(own, read_id(db, "A1"), "R2", minutes(20), by=R2)
    assert opened(db) == []
