"""The clinical policy from ``policy.toml`` (allocation model, section 5), every fault of it found at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import date
from typing import Any

from balancer.domain.errors import Fault, InputRefusedError, InvalidValueError
from balancer.domain.policy import (
    LEAST_MINUTES,
    FollowUpRules,
    LedgerCap,
    LoadBand,
    Policy,
    PriorityClass,
    PublishingRules,
    ReadingRules,
    ReplanLimits,
    TargetClock,
    Weights,
    require_convex,
)
from balancer.ingest.toml_text import lines_of_keys, parse_toml, short

# Beyond these a figure is a slip of the hand, and some of them would lead time itself beyond the year 9999.
_MOST_HOURS = 1e7
_MOST_WORKING_HOURS = 87_600.0
_MOST_WORKING_DAYS = 3_650
_MOST_POINTS = 1e9
_LEAST_PRODUCTIVITY = 0.001
_MOST_PROTECTED = 1_000
_MOST_READS = 1_000
# A month: whoever means longer means never, and says it otherwise.
_MOST_MINUTES = 43_200.0
_MOST_LEDGER_MINUTES = 1e7
_MOST_SHARE = 100.0

_KNOWN: dict[str, frozenset[str]] = {
    "policy": frozenset({"owner", "version", "date", "author", "approver"}),
    "horizon": frozenset({"hours", "beyond_hours"}),
    "productivity": frozenset({"default"}),
    "weights": frozenset(field.name for field in fields(Weights)),
    "load": frozenset({"bands"}),
    "replan": frozenset(field.name for field in fields(ReplanLimits)),
    "reading": frozenset(field.name for field in fields(ReadingRules)),
    "publishing": frozenset(field.name for field in fields(PublishingRules)),
    "ledger": frozenset({"taken_minutes"}),
    "follow_up": frozenset(field.name for field in fields(FollowUpRules)),
}
_KNOWN_OF_PRIORITY = frozenset(field.name for field in fields(PriorityClass))


def read_policy(content: str | bytes, file: str) -> Policy:
    """Return the policy that ``content`` describes; ``file`` names it in faults.

    Raises
    ------
    InputRefusedError
        With every fault: its key as column, and its line where the key stands on a line of its own.
    """
    faults: list[Fault] = []
    policy = parse_policy(content, file, faults, [])
    if policy is None or faults:
        raise InputRefusedError(faults)
    return policy


def parse_policy(content: str | bytes, file: str, faults: list[Fault], unknown: list[str]) -> Policy | None:
    """Return the policy, or ``None`` with at least one fault added; keys that nobody reads are added to ``unknown``."""
    parsed = parse_toml(content, file, faults)
    return _PolicyReader(*parsed, file, faults, unknown).read() if parsed else None


def priority_codes(content: str | bytes) -> frozenset[str] | None:
    """Return the codes of the classes, whatever else is wrong; ``None`` unless every class has one that can be read.

    With it, what refers to a class can be judged even if a weight of the policy is at fault.
    """
    parsed = parse_toml(content, "", [])
    blocks = parsed[0].get("priority") if parsed else None
    if not isinstance(blocks, list) or not blocks or not all(isinstance(block, dict) for block in blocks):
        return None
    codes = [block.get("code") for block in blocks]
    return frozenset(map(str, codes)) if all(map(_is_code, codes)) else None


class _PolicyReader:
    """Reads one parsed document; what is wrong goes to ``faults`` and reading goes on."""

    def __init__(self, document: dict[str, Any], text: str, file: str, faults: list[Fault], unknown: list[str]) -> None:
        self.document = document
        self.file = file
        self.faults = faults
        self.unknown = unknown
        self.lines = lines_of_keys(text)

    def read(self) -> Policy | None:
        before = len(self.faults)
        self._note_unknown()
        horizon, productivity = self._table("horizon"), self._table("productivity")
        hours = self._number(horizon, "horizon.hours", above=0, most=_MOST_HOURS)
        beyond = self._number(horizon, "horizon.beyond_hours", most=_MOST_HOURS)
        default = self._number(productivity, "productivity.default", above=_LEAST_PRODUCTIVITY, most=1)
        priorities = self._priorities()
        prices = self._table("weights")
        weights = {
            name: self._number(prices, f"weights.{name}", most=_MOST_POINTS) for name in sorted(_KNOWN["weights"])
        }
        bands = self._bands()
        limits, reading, publishing = self._replan(), self._reading(), self._publishing()
        caps = self._caps()
        follow_up = self._follow_up()
        about = self._about()
        if len(self.faults) > before:
            return None
        try:
            return Policy(
                horizon_hours=hours,
                beyond_hours=beyond,
                default_productivity=default,
                priorities=priorities,
                weights=Weights(**weights),
                bands=bands,
                replan=limits,
                reading=reading,
                publishing=publishing,
                ledger=caps,
                follow_up=follow_up,
                **about,
            )
        except InvalidValueError as error:
            self._fault(error.field, error.reason)
            return None

    def _fault(self, key: str, reason: str) -> None:
        self.faults.append(Fault(file=self.file, line=self.lines.get(key), column=key, reason=reason))

    def _note_unknown(self) -> None:
        for name, value in self.document.items():
            if name == "priority":
                continue
            if name not in _KNOWN:
                self.unknown.append(name)
            elif isinstance(value, dict):
                self.unknown.extend(f"{name}.{key}" for key in value if key not in _KNOWN[name])

    def _table(self, name: str) -> Mapping[str, Any]:
        value = self.document.get(name)
        if isinstance(value, dict):
            return value
        self._fault(name, "the table is missing" if value is None else "must be a table")
        return {}

    def _number(self, table: Mapping[str, Any], key: str, *, above: float | None = None, most: float) -> float:
        """Return a finite number of at least 0 (or above ``above``) and at most ``most``; NaN after a fault."""
        value = table.get(key.rpartition(".")[2])
        if value is None:
            self._fault(key, "is missing")
            return math.nan
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._fault(key, f"{value!r} is not a number")
            return math.nan
        low = value > above if above is not None else value >= 0
        if not (low and value <= most):  # also catches nan
            bound = f"above {above:g}" if above is not None else "at least 0"
            self._fault(key, f"{short(value)} is not {bound} and at most {most:g}")
            return math.nan
        return float(value)

    def _replan(self) -> ReplanLimits:
        """Return how much may change between runs; each key may be left out, and so may the table."""
        usual = ReplanLimits()
        table = {**asdict(usual), **(self._table("replan") if "replan" in self.document else {})}
        share = self._number(table, "replan.churn_budget", most=1)
        number = self._number(table, "replan.protected_next", most=_MOST_PROTECTED)
        if math.isnan(share) or math.isnan(number):
            return usual
        if number != int(number):
            self._fault("replan.protected_next", f"{number:g} is not a whole number")
        return ReplanLimits(churn_budget=share, protected_next=int(number))

    def _reading(self) -> ReadingRules:
        """Return how people work from their lists; each key may be left out, and so may the table."""
        usual = ReadingRules()
        table = {**asdict(usual), **(self._table("reading") if "reading" in self.document else {})}
        found: dict[str, Any] = {}
        for name, value in asdict(usual).items():
            whole = isinstance(value, int)
            given = self._number(table, f"reading.{name}", above=0, most=_MOST_READS if whole else _MOST_HOURS)
            if whole and not math.isnan(given) and given != int(given):
                self._fault(f"reading.{name}", f"{given:g} is not a whole number")
            found[name] = given if math.isnan(given) or not whole else int(given)
        return usual if any(math.isnan(value) for value in found.values()) else ReadingRules(**found)

    def _publishing(self) -> PublishingRules:
        """Return how plans come about and into force; each key may be left out, and so may the table."""
        usual = PublishingRules()
        table = {**asdict(usual), **(self._table("publishing") if "publishing" in self.document else {})}
        hold = table["hold"]
        if not isinstance(hold, bool):
            self._fault("publishing.hold", f"{short(hold)} is neither true nor false")
        after = self._number(table, "publishing.emergencies_after_minutes", most=_MOST_MINUTES)
        wait = self._number(table, "publishing.changes_wait_minutes", most=_MOST_MINUTES)
        every = self._number(table, "publishing.allocate_every_minutes", above=0, most=_MOST_MINUTES)
        if every < LEAST_MINUTES:
            self._fault("publishing.allocate_every_minutes", f"{every:g} is not at least {LEAST_MINUTES:g}")
        if not isinstance(hold, bool) or any(map(math.isnan, (after, every, wait))) or every < LEAST_MINUTES:
            return usual
        return PublishingRules(
            hold=hold, emergencies_after_minutes=after, allocate_every_minutes=every, changes_wait_minutes=wait
        )

    def _caps(self) -> tuple[LedgerCap, ...]:
        """Return what each trust may take in a week; a trust that is not named may take whatever there is."""
        if "ledger" not in self.document:
            return ()
        table = self._table("ledger").get("taken_minutes", {})
        if not isinstance(table, dict):
            self._fault("ledger.taken_minutes", "must be a table of minutes by trust")
            return ()
        found = []
        for trust in table:
            key = f"ledger.taken_minutes.{trust}"
            if not _is_code(trust) or "." in trust:
                self._fault(key, "a trust's code is needed")
                continue
            minutes = self._number(table, key, most=_MOST_LEDGER_MINUTES)
            if not math.isnan(minutes):
                found.append(LedgerCap(trust=trust, minutes=minutes))
        return tuple(found)

    def _follow_up(self) -> FollowUpRules:
        """Return how readings are followed up; each key may be left out, and so may the table."""
        usual = FollowUpRules()
        table = {**asdict(usual), **(self._table("follow_up") if "follow_up" in self.document else {})}
        shares: dict[str, Any] = {
            name: self._number(table, f"follow_up.{name}", above=0, most=most)
            for name, most in (
                ("verification_share", _MOST_SHARE),
                ("arbitration_share", _MOST_SHARE),
                ("verification_hours", _MOST_HOURS),
            )
        }
        words: dict[str, Any] = {name: self._words(table, f"follow_up.{name}") for name in ("provisional", "verifiers")}
        if any(math.isnan(value) for value in shares.values()) or None in words.values():
            return usual
        if not words["verifiers"]:
            self._fault("follow_up.verifiers", "somebody must be able to verify")
            return usual
        return FollowUpRules(**shares, **words)

    def _words(self, table: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
        """Return a list of words; ``None`` after a fault."""
        value = table.get(key.rpartition(".")[2])
        if isinstance(value, list | tuple) and all(isinstance(word, str) and word.strip() for word in value):
            return tuple(value)
        self._fault(key, "must be a list of words")
        return None

    def _about(self) -> dict[str, str]:
        """Return whose policy it is: owner, version, date, author, approver, for people; all may be left out."""
        table = self._table("policy") if "policy" in self.document else {}
        found = {}
        for name in ("owner", "version", "date", "author", "approver"):
            value = table.get(name, "")
            if isinstance(value, date):
                value = value.isoformat()
            if not isinstance(value, str):
                self._fault(f"policy.{name}", f"{short(value)} is not text")
            found["dated_on" if name == "date" else name] = str(value)
        return found

    def _priorities(self) -> tuple[PriorityClass, ...]:
        blocks = self.document.get("priority")
        if not isinstance(blocks, list) or not blocks or not all(isinstance(block, dict) for block in blocks):
            self._fault("priority", "at least one [[priority]] block is needed")
            return ()
        classes = [self._priority(block, f"priority[{number}]") for number, block in enumerate(blocks, start=1)]
        first_with: dict[str, int] = {}
        for number, block in enumerate(blocks, start=1):
            code = block.get("code")
            if isinstance(code, str) and first_with.setdefault(code, number) != number:
                self._fault(f"priority[{number}].code", f"{code!r} is also the code of class {first_with[code]}")
        return tuple(found for found in classes if found is not None)

    def _priority(self, block: Mapping[str, Any], key: str) -> PriorityClass | None:
        before = len(self.faults)
        self.unknown.extend(f"{key}.{name}" for name in block if name not in _KNOWN_OF_PRIORITY)
        code = block.get("code")
        if not _is_code(code):
            self._fault(f"{key}.code", "a class needs a code of text without ';'")
        clock = block.get("clock", TargetClock.CALENDAR.value)
        if clock not in list(TargetClock):
            self._fault(f"{key}.clock", f"{clock!r} is neither 'calendar' nor 'working_days'")
        figures = {
            "weight": self._number(block, f"{key}.weight", most=_MOST_POINTS),
            "breach": self._number(block, f"{key}.breach", most=_MOST_POINTS),
            "ceiling_hours": self._number(block, f"{key}.ceiling_hours", most=_MOST_HOURS),
        }
        stops, verified_in = self._verification(block, key)
        target_hours, target_days = self._target(block, key, working=clock == TargetClock.WORKING_DAYS)
        if len(self.faults) > before:
            return None
        return PriorityClass(
            code=str(code),
            clock=TargetClock(clock),
            target_hours=target_hours,
            target_working_days=target_days,
            provisional_stops_clock=stops,
            verification_hours=verified_in,
            **figures,
        )

    def _verification(self, block: Mapping[str, Any], key: str) -> tuple[bool, float | None]:
        """Return whether a provisional report stops the class's clock, and the target of its verification if given."""
        stops = block.get("provisional_stops_clock", False)
        if not isinstance(stops, bool):
            self._fault(f"{key}.provisional_stops_clock", f"{short(stops)} is neither true nor false")
        if "verification_hours" not in block:
            return stops is True, None
        return stops is True, self._number(block, f"{key}.verification_hours", above=0, most=_MOST_HOURS)

    def _target(self, block: Mapping[str, Any], key: str, *, working: bool) -> tuple[float | None, int | None]:
        """Return (target_hours, target_working_days), exactly one of which is given."""
        if ("target_hours" in block) == ("target_working_days" in block):
            self._fault(f"{key}.target_hours", "give exactly one of target_hours and target_working_days")
            return None, None
        if "target_hours" in block:
            most = _MOST_WORKING_HOURS if working else _MOST_HOURS
            return self._number(block, f"{key}.target_hours", most=most), None
        days = self._number(block, f"{key}.target_working_days", most=_MOST_WORKING_DAYS)
        if math.isnan(days):
            return None, None
        if days != int(days):
            self._fault(f"{key}.target_working_days", f"{days:g} is not a whole number")
        return None, int(days)

    def _bands(self) -> tuple[LoadBand, ...]:
        bands = self._table("load").get("bands")
        if not isinstance(bands, list):
            self._fault("load.bands", "a list of [share, price] pairs is needed")
            return ()
        found = []
        for number, band in enumerate(bands, start=1):
            if isinstance(band, list) and len(band) == len(fields(LoadBand)) and all(map(_is_plain_number, band)):
                found.append(LoadBand(up_to=float(band[0]), price=float(band[1])))
            else:
                self._fault("load.bands", f"band {number} is not a pair of finite numbers")
        try:
            require_convex(found)
        except InvalidValueError as error:
            self._fault(error.field, error.reason)
        return tuple(found)


def _is_code(value: object) -> bool:
    return isinstance(value, str) and bool(value) and ";" not in value


def _is_plain_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -_MOST_POINTS <= value <= _MOST_POINTS
