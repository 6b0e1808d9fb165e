"""What is done at random: every verb of the API by which people move work, each with how often it is drawn."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final

from balancer.domain.life import ReturnReason
from balancer.domain.outcome import Outcome
from tests.random_acts.hands import Hands, NothingThereError

_WHY = "chance would have it"
_RETURNED: Final = [reason.value for reason in ReturnReason]
_OUTCOMES: Final = [None, *(outcome.value for outcome in Outcome)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that is done: ``weight`` times as often as what has 1."""

    name: str
    weight: float
    do: Callable[[Hands], None]


# --- what becomes of a read, on a manager's word ---------------------------------------------------------------------


def steer(verb: str, hands: Hands) -> None:
    """Pin a read to somebody, or bar somebody from its study."""
    read = hands.read()
    hands.decide(f"/reads/{read.read_id}/{verb}", at=read.study["trust"], reporter_id=hands.anybody())


def exclude(hands: Hands) -> None:
    """Leave a read out."""
    read = hands.read()
    hands.decide(f"/reads/{read.read_id}/exclude", at=read.study["trust"], approver="Dr A. Approver")


def park(hands: Hands) -> None:
    """Park a read until some time."""
    read = hands.read()
    hands.decide(f"/reads/{read.read_id}/park", at=read.study["trust"], until=hands.instant())


def send_out(hands: Hands) -> None:
    """Send a read to a provider."""
    read = hands.read()
    due = hands.instant()
    hands.decide(f"/reads/{read.read_id}/send-out", at=read.study["trust"], provider="Acme", due_back_at=due)


def bring_back(verb: str, hands: Hands) -> None:
    """Undo what has taken a read out of the queue."""
    read = hands.read()
    hands.decide(f"/reads/{read.read_id}/{verb}", at=read.study["trust"], may_be_staged=False)


def take_over(hands: Hands) -> None:
    """End whoever's claim of a read, for somebody else or for nobody."""
    read = hands.read()
    other = hands.chance.choice([None, hands.anybody()])
    hands.decide(f"/reads/{read.read_id}/take-over", at=read.study["trust"], may_be_staged=False, reporter_id=other)


def expedite(hands: Hands) -> None:
    """Ask for a study by some time, perhaps as one of a more urgent class."""
    read = hands.read()
    code = hands.chance.choice([None, "emergency", "urgent"])
    due = hands.instant()
    hands.decide("/studies/expedite", at=read.study["trust"], **read.key, due_at=due, priority=code)


def correct(hands: Hands) -> None:
    """Say that a study is another than its feed says."""
    read = hands.read()
    ways: list[dict[str, Any]] = [{"priority": "urgent"}, {"minutes": 3}, {"minutes": 44}, {"modality": "MR"}]
    hands.decide("/studies/correct", at=read.study["trust"], **read.key, **hands.chance.choice(ways))


# --- reading ---------------------------------------------------------------------------------------------------------


def claim(hands: Hands) -> None:
    """Open a read: whoever has it on their list, or anybody if nobody has."""
    read = hands.read()
    beats = hands.chance.random() < 0.5
    hands.report(f"/reads/{read.read_id}/claim", read.reporter_id or hands.anybody(), heartbeats=beats)


def open_next(hands: Hands) -> None:
    """Open whatever is next on somebody's list."""
    reporter_id = hands.anybody()
    hands.post(f"/worklists/{reporter_id}/next", who=f"reporter:{reporter_id}")


def complete(hands: Hands) -> None:
    """Open a read and report it."""
    read = hands.read()
    reporter_id = read.reporter_id or hands.anybody()
    hands.report(f"/reads/{read.read_id}/claim", reporter_id)
    said = {"outcome": hands.chance.choice(_OUTCOMES), "provisional": hands.chance.random() < 0.3}
    hands.report(f"/reads/{read.read_id}/complete", reporter_id, **said)


def hand_back(hands: Hands) -> None:
    """Hand a read back with a reason."""
    read = hands.read()
    why = hands.chance.choice(_RETURNED)
    hands.report(f"/reads/{read.read_id}/return", read.reporter_id or hands.anybody(), reason=why, note="")


def close(verb: str, hands: Hands) -> None:
    """Close a read unreported, or say that one is still there."""
    read = hands.read()
    hands.report(f"/reads/{read.read_id}/{verb}", read.reporter_id or hands.anybody())


# --- people ----------------------------------------------------------------------------------------------------------


def fall_ill(hands: Hands) -> None:
    """Mark somebody away, from the beginning until some time."""
    trust = hands.chance.choice(hands.trusts)
    away: dict[str, Any] = {"trust": trust, "start": hands.begins.isoformat(), "end": hands.instant()}
    hands.decide(f"/reporters/{hands.anybody()}/absences", at=trust, **away)


def work_more(hands: Hands) -> None:
    """Add two hours to somebody's time."""
    trust = hands.chance.choice(hands.trusts)
    start = hands.begins + timedelta(hours=hands.chance.randint(1, 48))
    hours: dict[str, Any] = {
        "trust": trust,
        "start": start.isoformat(),
        "end": (start + timedelta(hours=2)).isoformat(),
    }
    hands.decide(f"/reporters/{hands.anybody()}/sessions", at=trust, **hours, activity="reporting")


