"""See what every reporter has open, as the reports that their screens are to show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from balancer.publish.fhircast.report import Report
from balancer.services.see_workitem import uid_from
from balancer.store import claims, people, workitems
from balancer.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRead:
    """A claim that has not ended; ``system`` is what said so, empty for the reporter's own word."""

    claim_id: int
    read_id: int
    reporter_id: str
    system: str
    report: Report


def see_open_reads(db: Database, known: Mapping[int, OpenRead]) -> dict[int, OpenRead]:
    """Return every claim that has not ended, by its number and the oldest first.

    Those in ``known`` are not looked up again: which study a claim is of never changes.
    """
    with db.session() as session:
        numbering = workitems.numbering(session)
        found = {}
        for claim in claims.live(session):
            number = claim.id or 0
            seen = known.get(number)
            item = None if seen is not None else workitems.current(session, claim.read_id)
            if item is not None:
                study = item.study
                report = Report(
                    uid=uid_from(item, numbering),
                    trust=study.trust,
                    accession_number=study.accession_number,
                    patient_id=study.local_patient_id,
                    study_instance_uid=study.study_instance_uid,
                    exam_name=item.exam_name or study.exam_code,
                )
                seen = OpenRead(
                    claim_id=number,
                    read_id=claim.read_id,
                    reporter_id=claim.reporter_id,
                    system=claim.system,
                    report=report,
                )
            if seen is not None:
                found[number] = seen
        return found


def see_reporters(db: Database) -> set[str]:
    """Return the reporters who may have a session: those whom the network lists."""
    with db.session() as session:
        return people.listed(session)
