"""The sample is read as it was written: what is planted is found, and nothing else."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from balancer.domain.feed import ParsedExtract
from balancer.domain.instant import local_instant
from balancer.ingest.extract import parse_extract
from balancer.ingest.network_folder import NetworkFolder, read_network
from balancer.ingest.rota import parse_rota
from balancer.ingest.sources import current_files
from balancer.simulate.kent.rota import reporting_spans
from balancer.simulate.kent.sample import Sample, draw_sample
from tests.ingest.deliveries import KENT, KEY

TRUSTS = ("RVV", "RWF", "RPA")


@cache
def network() -> NetworkFolder:
    """Return the sample's network."""
    return read_network(KENT)


@cache
def sample() -> Sample:
    """Return the truth the sample was written from."""
    return draw_sample()


@cache
def parsed(trust: str) -> ParsedExtract:
    """Return what ingest makes of a trust's extract."""
    described = next(feed for feed in network().feeds if feed.trust == trust)
    (file,) = current_files(described, network().folder)
    return parse_extract(file.read(), described, network(), file_name=file.name, pseudonym_key=KEY)


@pytest.mark.parametrize("trust", TRUSTS)
def test_every_planted_row_is_in_the_heap_it_was_planted_for_and_no_other_row_is(trust: str) -> None:
    """Thousands of good rows, and every kind of bad one, at its line and sheet."""
    found = parsed(trust)
    extract = next(extract for extract in sample().extracts if extract.trust == trust)
    got = {(item.row.sheet, item.row.line): "duplicate" for item in found.duplicates}
    got |= {(item.row.sheet, item.row.line): "excluded" for item in found.excluded}
    got |= {(item.row.sheet, item.row.line): "quarantined" for item in found.quarantined}
    planted = {(item.sheet, item.line): item.expected.value for item in extract.planted}
    assert found.problem == ""
    assert found.extracted_at == sample().as_of
    assert found.rows_read == extract.rows_read
    assert got == {place: heap for place, heap in planted.items() if heap != "accepted"}


@pytest.mark.parametrize("trust", TRUSTS)
def test_what_is_accepted_is_the_truth(trust: str) -> None:
    """Examination, class, hour, place and reads still to be done are what the trust's system wrote down."""
    truth = {order.accession_number: order for order in sample().orders if order.trust == trust}
    for study in parsed(trust).studies:
        order = truth[study.accession_number]
        assert study.exam_code == order.entry.examination.code
        assert (study.priority, study.site, study.reads) == (order.priority, order.site, order.reads)
        assert (study.acquired_at, study.ready_at) == (order.acquired_at, order.ready_at)
        assert study.excluded == ({order.first_reader} - {None})
        assert study.prior_reporter == order.prior_reporter


def test_patients_of_several_trusts_are_one_person() -> None:
    """One pseudonym for each person, in every trust."""
    truth = {(order.trust, order.accession_number): order.nhs_number for order in sample().orders}
    by_number: dict[str, set[str]] = {}
    trusts: dict[str, set[str]] = {}
    for trust in TRUSTS:
        for study in parsed(trust).studies:
            number = truth[study.key]
            if number:
                by_number.setdefault(number, set()).add(study.patient_id)
                trusts.setdefault(number, set()).add(trust)
    assert all(len(pseudonyms) == 1 for pseudonyms in by_number.values())
    assert any(len(seen) > 1 for seen in trusts.values())


def test_the_reasons_are_those_one_would_give() -> None:
    """Each reason that an extract can have is in the sample, somewhere."""
    reasons = Counter(row.reason for trust in TRUSTS for row in parsed(trust).quarantined)
    assert {
        "broken_row",
        "spreadsheet_error",
        "missing_value",
        "missing_accession_number",
        "unknown_exam",
        "ambiguous_exam",
        "unknown_priority",
        "unreadable_date",
        "implausible_date",
        "future_date",
        "bad_nhs_number",
        "unknown_site",
        "contradictory_rows",
    } <= reasons.keys()


@pytest.mark.parametrize("trust", TRUSTS)
def test_rotas_are_the_week_that_was_drawn(trust: str) -> None:
    """Everything else cut out of reporting, every planted row quarantined, no hour lost and none invented."""
    described = next(roster for roster in network().rosters if roster.trust == trust)
    (file,) = current_files(described, network().folder)
    found = parse_rota(file.read(), described, network(), file_name=file.name)
    written = next(rota for rota in sample().rotas if rota.trust == trust)
    duties = [duty for duty in sample().duties if duty.trust == trust]
    truth = {(duty.reporter_id, local_instant(duty.start), local_instant(duty.end)) for duty in reporting_spans(duties)}
    assert found.problem == ""
    assert {(item.row.sheet, item.row.line) for item in found.quarantined} == {
        (item.sheet, item.line) for item in written.planted if item.expected.value == "quarantined"
    }
    assert {(item.reporter_id, item.start, item.end) for item in found.sessions} == truth
