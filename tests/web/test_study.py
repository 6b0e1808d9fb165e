"""A study's page as values: what it says of time, of why, of what may be done; and what it keeps from whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from balancer.domain.actor import EVERYWHERE, NOWHERE, Reach
from balancer.domain.explanation import Refusal, Rule
from balancer.domain.placement import Placement
from balancer.domain.read_explained import Other, ReadExplained, Reason, ReasonKind
from balancer.scheduler.solving import DONE, preview_all
from balancer.services.request_explanation import request_explanation
from balancer.store.database import Database
from balancer.store.tables_life import ReadRow
from balancer.web.study import study_page
from balancer.web.study_acts import Act, act_panel
from balancer.web.study_explained import why_page
from balancer.web.study_facts import Explained, StudyFacts, study_facts
from balancer.web.study_history import history
from balancer.web.study_refused import beyond_reach, refused, refused_by_name
from balancer.web.study_timeline import WIDTH, timeline
from balancer.web.tables import Medium, Table, View
from tests.access.test_blind_readings import COLLEAGUE, FIRST, MANAGER, TWICE, read_once
from tests.access.test_every_route import served
from tests.api.service import StandingClock
from tests.api.small_network import allocate
from tests.networks import minutes, read_id
from tests.worlds import NOW

STEER = Reach(trusts=frozenset({"RVV"}))


@pytest.fixture
def facts(sqlite_db: Database) -> StudyFacts:
    """Return what is known of A1, which is R1's at eight; A3 of the same network has no place."""
    allocate(sqlite_db)
    return known(sqlite_db, "A1")


def known(db: Database, accession_number: str) -> StudyFacts:
    """Return what is known of a study of the small network."""
    with db.session() as reading:
        return study_facts(reading, EVERYWHERE, read_id(db, accession_number), None, NOW)


def place(reporter_id: str, start: float = 0) -> Placement:
    """Return ten minutes of somebody's."""
    return Placement(reporter_id=reporter_id, session_id="S", position=2, start=minutes(start), end=minutes(start + 10))


def explained(facts: StudyFacts, *others: Other, **stated: object) -> StudyFacts:
    """Return the same with an explanation that is of the plan in force."""
    found = ReadExplained(
        placement=place("R1"),
        due_at=facts.study.due_at,
        completed_at=minutes(10),
        plan_total=100.0,
        cost={},
        able=1 + len(others),
        reasons=(Reason(kind=ReasonKind.LEVEL, points=0.5), Reason(kind=ReasonKind.PLACE, points=0.2)),
        others=others,
        refusals=(Refusal(rule=Rule.SKILLED, reporters=("R8", "R9")),),
        not_placed=None,
        remedies=(),
        left_out=None,
    )
    found = replace(found, **stated)  # type: ignore[arg-type]  # its own fields
    return replace(facts, explained=Explained(found=found, at=NOW, is_fresh=True))


def other(difference: float, **terms: float) -> Other:
    """Return that R2 could have it half an hour later."""
    return Other(
        placement=place("R2", 30),
        level=2,
        at_home=False,
        difference=difference,
        anyway=0.0,
        terms=terms,
        displaced=(),
    )


def test_what_happened_at_one_instant_is_told_as_it_followed(facts: StudyFacts) -> None:
    """A study is in its trust's feed, and then on nobody's list; the last comes first."""
    told = [line.what for line in history(facts, NOW, steps=True, decisions=False)]
    assert told.index("On nobody's list") < told.index("First in the trust's feed") < told.index("Acquired")


def test_what_happens_if_nothing_changes_is_what_the_plan_says(facts: StudyFacts, sqlite_db: Database) -> None:
    """On time with time in hand; without a place, with why."""
    shown = study_page(facts, NOW)
    assert shown.outlook.level == "done"
    assert shown.outlook.words.startswith("On time, read by 08:")
    assert shown.patient == "P-A1••••"
    without = study_page(known(sqlite_db, "A3"), NOW)
    assert (without.outlook.level, without.outlook.words) == ("late", "Not placed")
    assert without.outlook.second == "It would fit, but other work is worth more."


