"""A study that a reporter opens in their viewer is claimed here, by the rules of any claim; who is late hears so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

import pytest

from balancer.domain.actor import Grant, person
from balancer.domain.errors import ConflictError
from balancer.domain.life import ReadState
from balancer.domain.permission import Role
from balancer.publish.fhircast.report import Meant, Number, Report, context_of, meant_by
from balancer.publish.ups.uids import WorkitemKey, uid_of
from balancer.services.claim_read import claim_read
from balancer.services.complete_read import complete_read
from balancer.services.ingest_studies import ingest_extract
from balancer.services.lapse_claims import lapse_claims
from balancer.services.open_in_viewer import close_in_viewer, open_in_viewer
from balancer.services.release_read import release_read
from balancer.store import claims, workitems
from balancer.store.database import Database
from tests.networks import PACS, TWO_FEEDS, Feed, claimed, extract, incoming, loaded, queued, read_id, standing
from tests.worlds import NOW, policy, priority, reporter

HOUR = NOW + timedelta(hours=1)


def named(number: str, trust: str = "RVV", patient: str = "") -> Meant:
    """Return what a viewer says that knows a study by its accession number."""
    of_patient = frozenset({Number(value=patient)} if patient else ())
    return Meant(accession_numbers=frozenset({Number(value=number, trust=trust)}), patient_ids=of_patient)


def test_it_is_theirs_from_then_on(sqlite_db: Database) -> None:
    """As a claim without heartbeats, on a system's word."""
    queued(sqlite_db, "A1", "A2")
    assert open_in_viewer(sqlite_db, "R1", named("A1"), NOW) == [read_id(sqlite_db, "A1")]
    assert standing(sqlite_db, "A1") == (ReadState.CLAIMED, "R1")
    with sqlite_db.transaction() as session:
        claim = claims.live_claim(session, read_id(sqlite_db, "A1"))
    assert claim is not None
    assert (claim.lease_until, claim.system) == (None, "system:fhircast")
    assert open_in_viewer(sqlite_db, "R1", named("A1"), NOW) == [read_id(sqlite_db, "A1")]


def test_who_comes_second_is_refused(sqlite_db: Database) -> None:
    """Whichever door the first came by."""
    queued(sqlite_db, "A1")
    claimed(sqlite_db, "A1", "R2")
    with pytest.raises(ConflictError):
        open_in_viewer(sqlite_db, "R1", named("A1"), NOW)
    assert standing(sqlite_db, "A1") == (ReadState.CLAIMED, "R2")


def test_of_two_readings_each_gets_one_and_a_third_none(sqlite_db: Database) -> None:
    """Nobody gets a second one of their own."""
    queued(sqlite_db, incoming("A1", reads=2))
    first, second = (open_in_viewer(sqlite_db, reporter, named("A1"), NOW) for reporter in ("R1", "R2"))
    assert first + second == [read_id(sqlite_db, "A1"), read_id(sqlite_db, "A1", read=2)]
    assert open_in_viewer(sqlite_db, "R1", named("A1"), NOW) == first


def test_whoever_looks_at_what_they_have_read_claims_nothing(sqlite_db: Database) -> None:
    """Of a study whose other reading still waits: that one is for somebody else."""
    queued(sqlite_db, incoming("A1", reads=2))
    claimed(sqlite_db, "A1")
    complete_read(sqlite_db, read_id(sqlite_db, "A1"), "R1", NOW, by=PACS)
    assert open_in_viewer(sqlite_db, "R1", named("A1"), HOUR) == []
    assert standing(sqlite_db, "A1", read=2) == (ReadState.UNALLOCATED, None)


@pytest.mark.parametrize(
    "said",
    [named("B7"), named("A1", trust="RWF"), named("A1", trust=""), named("A1", "", "H-other"), Meant()],
)
def test_what_is_not_known_here_claims_nothing(sqlite_db: Database, said: Meant) -> None:
    """Another trust may have the same accession number; alone it names no study."""
    queued(sqlite_db, "A1")
    assert open_in_viewer(sqlite_db, "R1", said, NOW) == []
    assert standing(sqlite_db, "A1")[0] is ReadState.UNALLOCATED


