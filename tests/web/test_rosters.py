"""The rosters' page without a script: what a week shows to whom, and marking somebody away with a look at it first."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime, timedelta
from html import unescape

import pytest
from httpx2 import Response

from balancer.domain.actor import Grant, person
from balancer.domain.instruction import InstructionState
from balancer.domain.permission import Role
from balancer.domain.states import RunState
from balancer.services.mend_worklists import Mending
from balancer.services.preview_draft import preview_next
from balancer.services.run_allocation import run_allocation
from balancer.store import drafts, previews
from balancer.store.database import Database
from balancer.store.tables import RunRow
from tests.access.doors import Known
from tests.api.service import Service
from tests.networks import incoming, queued, rostered, solving
from tests.web.pages_served import service_with_sign_in
from tests.web.test_lists import ORIGIN, be
from tests.worlds import NOW, at, session

ILL = {"begins": "2026-03-02T08:00", "until": "2026-03-02"}


@pytest.fixture
def morning(sqlite_db: Database) -> Service:
    """Return a service with three hours on R1's list and one on R2's, of four each."""
    queued(sqlite_db, *(incoming(number, minutes=60.0) for number in ("A1", "A2", "A3", "B1")))
    rostered(sqlite_db, session("S1", "R1"), session("S2", "R2"))
    assert run_allocation(sqlite_db, NOW, solver=solving({"S1": ["A1", "A2", "A3"], "S2": ["B1"]})).error == ""
    return service_with_sign_in(sqlite_db)


def send(service: Service, path: str, **form: str) -> Response:
    """Press a button."""
    return service.client.post(path, data=form, headers=ORIGIN, follow_redirects=False)


def rows_of(answer: Response) -> list[dict[str, str]]:
    """Return what a file holds."""
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def draft_of(answer: Response) -> int:
    """Return the draft that an answer leads to."""
    return int(answer.headers["location"].partition("draft=")[2].partition("#")[0])


def confirm(service: Service, draft: int, page: str) -> Response:
    """Press the button of a page that shows what a draft would do."""
    form = page.partition(f"/rosters/drafts/{draft}/confirm")[2].partition("</form>")[0]
    numbers = re.findall(r'name="shown" value="([0-9]+)"', form)
    assert numbers, "there is no such button"
    path = f"/rosters/drafts/{draft}/confirm"
    return service.client.post(path, data={"shown": numbers}, headers=ORIGIN, follow_redirects=False)


def looked_at(db: Database, draft: int, now: datetime) -> None:
    """Make the preview that was asked for, one that finds nothing: what it finds is shown by other tests."""
    with db.transaction() as writing:
        begun = previews.begin(writing, now)
        assert begun is not None
        staged = drafts.of_draft(writing, draft, InstructionState.STAGED)
        previews.keep(writing, begun[0], {}, [row.id or 0 for row in staged], [])
        writing.get_one(RunRow, begun[0]).state = RunState.PREVIEWED


def counts(service: Service) -> dict[str, int]:
    """Return how many reads are on each list."""
    return {item["reporter_id"]: item["reads"] for item in service.ask("/worklists")["items"]}


def test_a_week_shows_hours_and_how_far_they_are_filled(morning: Service) -> None:
    """Three of R1's four hours; the week of a day that is asked for; nothing where nothing is rostered."""
    be(morning, "operator")
    shown = morning.client.get("/rosters").text
    assert "Dr R1, Mon 2 March morning: 4.0 h reporting, 75% filled" in shown
    assert "Dr R2, Mon 2 March morning: 4.0 h reporting, 25% filled" in shown
    assert "No half-day is more than 2 hours short" in shown
    assert "No rota that has come says anything of it" in morning.client.get("/rosters?week=2026-03-11").text