def test_a_plan_that_is_late_says_by_how_much(facts: StudyFacts) -> None:
    """The same study, due before it is planned to be read."""
    early = replace(facts, study=facts.study.model_copy(update={"due_at": minutes(-60)}))
    shown = study_page(early, NOW)
    assert shown.outlook.level == "late"
    assert shown.outlook.words.startswith("Late by 1 h")
    assert shown.timeline.is_late
    assert shown.timeline.words.endswith("late")


def test_the_line_of_time_is_in_order_and_no_two_labels_touch(facts: StudyFacts) -> None:
    """Every moment stands on the line, later ones further right; a far ceiling behind a break."""
    line = timeline(facts, NOW)
    places = [one.x for one in line.moments]
    assert places == sorted(places)
    assert all(0 <= x <= WIDTH for x in places)
    assert line.break_at is not None
    lanes = [(one.above, one.lane) for one in line.moments if one.x < 200]
    assert len(set(lanes)) == len(lanes)


def test_why_says_what_speaks_for_them_and_what_would_change_it(facts: StudyFacts) -> None:
    """Each with what it saves; *checked* is said of an explanation of the plan in force only."""
    why = why_page(explained(facts, other(0.9, match=0.5, clinical=0.4)), 1, NOW, may_ask=True)
    assert why.checked.startswith("Checked 08:00")
    assert [(one.strong, one.saves) for one in why.reasons] == [
        ("Specialist in neuro.", "saves 0.5"),
        ("This session has the best place.", "saves 0.2"),
    ]
    assert why.change.startswith("What would change it: if Dr R1 could not, Dr R2 would read it at 08:30")
    assert not why.asks
    stale = why_page(
        replace(facts, explained=replace(explained(facts).explained, is_fresh=False)), 1, NOW, may_ask=True
    )
    assert (stale.checked, stale.asks) == ("", True)
    assert "as it stood" in stale.stale.lower()


def test_reasons_for_whoever_had_it_do_not_stand_under_who_has_it_now(facts: StudyFacts) -> None:
    """Whether somebody has it now or nobody; those of the plan in force stand under the name that they are about."""
    before = explained(facts, other(0.9), placement=place("R2"))
    stale = replace(before, explained=replace(before.explained, is_fresh=False))
    read = facts.study.reads[0]
    nobodys = replace(
        stale, study=facts.study.model_copy(update={"reads": [read.model_copy(update={"reporter_id": None})]})
    )
    for now_with, heading in ((stale, "Why Dr R1"), (nobodys, "Why nobody")):
        why = why_page(now_with, 1, NOW, may_ask=True)
        assert (why.heading, why.reasons, why.is_there, why.change, why.asks) == (heading, (), False, "", True)
        assert why.stale.startswith("It has changed hands since")
    fresh = why_page(before, 1, NOW, may_ask=True)
    assert (fresh.heading, len(fresh.reasons)) == ("Why Dr R2", 2)


def test_alternatives_say_what_their_points_are_made_of(facts: StudyFacts) -> None:
    """The largest part first; whoever has it stands on top with nothing."""
    why = why_page(explained(facts, other(0.9, match=0.5, clinical=0.4)), 1, NOW, may_ask=True)
    assert why.alternatives is not None
    mine, theirs = why.alternatives.rows
    assert (mine.cells[0].text, mine.cells[5].text) == ("Dr R1", "0.0")
    assert (theirs.cells[0].text, theirs.cells[5].text) == ("Dr R2", "+0.9")
    assert theirs.cells[6].text == "Level +0.5, waiting and lateness +0.4"
    assert theirs.cells[7].link.startswith(f"/studies/{facts.study_id}?act=pin")


def test_a_plan_that_can_be_bettered_is_not_praised(facts: StudyFacts) -> None:
    """The search that made it had not found the better one: that is said."""
    why = why_page(explained(facts, other(-3.0, clinical=-3.0)), 1, NOW, may_ask=True)
    assert "3.0 points less" in why.better


