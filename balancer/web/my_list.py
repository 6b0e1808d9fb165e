"""A reporter's list as they see it: what they have open, three to choose from, what comes after, and their day."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from balancer.api.models.worklists import PriorBeyondOut, PriorOut, WhyMineOut, WorklistItemOut, WorklistOut
from balancer.domain.instant import LONDON
from balancer.domain.life import Again, ReadKind, ReadState
from balancer.domain.outcome import Outcome
from balancer.domain.overrides import Shift
from balancer.domain.policy import Policy
from balancer.domain.reporter import REPORTING, Reporter
from balancer.services.claim_read import next_few
from balancer.services.hold_over import reporter_as_held
from balancer.store import held_rosters, my_day, standing
from balancer.store.database import Session
from balancer.store.policies import current_policy
from balancer.web.class_marks import ClassMark, class_marks, mark_of
from balancer.web.done_today import midnight_before
from balancer.web.field_words import within_sentence
from balancer.web.time_left import TimeLeft, at_words, span, time_left

# Nobody reads more rows than these at a time; how many follow is said.
MOST_AFTER: Final = 20
_SESSIONS: Final = 4
_AHEAD: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """The patient's earlier studies at one trust: in words, and a link to the newest if there is one.

    ``beyond``: at a trust that whoever looks cannot look into, and has to ask.
    """

    words: str
    here: bool
    link: str | None
    beyond: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One read as a card or a row shows it."""

    item: WorklistItemOut
    name: str
    mark: ClassMark
    left: TimeLeft
    trust: str
    planned: str
    priors: Sequence[Prior]
    why: str
    task: str
    asks_outcome: bool

    @property
    def priors_words(self) -> str:
        """The priors in a few words."""
        return ", ".join(prior.words for prior in self.priors) or "None known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """A rostered session, in words, and how many reads of the list are planned in it."""

    when: str
    what: str
    planned: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a reporter has come in the session they are in; ``share`` of it has gone, from 0 to 1."""

    when: str
    done: int
    to_come: int
    left: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MyList:
    """Everything a reporter's page shows; nothing was published for them if ``published_at`` is ``None``.

    ``returned`` is what they did and has come back to them, each with where it stands on their list. ``tag`` names this
    very state of it.
    """

    reporter_id: str
    name: str
    version: int = 0
    published_at: datetime | None = None
    tag: str = ""
    open: Sequence[Entry] = ()
    next: Sequence[Entry] = ()
    after: Sequence[Entry] = ()
    more: int = 0
    withheld: int = 0
    late: int = 0
    becoming: int = 0
    done_today: int = 0
    returned: Sequence[tuple[Entry, str]] = ()
    progress: Progress | None = None
    coming: Sequence[Coming] = ()

    @property
    def seen(self) -> str:
        """What is on it, in order: what a page compares with to say what has changed."""
        return " ".join(str(entry.item.read_id) for entry in (*self.open, *self.next, *self.after))


def without_list(session: Session, person: Reporter, elsewhere: Sequence[WorklistItemOut], now: datetime) -> MyList:
    """Return what is shown to somebody for whom nothing has been published: what they have open all the same."""
    if not elsewhere:
        return MyList(reporter_id=person.reporter_id, name=person.name)
    opened = _Entries(current_policy(session), _names(session), now)
    return MyList(reporter_id=person.reporter_id, name=person.name, open=[opened.of(item) for item in elsewhere])


