"""The index of downtime lists tells nobody more than the lists themselves would."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from balancer.domain.actor import Reach
from balancer.publish.downtime.folder import write_set
from balancer.services.write_downtime_lists import write_downtime_lists
from balancer.web.downtime import DowntimePage, downtime_page
from balancer.web.tables import View
from tests.api.service import Service
from tests.publish.test_downtime import LIST
from tests.web.test_lists import be
from tests.worlds import NOW


def page(root: Path, reach: Reach) -> DowntimePage:
    """Return the page as somebody has it who may see R1's and R2's list."""
    return downtime_page(root, "", NOW, {"R1", "R2"}, reach, View(path="/downtime"), NOW)


def reads(found: DowntimePage) -> dict[str, object]:
    """Return how many reads are on the lists that a page names."""
    assert found.table is not None
    return {row.cells[0].text: row.cells[2].kept for row in found.table.rows}


def test_it_names_those_whose_lists_somebody_may_see_and_counts_what_they_may_open(tmp_path: Path) -> None:
    """A count is of reads at every trust, and of those that are read blind."""
    lists = [replace(LIST, reporter_id=number, name=number) for number in ("R1", "R2", "R9")]
    write_set(tmp_path / "lists", lists, NOW)
    root, everywhere = tmp_path / "lists", Reach(trusts=frozenset({"*"}))
    assert reads(page(root, Reach(trusts=frozenset({"RWF"})))) == {"R1": "", "R2": ""}
    assert reads(page(root, Reach(own="R1"))) == {"R1": 1, "R2": ""}
    assert reads(page(root, replace(everywhere, reader="R9"))) == {"R1": "", "R2": "", "R9": 1}
    assert reads(page(root, everywhere)) == {"R1": 1, "R2": 1, "R9": 1}


def test_whose_lists_those_are_is_asked_of_the_lists_in_force(service: Service, tmp_path: Path) -> None:
    """Whoever works nowhere within a manager's reach is not named to them."""
    serving = service.app.state.serving
    service.app.state.serving = replace(serving, downtime=tmp_path / "lists")
    assert write_downtime_lists(serving.database, tmp_path / "lists", NOW, keep=timedelta(days=1)) is not None
    far = replace(LIST, reporter_id="R9", name="Dr Far Away", home_trust="RXX")
    here = replace(LIST, reporter_id="R1", name="Dr R1")
    write_set(tmp_path / "lists", [here, far], NOW + timedelta(minutes=1))
    be(service, "manager@RVV")
    shown = service.client.get("/downtime").text
    assert "Dr R1" in shown
    assert "Dr Far Away" not in shown


def test_a_reporter_is_led_there_from_their_list_and_back(service: Service, tmp_path: Path) -> None:
    """Nobody looks for an address when nothing answers: who has not seen it before does not find it then."""
    serving = service.app.state.serving
    service.app.state.serving = replace(serving, downtime=tmp_path / "lists")
    assert write_downtime_lists(serving.database, tmp_path / "lists", NOW, keep=timedelta(days=1)) is not None
    be(service, "reporter:R1")
    assert 'href="/downtime"' in service.client.get("/lists/R1").text
    shown = service.client.get("/downtime").text
    assert '<a href="/my-list">My list</a>' in shown
    assert "PDF of" in shown
