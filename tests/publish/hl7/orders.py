"""An order message to begin with."""

from __future__ import annotations

from datetime import UTC, datetime

from balancer.domain.receiver import Part, Receiver
from balancer.publish.hl7.order import OrderedStudy, OrderMessage, Person

STUDY = OrderedStudy(
    trust="RVV",
    accession_number="RVV0012345",
    local_patient_id="H-1001",
    exam_code="CSKUH",
    exam_name="CT head",
    modality="CT",
    study_instance_uid="2.25.329800735698586629295641978511506172918",
)
FIRST = Person(number="7654321", name="Anna Owner", register="GMC")
SECOND = Person(number="RA123456", name="Bo Reader", register="HCPC")
RIS = Receiver(name="RVV RIS", trusts=("RVV",), host="ris.example", application="CRIS", facility="RVV")


def order(**said: object) -> OrderMessage:
    """Return a message that says that the first reporter has the study."""
    whole: dict[str, object] = {
        "control_id": "0123456789abcdef0123",
        "at": datetime(2026, 7, 1, 8, 30, tzinfo=UTC),
        "study": STUDY,
        "status": "SC",
        "owners": {Part.FIRST: FIRST},
        **said,
    }
    return OrderMessage(**whole)  # type: ignore[arg-type]  # checked by dataclass use