def test_who_may_not_is_counted_and_named_as_far_as_they_may_be(facts: StudyFacts) -> None:
    """Two whom the caller may not see are counted."""
    why = why_page(explained(facts), 1, NOW, may_ask=True)
    assert why.refused is not None
    (row,) = why.refused.rows
    assert (row.cells[0].text, row.cells[0].second, row.cells[1].value) == (
        "No neuro skill for CT",
        "2 beyond your reach",
        2,
    )


MANY = (
    Refusal(rule=Rule.ENTITLED, reporters=("R1", "R2", "R9")),
    Refusal(rule=Rule.SKILLED, reporters=tuple(f"S{n}" for n in range(60))),
)


@pytest.fixture
def crowd(facts: StudyFacts) -> StudyFacts:
    """Return the same where two of its network and sixty more may not read it, and one whom nobody may see."""
    more = {f"S{n}": replace(facts.people["R1"], reporter_id=f"S{n}", name=f"Dr {99 - n} Sixty") for n in range(60)}
    free = replace(facts.people["R1"], reporter_id="F1", name="Dr Free")
    return explained(replace(facts, people={**facts.people, **more, "F1": free}), refusals=MANY)


def named(facts: StudyFacts, view: View | None = None, *, rule: str = "", name: str = "", links: bool = True) -> Table:
    """Return who may not read it, by name."""
    return refused_by_name(facts, MANY, view or View(path="/here"), rule=rule, name=name, links=links)


def test_each_count_of_who_may_not_opens_its_names(crowd: StudyFacts) -> None:
    """On the page the first four in order of names; in its file all whom the caller may see."""
    why = why_page(crowd, 1, NOW, may_ask=True)
    assert why.refused is not None
    page = f"/studies/{crowd.study_id}/reads/1/refused?rule="
    assert [(row.cells[0].link, row.cells[1].link, row.cells[1].value) for row in why.refused.rows] == [
        (f"{page}H1", f"{page}H1", 3),
        (f"{page}H2", f"{page}H2", 60),
    ]
    assert why.refused.rows[1].cells[0].second == "Dr 40 Sixty, Dr 41 Sixty, Dr 42 Sixty, Dr 43 Sixty and 56 more"
    whole = refused(crowd, MANY, 1, whole=True)
    assert whole.rows[0].cells[0].second == "Dr R1, Dr R2 and 1 beyond your reach"
    assert whole.rows[1].cells[0].second.count("Sixty") == 60


def test_who_may_not_is_listed_by_name_a_page_at_a_time(crowd: StudyFacts) -> None:
    """Fifty a page, each with where they are at home, why not, and a link to their own page."""
    first, second = named(crowd), named(crowd, View(path="/here", page=2))
    assert (first.total, len(first.rows), len(second.rows)) == (62, 50, 12)
    names = [row.cells[0].text for row in (*first.rows, *second.rows)]
    assert names == sorted(names)
    last = second.rows[-1].cells
    assert (last[0].text, last[0].link, last[1].trust) == ("Dr R2", "/reporters/R2", "RWF")
    assert (last[2].text, last[3].text) == ("Not entitled at RVV", "H1")
    assert len(named(crowd, View(path="/here", medium=Medium.CSV)).rows) == 62
    assert not any(row.cells[0].link for row in named(crowd, links=False).rows)


def test_one_may_be_looked_for_among_who_may_not(crowd: StudyFacts) -> None:
    """By a part of the name or the whole number, and by the rule; whoever is kept from it by none is not there."""
    assert [row.cells[0].text for row in named(crowd, name="dr r").rows] == ["Dr R1", "Dr R2"]
    assert [row.cells[0].text for row in named(crowd, name=" s59 ").rows] == ["Dr 40 Sixty"]
    assert named(crowd, rule="H2").total == 60
    assert named(crowd, rule="H2", name="R1").rows == []
    assert named(crowd, name="Dr Free").rows == []


