"""Pages of the policy and of the audit trail: figures in plain words, proposed and approved; the chain is followed."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from balancer.domain.errors import InvalidValueError
from balancer.domain.policy import LedgerCap
from balancer.domain.policy_version import compare
from balancer.store.policies import current_policy
from balancer.store.tables_life import AuditRow
from balancer.web.audit import audit_table
from balancer.web.policy import changes_shown
from balancer.web.policy_fields import class_fields, edited, general_fields
from balancer.web.policy_rules import rules, with_rules
from balancer.web.tables import View
from tests.api.service import Service
from tests.web.test_lists import ORIGIN, be
from tests.worlds import EXAMPLE_POLICY, NOW


def test_a_figure_that_is_given_takes_the_place_of_the_policys_own() -> None:
    """Counts stay counts, what is not given stays."""
    code = EXAMPLE_POLICY.priorities[0].code
    found = edited(
        EXAMPLE_POLICY, {"weights.remote": "2.5", "replan.protected_next": "4", f"priority.{code}.weight": "77"}
    )
    assert (found.weights.remote, found.replan.protected_next, found.priorities[0].weight) == (2.5, 4, 77.0)
    assert found.weights.prior == EXAMPLE_POLICY.weights.prior
    assert edited(EXAMPLE_POLICY, {}) == EXAMPLE_POLICY


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("bands.1.price", "-1"),
        ("bands.1.up_to", "1"),
        ("follow_up.verifiers", " , "),
        ("weights.remote", "much"),
        ("weights.remote", "nan"),
        ("weights.remote", "-1"),
        ("replan.protected_next", "2.5"),
    ],
)
def test_a_figure_that_makes_no_sense_is_refused(name: str, text: str) -> None:
    """In words, before anything is proposed."""
    with pytest.raises(InvalidValueError):
        with_rules(edited(EXAMPLE_POLICY, {name: text}), {name: text})


def test_bands_caps_and_words_are_changed_by_a_form_too() -> None:
    """A cap that is emptied is gone, one that is written is there; what is not given stays as it was."""
    caps = (LedgerCap(trust="RVV", minutes=600.0), LedgerCap(trust="RWF", minutes=60.0))
    capped = replace(EXAMPLE_POLICY, ledger=caps)
    given = {
        "bands.0.up_to": "55",
        "ledger.taken_minutes.RVV": "",
        "ledger.taken_minutes.RPA": "90",
        "follow_up.verifiers": "consultant, associate specialist",
    }
    found = with_rules(capped, given)
    assert found.bands == (replace(capped.bands[0], up_to=0.55), *capped.bands[1:])
    assert [(cap.trust, cap.minutes) for cap in found.ledger] == [("RWF", 60.0), ("RPA", 90.0)]
    assert found.follow_up.verifiers == ("consultant", "associate specialist")
    assert found.follow_up.provisional == capped.follow_up.provisional
    assert with_rules(capped, {}) == capped


def test_a_form_as_it_is_shown_changes_nothing() -> None:
    """Every field that the page writes is read back as the same figure."""
    shown = [field for priority in EXAMPLE_POLICY.priorities for field in class_fields(priority)]
    shown += general_fields(EXAMPLE_POLICY)
    shown += [field for rule in rules(EXAMPLE_POLICY, {"RVV": "East"}) for field in rule.fields]
    given = {field.name: field.value for field in shown}
    assert with_rules(edited(EXAMPLE_POLICY, given), given) == EXAMPLE_POLICY


def test_whatever_a_policy_says_is_called_something_where_two_versions_differ() -> None:
    """No figure is named as a file names it, and each says what it means; a yes or no is one."""
    first = EXAMPLE_POLICY.priorities[0]
    other = replace(
        EXAMPLE_POLICY,
        publishing=replace(EXAMPLE_POLICY.publishing, hold=not EXAMPLE_POLICY.publishing.hold),
        reading=replace(EXAMPLE_POLICY.reading, most_claims=9, lease_minutes=77.0),
        priorities=(replace(first, provisional_stops_clock=True), *EXAMPLE_POLICY.priorities[1:]),
        author="Dr A. Author",
    )
    found = changes_shown(compare(EXAMPLE_POLICY, other), other)
    assert len(found) == 5
    assert all("." not in item.label and "_" not in item.label and item.meaning for item in found)
    assert ("no", "yes") in {(item.was, item.becomes) for item in found}


@pytest.mark.parametrize(("answer", "held"), [("yes", True), ("no", False)])
def test_whether_plans_wait_for_a_manager_is_decided_on_the_page(answer: str, held: bool) -> None:  # noqa: FBT001 - a case
    """As everything else that the policy says of how plans come about."""
    assert edited(EXAMPLE_POLICY, {"publishing.hold": answer}).publishing.hold is held
    with pytest.raises(InvalidValueError, match="yes or no"):
        edited(EXAMPLE_POLICY, {"publishing.hold": "perhaps"})


def base_of(form: str) -> str:
    """Return from which version in force a form was made."""
    found = re.search(r'name="base" value="(\d+)"', form)
    assert found is not None
    return found.group(1)


def propose(service: Service, figure: str) -> str:
    """Propose another price of remote reads; return where the browser is led."""
    form = service.client.get("/policy").text
    sent = {"weights.remote": figure, "reason": "the board of March", "base": base_of(form)}
    answer = service.client.post("/policy/propose", data=sent, headers=ORIGIN, follow_redirects=False)
    return str(answer.headers.get("location", answer.status_code))


def test_a_proposal_is_shown_beside_what_is_in_force_and_approved_for_every_trust(service: Service) -> None:
    """A manager of one trust proposes; whoever may at every trust approves, and it is in force."""
    be(service, "manager@RVV")
    where = propose(service, "9.5")
    shown = service.client.get(where).text
    assert "waits to be approved" in shown
    assert "Another trust" in shown
    assert "9.5" in shown
    assert "/approve" not in shown
    refused = service.client.post(
        f"{where}/approve", data={"reason": "mine", "base": "1"}, headers=ORIGIN, follow_redirects=False
    )
    assert refused.status_code == 403
    be(service, "operator")
    form = service.client.get(where).text
    assert "/approve" in form
    nobody = service.client.post(f"{where}/approve", data={"reason": "agreed", "base": "1"}, headers=ORIGIN)
    assert (nobody.status_code, "somebody must answer for the policy" in nobody.text) == (422, True)
    said = {"reason": "agreed", "approver": "Dr B. Approver", "base": base_of(form)}
    done = service.client.post(f"{where}/approve", data=said, headers=ORIGIN, follow_redirects=False)
    assert done.headers["location"] == "/policy"
    with service.app.state.serving.database.session() as session:
        assert current_policy(session).weights.remote == 9.5
    assert "1 difference" in service.client.get(f"/policy/compare?a=1&b={where.rpartition('/')[2]}").text


def test_forms_that_are_older_than_what_is_in_force_take_nothing_back(service: Service) -> None:
    """Neither what was proposed from an older version nor what was looked at beside one; the page says why."""
    be(service, "operator")
    first, second = propose(service, "9.5"), propose(service, "1.5")
    agreed = {"reason": "agreed", "approver": "Dr B. Approver", "base": "1"}
    done = service.client.post(f"{first}/approve", data=agreed, headers=ORIGIN, follow_redirects=False)
    assert done.status_code == 303
    older = {"weights.remote": "2.5", "reason": "the board of March", "base": "1"}
    for path, sent in ((f"{second}/approve", agreed), ("/policy/propose", older)):
        refused = service.client.post(path, data=sent, headers=ORIGIN, follow_redirects=False)
        assert (refused.status_code, "has come into force since" in refused.text) == (409, True)
    with service.app.state.serving.database.session() as session:
        assert current_policy(session).weights.remote == 9.5
    assert base_of(service.client.get("/policy").text) == first.rpartition("/")[2]


def test_a_proposal_that_changes_nothing_or_is_no_number_is_said_in_words(service: Service) -> None:
    """And nothing is proposed."""
    be(service, "manager@RVV")
    sent = {"weights.remote": "x", "reason": "so", "base": "1"}
    answer = service.client.post("/policy/propose", data=sent, headers=ORIGIN)
    assert (answer.status_code, "is no number" in answer.text) == (422, True)


def test_an_auditor_sees_the_trail_and_follows_its_chain(service: Service) -> None:
    """Filtered by what was done, downloaded, and checked; nobody else sees it."""
    be(service, "manager@RVV")
    assert service.client.get("/audit").status_code == 403
    be(service, "auditor@RVV")
    assert service.client.get("/audit").status_code == 403
    be(service, "operator")
    shown = service.client.get("/audit?check=true").text
    assert "The chain holds" in shown
    filtered = service.client.get("/audit?kind=nothing").text
    assert "Nothing like this is in the trail" in filtered
    assert service.client.get("/audit?as=csv").text.lstrip("\ufeff").startswith("sequence,at,actor")


def test_the_trail_says_what_was_done_in_words_with_the_code_beside(service: Service) -> None:
    """A file has the code; what is filtered by is chosen in words."""
    be(service, "operator")
    shown = service.client.get("/audit?action=read.publish").text
    assert 'Read: its list was published<span class="b-second b-quiet">read.publish</span>' in shown
    assert '<option value="read.publish" selected>Read: its list was published</option>' in shown
    lines = service.client.get("/audit?action=read.publish&as=csv").text.splitlines()
    assert len(lines) > 1
    assert all(",read.publish,read " in line for line in lines[1:])
    assert '<option value="no.such_thing" selected>' in service.client.get("/audit?action=no.such_thing").text


def test_any_two_versions_are_chosen_to_be_shown_side_by_side(service: Service) -> None:
    """From the list of versions: the one in force and the one before it, unless others are chosen."""
    be(service, "operator")
    assert 'action="/policy/compare"' not in service.client.get("/policy").text  # there is but one
    first, second = (propose(service, value).rpartition("/")[2] for value in ("9.5", "1.5"))
    shown = service.client.get("/policy").text
    assert 'action="/policy/compare"' in shown
    for number in ("1", first, second):
        assert shown.count(f'<option value="{number}"') == 2
    beside = service.client.get(f"/policy/compare?a={first}&b={second}").text
    assert f"Version {first} beside version {second}: 1 difference" in beside
    assert beside.count(" selected>") == 2
    assert f'<option value="{second}" selected>' in beside


def test_a_page_of_the_trail_names_a_few_of_many_and_its_download_all() -> None:
    """One look at a list of a thousand is one row that can be read."""
    row = AuditRow(
        sequence=1, at=NOW, actor="local:operator", action="study.looked_at", subject_kind="study", subject_id="",
        was="", became="", why="", detail={"shown": list(range(1, 1_001)), "held": []}, previous_hash="", hash="0" * 64,
    )  # fmt: skip
    view = View(path="/audit")
    (shown,) = audit_table([row], 1, (), view, NOW, with_hashes=True).rows
    detail = shown.cells[8]
    assert detail.text == "shown: 1, 2, 3, 4, 5, 6, 7, 8 and 992 more; held: nothing"
    assert str(detail.kept).startswith("shown: 1, 2,")
    assert "999, 1000" in str(detail.kept)


def test_what_an_entry_holds_is_in_words_on_the_page_and_as_it_is_kept_in_the_file() -> None:
    """Somebody's absence is a kind, a person and two times in London; what is empty is not said."""
    absence = {"start": "2026-03-02T08:00:41.215698+00:00", "end": "2026-03-03T23:59:00+00:00"}
    row = AuditRow(
        sequence=1, at=NOW, actor="local:operator", action="instruction.staged", subject_kind="instruction",
        subject_id="2", was="", became="staged", why="ill", detail={"kind": "absence", "value": absence, "more": {}},
        previous_hash="", hash="0" * 64,
    )  # fmt: skip
    (shown,) = audit_table([row], 1, (), View(path="/audit"), NOW, with_hashes=True).rows
    assert shown.cells[8].text == "kind: absence; value: start 08:00, end Tue 23:59"
    assert shown.cells[8].kept == f"kind: absence; value: start {absence['start']}, end {absence['end']}"
