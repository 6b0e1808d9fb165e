"""What ingest reads from the Kent sample is the truth from which it was written, and every mistake is found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from balancer.domain.feed import IncomingStudy, ParsedExtract, SourceRow
from balancer.domain.study import StudyKey
from balancer.ingest.extract import parse_extract
from balancer.ingest.network_folder import read_network
from balancer.ingest.reasons import Reason
from balancer.simulate.kent.extracts import Extract
from balancer.simulate.kent.planted import Heap
from balancer.simulate.kent.problem import problem_of
from tests.kent_sample import KENT, SAMPLE

KEY = b"a key for tests only, of no use"
NETWORK = read_network(KENT)
EXTRACTS = {extract.trust: extract for extract in SAMPLE.extracts}
PARSED: dict[str, ParsedExtract] = {
    feed.trust: parse_extract(
        EXTRACTS[feed.trust].content, feed, NETWORK, file_name=Path(EXTRACTS[feed.trust].path).name, pseudonym_key=KEY
    )
    for feed in NETWORK.feeds
}
TRUSTS = sorted(PARSED)
ORDERS = {StudyKey(order.trust, order.accession_number): order for order in SAMPLE.orders}
REASONS = {
    "unreadable date": Reason.UNREADABLE_DATE,
    "day that does not exist": Reason.UNREADABLE_DATE,
    "date in the future": Reason.FUTURE_DATE,
    "date a century ago": Reason.IMPLAUSIBLE_DATE,
    "unknown hospital": Reason.UNKNOWN_SITE,
    "no date": Reason.MISSING_VALUE,
    "unknown examination": Reason.UNKNOWN_EXAM,
    "no examination": Reason.MISSING_VALUE,
    "name cut so short that it means several examinations": Reason.AMBIGUOUS_EXAM,
    "unknown priority": Reason.UNKNOWN_PRIORITY,
    "no priority": Reason.MISSING_VALUE,
    "no accession number": Reason.MISSING_ACCESSION_NUMBER,
    "text where the NHS number belongs": Reason.BAD_NHS_NUMBER,
    "wrong check digit of the NHS number": Reason.BAD_NHS_NUMBER,
    "error cell of a spreadsheet": Reason.SPREADSHEET_ERROR,
    "too few cells": Reason.BROKEN_ROW,
    "too many cells": Reason.BROKEN_ROW,
    "two rows of one study that contradict each other": Reason.CONTRADICTORY_ROWS,
}


def landed(parsed: ParsedExtract) -> Iterator[tuple[SourceRow, Heap]]:
    """Yield every row with the heap it is in."""
    yield from ((study.row, Heap.ACCEPTED) for study in parsed.studies)
    yield from ((study.row, Heap.DUPLICATE) for study in parsed.duplicates)
    yield from ((excluded.row, Heap.EXCLUDED) for excluded in parsed.excluded)
    yield from ((quarantined.row, Heap.QUARANTINED) for quarantined in parsed.quarantined)


def expected(extract: Extract) -> dict[tuple[str, int], Heap]:
    """Return where every planted row must land, by sheet and line."""
    return {(planted.sheet, planted.line): planted.expected for planted in extract.planted}


@pytest.mark.parametrize("trust", TRUSTS)
def test_every_row_lands_where_it_was_planted(trust: str) -> None:
    """All planted rows in their heaps, all others accepted, none lost."""
    parsed, wanted = PARSED[trust], expected(EXTRACTS[trust])
    assert parsed.problem == ""
    assert parsed.extracted_at == SAMPLE.as_of
    assert parsed.rows_read == EXTRACTS[trust].rows_read
    found = {(row.sheet, row.line): heap for row, heap in landed(parsed)}
    assert len(found) == parsed.rows_read
    assert {place: heap for place, heap in found.items() if heap is not wanted.get(place, Heap.ACCEPTED)} == {}
    assert set(wanted) <= set(found)


@pytest.mark.parametrize("trust", TRUSTS)
def test_every_mistake_is_found_for_what_it_is(trust: str) -> None:
    """The reason is the one that the kind of mistake calls for."""
    reasons = {(q.row.sheet, q.row.line): q.reason for q in PARSED[trust].quarantined}
    for planted in EXTRACTS[trust].planted:
        if planted.expected is Heap.QUARANTINED:
            assert reasons[planted.sheet, planted.line] == REASONS[planted.kind], planted.kind


@pytest.mark.parametrize("trust", TRUSTS)
def test_what_is_accepted_is_the_truth(trust: str) -> None:
    """Whatever the words, dates, cut names and local codes of the trust."""
    for study in PARSED[trust].studies:
        order = ORDERS[study.key]
        exam = order.entry.examination
        assert (study.exam_code, study.modality, study.subspecialty) == (exam.code, exam.modality, exam.subspecialty)
        assert (study.minutes, study.reads) == (exam.minutes, order.reads)
        assert (study.priority, study.acquired_at, study.ready_at) == (
            order.priority,
            order.acquired_at,
            order.ready_at,
        )
        assert study.excluded == frozenset({order.first_reader} - {None})
        assert (study.prior_reporter, study.site) == (order.prior_reporter, order.site)
        assert study.local_patient_id == order.local_patient_id


def test_a_patient_is_one_person_whatever_trust_images_them() -> None:
    """One pseudonym a person; whoever was never traced is one only within a trust."""
    pseudonyms = defaultdict(set)
    people = defaultdict(set)
    for study in everything():
        order = ORDERS[study.key]
        person = order.nhs_number or f"{order.trust} {order.local_patient_id}"
        pseudonyms[person].add(study.patient_id)
        people[study.patient_id].add(person)
    assert {len(found) for found in pseudonyms.values()} == {1}
    assert {len(found) for found in people.values()} == {1}


def everything() -> Iterator[IncomingStudy]:
    """Yield the accepted studies of all trusts."""
    for parsed in PARSED.values():
        yield from parsed.studies


def test_the_problem_drawn_in_memory_has_the_studies_that_ingest_accepts() -> None:
    """Those of contradicting rows left out, those of identical ones once."""
    problem = problem_of(SAMPLE, NETWORK.calendar)
    assert {study.key for study in everything()} == {study.key for study in problem.studies}
    assert problem.policy == NETWORK.policy
    assert problem.reporters == tuple(NETWORK.reporters)
    assert sorted(problem.examinations, key=lambda e: e.code) == sorted(NETWORK.examinations, key=lambda e: e.code)
