"""Reading ``policy.toml``: what it means, and every fault with its key and line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.domain.errors import InputRefusedError
from balancer.domain.policy import LedgerCap, LoadBand, PublishingRules, ReplanLimits, TargetClock
from balancer.ingest.policy_file import read_policy
from balancer.publish.problem_folder import policy_text
from tests.ingest.test_problem_folder import FILES
from tests.worlds import EXAMPLE_POLICY

TEXT = FILES["policy.toml"]


def faults(text: str | bytes) -> list[tuple[int | None, str | None]]:
    """Return (line, key) of every fault."""
    with pytest.raises(InputRefusedError) as refused:
        read_policy(text, "policy.toml")
    assert {fault.file for fault in refused.value.faults} == {"policy.toml"}
    return [(fault.line, fault.column) for fault in refused.value.faults]


def test_the_contracts_example_is_read_as_it_says() -> None:
    """Horizon, classes in order, weights and bands."""
    policy = read_policy(TEXT, "policy.toml")
    assert (policy.horizon_hours, policy.beyond_hours, policy.default_productivity) == (168, 24, 0.7)
    urgent, routine = policy.priorities
    assert (urgent.code, urgent.target_hours, urgent.clock) == ("urgent", 24, TargetClock.CALENDAR)
    assert (routine.target_working_days, routine.target_hours) == (10, None)
    assert policy.weights.ceiling_weight == 50
    assert policy.bands[-1] == LoadBand(up_to=1.0, price=4.0)


def test_whose_policy_it_is_may_be_said() -> None:
    """Owner, version and date are for people."""
    policy = read_policy('[policy]\nowner = "KMIN"\nversion = "2"\ndate = 2026-03-01\n' + TEXT, "policy.toml")
    assert (policy.owner, policy.version, policy.dated_on) == ("KMIN", "2", "2026-03-01")


def test_what_may_change_between_runs_has_a_default() -> None:
    """Each key may be left out, and so may the table."""
    assert read_policy(TEXT, "policy.toml").replan == ReplanLimits()
    given = read_policy(TEXT + "\n[replan]\nchurn_budget = 0.2\n", "policy.toml").replan
    assert given == ReplanLimits(churn_budget=0.2)
    both = read_policy(TEXT + "\n[replan]\nchurn_budget = 0\nprotected_next = 7\n", "policy.toml").replan
    assert both == ReplanLimits(churn_budget=0, protected_next=7)


@pytest.mark.parametrize(
    "line", ["churn_budget = 1.5", "churn_budget = -1", "protected_next = 0.5", "protected_next = -1"]
)
def test_what_may_change_between_runs_is_checked(line: str) -> None:
    """A share is from 0 to 1, a number of reads whole."""
    assert [key for _, key in faults(TEXT + f"\n[replan]\n{line}\n")] == [f"replan.{line.partition(' ')[0]}"]


def test_how_plans_come_into_force_has_a_default() -> None:
    """Published at once, every quarter of an hour; each key may be left out, and so may the table."""
    assert read_policy(TEXT, "policy.toml").publishing == PublishingRules()
    held = read_policy(TEXT + "\n[publishing]\nhold = true\n", "policy.toml").publishing
    assert held == PublishingRules(hold=True)
    given = "hold = true\nemergencies_after_minutes = 0\nallocate_every_minutes = 30\nchanges_wait_minutes = 0\n"
    assert read_policy(TEXT + f"\n[publishing]\n{given}", "policy.toml").publishing == PublishingRules(
        hold=True, emergencies_after_minutes=0, allocate_every_minutes=30, changes_wait_minutes=0
    )


@pytest.mark.parametrize(
    "line",
    [
        'hold = "yes"',
        "hold = 1",
        "emergencies_after_minutes = -1",
        "emergencies_after_minutes = true",
        "changes_wait_minutes = -1",
        "changes_wait_minutes = 1e9",
        "allocate_every_minutes = 0",
        "allocate_every_minutes = 0.5",
        "allocate_every_minutes = 1e9",
    ],
)
def test_how_plans_come_into_force_is_checked(line: str) -> None:
    """A run every few seconds would never end, and one every thousand years never come."""
    assert [key for _, key in faults(TEXT + f"\n[publishing]\n{line}\n")] == [f"publishing.{line.partition(' ')[0]}"]


def test_who_wrote_a_policy_and_who_approved_it_may_be_said() -> None:
    """By name; whoever is not named cannot answer for it."""
    policy = read_policy('[policy]\nauthor = "A. Author"\napprover = "Dr B. Approver"\n' + TEXT, "policy.toml")
    assert (policy.author, policy.approver) == ("A. Author", "Dr B. Approver")
    assert faults("[policy]\napprover = 3\n" + TEXT) == [(2, "policy.approver")]


def test_what_a_trust_may_take_in_a_week_may_be_said() -> None:
    """A trust that is not named may take whatever there is; so may all, if nothing is said."""
    assert read_policy(TEXT, "policy.toml").ledger == read_policy(TEXT + "\n[ledger]\n", "policy.toml").ledger == ()
    given = read_policy(TEXT + "\n[ledger.taken_minutes]\nRVV = 600\nRWF = 0\n", "policy.toml")
    assert given.ledger == (LedgerCap(trust="RVV", minutes=600), LedgerCap(trust="RWF", minutes=0))
    assert read_policy(policy_text(given), "policy.toml") == given


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        ("taken_minutes = 600", "ledger.taken_minutes"),
        ("taken_minutes.RVV = -1", "ledger.taken_minutes.RVV"),
        ("taken_minutes.RVV = nan", "ledger.taken_minutes.RVV"),
        ('taken_minutes.RVV = "much"', "ledger.taken_minutes.RVV"),
        ('taken_minutes."" = 600', "ledger.taken_minutes."),
    ],
)
def test_what_a_trust_may_take_is_checked(lines: str, key: str) -> None:
    """Minutes, for a trust."""
    assert [found for _, found in faults(TEXT + f"\n[ledger]\n{lines}\n")] == [key]


def test_a_file_from_windows_is_read() -> None:
    """A byte-order mark and CRLF are no faults."""
    content = b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode()
    assert read_policy(content, "policy.toml") == read_policy(TEXT, "policy.toml")


@pytest.mark.parametrize(
    ("old", "new", "line", "key"),
    [
        ("hours = 168", "hours = 0", 2, "horizon.hours"),
        ("hours = 168", "hours = nan", 2, "horizon.hours"),
        ("hours = 168", "hours = inf", 2, "horizon.hours"),
        ("hours = 168", "hours = true", 2, "horizon.hours"),
        ("hours = 168", 'hours = "168"', 2, "horizon.hours"),
        ("hours = 168", "hours = 1" + "0" * 400, 2, "horizon.hours"),
        ("hours = 168", "", None, "horizon.hours"),
        ("beyond_hours = 24", "beyond_hours = -1", 3, "horizon.beyond_hours"),
        ("default = 0.70", "default = 1.5", 6, "productivity.default"),
        ("default = 0.70", "default = 1e-300", 6, "productivity.default"),
        ("[productivity]", "[production]", None, "productivity"),
        ('code = "urgent"', 'code = ""', 9, "priority[1].code"),
        ('code = "urgent"', "code = 3", 9, "priority[1].code"),
        ('code = "urgent"', 'code = "routine"', 17, "priority[2].code"),
        ("target_hours = 24", "target_hours = -1", 10, "priority[1].target_hours"),
        ("target_hours = 24", "", None, "priority[1].target_hours"),
        ("target_hours = 24", "target_hours = 24\ntarget_working_days = 1", 10, "priority[1].target_hours"),
        ("target_working_days = 10", "target_working_days = 1.5", 18, "priority[2].target_working_days"),
        ('clock = "calendar"', 'clock = "sundial"', 11, "priority[1].clock"),
        ("weight = 10", "weight = -10", 12, "priority[1].weight"),
        ("ceiling_hours = 672", "", None, "priority[2].ceiling_hours"),
        ("churn = 1", "churn = -1", 30, "weights.churn"),
        ("churn = 1", "", None, "weights.churn"),
        ("[0.8, 1.0]", "[0.8]", 35, "load.bands"),
        ("[0.8, 1.0]", "[0.8, nan]", 35, "load.bands"),
        ("[0.8, 1.0]", "[0.5, 1.0]", 35, "load.bands"),
        ("[0.8, 1.0]", "[0.8, 3.0]", 35, "load.bands"),
    ],
)
def test_one_wrong_value_is_one_fault_with_its_key_and_line(old: str, new: str, line: int | None, key: str) -> None:
    """Each fault names the key, and the line if the key is there."""
    assert TEXT.count(old) >= 1
    found = faults(TEXT.replace(old, new, 1))
    assert (line, key) in found
    assert {where[1] for where in found} <= {key, "productivity.default"}


@pytest.mark.parametrize("text", ["", "[horizon", "a = [" * 5000, "\x00", "x = 1" + "0" * 5000])
def test_what_is_no_policy_is_refused(text: str) -> None:
    """Neither an empty file nor garbage nor absurd nesting is a crash."""
    assert faults(text)


def test_what_is_not_toml_has_its_line() -> None:
    """The parser's own line is passed on."""
    assert faults("[horizon]\nhours = = 3\n") == [(2, None)]


def test_what_is_not_utf_8_has_its_line() -> None:
    """A Latin-1 file is named as such."""
    assert faults("[horizon]\n# Ångström\n".encode("latin-1")) == [(2, None)]


def test_a_policy_written_is_read_back_the_same() -> None:
    """``policy_text`` and ``read_policy`` are each other's inverse on the example."""
    assert read_policy(policy_text(EXAMPLE_POLICY), "policy.toml") == EXAMPLE_POLICY


@given(st.text(max_size=200))
def test_any_text_is_a_policy_or_is_refused(text: str) -> None:
    """Nothing typed into the file makes the reader fail otherwise."""
    with pytest.raises(InputRefusedError):
        read_policy(text, "policy.toml")
