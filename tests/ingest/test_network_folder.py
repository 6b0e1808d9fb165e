from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from balancer.domain.errors import InputRefusedError
from balancer.ingest.feed_file import FeedDescription
from balancer.ingest.network_folder import read_description, read_network
from balancer.ingest.roster_file import RosterDescription
from tests.ingest.deliveries import KENT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the sample's network folder without its deliveries."""
    copy = tmp_path / "network"
    shutil.copytree(KENT, copy, ignore=shutil.ignore_patterns("extracts", "rotas"))
    return copy


def mend(path: Path, was: str, now: str) -> None:
    """Replace a text that must be there."""
    text = path.read_text("utf-8")
    assert was in text
    path.write_text(text.replace(was, now, 1), "utf-8")


def faults_of(folder: Path) -> list[str]:
    """Return the faults of a folder as people read them."""
    with pytest.raises(InputRefusedError) as refused:
        read_network(folder)
    return [str(fault) for fault in refused.value.faults]


def test_the_sample_is_a_network_without_fault_or_warning() -> None:
    """Three trusts, each with a feed and a rota, and names for what they image."""
    network = read_network(KENT)
    assert network.as_of == datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
    assert network.synthetic
    assert [trust.code for trust in network.trusts] == ["RVV", "RWF", "RPA"]
    assert (
        {feed.trust for feed in network.feeds} == {roster.trust for roster in network.rosters} == {"RVV", "RWF", "RPA"}
    )
    assert "CXR" in network.aliases["XCHES"]
    assert len(network.reporters) == 60
    assert network.warnings == ()


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    """With its name."""
    assert "is not a folder" in faults_of(tmp_path / "none")[0]


def test_every_missing_file_is_told(tmp_path: Path) -> None:
    """An empty folder lacks five of them."""
    assert len(faults_of(tmp_path)) == 5


@pytest.mark.parametrize(
    ("file", "was", "now", "fault"),
    [
        (
            "feeds/RVV.toml",
            '1 = "emergency"',
            '1 = "emergancy"',
            "priority.1: 'emergancy' is not a class of policy",
        ),
        (
            "feeds/RVV.toml",
            '= "XCHES"',
            '= "XCHEST"',
            "'XCHEST' is not an examination of exams.csv (did you mean",
        ),
        (
            "feeds/RVV.toml",
            'trust = "RVV"',
            'trust = "RXX"',
            "RVV.toml: trust: 'RXX' is not a trust of trusts.csv",
        ),
        ("feeds/RVV.toml", '"RVV unreported', '"RPA unreported', "'RPA unreported studies' is also the name of"),
        ("feeds/RVV.toml", 'kind = "snapshot"', 'kind = "x"', "feeds/RVV.toml:8: kind: 'x' is none of"),
        (
            "rosters/RVV.toml",
            '["emergency"]',
            '["now"]',
            "activity.oncall.priorities: 'now' is not a class",
        ),
        ("exams.csv", "AXR;", "CXR;", "aliases: 'CXR' also means XCHES"),
        ("exams.csv", "CT Brain;", "XR Chest;", "aliases: 'XR Chest' also means XCHES"),
        (
            "network.toml",
            "as_of = 2026-03-02T07:30:00+00:00",
            "as_of = 2026-03-02T07:30:00",
            "as_of: 2026-03-02 07:30",
        ),
        ("network.toml", "as_of = 2026-03-02T07:30:00+00:00", "as_of = 7", "as_of: 7 is not a date and time"),
        ("policy.toml", 'code = "routine"', 'code = "other"', "priority.7: 'routine' is not a class of policy.toml"),
    ],
)
def test_what_one_file_says_of_another_must_hold(folder: Path, file: str, was: str, now: str, fault: str) -> None:
    """A name that nobody defines is a fault of the file that uses it, with the nearest name there is."""
    mend(folder / file, was, now)
    assert any(fault in told for told in faults_of(folder)), faults_of(folder)


