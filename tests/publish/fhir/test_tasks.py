"""A read goes over the wire as a Task and comes back as it was; what is sent is valid R4."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from balancer.domain.errors import InvalidValueError
from balancer.domain.life import ReadState
from balancer.publish.fhir import codes
from balancer.publish.fhir.bundle import ISSUES, outcome_of
from balancer.publish.fhir.from_resource import owner_in, task_of
from balancer.publish.fhir.ids import id_of, is_id, number_of
from balancer.publish.fhir.parameters import PARAMETERS
from balancer.publish.fhir.references import imaging_study, organization, practitioner, service_request
from balancer.publish.fhir.status_changes import CHANGES, Act, act_of
from balancer.publish.fhir.task import ReadTask, carried, identifier, is_carried
from balancer.publish.fhir.to_resource import task_resource
from tests.house.committed import ROOT
from tests.publish.fhir.bindings import check
from tests.publish.fhir.tasks import ORDER, SAID, USUAL, tasks
from tests.publish.ups.workitems import NUMBERING, READER
from tests.worlds import NOW

GOLDEN = Path(__file__).parent / "golden"


@given(item=tasks())
def test_nothing_is_lost(item: ReadTask) -> None:
    """Whatever the read."""
    assert task_of(json.loads(json.dumps(task_resource(item)))) == item


@settings(deadline=None)  # the models are made when the first is looked at
@given(item=tasks())
def test_every_task_is_valid(item: ReadTask) -> None:
    """Structure, bindings, patterns and invariants."""
    check(task_resource(item))


@pytest.mark.parametrize("name", SAID)
def test_it_is_written_as_it_was(name: str) -> None:
    """Clients have been built against this."""
    written = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    assert task_resource(SAID[name]) == written
    assert (written["status"], task_of(written)) == (name, SAID[name])


def test_what_a_task_points_to_is_valid() -> None:
    """And without what nobody told us."""
    bare = replace(ORDER, accession_number="", patient_id="", exam_code="", study_instance_uid=None, is_open=False)
    for resource in (service_request(ORDER), service_request(bare), imaging_study(ORDER)):
        check(resource)
    for resource in (practitioner(READER), organization("RVV", "East"), organization("RVV", "")):
        check(resource)
    assert "supportingInfo" not in service_request(bare)


@pytest.mark.parametrize("kind", [*ISSUES, "something-else"])
def test_every_problem_has_a_word_of_fhirs(kind: str) -> None:
    """The issue's code is one of the required value set's."""
    fault = {"detail": "is missing", "parameter": "status"}
    check(outcome_of({"type": f"/problems#{kind}", "title": "no", "instance": "urn:uuid:1", "errors": [fault]}))


def test_two_of_one_version_say_the_same() -> None:
    """A version is of the content, and of nothing else."""
    first, again = task_resource(USUAL), task_resource(replace(USUAL))
    other = task_resource(replace(USUAL, due_at=NOW + timedelta(hours=25)))
    assert first["meta"]["versionId"] == again["meta"]["versionId"] != other["meta"]["versionId"]


@given(number=st.integers(1, 2**31 - 1))
def test_an_id_says_which_read_it_is(number: int) -> None:
    """And nothing once reads are numbered anew: it must not name somebody else's."""
    found = id_of(number, NUMBERING)
    assert is_id(found)
    assert (number_of(found, NUMBERING), number_of(found, "fedcba9876543210")) == (number, None)


@given(text=st.text() | st.integers().map(lambda number: f"{NUMBERING}-{number}"))
def test_what_is_no_id_of_ours_names_nothing(text: str) -> None:
    """Whatever it is."""
    found = number_of(text, NUMBERING)
    assert found is None or id_of(found, NUMBERING) == text


@given(text=st.text())
def test_words_are_cut_to_what_can_be_carried_and_numbers_never(text: str) -> None:
    """Half of an accession number would be another's."""
    assert is_carried(carried(text, 64))
    assert len(carried(text, 64)) <= 64
    assert identifier(text) in {text, ""}


@given(trust=st.text(min_size=1))
def test_a_system_of_numbers_says_whose_they_are(trust: str) -> None:
    """Two trusts may give the same number."""
    try:
        trust.encode()
    except UnicodeEncodeError:
        return
    assert codes.trust_of(codes.accessions_of(trust)) == codes.trust_of(codes.patients_of(trust)) == trust
    assert codes.trust_of(codes.ODS) is None


@pytest.mark.parametrize(
    ("number", "register"), [("9000017", codes.GMC), ("RA12345", codes.HCPC), ("R1", codes.REPORTERS)]
)
def test_a_reporter_is_named_by_the_register_they_are_of(number: str, register: str) -> None:
    """Seven digits are a GMC number."""
    assert codes.register_of(number) == register