def test_free_hours_stand_below_and_open_whose_they_are(morning: Service) -> None:
    """One hour of R1's and three of R2's, for neuro."""
    be(morning, "operator")
    assert "Neuro, Mon 2 March morning: 4.0 hours spare" in morning.client.get("/rosters").text
    opened = morning.client.get("/rosters?short=neuro&at=2026-03-02am").text
    assert "who has time" in opened.lower()
    assert "No read that is due in this half-day becomes late" in opened


def test_an_illness_is_shown_before_it_holds_and_then_changes_the_lists(morning: Service) -> None:
    """Staged, previewed, confirmed, mended: R1's three hours are R2's, and nothing changed before."""
    be(morning, "operator")
    database = morning.app.state.serving.database
    mending = Mending(database)
    assert mending.look(NOW) is None
    answer = send(morning, "/reporters/R1/away", **ILL)
    assert answer.status_code == 303, answer.text
    draft = draft_of(answer)
    waits = morning.client.get(answer.headers["location"]).text
    assert "Being solved on the live queue" in waits
    assert "Confirm" not in waits
    preview_next(database, NOW)
    shown = morning.client.get(answer.headers["location"]).text
    assert "Nothing has changed yet" in shown
    assert "Dr R2" in shown
    assert "+3" in shown
    assert counts(morning) == {"R1": 3, "R2": 1}
    confirmed = confirm(morning, draft, shown)
    assert "done=" in confirmed.headers["location"]
    after = morning.client.get(confirmed.headers["location"]).text
    assert "Dr R1 is marked away" in after
    assert "Dr R1, Mon 2 March morning: away, not as the rota says" in after
    assert mending.look(NOW) is not None
    assert counts(morning) == {"R1": 0, "R2": 4}


def test_a_draft_that_is_cancelled_is_thrown_away(morning: Service) -> None:
    """It can be confirmed no more, and says so."""
    be(morning, "operator")
    draft = draft_of(send(morning, "/reporters/R1/away", **ILL))
    assert send(morning, f"/rosters/drafts/{draft}/cancel").status_code == 303
    assert send(morning, f"/rosters/drafts/{draft}/confirm", shown="1").status_code == 404
    assert morning.ask(f"/drafts/{draft}")["state"] == "discarded"


def test_what_was_staged_or_changed_since_it_was_shown_is_not_confirmed(morning: Service) -> None:
    """A second absence, then ten minutes: the button is refused, and offered again only after another look."""
    be(morning, "operator")
    database = morning.app.state.serving.database
    answer = send(morning, "/reporters/R1/away", **ILL)
    draft, address = draft_of(answer), answer.headers["location"]
    looked_at(database, draft, NOW)
    shown = morning.client.get(address).text
    send(morning, "/reporters/R2/away", draft=str(draft), **ILL)
    assert confirm(morning, draft, shown).status_code == 409
    looked_at(database, draft, NOW)
    refused = confirm(morning, draft, shown)
    assert refused.status_code == 409
    assert "The draft has been changed since" in refused.text
    shown = morning.client.get(address).text
    morning.clock.at = NOW + timedelta(minutes=10)
    later = morning.client.get(address).text
    assert "the queue has moved on" in later
    assert "/confirm" not in later
    assert confirm(morning, draft, shown).status_code == 409
    assert morning.ask(f"/drafts/{draft}")["state"] == "open"
    assert draft_of(send(morning, f"/rosters/drafts/{draft}/preview")) == draft
    looked_at(database, draft, NOW + timedelta(minutes=10))
    assert confirm(morning, draft, morning.client.get(address).text).status_code == 303


def test_an_absence_added_to_a_draft_is_taken_out_of_it_alone(morning: Service) -> None:
    """Whatever else is staged stays."""
    be(morning, "operator")
    draft = draft_of(send(morning, "/reporters/R1/away", **ILL))
    assert draft_of(send(morning, "/reporters/R2/away", draft=str(draft), **ILL)) == draft
    assert "1 more" in morning.client.get(f"/rosters?draft={draft}").text
    send(morning, f"/rosters/drafts/{draft}/cancel")
    found = morning.ask(f"/drafts/{draft}")
    assert (found["state"], found["instructions"]) == ("open", 1)


