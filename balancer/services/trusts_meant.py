"""Which trusts a FHIRcast context is about: those whose numbers stand in it, and those of the studies that it means.

A context may name a study by UIDs alone, or by an accession number and the patient's number: whose that is we know.
"""

from __future__ import annotations

from balancer.publish.fhircast.report import Meant
from balancer.services.see_workitem import key_named
from balancer.store import meant, workitems
from balancer.store.database import Database, Session


def trusts_meant(db: Database, said: Meant) -> frozenset[str]:
    """Return the trusts, by ODS code; of what nobody here knows, those that are named.

    ``db`` must see every trust: what is beyond somebody is to be found, so that it can be kept from them.
    """
    with db.session() as session:
        numbering = workitems.numbering(session)
        keys = [key for uid in sorted(said.workitem_uids) if (key := key_named(session, uid, numbering)) is not None]
        steps = [step for key in keys if (step := workitems.workitem(session, *key)) is not None]
        of_studies = meant.trusts_of(session, studies_meant_by(session, said))
        return said.trusts | {step.study.trust for step in steps} | of_studies


def studies_meant_by(session: Session, said: Meant) -> list[int]:
    """Return the studies that are named, by our own number, as far as the session reaches."""
    bare = {number.value for number in said.accession_numbers if not number.trust}
    return meant.studies_meant(
        session,
        uids=said.study_instance_uids,
        of_trusts={(number.trust, number.value) for number in said.accession_numbers if number.trust},
        of_patients={(one, patient.value) for one in bare for patient in said.patient_ids},
    )
