"""Whatever a page shows as a table is a file too, for whoever may see the page: CSV, and a workbook."""

from __future__ import annotations

import csv
import io

import pytest

from balancer.domain.study import StudyKey
from balancer.scheduler.solving import DONE, preview_all
from balancer.services.request_explanation import request_explanation
from balancer.store import studies
from tests.api.service import Service, StandingClock
from tests.networks import claimed, read_id
from tests.web.test_lists import be

FIRST_OF_ALL = ["First in the trust's feed", "Acquired"]


def study_of(service: Service, accession_number: str) -> str:
    """Return the address of a study's page."""
    with service.app.state.serving.database.session() as session:
        return f"/studies/{studies.study(session, StudyKey('RVV', accession_number)).study.id}"


def rows(service: Service, address: str) -> list[dict[str, str]]:
    """Return what a file holds, having seen that the same is a workbook too."""
    joint = "&" if "?" in address else "?"
    assert service.client.get(f"{address}{joint}as=xlsx").content[:2] == b"PK"
    answer = service.client.get(f"{address}{joint}as=csv")
    assert "attachment" in answer.headers["content-disposition"], answer.text
    return list(csv.DictReader(io.StringIO(answer.text.lstrip("\ufeff"))))


@pytest.mark.parametrize(
    ("page", "part", "column"),
    [
        ("/policy/1", "", "meaning"),
        ("/runs/1", "terms", "points"),
        ("/runs/1", "classes", "longest_wait_hours"),
        ("/reporters/R1", "entitlements", "holds"),
        ("/reporters/R1", "skills", "subspecialty"),
        ("/reporters/R1", "sessions", "rota_says"),
    ],
)
def test_a_page_leads_to_its_tables_as_files(service: Service, page: str, part: str, column: str) -> None:
    """Each with rows."""
    be(service, "operator")
    address = f"{page}?of={part}" if part else page
    shown = service.client.get("/policy" if page == "/policy/1" else page).text
    assert f"{address}{'&amp;' if part else '?'}as=csv" in shown
    assert all(row[column] for row in rows(service, address))
    assert rows(service, address)


def test_what_was_decided_about_somebody_is_a_file(service: Service) -> None:
    """With why, and by whom."""
    be(service, "operator")
    said = {"trust": "RWF", "granted": "false", "reason": "left West"}
    service.client.post("/reporters/R1/entitle", data=said, headers={"Origin": "http://testserver"})
    (found,) = rows(service, "/reporters/R1?of=decided")
    assert (found["why"], found["trust"]) == ("left West", "RWF")


def test_where_two_policies_differ_is_a_file(service: Service) -> None:
    """Of a policy and itself it has no rows, and is one all the same."""
    be(service, "operator")
    assert rows(service, "/policy/compare?a=1&b=1") == []


def test_who_else_could_read_a_study_is_a_file_once_it_is_worked_out(service: Service) -> None:
    """Before, there is none; then the alternatives with their points, and who may not by rule and by name."""
    be(service, "operator")
    database = service.app.state.serving.database
    study = study_of(service, "A1")
    for address in (f"{study}?as=csv", f"{study}/reads/1/refused?as=csv", f"{study}/reads/1/refused"):
        assert service.client.get(address).status_code == 404
    claimed(database, "A1", "R1")
    request_explanation(database, read_id(database, "A1"), service.clock.at)
    assert preview_all(database, StandingClock()) == DONE
    assert rows(service, f"{study}?read=1&of=alternatives")[0]["reporter"] == "Dr R1"
    why_not = "Somebody else has it open"
    (rule,) = rows(service, f"{study}?read=1&of=refused")
    (person,) = rows(service, f"{study}/reads/1/refused")
    assert (rule["reason"], rule["who"], rule["reporters"]) == (why_not, "Dr R2", "1")
    assert (person["reporter"], person["number"], person["reason"]) == ("Dr R2", "R2", why_not)
    assert service.client.get(f"{study}/reads/2/refused").status_code == 404


def test_a_studys_history_is_a_file_with_its_accession_number_and_when(service: Service) -> None:
    """All of it, the last first, each in London's time; the page leads to it."""
    be(service, "operator")
    study = study_of(service, "A1")
    assert f"{study}?of=history&amp;as=csv" in service.client.get(study).text
    found = rows(service, f"{study}?of=history")
    assert [row["what"] for row in found] == ["On the list of Dr R1", "On nobody's list", *FIRST_OF_ALL]
    assert {(row["accession"], row["trust"]) for row in found} == {("A1", "RVV")}
    assert all(row["at"].endswith("+00:00") for row in found)


def test_a_history_as_a_file_says_no_more_than_the_page(service: Service) -> None:
    """To a referrer, who sees no lists, only what the study's own feed said."""
    be(service, "operator")
    study = study_of(service, "A1")
    be(service, "referrer@RVV")
    assert [row["what"] for row in rows(service, f"{study}?of=history")] == FIRST_OF_ALL
    be(service, "manager@RWF")
    assert service.client.get(f"{study}?of=history&as=csv").status_code == 404


def test_a_studys_reads_are_a_file_with_their_times(service: Service) -> None:
    """Planned from and to, and since when each stands so; where the page shows the reads it leads there."""
    be(service, "operator")
    study = study_of(service, "A1")
    (read,) = rows(service, f"{study}?of=reads")
    assert (read["accession"], read["read"], read["what"], read["who"]) == ("A1", "1", "Reading", "Dr R1")
    assert all(read[name].startswith("2026-03-02T") for name in ("planned_start", "planned_end", "since"))
    be(service, "referrer@RVV")
    shown = service.client.get(study).text
    assert 'id="reads"' in shown
    assert f"{study}?of=reads&amp;as=csv" in shown
