"""What would help when somebody is marked away: the smallest step, reckoned from what becomes late or finds nobody."""

from __future__ import annotations

import re
from datetime import datetime
from html import unescape

import pytest

from balancer.services.preview_draft import preview_next
from balancer.services.run_allocation import run_allocation
from balancer.services.what_holds import HeldStudy
from balancer.store.database import Database
from balancer.store.policies import current_policy
from balancer.store.tables import StudyRow
from balancer.web.away_helps import late_by_it
from tests.api.service import Service
from tests.networks import incoming, queued, rostered, solving
from tests.web.pages_served import service_with_sign_in
from tests.web.test_lists import be
from tests.web.test_rosters import ILL, send
from tests.worlds import NOW, at, session


def ill_with_nobody_else(db: Database) -> tuple[Service, str]:
    """Mark R1 ill, who alone can do A1 and A2 before they are due; return the panel's address once it is solved."""
    queued(db, incoming("A1", minutes=60, due_at=at(3)), incoming("A2", minutes=30, due_at=at(3)))
    rostered(db, session("S1", "R1", hours=4), session("S2", "R2", start=24, hours=4))
    assert run_allocation(db, NOW, solver=solving({"S1": ["A1", "A2"]})).error == ""
    service = service_with_sign_in(db)
    be(service, "operator")
    answer = send(service, "/reporters/R1/away", **ILL)
    assert answer.status_code == 303, answer.text
    preview_next(db, NOW)
    return service, answer.headers["location"]


def test_the_smallest_remedy_stands_beside_what_becomes_late(sqlite_db: Database) -> None:
    """Hours of the subspecialty in the half-day in which they lack, with the way to cover: reckoned from the reads."""
    service, panel = ill_with_nobody_else(sqlite_db)
    shown = service.client.get(panel).text
    assert "What would help" in shown
    (late,) = re.findall(r'href="/drafts/[0-9]+/late\?turned=late">([0-9]+) studies become late by it</a>', shown)
    listed = service.client.get(f"/drafts/{draft_of_panel(shown)}/late?turned=late&as=csv").text.splitlines()
    assert int(late) == len(listed) - 1 == 2
    ((link, hours),) = re.findall(r'href="([^"]*)"><strong>Find cover: ([0-9.]+) h short on Mon 2 Mar am', shown)
    with sqlite_db.session() as reading:
        productivity = current_policy(reading).default_productivity
    assert float(hours) == pytest.approx(1.5 / productivity, abs=0.06)
    assert unescape(link) == "/rosters?short=neuro&at=2026-03-02am#open"
    assert "For 2 Neuro studies: not enough hours before it is due" in shown


def draft_of_panel(shown: str) -> str:
    """Return the number of the draft that a panel is of."""
    (found,) = re.findall(r'action="/rosters/drafts/([0-9]+)/confirm"', shown)
    return str(found)


def test_what_becomes_late_by_it_has_its_own_reason_or_that_for_which_it_finds_nobody() -> None:
    """As it holds of the study; of what is not known nothing is said."""
    study = StudyRow.model_construct(id=1, trust="RVV")
    held = {1: held_study(subspecialty="neuro", minutes=60.0, due_at=at(3))}
    (late,) = late_by_it([study], held, {}, NOW)
    assert (late.subspecialty, late.minutes) == ("neuro", 60.0)
    assert late.reasons == {"planned_late"}
    (lost,) = late_by_it([study], held, {1: "no_skilled_reporter"}, NOW)
    assert lost.reasons == {"no_skilled_reporter"}
    assert late_by_it([study], {}, {}, NOW) == []


def test_hours_for_what_is_late_already_are_wanted_from_now_on() -> None:
    """Nobody is asked for a session of yesterday's."""
    held = {1: held_study(subspecialty="neuro", minutes=60.0, due_at=at(-30))}
    (late,) = late_by_it([StudyRow.model_construct(id=1, trust="RVV")], held, {1: "no_capacity"}, NOW)
    assert late.due_at == NOW
    assert late.reasons == {"no_capacity"}


def held_study(*, subspecialty: str, minutes: float, due_at: datetime) -> HeldStudy:
    """Return what holds of a study."""
    return HeldStudy(
        priority="urgent",
        exam_code="CTH",
        modality="CT",
        subspecialty=subspecialty,
        minutes=minutes,
        ready_at=None,
        due_at=due_at,
    )