def test_a_study_is_found_by_whatever_names_it(sqlite_db: Database) -> None:
    """Its UID, or accession number and patient, or the workitem's own UID."""
    queued(sqlite_db, incoming("A1", study_instance_uid="1.2.3"))
    expected = [read_id(sqlite_db, "A1")]
    with sqlite_db.session() as session:
        uid = uid_of(WorkitemKey(expected[0], 0), workitems.numbering(session))
    for said in (
        Meant(study_instance_uids=frozenset({"1.2.3"})),
        named("A1", "", "H-A1"),
        Meant(workitem_uids=frozenset({uid, "a report of theirs"})),
    ):
        assert open_in_viewer(sqlite_db, "R1", said, NOW) == expected
        release_read(sqlite_db, expected[0], "R1", NOW, by=PACS)


def test_studies_that_are_reported_together_are_claimed_together_or_not_at_all(sqlite_db: Database) -> None:
    """One report of two studies: if one of them is somebody else's, neither is theirs."""
    queued(sqlite_db, "A1", "A2")
    both = Meant(accession_numbers=named("A1").accession_numbers | named("A2").accession_numbers)
    claimed(sqlite_db, "A2", "R2")
    with pytest.raises(ConflictError):
        open_in_viewer(sqlite_db, "R1", both, NOW)
    assert standing(sqlite_db, "A1")[0] is ReadState.UNALLOCATED
    release_read(sqlite_db, read_id(sqlite_db, "A2"), "R2", NOW, by=PACS)
    assert open_in_viewer(sqlite_db, "R1", both, NOW) == [read_id(sqlite_db, number) for number in ("A1", "A2")]


def _entitled(db: Database, trusts: Mapping[str, date | None]) -> None:
    """Let R1 be at home in RWF, and entitled at these trusts; A1 is a study of RVV."""
    rules = policy(priority("urgent"), priority("emergency", target_hours=1))
    people = (reporter("R1", home_trust="RWF", trusts=trusts), reporter("R2", trusts=("RVV", "RWF")))
    loaded(db, replace(TWO_FEEDS, policy=rules, reporters=people))
    ingest_extract(db, Feed(), extract(incoming("A1", study_instance_uid="1.2.3")), NOW)


@pytest.mark.parametrize("trusts", [{"RWF": None}, {"RWF": None, "RVV": (NOW - timedelta(days=1)).date()}])
@pytest.mark.parametrize("said", [named("A1"), Meant(study_instance_uids=frozenset({"1.2.3"}))])
def test_what_is_beyond_the_reporter_is_not_claimed(
    sqlite_db: Database, trusts: Mapping[str, date | None], said: Meant
) -> None:
    """Whoever sends to their session, of whatever trust: it opens what the reporter may see, as their own page does."""
    _entitled(sqlite_db, trusts)
    assert open_in_viewer(sqlite_db, "R1", said, NOW) == []
    assert standing(sqlite_db, "A1") == (ReadState.UNALLOCATED, None)


def test_what_is_theirs_they_may_open_wherever_it_was_imaged(sqlite_db: Database) -> None:
    """Until the entitlement ends, and afterwards what they have opened before."""
    _entitled(sqlite_db, {"RWF": None, "RVV": NOW.date()})
    assert open_in_viewer(sqlite_db, "R1", named("A1"), NOW) == [read_id(sqlite_db, "A1")]
    assert open_in_viewer(sqlite_db, "R1", named("A1"), NOW + timedelta(days=3)) == [read_id(sqlite_db, "A1")]


def test_nobody_has_more_open_than_the_policy_allows(sqlite_db: Database) -> None:
    """By whichever door they came; what is open already may be opened again, and a report of too many is not begun."""
    numbers = ("A1", "A2", "A3", "A4", "A5")
    queued(sqlite_db, *numbers)
    claimed(sqlite_db, "A1")
    both = Meant(accession_numbers=frozenset(Number(value=number, trust="RVV") for number in ("A2", "A3", "A4")))
    with pytest.raises(ConflictError, match="open already"):
        open_in_viewer(sqlite_db, "R1", both, NOW)
    assert [standing(sqlite_db, number)[0] for number in numbers[1:]] == [ReadState.UNALLOCATED] * 4
    for number in ("A2", "A3", "A3"):
        open_in_viewer(sqlite_db, "R1", named(number), NOW)
    with pytest.raises(ConflictError, match="open already"):
        open_in_viewer(sqlite_db, "R1", named("A5"), NOW)
    assert open_in_viewer(sqlite_db, "R2", named("A5"), NOW) == [read_id(sqlite_db, "A5")]


