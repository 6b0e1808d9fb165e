"""Which examination of the catalogue a trust's code or name means; where there is any doubt, none."""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from balancer.domain.network import Examination
from balancer.ingest.feed_file import ExamRules
from balancer.ingest.fold import folded, folded_name
from balancer.ingest.reasons import Reason
from balancer.ingest.toml_text import short

# A cut name shorter than this says too little, even if today only one examination begins like it.
_SHORTEST_CUT = 6
_MOST_MEANINGS = 5
# Looking for the nearest names is slow; a file that is wrong throughout would take minutes.
_MOST_SUGGESTIONS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a code and a name mean: an examination, or a reason why none; ``near`` are codes that may be meant."""

    exam: Examination | None = None
    reason: Reason | None = None
    detail: str = ""
    near: tuple[str, ...] = ()


class ExamMatcher:
    """Matches by the feed's own codes, the catalogue's codes, exact names and aliases, then names cut short."""

    def __init__(
        self, examinations: Iterable[Examination], aliases: Mapping[str, Iterable[str]], rules: ExamRules
    ) -> None:
        self._rules = rules
        self._exams = {exam.code: exam for exam in examinations}
        self._by_code = {folded(code): exam for code, exam in self._exams.items()}
        by_name = defaultdict(set)
        for exam in self._exams.values():
            for name in chain([exam.name], aliases.get(exam.code, ())):
                by_name[folded_name(name)].add(exam.code)
        self._by_name: dict[str, set[str]] = dict(by_name)
        self._names = tuple(sorted(self._by_name))
        self._suggestions_left = _MOST_SUGGESTIONS

    def without_prefix(self, name: str) -> str:
        """Return a name without the site that stands before it, if the feed says that one may."""
        bare = name.strip()
        for prefix in self._rules.site_prefixes:
            if folded(bare).startswith(prefix):
                return folded(bare)[len(prefix) :].strip()
        return bare

    def match(self, code: str, name: str) -> Match:
        """Return what a row's code and name (either may be empty) mean."""
        key = folded(code)
        if key:
            mapped = self._rules.codes.get(key)
            exam = self._exams.get(mapped) if mapped is not None else self._by_code.get(key)
            if exam is not None:
                return Match(exam=exam)
        words = folded_name(self.without_prefix(name))
        if not words:
            return self._unknown(code, name) if key else Match(reason=Reason.MISSING_VALUE, detail="is empty")
        said = self._exams.get(self._rules.names.get(words, ""))
        if said is not None:
            return Match(exam=said)
        meant = self._by_name.get(words) or (self._cut(words) if self._rules.truncated_names else set())
        if len(meant) == 1:
            return Match(exam=self._exams[next(iter(meant))])
        return self._ambiguous(name, meant) if meant else self._unknown(code, name)

    def _cut(self, words: str) -> set[str]:
        """Return the codes of every examination one of whose names begins with ``words``."""
        meant: set[str] = set()
        for name in self._names[bisect_left(self._names, words) :]:
            if not name.startswith(words):
                break
            meant |= self._by_name[name]
        return meant if len(words) >= _SHORTEST_CUT or len(meant) > 1 else set()

    def _ambiguous(self, name: str, meant: set[str]) -> Match:
        codes = sorted(meant)
        shown = ", ".join(self._shown(code) for code in codes[:_MOST_MEANINGS])
        more = f" and {len(codes) - _MOST_MEANINGS} more" if len(codes) > _MOST_MEANINGS else ""
        return Match(
            reason=Reason.AMBIGUOUS_EXAM,
            detail=f"{short(name)} may be any of {shown}{more}",
            near=tuple(codes[:_MOST_MEANINGS]),
        )

    def _unknown(self, code: str, name: str) -> Match:
        given = " ".join(short(text.strip()) for text in (code, name) if text.strip())
        near = self._nearest(code, name)
        hint = f"; nearest: {', '.join(map(self._shown, near))}" if near else ""
        return Match(reason=Reason.UNKNOWN_EXAM, detail=f"{given} is in no map and no catalogue{hint}", near=near)

    def _nearest(self, code: str, name: str) -> tuple[str, ...]:
        if self._suggestions_left == 0:
            return ()
        self._suggestions_left -= 1
        words = folded_name(self.without_prefix(name))
        by_name = _closest(words, self._names, most=3) if words else ()
        found = [exam for text in by_name for exam in sorted(self._by_name[text])]
        by_code = _closest(folded(code), tuple(self._by_code), most=2, cutoff=0.75) if code.strip() else ()
        found += [self._by_code[text].code for text in by_code]
        return tuple(dict.fromkeys(found))[:3]

    def _shown(self, code: str) -> str:
        return f"{code} ({self._exams[code].name})"


@lru_cache(maxsize=1_000)  # a snapshot says every time anew what the one before it said
def _closest(text: str, known: tuple[str, ...], *, most: int, cutoff: float = 0.6) -> tuple[str, ...]:
    """Return what is most like a text among what is known, the most like first."""
    return tuple(difflib.get_close_matches(text, known, n=most, cutoff=cutoff))
