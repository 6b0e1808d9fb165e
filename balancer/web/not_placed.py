"""What nobody has in a plan, by reason, each with the smallest single change that would help and how many it is for.

A remedy is reckoned from the reads themselves (whose trust, which skill, how long) and not solved: where it says that
it opens the way for so many, a plan may still have better uses for the time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, TypeVar

from balancer.domain.instant import day_of
from balancer.domain.ledger import LEDGER_CAP
from balancer.domain.life import AWAITS_OTHER_READ, UNPLANNED
from balancer.domain.plan import UnallocatedReason
from balancer.domain.reporter import Reporter
from balancer.services.build_problem import NO_PRIORITY_CLASS
from balancer.store.plan_figures import LeftOut
from balancer.web.field_words import within_sentence
from balancer.web.time_left import at_words

Key = TypeVar("Key")
_GROUPS: Final = 2
# Whether somebody would do for reads of a kind.
Fits = Callable[[Reporter, LeftOut], bool]
REASONS: Final[Mapping[str, str]] = {
    UnallocatedReason.NO_CAPACITY: "No hours left in time",
    UnallocatedReason.NO_SESSION: "No session that takes it",
    UnallocatedReason.NO_ENTITLED_REPORTER: "Nobody entitled",
    UnallocatedReason.NO_SKILLED_REPORTER: "Nobody has the skill",
    UnallocatedReason.PINNED_REPORTER_UNAVAILABLE: "Pinned reporter unavailable",
    UnallocatedReason.CLAIMED_REPORTER_UNAVAILABLE: "Open with somebody who cannot finish it",
    UnallocatedReason.DEFERRED: "Fits, at a higher cost",
    LEDGER_CAP: "Its trust has reached its cap",
    AWAITS_OTHER_READ: "Waits for another read",
    NO_PRIORITY_CLASS: "Class unknown to the policy",
    UNPLANNED: "Came since the plan",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What to do, and where; ``link`` is empty where there is nowhere to go."""

    words: str
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotPlaced:
    """Reads without a place for one reason: how many, whose most of them are, and what would help."""

    reason: str
    words: str
    count: int
    whose: str
    remedy: Remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Everybody who might be asked, as they hold, what trusts are called, and how much of a session is reporting."""

    people: Sequence[Reporter]
    trusts: Mapping[str, str]
    productivity: float
    now: datetime

    def trust(self, code: str) -> str:
        """Return what a trust is called."""
        return self.trusts.get(code, code)


def reason_words(reason: str) -> str:
    """Return why a read has no place."""
    return REASONS.get(reason, reason.replace("_", " ").capitalize() or REASONS[UNPLANNED])


def by_reason(left: Iterable[LeftOut], who: Who) -> list[NotPlaced]:
    """Return what a plan leaves out by reason, the most first."""
    found: dict[str, list[LeftOut]] = defaultdict(list)
    for kind in left:
        found[kind.reason or UNPLANNED].append(kind)
    return [
        NotPlaced(
            reason=reason,
            words=reason_words(reason),
            count=_count(group),
            whose=_whose(group, who),
            remedy=remedy(reason, group, who),
        )
        for reason, group in sorted(found.items(), key=lambda one: (-_count(one[1]), one[0]))
    ]


def _count(group: Iterable[LeftOut]) -> int:
    return sum(kind.count for kind in group)


def _counted(group: Iterable[LeftOut], key: Callable[[LeftOut], Key]) -> list[tuple[Key, int]]:
    """Return how many reads there are of each ``key``, the most first."""
    found: Counter[Key] = Counter()
    for kind in group:
        found[key(kind)] += kind.count
    return found.most_common()


def _whose(group: Sequence[LeftOut], who: Who) -> str:
    """Return of which field and trust most of them are: `13 neuro at Medway, 6 MSK at East Kent`."""
    counted = _counted(group, lambda kind: (kind.subspecialty, kind.trust))[:_GROUPS]
    return ", ".join(f"{count} {_field(name)} at {who.trust(trust)}" for (name, trust), count in counted)


def remedy(reason: str, group: Sequence[LeftOut], who: Who) -> Remedy:
    """Return the smallest single change for reads that have no place for one reason."""
    if reason == UnallocatedReason.NO_CAPACITY:
        return _hours(group, who)
    if reason == UnallocatedReason.NO_SESSION:
        return _session(group, who)
    if reason == UnallocatedReason.NO_ENTITLED_REPORTER:
        return _entitlement(group, who)
    if reason == UnallocatedReason.NO_SKILLED_REPORTER:
        return _skill(group, who)
    return _of_other_reasons(reason, _count(group))


def _of_other_reasons(reason: str, count: int) -> Remedy:
    reads = f"{count} {'read' if count == 1 else 'reads'}"
    said = {
        UnallocatedReason.PINNED_REPORTER_UNAVAILABLE: f"Take back the pins of {reads}",
        UnallocatedReason.CLAIMED_REPORTER_UNAVAILABLE: f"Take {reads} over, or ask who has them open",
        UnallocatedReason.DEFERRED: "Nothing: other work is worth more now. Expedite what cannot wait",
        LEDGER_CAP: "Raise the week's cap of the trust",
        AWAITS_OTHER_READ: "Nothing: it comes once the other read is done",
        NO_PRIORITY_CLASS: f"Give the class a target: {reads}",
        UNPLANNED: "Ask for a run: no plan has seen them yet",
    }
    links = {LEDGER_CAP: "/policy", NO_PRIORITY_CLASS: "/policy", UNPLANNED: "/runs"}
    return Remedy(words=said.get(reason, "See each of them"), link=links.get(reason, ""))


def _hours(group: Sequence[LeftOut], who: Who) -> Remedy:
    """Return how long the reads of the field with most of them take, in session hours, and until when."""
    name, count = _counted(group, lambda kind: kind.subspecialty)[0]
    theirs = [kind for kind in group if kind.subspecialty == name]
    hours = sum(kind.minutes for kind in theirs) / 60.0 / who.productivity
    ahead = [kind.last_due_at for kind in theirs if kind.last_due_at > who.now]
    until = f" before {at_words(max(ahead), who.now)}" if ahead else ""
    return Remedy(words=f"{hours:.1f} h of {_field(name)} sessions{until}, for {count}", link="/rosters")


def _session(group: Sequence[LeftOut], who: Who) -> Remedy:
    """Return the one reporter whose session would open the way for most of them."""
    best = _best(
        group, who, lambda person, kind: _is_entitled(person, kind.trust, day_of(who.now)) and _reads(person, kind)
    )
    if best is None:
        return Remedy(words="Nobody who may read them is known: see entitlements", link="/reporters")
    person, count = best
    return Remedy(words=f"A session of {person.name}, for {count}", link=f"/reporters/{person.reporter_id}")


def _entitlement(group: Sequence[LeftOut], who: Who) -> Remedy:
    """Return the one entitlement, renewed or new, that would open the way for most of them."""
    today = day_of(who.now)
    lapsed = _best(group, who, lambda person, kind: kind.trust in person.trusts and _reads(person, kind))
    if lapsed is not None:
        person, count = lapsed
        trust, last = _lapsed(person, group, today)
        words = f"Renew {person.name}'s authorisation for {who.trust(trust)}, lapsed {last.day} {last:%b}, for {count}"
        return Remedy(words=words, link=f"/reporters/{person.reporter_id}")
    new = _best(group, who, _reads)
    if new is None:
        return Remedy(words="Nobody in the network reads this: send it out", link="/reporters")
    person, count = new
    trust, _ = _counted((kind for kind in group if _reads(person, kind)), lambda kind: kind.trust)[0]
    return Remedy(
        words=f"Authorise {person.name} for {who.trust(trust)}, for {count}", link=f"/reporters/{person.reporter_id}"
    )


def _lapsed(person: Reporter, group: Sequence[LeftOut], today: date) -> tuple[str, date]:
    """Return the trust of most of the reads whose authorisation has lapsed, and its last day."""
    theirs = (kind for kind in group if kind.trust in person.trusts and _reads(person, kind))
    trust, _ = _counted(theirs, lambda kind: kind.trust)[0]
    return trust, person.trusts[trust] or today


def _skill(group: Sequence[LeftOut], who: Who) -> Remedy:
    """Return the one skill that is missing for most of them, and how many entitled people it could be recorded for."""
    kinds = _counted(group, lambda kind: (kind.subspecialty, kind.modality, kind.trust))
    (subspecialty, modality, trust), count = kinds[0]
    able = sum(_is_entitled(person, trust, day_of(who.now)) and _images(person, modality) for person in who.people)
    of_whom = f"1 of {able} reporters entitled at {who.trust(trust)}"
    return Remedy(words=f"Record {_field(subspecialty)} {modality} for {of_whom}, for {count}", link="/reporters")


def _best(group: Sequence[LeftOut], who: Who, fits: Fits) -> tuple[Reporter, int] | None:
    """Return the reporter who fits most of the reads, and how many; ``None`` if nobody fits any."""
    counted = [(sum(kind.count for kind in group if fits(person, kind)), person) for person in who.people]
    most, person = max(counted, key=lambda one: one[0], default=(0, None))
    return None if person is None or not most else (person, most)


def _is_entitled(person: Reporter, trust: str, today: date) -> bool:
    last = person.trusts.get(trust)
    return trust in person.trusts and (last is None or last >= today)


def _reads(person: Reporter, kind: LeftOut) -> bool:
    return person.level(kind.subspecialty, kind.modality) > 0 and _images(person, kind.modality)


def _images(person: Reporter, modality: str) -> bool:
    return not person.modalities or modality in person.modalities


def _field(subspecialty: str) -> str:
    return within_sentence(subspecialty)
