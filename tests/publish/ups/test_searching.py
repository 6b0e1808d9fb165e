"""What a search asks for, what matches, and what is returned (PS3.18, 8.3.4; PS3.4, C.2.2.2)."""

from __future__ import annotations

from time import process_time
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from balancer.domain.errors import InvalidValueError
from balancer.publish.ups.attributes import path_of, values_at
from balancer.publish.ups.matching import matches, span_of
from balancer.publish.ups.query import MOST_ASKED, MOST_KEYS, MOST_RESULTS, Query, query_of
from balancer.publish.ups.returned import returned, unknown
from balancer.publish.ups.to_dataset import dataset_of
from tests.patience import PATIENCE_SECONDS
from tests.publish.ups.workitems import COMPLETED, USUAL


def asked(query: str) -> Query:
    """Return what a query string asks for."""
    return query_of(parse_qsl(query, keep_blank_values=True))


BY_PERFORMER = ("ScheduledHumanPerformersSequence", "HumanPerformerCodeSequence", "CodeValue")


@pytest.mark.parametrize(
    "name",
    [
        "ScheduledHumanPerformersSequence.HumanPerformerCodeSequence.CodeValue",
        "00404034.00404009.00080100",
        "00404034.HumanPerformerCodeSequence.00080100",
    ],
)
def test_an_attribute_is_named_by_keyword_or_tag_along_its_sequences(name: str) -> None:
    """Mixed as one likes."""
    assert asked(f"{name}=9000017").keys == {BY_PERFORMER: "9000017"}
    assert values_at(dataset_of(USUAL), path_of(name)) == ["9000017"]


@pytest.mark.parametrize(
    "query",
    [
        "PatientID=1&PatientID=2",
        "PatientID=1&00100020=2",
        "limit=-1",
        "limit=x",
        "limit=1&limit=2",
        "limit=%D9%A1",
        "offset=1.5",
        "fuzzymatching=maybe",
        "Nonsense=1",
        "PatientID.CodeValue=1",
        "PatientID.=1",
        "=1",
        "00100020.00080100=1",
        "ffffffff=1",
        "includefield=Nonsense",
        "PatientID=%00",
    ],
)
def test_what_means_nothing_or_two_things_is_refused(query: str) -> None:
    """400 in the end: a filter that is left out in silence shows what nobody asked for."""
    with pytest.raises(InvalidValueError):
        asked(query)


def test_pages_and_fields() -> None:
    """More than there ever is in one answer is cut to that; fields come in one parameter or several."""
    found = asked("limit=5000&offset=20&includefield=PatientID,00741202&includefield=StudyInstanceUID")
    assert (found.limit, found.offset) == (MOST_RESULTS, 20)
    assert found.include == {("PatientID",), ("WorklistLabel",), ("StudyInstanceUID",)}
    assert asked("includefield=all").include_all
    assert asked("").limit == 100


@pytest.mark.parametrize(
    ("keyword", "given", "value", "is_one"),
    [
        ("WorklistLabel", "", "urgent", True),
        ("WorklistLabel", "urgent", "urgent", True),
        ("WorklistLabel", "URGENT", "urgent", False),
        ("WorklistLabel", "urg", "urgent", False),
        ("WorklistLabel", "urg*", "urgent", True),
        ("WorklistLabel", "?rg*t", "urgent", True),
        ("WorklistLabel", "u.gent", "urgent", False),
        ("WorklistLabel", "*", "", True),
        ("WorklistLabel", "[u]r*", "ur", False),
        ("WorklistLabel", "[u]r*", "[u]r", True),
        ("WorklistLabel", "[!u*", "[!u]", True),
        ("HumanPerformerName", "dr zo?*", "Dr Zoë", True),
        ("StudyInstanceUID", "1.2,1.3", "1.3", True),
        ("StudyInstanceUID", "1.2\\1.3", "1.3", True),
        ("StudyInstanceUID", "1.*", "1.3", False),
        ("WorklistLabel", "a,b", "b", False),
    ],
)
def test_values_match_as_the_standard_says(keyword: str, given: str, value: str, is_one: bool) -> None:  # noqa: FBT001
    """Universal, single, wild card, list of UIDs; names whatever their case, and nothing else so."""
    assert matches(keyword, given, [value]) == is_one


def slowly(pattern: str, value: str) -> bool:
    """Tell whether a value is like a pattern, by the definition."""
    if not pattern:
        return not value
    if pattern[0] == "*":
        return slowly(pattern[1:], value) or (bool(value) and slowly(pattern, value[1:]))
    return bool(value) and pattern[0] in {"?", value[0]} and slowly(pattern[1:], value[1:])


@given(pattern=st.text("ab*?[]!\\.", max_size=7), value=st.text("ab[]!\\.", min_size=1, max_size=7))
def test_wild_cards_match_as_they_are_defined(pattern: str, value: str) -> None:
    """And nothing else in a pattern means anything."""
    assert matches("WorklistLabel", pattern, [value]) == (not pattern or slowly(pattern, value))


