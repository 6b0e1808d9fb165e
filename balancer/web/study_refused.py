"""Who may not have a read, by the first rule that keeps them from it: counted on its page, behind each count by name.

Whom the caller may not see is counted and never named.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from balancer.domain.explanation import Refusal, Rule
from balancer.domain.read_explained import ReadExplained
from balancer.domain.reporter import Reporter
from balancer.web.field_words import within_sentence
from balancer.web.study_facts import StudyFacts
from balancer.web.tables import Cell, Choice, Column, Row, Table, View, number, table_of

_NAMES: Final = 4
_BEYOND: Final = "beyond your reach"
_RULES: Final = {
    Rule.ENTITLED: "Not entitled at {trust}",
    Rule.SKILLED: "No {field} skill for {modality}",
    Rule.MODALITY: "{modality} is outside their scope",
    Rule.EXCLUDED: "Excluded from this study",
    Rule.PINNED: "It is pinned to somebody else",
    Rule.CLAIMED: "Somebody else has it open",
    Rule.TWO_READERS: "They have another read of this study",
    Rule.SESSION: "No session of theirs takes it",
    Rule.TIME: "No session of theirs is long enough for it",
}


# --- counted ----------------------------------------------------------------------------------------------------------

_REFUSED: Final = (
    Column(key="reason", head="Reason", second="who"),
    Column(key="reporters", head="Reporters", number=True),
    Column(key="rule", head="Rule"),
)


def refused(facts: StudyFacts, found: Sequence[Refusal], read: int, *, whole: bool = False) -> Table:
    """Return who may not have a read, by rule, as a table; each rule opens its names. ``whole``: with every name."""
    rows = [
        Row(
            cells=(
                Cell(
                    text=_rule(facts, one.rule),
                    second=_people(facts, one.reporters, whole=whole),
                    link=f"{refused_page(facts, read)}?rule={one.rule}",
                ),
                number(len(one.reporters), link=f"{refused_page(facts, read)}?rule={one.rule}"),
                Cell(text=one.rule.value),
            )
        )
        for one in found
    ]
    return table_of(
        "Who may not, and why", _REFUSED, rows, View(path="/studies"), empty="No rule keeps anybody from it."
    )


def refused_page(facts: StudyFacts, read: int) -> str:
    """Return where whoever may not have a read stands by name."""
    return f"/studies/{facts.study_id}/reads/{read}/refused"


def _rule(facts: StudyFacts, rule: Rule) -> str:
    study = facts.study
    return _RULES[rule].format(trust=study.trust, field=within_sentence(study.subspecialty), modality=study.modality)


def _people(facts: StudyFacts, reporters: Sequence[str], *, whole: bool) -> str:
    named = sorted((facts.people[one].name for one in reporters if one in facts.people), key=str.casefold)
    shown = named if whole else named[:_NAMES]
    more = len(reporters) - len(shown)
    said = ", ".join(shown)
    if not more:
        return said
    return f"{more} {_BEYOND}" if not said else f"{said} and {more} {_BEYOND if whole else 'more'}"


# --- by name ----------------------------------------------------------------------------------------------------------

_NAMED: Final = (
    Column(key="reporter", head="Reporter", sorts=True, second="number"),
    Column(key="home", head="Home", sorts=True),
    Column(key="reason", head="Why not", sorts=True),
    Column(key="rule", head="Rule", sorts=True),
)


def refused_by_name(  # noqa: PLR0913 - whom of them, and as what
    facts: StudyFacts, found: Sequence[Refusal], view: View, *, rule: str, name: str, links: bool
) -> Table:
    """Return each whom a rule keeps from a read, by name; ``links``: to their pages.

    ``rule`` and ``name`` (a part of it, or the whole number) hold back all others.
    """
    of_rule = [one for one in found if rule in {"", one.rule}]
    kept = [(facts.people[who], one.rule) for one in of_rule for who in one.reporters if who in facts.people]
    rows = [
        Row(
            cells=(
                Cell(
                    text=person.name,
                    second=person.reporter_id,
                    link=f"/reporters/{person.reporter_id}" if links else "",
                ),
                Cell(trust=person.home_trust),
                Cell(text=_rule(facts, of)),
                Cell(text=of.value),
            )
        )
        for person, of in sorted(kept, key=lambda one: (one[0].name.casefold(), one[0].reporter_id))
        if _is_called(person, name)
    ]
    return table_of(
        "Who may not, by name",
        _NAMED,
        rows,
        view,
        filters=(
            Choice(
                name="rule",
                label="Why not",
                options=[("", "Every reason"), *((one.rule.value, _rule(facts, one.rule)) for one in found)],
                chosen=rule,
            ),
            Choice(name="q", label="Name or number", chosen=name),
        ),
        empty="No rule keeps anybody whom you may see from it."
        if not (rule or name)
        else "Nobody whom you may see is kept from it so.",
    )


def refused_lede(found: ReadExplained) -> str:
    """Say how many may not, and that no rule keeps the others from it."""
    count = sum(len(one.reporters) for one in found.refusals)
    said = f"{count} of {count + found.able} reporters, each by the first rule that stands in the way."
    others = "the other" if found.able == 1 else f"the other {found.able}"
    return f"{said} No rule keeps {others} from it." if found.able else said


def beyond_reach(facts: StudyFacts, found: Sequence[Refusal], rule: str) -> str:
    """Say how many more a rule, or any, keeps from a read whom the caller may not see; nothing if nobody."""
    more = sum(who not in facts.people for one in found if rule in {"", one.rule} for who in one.reporters)
    return f"{more} more {'is' if more == 1 else 'are'} {_BEYOND}: counted, and not named." if more else ""


def _is_called(person: Reporter, name: str) -> bool:
    asked = name.casefold().strip()
    return asked in person.name.casefold() or asked == person.reporter_id.casefold()