def test_what_cannot_be_is_said_beside_the_grid_and_leaves_no_draft(morning: Service) -> None:
    """Until before from."""
    be(morning, "operator")
    answer = send(morning, "/reporters/R1/away", begins="2026-03-04T08:00", until="2026-03-02")
    assert answer.status_code in {409, 422}
    assert "Nothing was done." in answer.text
    assert [item["state"] for item in morning.ask("/drafts")["items"]] == ["discarded"]


def test_whoever_only_looks_has_nothing_to_mark_with(morning: Service) -> None:
    """An auditor opens a half-day; a reporter sees their own week, and nobody else's."""
    be(morning, "auditor@RVV")
    opened = morning.client.get("/rosters?reporter=R1&at=2026-03-02am").text
    assert "08:00 to 12:00" in opened
    assert "Mark ill" not in opened
    assert send(morning, "/reporters/R1/away", **ILL).status_code == 403
    be(morning, "reporter:R1")
    own = morning.client.get("/rosters").text
    assert "Dr R1" in own
    assert "Dr R2" not in own


def test_whoever_sees_rosters_sees_neither_drafts_nor_studies_by_them(morning: Service) -> None:
    """An administrator has the hours, and nothing that leads to the reads behind them; a manager has both."""
    be(morning, "manager@RVV")
    draft = draft_of(send(morning, "/reporters/R1/away", **ILL))
    short = "/rosters?short=neuro&at=2026-03-02am"
    assert "short=neuro" in morning.client.get("/rosters").text
    assert [morning.client.get(path).status_code for path in (f"/rosters?draft={draft}", short)] == [200, 200]
    be(morning, "administrator@RVV")
    shown = morning.client.get("/rosters").text
    assert "Neuro, Mon 2 March morning: 4.0 hours spare" in shown
    assert "short=neuro" not in shown
    for path in (f"/rosters?draft={draft}", f"/rosters?done={draft}", short):
        refused = morning.client.get(path)
        assert refused.status_code == 403
        assert "/confirm" not in refused.text


def test_a_draft_is_looked_up_as_far_as_its_reader_may_steer(morning: Service) -> None:
    """Who manages West and audits East sees East's rosters, and nothing of its drafts by them."""
    be(morning, "manager@RVV")
    draft = draft_of(send(morning, "/reporters/R1/away", **ILL))
    both = person("test:both", "B", Grant(Role.MANAGER, "RWF"), Grant(Role.AUDITOR, "RVV"))
    morning.app.state.door = Known(both)
    assert morning.client.get("/rosters").status_code == 200
    assert morning.client.get(f"/rosters?draft={draft}").status_code == 404
    assert morning.client.get(f"/rosters?done={draft}").status_code == 404


def test_a_manager_of_another_trust_marks_away_from_their_own_roster_only(morning: Service) -> None:
    """R1 is at home in East: West decides for West's roster, and is told so."""
    be(morning, "manager@RWF")
    answer = send(morning, "/reporters/R1/away", **ILL)
    assert answer.status_code == 303
    (given,) = morning.ask("/instructions", state="staged")["items"]
    assert given["trust"] == "RWF"
    be(morning, "manager@RVV")
    assert morning.client.get(answer.headers["location"]).status_code == 404


def test_the_week_is_downloaded(morning: Service) -> None:
    """A row a half-day, in hours; and the hours spare and short."""
    be(morning, "operator")
    rows = list(csv.reader(io.StringIO(morning.client.get("/rosters?as=csv").text.lstrip("\ufeff"))))
    assert rows[0][:6] == ["reporter_id", "reporter", "home_trust", "day", "half", "hours"]
    assert ["R1", "Dr R1", "RVV", "2026-03-02", "am", "4.0", "4.0", "3.0", ""] in rows
    hours = list(csv.reader(io.StringIO(morning.client.get("/rosters?as=csv&of=hours").text.lstrip("\ufeff"))))
    assert ["neuro", "2026-03-02", "am", "4.0", "0.0"] in hours


