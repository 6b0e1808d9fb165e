"""What people are shown of a study is what the next run takes it for, and not what its feed said once."""

from __future__ import annotations

from datetime import datetime

import pytest

from balancer.domain.study import StudyKey
from balancer.services.build_problem import build_problem
from balancer.services.correct_study import correct_study
from balancer.services.expedite_study import expedite_study
from balancer.services.steer_read import Said
from balancer.services.what_holds import HeldStudy, as_said, what_holds
from balancer.store import studies
from balancer.store.database import Database
from balancer.store.studies import StudyStatus
from tests.instructed import MANAGER
from tests.networks import incoming, minutes, queued
from tests.services.test_provisional_reports import STOPS, reported
from tests.worlds import NOW, at

A1 = StudyKey("RVV", "A1")
WHY = Said(reason="the clinic is today")


def shown(db: Database, now: datetime) -> tuple[StudyStatus, HeldStudy]:
    """Return A1 as its feed says it, and what holds."""
    with db.session() as reading:
        status = studies.study(reading, A1)
        return status, what_holds(reading, [status.study], now)[status.study.id or 0]


def is_what_a_run_takes_it_for(db: Database, now: datetime) -> bool:
    """Tell whether a run takes A1's next read for what is shown of it."""
    status, held = shown(db, now)
    problem = build_problem(db, now)
    study = next(item for item in problem.studies if item.accession_number == "A1")
    due = held.due_of(status.reads[-1].follows)
    return (study.priority, study.exam_code, study.modality, study.subspecialty, study.ready_at) == (
        held.priority, held.exam_code, held.modality, held.subspecialty, held.ready_at,
    ) and problem.due_at(study) == due  # fmt: skip


def test_without_a_decision_it_is_what_the_feed_says(db: Database) -> None:
    """Due when the policy says, for the feed's class; another study's decision is another's."""
    queued(db, "A1", "A2")
    expedite_study(db, StudyKey("RVV", "A2"), minutes(20), NOW, by=MANAGER, said=WHY)
    status, held = shown(db, NOW)
    assert held == as_said(status.study)
    assert is_what_a_run_takes_it_for(db, NOW)


@pytest.mark.parametrize("source_due_at", [None, at(3)])
def test_a_corrected_class_brings_its_own_due_time(db: Database, source_due_at: datetime | None) -> None:
    """Unless the source has said when it is due; the examination brings its minutes and who may read it."""
    queued(db, incoming("A1", due_at=source_due_at))
    correct_study(db, A1, {"priority": "emergency", "exam_code": "XCH"}, NOW, by=MANAGER, said=WHY)
    _, held = shown(db, NOW)
    assert (held.priority, held.modality, held.minutes) == ("emergency", "DX", 2)
    assert held.due_at == (source_due_at or NOW)  # an hour after it was acquired
    assert is_what_a_run_takes_it_for(db, NOW)


def test_whoever_expedites_makes_it_sooner_only(db: Database) -> None:
    """When their word is over, the feed's holds again."""
    queued(db, "A1")
    said = Said(reason="the clinic is today", expires_at=minutes(30))
    expedite_study(db, A1, minutes(20), NOW, by=MANAGER, said=said)
    status, held = shown(db, NOW)
    assert (held.priority, held.due_at, held.asked_for) == ("urgent", minutes(20), minutes(20))
    assert is_what_a_run_takes_it_for(db, NOW)
    assert shown(db, minutes(31))[1] == as_said(status.study)


@pytest.mark.parametrize("asked", [None, at(2)])
def test_a_verification_has_its_own_due_time_unless_somebody_has_asked_for_a_sooner_one(
    db: Database, asked: datetime | None
) -> None:
    """The study's clock stopped with the provisional report: twelve hours from then."""
    reported(db, rules=STOPS)
    if asked is not None:
        expedite_study(db, A1, asked, minutes(40), by=MANAGER, said=WHY)
    status, held = shown(db, minutes(45))
    assert held.due_of(status.reads[1].follows) == (asked or at(12.5))
    assert is_what_a_run_takes_it_for(db, minutes(45))
