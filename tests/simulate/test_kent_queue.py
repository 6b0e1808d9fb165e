"""The Kent sample's queue looks like three trusts' unreported studies on a Monday morning."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from balancer.domain.instant import LONDON
from balancer.ingest.bank_holidays import england_and_wales
from balancer.simulate.catalogue import example_policy
from balancer.simulate.kent import places
from balancer.simulate.kent.patients import check_digit
from balancer.simulate.kent.queue import LEAVERS, Order
from balancer.simulate.kent.sample import AS_OF, draw_sample
from tests.kent_sample import SAMPLE

ORDERS = [order for order in SAMPLE.orders if not order.excluded_by]
POLICY = example_policy(168)
CALENDAR = england_and_wales(2026, 2027)


def late(order: Order) -> bool:
    """Tell whether the study is late already."""
    return POLICY.priority(order.priority).due_at(order.acquired_at, CALENDAR) < AS_OF


def test_there_are_about_six_thousand_studies_of_which_east_kent_has_nearly_half() -> None:
    """2,800, 1,800 and 1,400, give or take what is planted besides."""
    counts = Counter(order.trust for order in ORDERS)
    assert counts == places.STUDIES
    assert 5_800 <= len(ORDERS) <= 6_100


def test_some_studies_are_late_already_a_few_are_past_their_ceiling_and_most_are_neither() -> None:
    """Of every class some are late; East Kent is further behind than Maidstone."""
    behind = [order for order in ORDERS if late(order)]
    assert 0.03 < len(behind) / len(ORDERS) < 0.15
    assert {order.priority for order in behind} == {priority.code for priority in POLICY.priorities}
    beyond = sum(POLICY.priority(o.priority).ceiling_at(o.acquired_at) < AS_OF for o in ORDERS)
    assert 3 <= beyond <= 60
    by_trust = Counter(order.trust for order in behind)
    assert by_trust["RVV"] / places.STUDIES["RVV"] > 3 * by_trust["RWF"] / places.STUDIES["RWF"]


def test_urgency_goes_with_the_setting() -> None:
    """No emergencies from general practice, nothing but screening from breast screening."""
    classes = defaultdict(set)
    for order in ORDERS:
        classes[order.setting].add(order.priority)
    assert classes[places.SCREENING] == {"screening"}
    for setting in (places.GP, places.CDC, places.OUTPATIENT):
        assert classes[setting] == {"suspected_cancer", "urgent", "routine"}
    assert classes[places.INPATIENT] == {"inpatient_urgent", "inpatient"}
    assert "emergency" in classes[places.EMERGENCY]
    assert set(classes) == {
        places.SCREENING,
        places.GP,
        places.CDC,
        places.OUTPATIENT,
        places.INPATIENT,
        places.EMERGENCY,
    }


def test_every_site_of_every_trust_images_something() -> None:
    """And community diagnostic centres see only their own patients."""
    seen = {(order.trust, order.site) for order in ORDERS}
    assert seen == {(site.trust, site.name) for site in places.SITES}
    centres = {site.name for site in places.SITES if site.diagnostic_centre}
    assert all((order.site in centres) == (order.setting == places.CDC) for order in ORDERS)


def test_planned_imaging_follows_the_working_day_and_emergencies_the_clock() -> None:
    """Hours of the day as measured; hardly anything planned on a Sunday."""
    planned = [o for o in ORDERS if o.priority in {"routine", "urgent", "suspected_cancer"}]
    hours = [order.acquired_at.astimezone(LONDON).hour for order in planned]
    assert sum(9 <= hour < 18 for hour in hours) / len(hours) > 0.75
    sundays = sum(order.acquired_at.astimezone(LONDON).weekday() == 6 for order in planned)
    assert sundays / len(planned) < 0.08
    assert any(o.acquired_at.astimezone(LONDON).hour < 6 for o in ORDERS if o.priority == "emergency")
    assert all(timedelta() < AS_OF - order.acquired_at < timedelta(days=40) for order in ORDERS)


def test_screening_asks_for_two_reads_and_a_third_has_one_already() -> None:
    """The first reader is somebody who reads mammograms for that trust."""
    screening = [order for order in ORDERS if order.entry.examination.reads == 2]
    done = [order for order in screening if order.first_reader]
    assert len(screening) > 200
    assert 0.2 < len(done) / len(screening) < 0.5
    people = {person.reporter_id: person for person in SAMPLE.reporters}
    for order in done:
        reader = people[order.first_reader or ""]
        assert reader.level("breast", "MG") > 1
        assert order.trust in reader.trusts
    assert all(order.first_reader is None for order in ORDERS if order.entry.examination.reads == 1)


def test_prior_reporters_are_able_or_have_left() -> None:
    """One study in eight names one."""
    named = [order for order in ORDERS if order.prior_reporter]
    assert 0.08 < len(named) / len(ORDERS) < 0.16
    listed = {person.reporter_id for person in SAMPLE.reporters}
    assert {order.prior_reporter for order in named} - listed <= set(LEAVERS)
    assert any(order.prior_reporter in LEAVERS for order in named)


def test_patients_come_back_and_some_to_another_trust() -> None:
    """Same NHS number, another local number; a few were never traced."""
    trusts: dict[str, set[str]] = defaultdict(set)
    local: dict[str, set[str]] = defaultdict(set)
    for order in ORDERS:
        local[f"{order.trust} {order.local_patient_id}"].add(order.nhs_number)
        if order.nhs_number:
            trusts[order.nhs_number].add(order.trust)
    assert sum(len(where) > 1 for where in trusts.values()) > 80
    assert sum(len(where) == 3 for where in trusts.values()) >= 1
    assert all(len(numbers) == 1 for numbers in local.values())
    assert 30 < sum(not order.nhs_number for order in ORDERS) < 150


def test_nhs_numbers_are_of_the_test_range_with_a_valid_check_digit() -> None:
    """999 and nothing else: nobody ever has such a number."""
    for order in ORDERS:
        if order.nhs_number:
            assert order.nhs_number.startswith("999")
            assert len(order.nhs_number) == 10
            assert check_digit(order.nhs_number[:9]) == int(order.nhs_number[9])


def test_the_check_digit_is_that_of_the_standard() -> None:
    """943 476 5919 is the published example; a remainder of 10 makes a number impossible."""
    assert check_digit("943476591") == 9


@given(st.integers(0, 10**9 - 1), st.integers(0, 8), st.integers(1, 9))
def test_a_slip_in_any_one_digit_is_noticed(number: int, place: int, by: int) -> None:
    """What the check digit is for; and how the sample makes wrong numbers."""
    digits = f"{number:09d}"
    wrong = digits[:place] + str((int(digits[place]) + by) % 10) + digits[place + 1 :]
    assert check_digit(wrong) != check_digit(digits)


def test_about_half_of_medways_accession_numbers_are_also_east_kents() -> None:
    """So that whoever takes the number alone for an identity is found out."""
    numbers = {trust: {o.accession_number for o in ORDERS if o.trust == trust} for trust in places.STUDIES}
    assert all(len(numbers[trust]) == places.STUDIES[trust] for trust in numbers)
    assert len({(order.trust, order.accession_number) for order in SAMPLE.orders}) == len(SAMPLE.orders)
    shared = len(numbers["RPA"] & numbers["RVV"]) / len(numbers["RPA"])
    assert 0.2 < shared < 0.7
    assert not numbers["RWF"] & numbers["RVV"]


def test_the_images_of_a_few_studies_are_still_under_way() -> None:
    """They are ready within the next days."""
    waiting = [order.ready_at for order in ORDERS if order.ready_at]
    assert 10 < len(waiting) < 120
    assert all(AS_OF < ready < AS_OF + timedelta(days=2) for ready in waiting)


def test_another_seed_gives_another_sample_of_the_same_kind() -> None:
    """And the same seed the same one."""
    other = draw_sample(77)
    assert other == draw_sample(77)
    assert other.orders != SAMPLE.orders
    assert len(other.orders) == len(SAMPLE.orders)


def test_ultrasound_and_photographs_are_listed_besides() -> None:
    """As real systems list them, under numbers of the same range."""
    rules = Counter((order.trust, order.excluded_by) for order in SAMPLE.orders if order.excluded_by)
    assert {trust: rules[trust, "ultrasound reported at the scan"] for trust in places.STUDIES} == places.ULTRASOUND
    assert {trust: rules[trust, "medical photography"] for trust in places.STUDIES} == places.PHOTOGRAPHS
