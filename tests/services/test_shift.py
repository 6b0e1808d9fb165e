from __future__ import annotations

from datetime import timedelta

import pytest

from balancer.domain.states import BatchState
from balancer.services.ingest_studies import ingest_extract
from balancer.services.shift import shift_extract, shift_to_present
from balancer.store.database import Database
from tests.networks import Feed, extract, incoming, loaded, minutes
from tests.worlds import NOW

AS_OF = NOW - timedelta(days=100, minutes=7)


@pytest.mark.parametrize(("now", "present"), [(0, 0), (14.9, 0), (15, 15), (60 * 24 - 1, 60 * 24 - 15)])
def test_the_sample_becomes_the_present_quarter_of_an_hour(db: Database, now: float, present: float) -> None:
    """Rounded down, so that nothing was extracted in the future."""
    assert AS_OF + shift_to_present(db, AS_OF, minutes(now)) == minutes(present)


def test_the_shift_is_decided_once(db: Database) -> None:
    """Or the same file would be another one every day."""
    first = shift_to_present(db, AS_OF, NOW)
    assert shift_to_present(db, AS_OF, minutes(100_000)) == first


def test_every_instant_is_shifted_and_the_file_is_the_same_file(db: Database) -> None:
    """Acquired, ready, due, extracted; and taking it in twice is taking it in once."""
    loaded(db)
    stated = incoming("A1", ready_at=minutes(1), due_at=minutes(2))
    parsed = extract(stated, duplicates=[stated])
    shifted = shift_extract(parsed, timedelta(hours=1))
    assert shifted.extracted_at == minutes(60)
    for study in (*shifted.studies, *shifted.duplicates):
        assert (study.acquired_at, study.ready_at, study.due_at) == (minutes(0), minutes(61), minutes(62))
    assert shifted.digest == parsed.digest
    assert ingest_extract(db, Feed(), shifted, minutes(60)).state is BatchState.APPLIED
    assert (
        ingest_extract(db, Feed(), shift_extract(parsed, timedelta(hours=1)), minutes(75)).state is BatchState.UNCHANGED
    )


def test_no_shift_changes_nothing() -> None:
    """Live feeds are what they are; times that are not given stay so."""
    parsed = extract("A1", extracted_at=None)
    assert shift_extract(parsed, timedelta()) is parsed
    assert shift_extract(parsed, timedelta(hours=1)).extracted_at is None
    assert shift_extract(parsed, timedelta(hours=1)).studies[0].due_at is None