def test_a_half_day_that_is_none_is_refused(morning: Service) -> None:
    """As anything else that an address must not say."""
    be(morning, "operator")
    assert morning.client.get("/rosters?at=yesterday").status_code == 422


def test_cover_is_asked_for_in_a_draft_of_whoever_is_not_there_yet(morning: Service) -> None:
    """R1 and R2 report this morning and are not asked; tomorrow they are, for this subspecialty alone."""
    be(morning, "operator")
    today = morning.client.get("/rosters?short=neuro&at=2026-03-02am").text
    assert "Everybody who may report it is there already" in today
    shown = morning.client.get("/rosters?short=neuro&at=2026-03-03am").text
    assert "Dr R1, RVV, specialist" in shown
    form = {"reporter": "R1", "begins": "2026-03-03T09:00", "ends": "2026-03-03T12:00", "reason": "neuro is short"}
    answer = send(morning, "/rosters/cover", **form, at="2026-03-03am", short="neuro")
    assert (answer.status_code, answer.headers["location"]) == (303, "/drafts/1#effects")
    assert "Dr R1 covers Neuro" in morning.client.get("/drafts/1").text
    over = send(morning, "/rosters/cover", **{**form, "ends": "2026-03-03T08:00"}, at="2026-03-03am", short="neuro")
    assert (over.status_code, "Nothing was done" in over.text) == (422, True)


def test_whoever_does_not_decide_about_rosters_asks_nobody(morning: Service) -> None:
    """An auditor sees the hours and the reads behind them, and no form."""
    be(morning, "auditor@RVV")
    assert "/rosters/cover" not in morning.client.get("/rosters?short=neuro&at=2026-03-03am").text


def test_reads_behind_hours_short_and_who_has_time_are_files(sqlite_db: Database) -> None:
    """With accession numbers, and when each is due and would end; the panel leads to both."""
    queued(sqlite_db, *(incoming(number, minutes=60.0, due_at=at(1)) for number in ("A1", "A2", "A3")))
    rostered(sqlite_db, session("S1", "R1"), session("S2", "R2"))
    plan = solving({"S1": ["A1", "A2"]}, {"A3": "deferred"})
    assert run_allocation(sqlite_db, NOW, solver=plan).error == ""
    service = service_with_sign_in(sqlite_db)
    be(service, "operator")
    opened = "/rosters?week=2026-03-02&short=neuro&at=2026-03-02am"
    shown = unescape(service.client.get(opened).text)
    assert f"{opened}&of=short&as=csv" in shown
    assert f"{opened}&of=free&as=csv" in shown
    assert service.client.get(f"{opened}&of=short&as=xlsx").content[:2] == b"PK"
    short = rows_of(service.client.get(f"{opened}&of=short&as=csv"))
    assert [row["accession"] for row in short] == ["A2", "A3"]
    assert {row["due"] for row in short} == {"2026-03-02T09:00+00:00"}
    assert [(bool(row["planned_end"]), row["reason"]) for row in short] == [(True, ""), (False, "deferred")]
    free = rows_of(service.client.get(f"{opened}&of=free&as=csv"))
    assert {row["reporter"] for row in free} == {"Dr R1", "Dr R2"}
    assert service.client.get("/rosters?of=short&as=csv").status_code == 404


def test_reads_behind_hours_short_are_no_file_for_whoever_may_see_no_studies(morning: Service) -> None:
    """As on the page."""
    be(morning, "administrator@RVV")
    for part in ("short", "free"):
        assert morning.client.get(f"/rosters?short=neuro&at=2026-03-02am&of={part}&as=csv").status_code == 403