def test_a_viewer_leaves_a_page_its_lease(sqlite_db: Database) -> None:
    """The page that claimed it sends heartbeats; once it has gone, a viewer that has been closed keeps nothing."""
    queued(sqlite_db, "A1")
    by_page = person("oidc:m1", "A. Manager", Grant(Role.MANAGER, "RVV"))
    claim_read(sqlite_db, read_id(sqlite_db, "A1"), "R1", NOW, by=by_page)
    open_in_viewer(sqlite_db, "R1", named("A1"), NOW + timedelta(minutes=5))
    close_in_viewer(sqlite_db, "R1", named("A1"), NOW + timedelta(minutes=6))
    lapse_claims(sqlite_db, NOW + timedelta(minutes=12))
    assert standing(sqlite_db, "A1") == (ReadState.CLAIMED, "R1")  # the viewer's open was a sign of life
    lapse_claims(sqlite_db, NOW + timedelta(minutes=16))
    assert standing(sqlite_db, "A1")[0] is ReadState.UNALLOCATED


@pytest.mark.parametrize("reads", [1, 2])
def test_whoever_looks_at_what_was_withdrawn_hears_no_refusal(sqlite_db: Database, reads: int) -> None:
    """Its source no longer asks for it: there is nothing to claim, and nobody else has it."""
    queued(sqlite_db, incoming("A1", reads=reads), "A2")
    ingest_extract(sqlite_db, Feed(), extract("A2", at=15), NOW + timedelta(minutes=15), most_closed=1)
    assert standing(sqlite_db, "A1")[0] is ReadState.WITHDRAWN
    assert open_in_viewer(sqlite_db, "R1", named("A1"), HOUR) == []


def test_closing_gives_a_lease_in_which_the_report_may_come(sqlite_db: Database) -> None:
    """A viewer closes what has been reported and what has not: within the lease it is told, or it goes back."""
    queued(sqlite_db, "A1")
    said = meant_by(
        context_of(
            Report(
                uid="x",
                trust="RVV",
                accession_number="A1",
                patient_id="H-A1",
                study_instance_uid=None,
                exam_name="CT",
            )
        )
    )
    open_in_viewer(sqlite_db, "R1", said, NOW)
    assert close_in_viewer(sqlite_db, "R2", said, NOW) == []
    assert close_in_viewer(sqlite_db, "R1", said, NOW) == [read_id(sqlite_db, "A1")]
    lapse_claims(sqlite_db, NOW)
    assert standing(sqlite_db, "A1") == (ReadState.CLAIMED, "R1")
    lapse_claims(sqlite_db, NOW + timedelta(hours=12))
    assert standing(sqlite_db, "A1")[0] is ReadState.UNALLOCATED


def test_opening_again_takes_the_lease_away(sqlite_db: Database) -> None:
    """It is open, for as long as it takes."""
    queued(sqlite_db, "A1")
    for move in (open_in_viewer, close_in_viewer, open_in_viewer):
        move(sqlite_db, "R1", named("A1"), NOW)
    lapse_claims(sqlite_db, NOW + timedelta(hours=12))
    assert standing(sqlite_db, "A1") == (ReadState.CLAIMED, "R1")


def test_a_viewer_does_not_close_what_was_claimed_elsewhere(sqlite_db: Database) -> None:
    """The reporting system has it open, whatever becomes of the images."""
    queued(sqlite_db, "A1")
    claimed(sqlite_db, "A1")
    assert close_in_viewer(sqlite_db, "R1", named("A1"), NOW) == []
    lapse_claims(sqlite_db, NOW + timedelta(hours=12))
    assert standing(sqlite_db, "A1") == (ReadState.CLAIMED, "R1")
