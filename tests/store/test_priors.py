"""Prior studies: the patient's own, earlier, of every trust, the newest first, and not without end."""

from __future__ import annotations

from collections.abc import Mapping

from balancer.services.ingest_studies import ingest_extract
from balancer.store.database import Database
from balancer.store.pages import Cut
from balancer.store.priors import MOST_PRIORS, priors
from balancer.store.studies import StudyFilter, studies
from tests.networks import WEST, Feed, extract, incoming, minutes, queued
from tests.worlds import NOW


def of(db: Database) -> Mapping[str, list[str]]:
    """Return the priors of every study by number: trust and number."""
    with db.session() as session:
        rows = [found.study for found in studies(session, StudyFilter(state=None), Cut(limit=1_000), now=NOW).items]
        found = priors(session, rows)
        return {
            f"{row.trust} {row.accession_number}": [
                f"{prior.trust} {prior.accession_number}" for prior in found[row.id or 0]
            ]
            for row in rows
        }


def test_priors_are_the_patients_earlier_studies_wherever_they_are(db: Database) -> None:
    """Of two trusts, the newest first; another patient's are not among them, nor is what came later."""
    queued(db, incoming("A1", patient_id="P", acquired_at=minutes(-60)), incoming("A9", patient_id="Q"))
    west = [
        incoming("W1", trust="RWF", patient_id="P", acquired_at=minutes(-500)),
        incoming("W2", trust="RWF", patient_id="P", acquired_at=minutes(-90)),
        incoming("W3", trust="RWF", patient_id="P", acquired_at=minutes(-10)),
    ]
    ingest_extract(db, WEST, extract(*west, feed=WEST.name), NOW)
    found = of(db)
    assert found["RVV A1"] == ["RWF W2", "RWF W1"]
    assert found["RWF W3"] == ["RVV A1", "RWF W2", "RWF W1"]
    assert found["RVV A9"] == []


def test_a_study_that_has_been_reported_is_a_prior_still(db: Database) -> None:
    """That is what most priors are."""
    rest = [f"B{number}" for number in range(30)]
    queued(db, incoming("A1", patient_id="P", acquired_at=minutes(-90)), *rest)
    now = incoming("A2", patient_id="P", acquired_at=minutes(-30))
    ingest_extract(db, Feed(), extract(now, *rest, at=1), minutes(1))
    assert of(db)["RVV A2"] == ["RVV A1"]


def test_of_very_many_priors_the_newest_are_shown(db: Database) -> None:
    """Somebody in intensive care is imaged every day."""
    daily = [incoming(f"A{day:03}", patient_id="P", acquired_at=minutes(-1_440 * day)) for day in range(1, 60)]
    queued(db, *daily)
    found = of(db)["RVV A001"]
    assert (len(found), found[0]) == (MOST_PRIORS, "RVV A002")