@pytest.mark.parametrize(
    ("owner", "number"),
    [
        (None, ""),
        ({"reference": "Practitioner/R1"}, "R1"),
        ({"reference": "https://a.example/fhir/Practitioner/R1"}, "R1"),
        ({"identifier": {"system": codes.GMC, "value": "9000017"}}, "9000017"),
    ],
)
def test_an_owner_is_named_by_id_or_by_number(owner: object, number: str) -> None:
    """As clients do."""
    assert owner_in({"owner": owner}) == number


@pytest.mark.parametrize("owner", ["R1", 1, [], {}, {"reference": "Patient/1"}, {"display": "Dr X"}])
def test_an_owner_who_cannot_be_told_is_refused(owner: object) -> None:
    """Rather than left out: then it would be done in somebody else's name."""
    with pytest.raises(InvalidValueError):
        owner_in({"owner": owner})


# The columns: requested, ready, on-hold, in-progress, completed, cancelled.
FROM = ("requested", "ready", "on-hold", "in-progress", "completed", "cancelled")
N, CL, RL, RT, CO = Act.NOTHING, Act.CLAIM, Act.RELEASE, Act.RETURN, Act.COMPLETE
TABLE: dict[str, tuple[Act | None, ...]] = {
    "requested": (N, None, None, RL, None, None),
    "ready": (None, N, None, RL, None, None),
    "on-hold": (None, RT, N, RT, None, None),
    "rejected": (None, RT, None, RT, None, None),
    "failed": (None, RT, None, RT, None, None),
    "in-progress": (CL, CL, None, CL, None, None),
    "completed": (CO, CO, CO, CO, CO, CO),
    "cancelled": (None, None, None, None, None, N),
    **dict.fromkeys(("draft", "received", "accepted", "entered-in-error"), (None,) * 6),
}


@pytest.mark.parametrize("to", sorted(codes.TASK_STATUSES))
def test_a_change_of_status_is_the_act_that_the_reference_says(to: str) -> None:
    """Cell by cell; there is no other."""
    assert tuple(act_of(status, to) for status in FROM) == TABLE[to]
    assert set(FROM) == set(codes.STATUSES.values())
    assert {status for status, _ in CHANGES} <= set(FROM)


@pytest.mark.parametrize("to", ["", "done", "IN-PROGRESS"])
def test_what_is_no_status_is_refused(to: str) -> None:
    """It is of the required binding."""
    with pytest.raises(InvalidValueError):
        act_of("ready", to)


@pytest.mark.parametrize(
    "broken",
    [
        {"label": ""},
        {"reason": "a\nb"},
        {"trust": " x"},
        {"authored_at": NOW + timedelta(days=1)},
        {"ended_at": NOW},
        {"provisional": True},
        {"state": ReadState.DONE, "began_at": NOW, "ended_at": NOW - timedelta(minutes=1)},
    ],
)
def test_what_cannot_be_carried_is_no_task(broken: dict[str, object]) -> None:
    """It would come back as something else, or break R4's invariants."""
    fields = {name: getattr(USUAL, name) for name in USUAL.__dataclass_fields__}
    with pytest.raises(InvalidValueError):
        ReadTask(**{**fields, **broken})


@given(broken=st.recursive(st.none() | st.booleans() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=2)))
def test_what_is_no_task_of_ours_is_refused(broken: object) -> None:
    """In words, whatever stands where something is looked for."""
    for name in ("focus", "input", "identifier", "businessStatus", "code", "restriction", "requester", "owner"):
        made = {**task_resource(USUAL), name: broken}
        try:
            found = task_of(made)
        except InvalidValueError:
            continue
        except ValueError:
            continue
        assert name == "owner"
        assert found.performer is None


def test_the_reference_has_the_codes_own_tables() -> None:
    """Parameters with what they look at, and the table of changes cell by cell."""
    text = (ROOT / "docs/reference/fhir.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    told = {row[0].strip("`"): (row[1], row[2]) for row in rows if len(row) == 3 and row[0].startswith("`")}
    assert told == dict(PARAMETERS)
    (head,) = (row for row in rows if row[0] == r"from \ to")
    cells = {row[0]: row[1:] for row in rows if row[0] in FROM and len(row) == len(head)}
    shown = {
        (status, to.strip()): cell
        for status, line in cells.items()
        for tos, cell in zip(head[1:], line, strict=True)
        for to in tos.split(",")
        if cell
    }
    assert shown == {pair: act.value for pair, act in CHANGES.items() if pair != ("cancelled", "cancelled")}
