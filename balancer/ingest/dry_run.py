"""What a trust's analyst is told of a file before it counts: what would be taken, what not and why, what to map."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from balancer.domain.feed import ParsedExtract, QuarantinedRow
from balancer.ingest.exam_match import ExamMatcher
from balancer.ingest.feed_file import FeedDescription
from balancer.ingest.fold import folded
from balancer.ingest.network_folder import NetworkFolder
from balancer.ingest.reasons import ADVICE, Reason
from balancer.ingest.toml_text import short

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
# Anything that could be an NHS number, however it is grouped, is nobody's business here.
_TEN_DIGITS = re.compile(r"(?<!\d)\d{3}[\s-]?\d{3}[\s-]?\d{4}(?!\d)")
_MOST_LINES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One quarantined row: where it stands and what is wrong with it, without anything that names a patient."""

    place: str
    column: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonGroup:
    """All rows quarantined for one reason: how many, what to do, and the first few of them."""

    reason: str
    rows: int
    advice: str
    examples: tuple[Example, ...]


def reason_groups(rows: Iterable[QuarantinedRow], examples: int) -> list[ReasonGroup]:
    """Return the rows by reason, the most frequent first, with up to ``examples`` of each."""
    by_reason: dict[str, list[QuarantinedRow]] = defaultdict(list)
    for row in rows:
        by_reason[row.reason].append(row)
    return [
        ReasonGroup(
            reason=reason,
            rows=len(members),
            advice=ADVICE[Reason(reason)],
            examples=tuple(map(_example, members[:examples])),
        )
        for reason, members in sorted(by_reason.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def _example(row: QuarantinedRow) -> Example:
    place = f"{row.row.sheet}, line {row.row.line}" if row.row.sheet else f"line {row.row.line}"
    return Example(place=place, column=row.column, detail=masked(row.detail))


def masked(text: str) -> str:
    """Return ``text`` with everything that could be an NHS number struck out."""
    return _TEN_DIGITS.sub("**********", text)


def counts(parsed: ParsedExtract, network: NetworkFolder) -> dict[str, list[tuple[str, int]]]:
    """Return the accepted studies counted by priority (in the policy's order), modality and site."""
    order = [priority.code for priority in network.policy.priorities]
    by_priority = Counter(study.priority for study in parsed.studies)
    return {
        "priority": [(code, by_priority[code]) for code in order if by_priority[code]],
        "modality": Counter(study.modality for study in parsed.studies).most_common(),
        "site": Counter(study.site or "(not given)" for study in parsed.studies).most_common(),
    }


def lines_to_paste(parsed: ParsedExtract, feed: FeedDescription, network: NetworkFolder) -> list[str]:
    """Return what could not be mapped as lines for the feed's description, the most frequent first.

    A line whose meaning has to be thought about is a comment until somebody has.
    """
    rows = parsed.quarantined
    classes = " | ".join(priority.code for priority in network.policy.priorities)
    priorities = _cells(rows, Reason.UNKNOWN_PRIORITY, feed.columns["priority"])
    sites = _cells(rows, Reason.UNKNOWN_SITE, feed.columns.get("site", ()))
    return [
        *_table("[priority]", [f'# {_key(word)} = "{classes}"   # {_rows(many)}' for word, many in priorities]),
        *_table("[site]", [f"# {_key(word)} = {_key(word, bare=False)}   # {_rows(many)}" for word, many in sites]),
        *_exam_lines(rows, feed, network),
    ]


def _exam_lines(rows: Sequence[QuarantinedRow], feed: FeedDescription, network: NetworkFolder) -> list[str]:
    matcher = ExamMatcher(network.examinations, network.aliases, feed.exam)
    names = {exam.code: exam.name for exam in network.examinations}
    found: Counter[tuple[str, str]] = Counter()
    for row in rows:
        if row.reason in (Reason.UNKNOWN_EXAM, Reason.AMBIGUOUS_EXAM):
            found[_cell(row, feed.columns.get("exam", ())), _cell(row, feed.columns.get("exam_name", ()))] += 1
    by_code, by_name = [], []
    for (code, name), many in found.most_common(_MOST_LINES):
        near = matcher.match(code, name).near
        meant = "; ".join(f"{other} is {names[other]}" for other in near) or "nothing like it is in the catalogue"
        told = f"{_rows(many)}{f', named {short(name)}' if code and name else ''}; {meant}"
        if code:
            by_code.append(f'# {_key(code)} = "{near[0] if near else ""}"   # {masked(told)}')
        else:
            by_name.append(f"# {masked(short(name))}: {masked(told)}")
    return [*_table("[exam.codes]", by_code), *_table("# aliases for exams.csv", by_name)]


def _table(title: str, lines: list[str]) -> list[str]:
    return [title, *lines, ""] if lines else []


def _cells(rows: Iterable[QuarantinedRow], reason: Reason, headings: Sequence[str]) -> list[tuple[str, int]]:
    found = Counter(_cell(row, headings) or row.row.sheet for row in rows if row.reason == reason)
    return found.most_common(_MOST_LINES)


def _cell(row: QuarantinedRow, headings: Sequence[str]) -> str:
    raw: Mapping[str, str] = {folded(heading): cell for heading, cell in row.row.raw.items()}
    return " ".join(" ".join(raw.get(folded(heading), "").split()) for heading in headings)


def _key(word: str, *, bare: bool = True) -> str:
    word = masked(word)
    return word if bare and _BARE_KEY.fullmatch(word) else json.dumps(word, ensure_ascii=False)


def _rows(many: int) -> str:
    return f"{many:,} row{'' if many == 1 else 's'}"
