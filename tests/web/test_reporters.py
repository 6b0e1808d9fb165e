"""Reporters' pages without a script: what holds beside what the feeds say, decided with a reason, and taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from httpx2 import Response

from balancer.domain.instruction import Instruction, InstructionKind
from balancer.domain.overrides import reporter_held
from balancer.domain.reporter import Reporter
from balancer.store.people import ListedReporter
from balancer.web.reporter_list import Wanted, lapse_words, reporter_table
from balancer.web.reporter_page import ReporterPage, reporter_page
from balancer.web.tables import View
from tests.api.service import Service
from tests.web.test_lists import ORIGIN, be
from tests.worlds import NOW, at, reporter

TODAY = date(2026, 3, 2)
TRUSTS = {"RVV": "East", "RWF": "West"}


def entitled(trust: str, *, granted: bool, until: str | None = None) -> Instruction:
    """Return a decision about whether R1 may report for a trust."""
    value = {"trust": trust, "granted": granted} | ({} if until is None else {"until": until})
    return Instruction(
        id=7,
        kind=InstructionKind.ENTITLEMENT,
        trust=trust,
        reason="honorary contract",
        author="m",
        made_at=NOW,
        reporter_id="R1",
        value=value,
        expires_at=at(1_000),
    )


def page(said: Reporter, *given: Instruction, listed: bool = True, may: tuple[str, ...] = ("RVV",)) -> ReporterPage:
    """Return the page of somebody about whom something was decided."""
    held = reporter_held(said, given, {"CT"})
    return reporter_page(
        said, held, given, listed=listed, trusts=TRUSTS, examined={("neuro", "CT")}, may_decide=may, now=NOW
    )


def test_what_was_decided_stands_beside_what_the_list_says() -> None:
    """Both are seen, with why, by whom and until when."""
    found = page(reporter("R1", trusts=("RVV",)), entitled("RWF", granted=True, until="2026-03-31"))
    west = next(item for item in found.entitled if item.trust == "RWF")
    assert (west.said, west.holds, west.differs, west.soon) == (
        "no",
        "yes, lapses in 29 days, Tue 31 March",
        True,
        True,
    )
    (decided,) = found.decided
    assert (decided.said, decided.holds, decided.reason) == (west.said, west.holds, "honorary contract")
    assert not decided.may_end
    assert found.sentence == (
        "May report for 2 trusts; 1 entitlement lapses within 30 days; 1 thing was decided here otherwise than the "
        "feeds say."
    )


def test_whoever_manages_a_trust_decides_for_it_and_for_no_other() -> None:
    """Also where the list says nothing yet."""
    found = page(reporter("R1", trusts=("RVV",)), may=("RWF",))
    assert [(item.trust, item.may_decide, item.grants) for item in found.entitled] == [
        ("RVV", False, False),
        ("RWF", True, True),
    ]
    assert not found.decides_skills


def test_an_entitlement_that_has_ended_is_said_to_have() -> None:
    """It holds no longer, though the list still has it."""
    found = page(reporter("R1", trusts={"RVV": date(2026, 2, 27)}))
    assert (found.entitled[0].holds, found.entitled[0].over) == ("lapsed 3 days ago, Fri 27 February", True)
    assert "no trusts" in found.sentence


def test_whoever_has_gone_from_the_list_is_said_to_have() -> None:
    """Whatever else holds of them."""
    assert "does not name them" in page(reporter("R1"), listed=False).sentence


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (TODAY, "today, Mon 2 March"),
        (date(2026, 3, 3), "tomorrow, Tue 3 March"),
        (date(2027, 1, 1), "in 305 days, Fri 1 January 2027"),
    ],
)
def test_when_an_entitlement_ends_is_said_in_days_and_by_date(last: date, words: str) -> None:
    """Relative to decide, absolute to arrange."""
    assert lapse_words(last, TODAY) == words


def names(wanted: Wanted, *given: Instruction) -> list[str]:
    """Return who is found of four reporters."""
    people = [
        reporter("R1", trusts={"RVV": None, "RWF": date(2026, 3, 20)}),
        reporter("R2", home_trust="RWF", trusts={"RWF": date(2026, 2, 1)}, skills={"msk": 2}),
        reporter("R3", home_trust="RWF", trusts=("RWF",)),
    ]
    gone = replace(people[2], reporter_id="R4", name="Dr R4")
    listed = [
        *(ListedReporter(reporter=person, listed=True) for person in people),
        ListedReporter(reporter=gone, listed=False),
    ]
    table = reporter_table(
        listed,
        [*people, gone],
        given,
        hours={},
        reads={},
        wanted=wanted,
        trusts=TRUSTS,
        view=View(path="/reporters"),
        today=TODAY,
    )
    return [row.cells[0].text for row in table.rows]


def test_reporters_are_found_by_what_is_asked() -> None:
    """Trust, subspecialty, name, what lapses, what has, what was decided, who has gone."""
    assert names(Wanted()) == ["Dr R1", "Dr R2", "Dr R3"]
    assert names(Wanted(trust="RVV")) == ["Dr R1"]
    assert names(Wanted(subspecialty="msk")) == ["Dr R2"]
    assert names(Wanted(name="r3")) == ["Dr R3"]
    assert names(Wanted(show="lapsing")) == ["Dr R1"]
    assert names(Wanted(show="lapsed")) == ["Dr R2"]
    assert names(Wanted(show="decided"), entitled("RVV", granted=False)) == ["Dr R1"]
    assert names(Wanted(show="gone")) == ["Dr R4"]


# --- served -----------------------------------------------------------------------------------------------------------


def decide(service: Service, what: str, **form: str) -> Response:
    """Send a form about R1."""
    return service.client.post(f"/reporters/R1/{what}", data=form, headers=ORIGIN, follow_redirects=False)


def test_everything_is_decided_by_forms_and_taken_back(service: Service) -> None:
    """An entitlement, a level, a session more, a session less; each is seen, and each can be withdrawn."""
    be(service, "operator")
    asked = {
        "entitle": {"trust": "RWF", "granted": "false", "reason": "contract ended"},
        "skill": {"subspecialty": "neuro", "level": "1", "reason": "after leave", "until": "2026-03-31"},
        "extra": {"trust": "RVV", "begins": "2026-03-04T09:00", "ends": "2026-03-04T13:00", "reason": "cover"},
        "without": {"trust": "RVV", "session_id": "S1", "reason": "a course"},
    }
    for what, form in asked.items():
        answer = decide(service, what, **form)
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"].startswith("/reporters/R1#")
    shown = service.client.get("/reporters/R1").text
    assert "4 things were decided here" in shown
    assert "Does not take place" in shown
    kinds = [item["instruction_id"] for item in service.ask("/instructions")["items"]]
    for number in kinds:
        assert decide(service, f"decisions/{number}/withdraw", reason="mistaken").status_code == 303
    assert "Nothing: everything holds as the feeds say" in service.client.get("/reporters/R1").text


def test_what_cannot_be_decided_is_said_on_the_page(service: Service) -> None:
    """The list says so already: nothing was done."""
    be(service, "operator")
    answer = decide(service, "entitle", trust="RVV", granted="true", reason="to be sure")
    assert answer.status_code == 409
    assert "says so already. Nothing was done." in answer.text


@pytest.mark.parametrize("until", ["2026-02-31", "0000-01-01", "20260301", "1772323200"])
def test_a_day_that_is_none_is_refused(service: Service, until: str) -> None:
    """As what nobody can mean, and not as a fault of ours."""
    be(service, "operator")
    assert decide(service, "entitle", trust="RVV", granted="false", reason="asked", until=until).status_code == 422
    assert decide(service, "skill", subspecialty="neuro", level="1", reason="asked", until=until).status_code == 422
    assert decide(service, "away", begins="2026-03-02T08:00", until=until).status_code == 422


def test_a_decision_needs_a_reason(service: Service) -> None:
    """Spaces are none."""
    be(service, "operator")
    assert decide(service, "entitle", trust="RWF", granted="false", reason="  ").status_code == 422


def test_whoever_only_looks_has_no_forms(service: Service) -> None:
    """An auditor sees what was decided, and nothing to decide with; a reporter sees their own page and no other."""
    be(service, "auditor@RVV")
    assert 'action="/reporters/R1/' not in service.client.get("/reporters/R1").text
    be(service, "reporter:R1")
    assert 'action="/reporters/R1/' not in service.client.get("/reporters/R1").text
    assert service.client.get("/reporters/R2").status_code == 403
    assert "Dr R2" not in service.client.get("/reporters").text


def test_the_table_is_downloaded_as_it_is_filtered(service: Service) -> None:
    """One row of those at home in West."""
    be(service, "operator")
    found = service.client.get("/reporters?q=r2&as=csv").text.splitlines()
    assert len(found) == 2
    assert "R2" in found[1]