def test_no_name_of_a_file_that_cannot_be_read_is_called_unknown(folder: Path) -> None:
    """The one fault that matters is that the file cannot be read."""
    (folder / "policy.toml").unlink()
    assert faults_of(folder) == ["policy.toml: the file is missing"]


def test_columns_and_keys_that_nobody_reads_are_warned_of(folder: Path) -> None:
    """Columns that are for people are not among them."""
    mend(folder / "trusts.csv", "trust,name,kind", "trust,name,colour")
    mend(folder / "network.toml", "synthetic = true", "synthetik = true")
    assert read_network(folder).warnings == (
        "network.toml: ignored unknown keys: 'synthetik' (did you mean 'synthetic'?)",
        "trusts.csv: ignored unknown columns: 'colour'",
    )


def test_a_link_into_the_pacs_is_a_template_or_a_fault(folder: Path) -> None:
    """Found when the folder is read, with the line: not when a reporter presses it."""
    table = folder / "trusts.csv"
    header, *rows = table.read_text(encoding="utf-8").splitlines()
    links = ["https://pacs.example/{accession_number}", "", "https://pacs.example/{nhs_number}"]
    given = [f"{row},{link}" for row, link in zip(rows, links, strict=True)]
    table.write_text("\n".join([f"{header},pacs_link", *given, ""]), encoding="utf-8")
    assert len(faults_of(folder)) == 1
    assert faults_of(folder)[0].startswith("trusts.csv:4: pacs_link: {nhs_number} is not one of")
    mend(table, "nhs_number", "study_instance_uid")
    links_read = [trust.pacs_link.template if trust.pacs_link else "" for trust in read_network(folder).trusts]
    assert links_read == [*links[:2], "https://pacs.example/{study_instance_uid}"]


def test_a_skill_that_no_examination_needs_is_warned_of(folder: Path) -> None:
    """A slip of the pen must not make a reporter ineligible without a word."""
    mend(folder / "reporters.csv", "neuro:3", "nuero:3")
    assert read_network(folder).warnings == (
        "subspecialties or modalities that match nothing: reporters.csv, skills: 'nuero' (did you mean 'neuro'?)",
    )


def test_a_broken_weight_does_not_hide_that_a_class_is_unknown(folder: Path) -> None:
    """The policy's codes can be read, so a feed's classes are judged."""
    mend(folder / "policy.toml", "wait_rate", "weight_rate")
    mend(folder / "feeds" / "RVV.toml", '"routine"', '"rutine"')
    told = faults_of(folder)
    assert any("wait_rate" in fault for fault in told)
    assert any("'rutine' is not a class of policy.toml" in fault for fault in told)


def test_a_description_is_a_feed_or_a_rota_by_its_kind(folder: Path) -> None:
    """One command checks both."""
    network = read_network(folder)
    assert isinstance(read_description(folder / "feeds" / "RVV.toml", network), FeedDescription)
    assert isinstance(read_description(folder / "rosters" / "RVV.toml", network), RosterDescription)


def test_a_description_from_elsewhere_is_held_against_the_network(folder: Path, tmp_path: Path) -> None:
    """An analyst's draft need not lie in the folder yet."""
    network = read_network(folder)
    draft = tmp_path / "draft.toml"
    shutil.copy(folder / "feeds" / "RVV.toml", draft)
    mend(draft, '2 = "inpatient_urgent"', '2 = "quick"')
    with pytest.raises(InputRefusedError, match="'quick' is not a class"):
        read_description(draft, network)


def test_a_cap_is_of_a_trust_that_there_is(folder: Path) -> None:
    """A slip in a code would be a trust without a cap."""
    path = folder / "policy.toml"
    path.write_text(path.read_text("utf-8") + "\n[ledger.taken_minutes]\nRVV = 600\nRVX = 600\n", "utf-8")
    (fault,) = faults_of(folder)
    assert "ledger.taken_minutes.RVX" in fault
    assert "did you mean" in fault