def entitle(hands: Hands) -> None:
    """Give or take the right to report for a trust."""
    trust = hands.chance.choice(hands.trusts)
    granted = hands.chance.random() < 0.5
    hands.decide(f"/reporters/{hands.anybody()}/entitlements", at=trust, trust=trust, granted=granted)


def teach(hands: Hands) -> None:
    """Say how well somebody reads something."""
    trust = hands.chance.choice(hands.trusts)
    skill: dict[str, Any] = {
        "subspecialty": hands.chance.choice(["neuro", "msk", "breast"]),
        "level": hands.chance.randint(0, 3),
    }
    hands.decide(f"/reporters/{hands.anybody()}/skills", at=trust, trust=trust, **skill)


def withdraw(hands: Hands) -> None:
    """Take back something that was decided."""
    found = hands.one_of("/instructions", limit=100)
    hands.decide(f"/instructions/{found['instruction_id']}/withdraw", at=found["trust"], may_be_staged=False)


# --- drafts, runs, policy --------------------------------------------------------------------------------------------


def begin_draft(hands: Hands) -> None:
    """Begin a draft, in which some of what is decided later is staged."""
    begun = hands.post("/drafts", name="a draft of chance", trust=hands.chance.choice(hands.trusts))
    if begun is not None:
        hands.drafts.append(begun["draft_id"])


def of_draft(verb: str, hands: Hands) -> None:
    """Preview, publish, undo or discard a draft."""
    hands.post(f"/drafts/{hands.draft()}/{verb}", **({} if verb == "preview" else {"reason": _WHY}))


def ask_for_run(hands: Hands) -> None:
    """Ask for a plan."""
    hands.post("/runs", reason=_WHY)


def decide_run(verb: str, hands: Hands) -> None:
    """Publish or discard a plan that waits."""
    hands.post(f"/runs/{hands.one_of('/runs', state='held')['run_id']}/{verb}", reason=_WHY)


def undo_run(hands: Hands) -> None:
    """Put back the lists that a run has replaced."""
    published = hands.everybody.items("/runs", state="published", limit=5)
    planned = [run for run in published if run["kind"] != "mending"]
    if not planned:
        raise NothingThereError
    hands.post(f"/runs/{hands.chance.choice(planned[:2])['run_id']}/undo", reason=_WHY)


def hold_or_not(hands: Hands) -> None:
    """Bring a policy into force by which plans wait for a manager, or no longer do."""
    number = next(row["policy_id"] for row in hands.everybody.items("/policies") if row["state"] == "in_force")
    content = hands.everybody.look(f"/policies/{number}")["content"]
    hold = str(hands.chance.random() < 0.7).lower()
    proposed = hands.post("/policies", content=re.sub("hold = (true|false)", f"hold = {hold}", content), reason=_WHY)
    if proposed is not None:
        hands.post(f"/policies/{proposed['policy_id']}/approve", reason=_WHY, approver="Reporting board")


# --- what waits for somebody -----------------------------------------------------------------------------------------


def see_to_exception(hands: Hands) -> None:
    """Take an exception, or say what became of it."""
    number = hands.one_of("/exceptions", limit=50)["exception_id"]
    verb, said = hands.chance.choice([("take", {}), ("resolve", {"resolution": "looked at"})])
    hands.post(f"/exceptions/{number}/{verb}", **said)


def see_to_row(hands: Hands) -> None:
    """Refuse a row in quarantine for good, or take it up again."""
    number = hands.one_of("/quarantine", limit=50)["row_id"]
    hands.post(f"/quarantine/{number}/{hands.chance.choice(['refuse', 'reopen'])}", reason=_WHY)


def _table() -> dict[str, tuple[float, Callable[[Hands], None]]]:
    back = {verb: (1.0, partial(bring_back, verb)) for verb in ("readmit", "recall", "unpark", "reopen")}
    drafts = {f"{verb} a draft": (1.0, partial(of_draft, verb)) for verb in ("preview", "publish", "undo", "discard")}
    return {
        "pin": (1.0, partial(steer, "pin")),
        "bar": (1.0, partial(steer, "bar")),
        "exclude": (1.0, exclude),
        "park": (1.0, park),
        "send out": (1.0, send_out),
        **back,
        "take over": (1.0, take_over),
        "expedite": (1.0, expedite),
        "correct": (1.0, correct),
        "claim": (2.0, claim),
        "open the next": (1.0, open_next),
        "complete": (2.0, complete),
        "return": (2.0, hand_back),
        "release": (1.0, partial(close, "release")),
        "heartbeat": (0.5, partial(close, "heartbeat")),
        "absence": (1.0, fall_ill),
        "session": (1.0, work_more),
        "entitlement": (1.0, entitle),
        "skill": (1.0, teach),
        "withdraw": (1.0, withdraw),
        "draft": (1.0, begin_draft),
        **drafts,
        "ask for a run": (0.4, ask_for_run),
        "publish a run": (2.0, partial(decide_run, "publish")),
        "discard a run": (0.3, partial(decide_run, "discard")),
        "undo a run": (1.5, undo_run),
        "policy": (0.3, hold_or_not),
        "exception": (1.0, see_to_exception),
        "quarantine": (1.0, see_to_row),
    }


ACTS: Final = tuple(Act(name=name, weight=weight, do=do) for name, (weight, do) in _table().items())