def my_list(  # noqa: PLR0913, PLR0917 - whose, what, when
    session: Session,
    listed: WorklistOut,
    person: Reporter,
    elsewhere: Sequence[WorklistItemOut],
    tag: str,
    now: datetime,
    *,
    whole: bool = False,
) -> MyList:
    """Return a list as its page shows it at ``now``; ``elsewhere`` is what its reporter has open beside it.

    ``whole``: with everything that comes after, as for a file.
    """
    policy = current_policy(session)
    entries = _Entries(policy, _names(session), now)
    # what somebody has open is shown even if its source has withdrawn it: above all then
    opened = [item for item in listed.items if item.claimed_by == listed.reporter_id]
    waiting = [item for item in listed.items if item.still_open and item.state is ReadState.ALLOCATED]
    taken = {offer.read_id for offer in next_few(session, reporter_as_held(session, person, now), policy.reading, now)}
    most = len(waiting) if whole else MOST_AFTER
    first = [item for item in waiting if item.read_id in taken]
    rest = [item for item in waiting if item.read_id not in taken]
    shifts = _shifts(session, listed.reporter_id, now)
    theirs = [*opened, *elsewhere]
    places = [*["Open now" for _ in theirs], *(f"Place {len(theirs) + place}" for place, _ in enumerate(waiting, 1))]
    return MyList(
        reporter_id=listed.reporter_id,
        name=listed.name,
        version=listed.version,
        published_at=listed.published_at,
        tag=tag,
        open=[entries.of(item) for item in theirs],
        next=[entries.of(item) for item in first],
        after=[entries.of(item) for item in rest[:most]],
        more=max(0, len(rest) - most),
        withheld=listed.withheld,
        late=sum(item.due_at < now for item in (*theirs, *waiting)),
        becoming=sum(item.due_at >= now and max(item.planned_end, now) > item.due_at for item in waiting),
        done_today=my_day.done_since(session, listed.reporter_id, midnight_before(now)),
        returned=[
            (entries.of(item), where)
            for item, where in zip((*theirs, *first, *rest), places, strict=True)
            if item.why_mine.read_before
        ],
        progress=_progress(session, listed, shifts, waiting, now),
        coming=_coming(shifts, waiting, now),
    )


def _names(session: Session) -> dict[str, str]:
    return {row.code: row.name for row in standing.trusts(session, listed_only=False)}


class _Entries:
    """Makes entries: knows the policy's marks and the trusts' names."""

    def __init__(self, policy: Policy, trusts: Mapping[str, str], now: datetime) -> None:
        self._policy, self._trusts, self._now = policy, trusts, now
        self._marks = class_marks(policy)
        self._known = {priority.code: priority for priority in policy.priorities}

    def of(self, item: WorklistItemOut) -> Entry:
        priority = self._known.get(item.priority)
        ceiling = None if priority is None else priority.ceiling_at(item.acquired_at)
        return Entry(
            item=item,
            name=item.exam_name,
            mark=mark_of(self._marks, item.priority),
            left=time_left(began_at=item.acquired_at, due_at=item.due_at, ceiling_at=ceiling, now=self._now),
            trust=self._name(item.trust),
            planned=at_words(item.planned_start, self._now),
            priors=[*self._priors(item.trust, item.priors), *self._priors_beyond(item.priors_beyond)],
            why=why_yours(item.why_mine, item.subspecialty, item.kind),
            task=_TASKS[item.kind],
            asks_outcome=item.kind is not ReadKind.INTERPRETATION or item.reads > 1,
        )

    def _name(self, trust: str) -> str:
        return short_name(self._trusts.get(trust, trust))

    def _priors(self, trust: str, priors: Iterable[PriorOut]) -> Iterable[Prior]:
        """Yield the priors by place, those of the study's own trust first."""
        known = list(priors)
        counted = Counter(prior.trust for prior in known)
        for place in sorted(counted, key=lambda code: (code != trust, code)):
            newest = next(prior for prior in known if prior.trust == place)
            where = "at the same trust" if place == trust else f"at {self._name(place)}"
            yield Prior(words=f"{counted[place]} {where}", here=place == trust, link=newest.pacs_link)

    def _priors_beyond(self, priors: Iterable[PriorBeyondOut]) -> Iterable[Prior]:
        """Yield those at trusts that are beyond reach, by place."""
        for place, number in sorted(Counter(prior.trust for prior in priors).items()):
            words = f"{number} at {self._name(place)}, not reachable: ask there"
            yield Prior(words=words, here=False, link=None, beyond=True)


_TASKS: Final = {
    ReadKind.INTERPRETATION: "",
    ReadKind.VERIFICATION: "Verify a provisional report",
    ReadKind.ARBITRATION: "Two readings differ: decide",
}
OUTCOMES: Final = {
    Outcome.NORMAL: "Normal: nothing further needed",
    Outcome.TECHNICAL_RECALL: "Technical recall: images to be taken again",
    Outcome.ABNORMAL: "Abnormal: something further needed",
}


