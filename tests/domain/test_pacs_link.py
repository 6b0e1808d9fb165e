"""Links into a PACS: a trust's template, filled so that no value can become anything but a value."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.domain.errors import InvalidValueError
from balancer.domain.pacs_link import PacsLink

OPEN = "https://pacs.example/open?acc={accession_number}&pid={local_patient_id}"


@given(st.text(min_size=1), st.text(min_size=1))
def test_whatever_a_trust_calls_its_study_arrives_whole(number: str, patient: str) -> None:
    """Slashes, ampersands, quotes, anything that is text: decoded it is what went in, and nothing else is changed."""
    if not (number + patient).isprintable():
        number, patient = repr(number), repr(patient)
    link = PacsLink(OPEN).to(accession_number=number, local_patient_id=patient)
    assert link is not None
    assert urlsplit(link).netloc == "pacs.example"
    assert parse_qs(urlsplit(link).query) == {"acc": [number], "pid": [patient]}


def test_a_study_without_what_the_template_names_has_no_link() -> None:
    """A link that opens the wrong thing is worse than none."""
    link = PacsLink("https://pacs.example/{study_instance_uid}")
    assert link.to(study_instance_uid=None, accession_number="A1") is None
    assert link.to(study_instance_uid="2.25.1", accession_number="A1") == "https://pacs.example/2.25.1"


def test_a_desktop_pacs_has_a_scheme_of_its_own() -> None:
    """Opened by whatever program the machine knows for it."""
    assert PacsLink("viewer://open/{accession_number}").to(accession_number="A 1") == "viewer://open/A%201"


@pytest.mark.parametrize(
    "template",
    [
        "javascript:alert({accession_number})",
        "data:text/html,{accession_number}",
        "/open/{accession_number}",
        "https://pacs.example/open",
        "https://pacs.example/{nhs_number}",
        "https://pacs.example/{accession_number",
        "https://pacs.example/{+accession_number}",
        "https://pacs.example/ {accession_number}",
        "{accession_number}:open",
        "https://{accession_number}.example/open",
        "",
    ],
)
def test_what_is_no_template_is_refused(template: str) -> None:
    """When the network is read, not when somebody presses the link."""
    with pytest.raises(InvalidValueError):
        PacsLink(template)
