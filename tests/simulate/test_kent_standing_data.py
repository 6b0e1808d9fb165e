"""The Kent sample's catalogue, people and policy say what a reader may rely on."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import replace

import pytest

from balancer.domain.reporter import Reporter
from balancer.ingest.policy_file import read_policy
from balancer.simulate.catalogue import example_policy
from balancer.simulate.kent.catalogue import ENTRIES, NICIP
from balancer.simulate.kent.places import SITES, STUDIES, TRUSTS
from balancer.simulate.kent.policy import kent_policy
from balancer.simulate.kent.sample import AS_OF
from tests.kent_sample import SAMPLE

EXAMS = list(csv.DictReader(io.StringIO(SAMPLE.files["exams.csv"].decode())))
REPORTERS = list(csv.DictReader(io.StringIO(SAMPLE.files["reporters.csv"].decode())))
RADIOGRAPHERS = [person for person in SAMPLE.reporters if "radiographer" in person.grade]


def able(trust: str, subspecialty: str, modality: str, home: str | None = None) -> list[Reporter]:
    """Return who may report this for ``trust`` on the morning of the sample, of all or of one home trust."""
    found = []
    for person in SAMPLE.reporters:
        if trust not in person.trusts or (home and person.home_trust != home):
            continue
        until = person.entitled_until(trust)
        in_scope = not person.modalities or modality in person.modalities
        if (until is None or until > AS_OF) and in_scope and person.level(subspecialty, modality):
            found.append(person)
    return found


def test_an_invented_code_starts_with_z_and_a_nicip_code_does_not() -> None:
    """NICIP only where code and name were seen together."""
    assert len(EXAMS) == len(ENTRIES) == len({row["exam_code"] for row in EXAMS})
    assert 75 <= len(EXAMS) <= 90
    for row in EXAMS:
        assert row["exam_code"].startswith("Z") == (row["nicip"] == "no")
    assert {row["exam_code"] for row in EXAMS if row["nicip"] == "yes"} == NICIP


def test_every_figure_says_where_it_comes_from() -> None:
    """Measured (with its source), derived (with the sum) or an assumption."""
    bases = Counter(row["basis"].partition(":")[0] for row in EXAMS)
    assert set(bases) == {"measured", "derived", "assumption"}
    assert all("PubMed" in row["basis"] for row in EXAMS if row["basis"].startswith("measured"))


def test_no_two_examinations_answer_to_the_same_name() -> None:
    """Names and aliases, whatever their case: ingest matches by them."""
    names = Counter(name.casefold() for entry in ENTRIES for name in (entry.examination.name, *entry.aliases))
    assert [name for name, count in names.items() if count > 1] == []


def test_the_policy_file_is_the_sample_s_policy() -> None:
    """The example policy of a week with dearer moves, and it says that nobody has approved it."""
    text = SAMPLE.files["policy.toml"].decode()
    assert read_policy(text, "policy.toml") == kent_policy()
    assert replace(kent_policy(), weights=example_policy(168).weights) == example_policy(168)
    assert "NOT clinically approved" in text


def test_a_fifth_of_the_sixty_reporters_are_radiographers_with_narrow_scopes() -> None:
    """One modality or two, plain films above all; two read mammograms, one reads heads on CT."""
    assert len(SAMPLE.reporters) == len({person.reporter_id for person in SAMPLE.reporters}) == 60
    assert len({person.name for person in SAMPLE.reporters}) == 60
    assert len(RADIOGRAPHERS) == 12
    scopes = [{(subspecialty, modality) for subspecialty, modality in person.skills} for person in RADIOGRAPHERS]
    assert all(modality for scope in scopes for _, modality in scope)
    assert sum(("breast", "MG") in scope for scope in scopes) == 2
    assert sum(("neuro", "CT") in scope for scope in scopes) == 1
    assert all(person.modalities <= {"DX", "CT", "MG"} for person in RADIOGRAPHERS)


def test_numbers_are_of_ranges_that_neither_register_has_issued() -> None:
    """99xxxxx for the GMC, RA99xxxx for the HCPC."""
    for person in SAMPLE.reporters:
        assert person.reporter_id.startswith("RA99" if person in RADIOGRAPHERS else "99")


def test_some_entitlements_expire_and_some_people_are_at_home_only() -> None:
    """One before the week, one within it, some after it."""
    days = sorted(day for person in SAMPLE.reporters for day in person.trusts.values() if day)
    assert days[0] < AS_OF.date()
    assert sum(AS_OF.date() <= day <= AS_OF.date().replace(day=8) for day in days) >= 2
    assert days[-1].year == 2026
    assert sum(len(person.trusts) == 1 for person in SAMPLE.reporters) >= 5
    assert sum(len(person.trusts) == 3 for person in SAMPLE.reporters) >= 20


@pytest.mark.parametrize("trust", [trust.code for trust in TRUSTS])
def test_each_trust_alone_could_report_everything_it_images(trust: str) -> None:
    """Somebody of its own is skilled, so what pooling gains is time and skill and not a straw man."""
    own_orders = [order for order in SAMPLE.orders if order.trust == trust and not order.excluded_by]
    asked = {(o.entry.examination.subspecialty, o.entry.examination.modality): o for o in own_orders}
    for (subspecialty, modality), order in asked.items():
        own = able(trust, subspecialty, modality, home=trust)
        assert len(own) >= order.entry.examination.reads, (subspecialty, modality)


def test_medway_has_no_neuroradiologist_and_hardly_any_breast_reader() -> None:
    """While the network has both: that is what pooling is for."""
    neuro = [p.home_trust for p in SAMPLE.reporters if p.level("neuro", "MR") == 3]
    breast = [p.home_trust for p in SAMPLE.reporters if p.level("breast", "MG") == 3]
    assert "RPA" not in neuro
    assert len(neuro) >= 6
    assert breast.count("RPA") == 2
    assert len(breast) >= 8


def test_sites_and_studies_are_of_the_three_trusts() -> None:
    """Five hospitals of East Kent, community diagnostic centres elsewhere."""
    assert {site.trust for site in SITES} == set(STUDIES) == {trust.code for trust in TRUSTS}
    assert sum(site.trust == "RVV" for site in SITES) == 5
    assert sum(site.diagnostic_centre for site in SITES) == 3
    for trust in STUDIES:
        assert sum(site.share for site in SITES if site.trust == trust) == pytest.approx(1)


def test_every_row_says_that_it_is_synthetic() -> None:
    """A column in each table, a comment or key in each TOML file."""
    assert {row["label"] for row in (*EXAMS, *REPORTERS)} == {"synthetic"}
    for name in ("network.toml", "trusts.csv", "exams.csv", "reporters.csv", "policy.toml", "PLANTED.csv"):
        content = SAMPLE.files[name]
        assert b"synthetic" in content.lower(), name
