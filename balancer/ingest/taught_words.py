"""Feeds as they are read once people have said what some of their words mean, beside the feeds' own descriptions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from balancer.domain.errors import InvalidValueError
from balancer.domain.feed_word import FeedWord, WordKind
from balancer.ingest.feed_file import FeedDescription
from balancer.ingest.fold import folded, folded_name
from balancer.ingest.network_folder import NetworkFolder


def taught(feed: FeedDescription, words: Iterable[FeedWord], network: NetworkFolder) -> FeedDescription:
    """Return a feed's description with ``words`` laid over it.

    What a person has said goes before the file. A word whose meaning the network no longer has is left out: its rows
    are quarantined again, and nothing is taken for what it is not.
    """
    tables: dict[WordKind, dict[str, str]] = {kind: {} for kind in WordKind}
    for word in words:
        if word.feed == feed.name and is_known(word, network):
            tables[word.kind][key_of(word.kind, word.word, feed)] = word.meaning
    exam = replace(
        feed.exam,
        codes=_over(feed.exam.codes, tables[WordKind.EXAM_CODE]),
        names=_over(feed.exam.names, tables[WordKind.EXAM_NAME]),
    )
    return replace(
        feed,
        exam=exam,
        priorities=_over(feed.priorities, tables[WordKind.PRIORITY]),
        sites=_over(feed.sites, tables[WordKind.SITE]),
    )


def is_known(word: FeedWord, network: NetworkFolder) -> bool:
    """Tell whether the network has what a word is said to mean; a site is whatever the trust calls it."""
    if word.kind is WordKind.PRIORITY:
        return any(item.code == word.meaning for item in network.policy.priorities)
    if word.kind is WordKind.SITE:
        return True
    return any(exam.code == word.meaning for exam in network.examinations)


def key_of(kind: WordKind, word: str, feed: FeedDescription) -> str:
    """Return what a word is kept by: capitals and blanks do not count, nor a site before an examination's name."""
    if kind is not WordKind.EXAM_NAME:
        return folded(word)
    bare = folded(word)
    prefix = next((text for text in feed.exam.site_prefixes if bare.startswith(text)), "")
    return folded_name(bare[len(prefix) :])


def word_of(feed: FeedDescription, reason_column: str, raw: Mapping[str, str]) -> tuple[WordKind, str] | None:
    """Return which word of a row its fault is about, if it is one that can be said the meaning of.

    An examination is named by its code if the row has one: the same name may stand for several codes.
    """
    headings = {word: names[0] for word, names in feed.columns.items() if len(names) == 1}
    if reason_column in {headings.get("exam"), headings.get("exam_name")} - {None}:
        code, name = (raw.get(headings.get(word, ""), "").strip() for word in ("exam", "exam_name"))
        if code:
            return WordKind.EXAM_CODE, code
        return (WordKind.EXAM_NAME, name) if name else None
    for word, kind in (("priority", WordKind.PRIORITY), ("site", WordKind.SITE)):
        cell = raw.get(headings.get(word, ""), "").strip()
        if reason_column == headings.get(word) and cell:
            return kind, cell
    return None


def require_known(word: FeedWord, network: NetworkFolder) -> None:
    """Ensure that the network has what a word is said to mean; ``InvalidValueError`` if it does not."""
    if not is_known(word, network):
        where = "policy" if word.kind is WordKind.PRIORITY else "catalogue"
        raise InvalidValueError("meaning", f"{word.meaning!r} is not in the {where}")


def _over(described: Mapping[str, str], said: Mapping[str, str]) -> Mapping[str, str]:
    return {**described, **said} if said else described
