"""What somebody may do about a study: one form at a time, each staged in a draft and previewed before it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from balancer.domain.actor import Reach
from balancer.domain.explanation import Rule
from balancer.domain.instant import LONDON
from balancer.web.field_words import in_words
from balancer.web.study_facts import StudyFacts
from balancer.web.study_history import Decision, decisions_that_hold

# When something is to be looked at again, unless another date is given.
_PARKED_FOR: Final = timedelta(days=1)
_SENT_FOR: Final = timedelta(days=2)
_NEEDED_IN: Final = timedelta(hours=2)


class Act(StrEnum):
    """What can be done."""

    PIN = "pin"
    BAR = "bar"
    EXPEDITE = "expedite"
    PARK = "park"
    SEND_OUT = "send_out"
    EXCLUDE = "exclude"


LABELS: Final = {
    Act.PIN: "Pin",
    Act.BAR: "Bar",
    Act.EXPEDITE: "Expedite",
    Act.PARK: "Park",
    Act.SEND_OUT: "Send out",
    Act.EXCLUDE: "Exclude",
}
MEANING: Final = {
    Act.PIN: "It is this reporter's or nobody's. A pin overrides no rule.",
    Act.BAR: "This reporter is not offered the study; it leaves their list at once.",
    Act.EXPEDITE: "It is needed sooner than its feed says. It can never be made later.",
    Act.PARK: "It leaves the plans until a date; its owner is asked then. Its clock goes on.",
    Act.SEND_OUT: "A provider outside the network reads it; if it is not back in time, the reporting office is told.",
    Act.EXCLUDE: "It is not to be read here. It comes back when the decision is taken back.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """One thing to do; ``here``: its form is open."""

    act: Act
    label: str
    link: str
    here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ActPanel:
    """The form that is open, what it can choose from, and what was written into it if it was refused.

    ``direct``: it takes effect at once, for whoever may not steer.
    """

    study_id: int
    act: Act
    meaning: str
    tabs: Sequence[Tab]
    reads: Sequence[tuple[int, str]]
    read: int
    reporters: Sequence[tuple[str, str]]
    reporter: str
    classes: Sequence[tuple[str, str]]
    drafts: Sequence[tuple[str, str]]
    draft: str
    date: str
    time: str
    wrote: Mapping[str, str] = field(default_factory=dict)
    said: str = ""
    direct: bool = False
    holding: Sequence[Decision] = ()

    @property
    def submit(self) -> str:
        """What the button says."""
        return "Expedite now" if self.direct else "Preview it"


def act_panel(  # noqa: PLR0913 - what is open, for whom, with what in it
    facts: StudyFacts,
    now: datetime,
    *,
    act: Act | None,
    read: int | None,
    reporter: str,
    steer: Reach,
    expedite: Reach,
    author: str,
    wrote: Mapping[str, str] | None = None,
    said: str = "",
) -> ActPanel | None:
    """Return what the caller may do about a study; ``None`` if it is nothing, or nothing waits to be read."""
    trust, open_reads = facts.study.trust, facts.open_reads
    steers = steer.covers(trust)
    if not steers and not expedite.covers(trust):
        return None
    holding = decisions_that_hold(facts, now) if steers else []
    if not open_reads and not holding:
        return None
    acts = list(Act) if steers else [Act.EXPEDITE]
    chosen = act if act in acts else acts[0]
    at = _date_for(chosen, facts, now).astimezone(LONDON)
    return ActPanel(
        study_id=facts.study_id,
        act=chosen,
        meaning=MEANING[chosen],
        tabs=[_tab(facts, one, read, here=one is chosen) for one in acts] if open_reads else (),
        reads=[(number, _read_words(facts, number)) for number in open_reads],
        read=read if read in open_reads else (open_reads[0] if open_reads else 0),
        reporters=_reporters(facts, chosen),
        reporter=reporter or (_holder(facts, read) if chosen is Act.BAR else ""),
        classes=[(one.code, in_words(one.code)) for one in facts.policy.priorities],
        drafts=[(str(row.id), row.name) for row in facts.drafts if steer.covers(row.trust)],
        draft=next((str(row.id) for row in facts.drafts if row.author == author and steer.covers(row.trust)), ""),
        date=f"{at:%Y-%m-%d}",
        time=f"{at:%H:%M}",
        wrote=wrote or {},
        said=said,
        direct=not steers,
        holding=holding,
    )


def _tab(facts: StudyFacts, act: Act, read: int | None, *, here: bool) -> Tab:
    which = "" if read is None else f"&read={read}"
    return Tab(act=act, label=LABELS[act], link=f"/studies/{facts.study_id}?act={act}{which}#change", here=here)


def _read_words(facts: StudyFacts, number: int) -> str:
    read = next(one for one in facts.study.reads if one.read == number)
    return f"Read {number}, {facts.name(read.reporter_id) if read.reporter_id else 'nobody'}"


def _reporters(facts: StudyFacts, act: Act) -> list[tuple[str, str]]:
    """Return who can be chosen: for a pin the best alternatives first, as far as they are known."""
    known = facts.explained.found
    ranked = [] if known is None or act is not Act.PIN else [one.placement.reporter_id for one in known.others]
    rank = {name: place for place, name in reversed(list(enumerate(ranked)))}
    people = sorted(facts.may_read, key=lambda one: (rank.get(one.reporter_id, len(rank) + 1), one.name))
    without = (
        set()
        if known is None
        else {name for one in known.refusals if one.rule in {Rule.SESSION, Rule.TIME} for name in one.reporters}
    )
    said = dict.fromkeys(without, ", has no session for it")
    return [(one.reporter_id, f"{one.name}, {one.home_trust}{said.get(one.reporter_id, '')}") for one in people]


def _holder(facts: StudyFacts, read: int | None) -> str:
    reads = [one for one in facts.study.reads if read in {None, one.read}]
    return next((one.reporter_id for one in reads if one.reporter_id), "") or ""


def _date_for(act: Act, facts: StudyFacts, now: datetime) -> datetime:
    """Return the date that a form begins with."""
    if act is Act.EXPEDITE:
        return min(facts.study.due_at - timedelta(minutes=1), now + _NEEDED_IN) if facts.study.due_at > now else now
    return now + (_PARKED_FOR if act is Act.PARK else _SENT_FOR)