def test_whom_the_caller_may_not_see_is_counted_and_not_named(crowd: StudyFacts) -> None:
    """Neither in the list nor by looking for their number."""
    assert named(crowd, name="R9").rows == []
    assert beyond_reach(crowd, MANY, "") == "1 more is beyond your reach: counted, and not named."
    assert beyond_reach(crowd, MANY, "H1") == "1 more is beyond your reach: counted, and not named."
    assert beyond_reach(crowd, MANY, "H2") == ""


def test_what_nobody_begins_to_work_out_is_said(facts: StudyFacts) -> None:
    """It does not look like waiting for ever."""
    asked = replace(facts, explained=Explained(waits_since=NOW - timedelta(minutes=3)))
    why = why_page(asked, 1, NOW, may_ask=True)
    assert (why.waits, why.asks) == (False, False)
    assert why.stuck == "Asked for 3 min ago and not there yet."


@pytest.mark.parametrize(
    ("steer", "expedite", "acts", "direct"),
    [(STEER, STEER, list(Act), False), (NOWHERE, STEER, [Act.EXPEDITE], True)],
    ids=["manager", "referrer"],
)
def test_each_role_is_offered_what_it_may_do(
    facts: StudyFacts, steer: Reach, expedite: Reach, acts: list[Act], *, direct: bool
) -> None:
    """A referrer may say that it is needed sooner, at once, and nothing else."""
    panel = act_panel(facts, NOW, act=None, read=None, reporter="", steer=steer, expedite=expedite, author="test")
    assert panel is not None
    assert [tab.act for tab in panel.tabs] == acts
    assert panel.direct is direct


def test_whoever_may_do_nothing_is_offered_nothing(facts: StudyFacts) -> None:
    """The control is absent, not grey."""
    assert (
        act_panel(facts, NOW, act=None, read=None, reporter="", steer=NOWHERE, expedite=NOWHERE, author="test") is None
    )


def test_history_is_told_as_far_as_the_caller_may_see_it(facts: StudyFacts) -> None:
    """When it was acquired and came is the study's own; whose list it was on is not for everybody."""
    whole = [line.what for line in history(facts, NOW, steps=True, decisions=True)]
    assert "On the list of Dr R1" in whole
    own = [line.what for line in history(facts, NOW, steps=False, decisions=False)]
    assert own == [what for what in whole if what in {"Acquired", "First in the trust's feed"}]


@pytest.fixture
def twice(sqlite_db: Database) -> Database:
    """Return a database in which R2 has one of two readings open, explained before anybody read it blind."""
    read_once(sqlite_db)
    request_explanation(sqlite_db, read_id(sqlite_db, TWICE, read=2), NOW)
    assert preview_all(sqlite_db, StandingClock()) == DONE
    return sqlite_db


def test_whoever_may_read_it_blind_is_not_told_who_else_reads(twice: Database) -> None:
    """Nor who may not because they have the other reading; a manager who does not report is told both."""
    with twice.session() as reading:
        study_id = reading.get_one(ReadRow, read_id(twice, TWICE)).study_id
    page = f"/studies/{study_id}"
    told, hidden = served(twice, MANAGER).client.get(page).text, served(twice, COLLEAGUE).client.get(page).text
    assert f"Dr {FIRST}" in told
    assert f"Dr {FIRST}" not in hidden
    assert "Who reads it is not shown to you" in hidden


def test_whoever_may_read_it_blind_is_not_told_who_may_not(twice: Database) -> None:
    """That somebody may not because they have the other reading would tell whose it is; a manager is told."""
    with twice.session() as reading:
        study_id = reading.get_one(ReadRow, read_id(twice, TWICE)).study_id
    page = f"/studies/{study_id}/reads/2/refused"
    told, hidden = served(twice, MANAGER).client.get(page), served(twice, COLLEAGUE).client.get(page)
    assert (told.status_code, hidden.status_code) == (200, 404)
    assert f"Dr {FIRST}" in told.text
    assert FIRST not in hidden.text