@pytest.mark.parametrize("wild", ["*?" * 7, "*?" * 600, "*a" * 600, "?*" * 600, "*a?" * 400])
def test_no_wild_card_takes_long(wild: str) -> None:
    """Whatever stands between the stars: to try every way would take minutes for one value of sixty-four letters."""
    began = process_time()
    assert not matches("ProcedureStepLabel", f"{wild}~", ["a" * 64])
    assert process_time() - began < PATIENCE_SECONDS


def test_a_search_has_so_many_keys() -> None:
    """Ten that something must match, together no longer than a page; as many more as one likes to be returned."""
    names = [f"{number:08X}" for number in (0x00080050, 0x00080090, 0x00100020, 0x00100030, 0x00101010, 0x00081030)]
    names += ["StudyID", "WorklistLabel", "ProcedureStepLabel", "AdmissionID", "PatientComments"]
    universal = "&".join(f"{name}=*" for name in ("MedicalAlerts", "Allergies", "EthnicGroup", "Occupation"))
    assert len(names) == MOST_KEYS + 1
    query = "&".join(f"{name}=1" for name in names[1:])
    assert len(asked(f"{query}&{universal}&RequestAttributesSequence=").keys) == MOST_KEYS + 5
    for more in (f"{query}&{names[0]}=1", f"PatientID={'1' * (MOST_ASKED + 1)}"):
        with pytest.raises(InvalidValueError, match="more than"):
            asked(more)


@pytest.mark.parametrize(
    ("given", "at", "is_one"),
    [
        ("20260302", "20260302235959+0000", True),
        ("20260302", "20260303000000+0000", False),
        ("2026", "20261231235959+0000", True),
        ("20260302-20260303", "20260303120000+0000", True),
        ("20260303-", "20260302235959+0000", False),
        ("-20260302", "20260302120000+0000", True),
        ("20260302080000+0000-20260302090000+0000", "20260302083000+0000", True),
        ("20260701", "20260630233000+0000", True),
        ("20260701", "20260701233000+0000", False),
        ("20260302080000-0500", "20260302130000+0000", True),
        ("20260302080000-0500-20260302090000-0500", "20260302133000+0000", True),
        ("2026-0500", "20260101060000+0000", True),
    ],
)
def test_times_match_by_what_they_cover(given: str, at: str, is_one: bool) -> None:  # noqa: FBT001
    """A day is a day in London, summer time included; four digits that can be an offset are one."""
    assert matches("ScheduledProcedureStepStartDateTime", given, [at]) == is_one


@pytest.mark.parametrize("given", ["-", "x", "20261301", "20260230", "202603021", "2026030208-2026x", "20260302+9900"])
def test_what_is_no_time_is_refused(given: str) -> None:
    """It matches nothing, and whoever asked should hear why."""
    with pytest.raises(InvalidValueError):
        span_of(given)


def test_a_list_and_no_value_match_where_that_was_said() -> None:
    """With the standard's own two parameters."""
    query = asked(
        'multiplevaluematching=true&emptyvaluematching=true&WorklistLabel=a,b&CommentsOnTheScheduledProcedureStep=""'
    )
    assert (query.several, query.empty) == (True, True)
    assert matches("WorklistLabel", "a,b", ["b"], several=True)
    assert matches("WorklistLabel", '""', [""], empty=True)
    assert not matches("WorklistLabel", '""', ["b"], empty=True)


NAMES = st.sampled_from(
    ["PatientID", "00404005", "ExpectedCompletionDateTime", "limit", "includefield", "StudyInstanceUID"]
)


@given(parameters=st.lists(st.tuples(NAMES | st.text(max_size=20), st.text(max_size=20)), max_size=4))
def test_any_query_is_understood_or_refused(parameters: list[tuple[str, str]]) -> None:
    """There is no third, in matching neither."""
    found = dataset_of(USUAL)
    try:
        query = query_of(parameters)
        for path, given in query.keys.items():
            matches(path[-1], given, values_at(found, path), several=query.several, empty=query.empty)
        returned(found, query)
    except InvalidValueError:
        pass


def test_what_was_done_is_returned_to_whoever_asks() -> None:
    """Without being asked what is to be done; with its path its whole sequence; with all, all but the lock."""
    found = dataset_of(COMPLETED)
    found.TransactionUID = "1.2"
    done = "UnifiedProcedureStepPerformedProcedureSequence"
    assert done not in returned(found, asked(""))
    assert done in returned(found, asked(f"includefield={done}.PerformedProcedureStepStartDateTime"))
    every = returned(found, asked("includefield=all"))
    assert {element.keyword for element in found} - {element.keyword for element in every} == {"TransactionUID"}
    assert "TransactionUID" not in returned(found, asked("includefield=TransactionUID"))


def test_what_no_workitem_here_has_is_told() -> None:
    """As a warning."""
    found = dataset_of(USUAL)
    assert unknown(found, asked("includefield=BodyPartExamined"))
    assert not unknown(found, asked("includefield=CommentsOnTheScheduledProcedureStep"))