def short_name(trust: str) -> str:
    """Return a trust's name without what all of them are called: `East Kent Hospitals University`."""
    return re.sub(r"\s+(?:NHS\s+)?(?:Foundation\s+)?Trust$", "", trust)


def why_yours(why: WhyMineOut, subspecialty: str, kind: ReadKind) -> str:
    """Return in words what speaks for this reporter's having the read; each of them is a term of its cost."""
    if why.again is not None:
        again = _AGAIN[why.again]
        return f"{again}: you reported it before." if why.read_before else f"{again}: {_fit(why, subspecialty, kind)}"
    said = _fit(why, subspecialty, kind)
    return said[0].upper() + said[1:]


_AGAIN: Final = {
    Again.LATE_IMAGES: "Images came after its report",
    Again.ASKED_AGAIN: "Addendum or correction asked for",
    Again.REOPENED: "A manager asks for it to be read again",
    Again.UNCONFIRMED: "Its hospital does not have the report",
}


def _fit(why: WhyMineOut, subspecialty: str, kind: ReadKind) -> str:
    if kind is ReadKind.VERIFICATION:
        return "you may verify reports of this kind."
    if kind is ReadKind.ARBITRATION:
        return "you have read neither of the two."
    field = within_sentence(subspecialty)
    found = {
        3: f"you are a {field} specialist",
        2: f"you report {field}",
        1: f"you can report {field} where nobody better is free",
    }.get(why.skill_level, f"{field} is no longer in your scope: return it")
    said = [found]
    if why.reported_prior:
        said.append("you reported the last study")
    said.append("your own trust" if why.home_trust else "another trust's, and you are entitled there")
    return ", ".join(said) + "."


# --- the day ----------------------------------------------------------------------------------------------------------


def _shifts(session: Session, reporter_id: str, now: datetime) -> list[Shift]:
    """Return the sessions that hold, from the one that is under way on, for a week."""
    roster = held_rosters.held_roster(session, now, now + _AHEAD, now, reporter_id=reporter_id)
    held = [shift for _, shifts, _ in roster.said for shift in shifts] + list(roster.added)
    return sorted(
        (shift for shift in held if shift.session.end > now), key=lambda shift: (shift.session.start, shift.said_id)
    )


def _progress(
    session: Session, listed: WorklistOut, shifts: Sequence[Shift], waiting: Sequence[WorklistItemOut], now: datetime
) -> Progress | None:
    """Return how far the session has come that is under way, if one is that is for reporting."""
    under_way = [s.session for s in shifts if s.session.start <= now and s.session.activity == REPORTING]
    if not under_way:
        return None
    shift = under_way[0]
    gone = (now - shift.start) / (shift.end - shift.start)
    return Progress(
        when=f"{_clock(shift.start)} to {_clock(shift.end)}",
        done=my_day.done_since(session, listed.reporter_id, shift.start),
        to_come=sum(item.planned_start < shift.end for item in waiting),
        left=span(shift.end - now),
        share=gone,
    )


def _coming(shifts: Sequence[Shift], waiting: Sequence[WorklistItemOut], now: datetime) -> list[Coming]:
    found = []
    for shift in shifts[:_SESSIONS]:
        held = shift.session
        reports = held.activity == REPORTING
        inside = sum(held.start <= item.planned_start < held.end for item in waiting)
        found.append(
            Coming(
                when=f"{_day(held.start, now)}, {_clock(held.start)} to {_clock(held.end)}",
                what="Reporting" if reports else held.activity.replace("_", " ").capitalize(),
                planned=inside if reports else None,
            )
        )
    return found


def _clock(instant: datetime) -> str:
    return f"{instant.astimezone(LONDON):%H:%M}"


def _day(instant: datetime, now: datetime) -> str:
    local = instant.astimezone(LONDON)
    return "Today" if local.date() == now.astimezone(LONDON).date() else f"{local:%a} {local.day} {local:%b}"
