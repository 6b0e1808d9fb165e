"""The addresses of every page, and of what its filters ask for, in a service of which these things are known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from balancer.store.unreported import SORTS


@dataclass(frozen=True, kw_only=True)
class Known:
    """What there is to look at: a reporter, a study, a draft with a preview, by their numbers; nothing if ``None``.

    ``proposed`` is a run whose plan has waited or still waits, with its moves.
    """

    trust: str
    subspecialty: str
    reporter_id: str
    feed: str
    day: str
    study: int | None
    run: int
    proposed: int | None
    draft: int | None
    quarantined: int | None
    exception: int | None
    policies: tuple[int, int] | None


def addresses(known: Known) -> Iterator[str]:
    """Yield the address of each page, and of what its filters ask for."""
    yield from ("/", "/search", "/drafts", "/downtime", "/policy", "/feeds", "/quarantine", "/exceptions", "/runs")
    yield from ("/audit?check=true", "/audit?actor=x&action=y&kind=run&subject=1")
    yield from _studies(known)
    yield from _plans(known)
    yield from _people(known)
    yield from _what_waits_for_somebody(known)


def _studies(known: Known) -> Iterator[str]:
    if known.study is not None:
        yield from (f"/studies/{known.study}", f"/studies/{known.study}/reads/1/why")
    yield from (f"/studies?sort={way}{key}" for key in SORTS for way in ("", "-"))
    yield f"/studies?class=urgent&{_whose(known)}&modality=CT&exam=CTH&reporter={known.reporter_id}"
    yield from (f"/studies?age={age}" for age in ("first", "second", "late", "over"))
    yield from ("/studies?as=csv", "/studies?late=now", "/studies?late=planned", "/studies?within=72")
    yield from ("/studies?within=24&reason=deferred", "/studies?within=24&plan=proposed")
    yield from (f"/studies?state={state}" for state in ("open", "kept", "claimed", "reported"))


def _plans(known: Known) -> Iterator[str]:
    yield from ("/allocation", "/allocation/table", "/allocation/newer", "/allocation/moves", "/allocation/load")
    yield from (f"/allocation/{what}?plan={plan}" for what in ("unallocated", "late") for plan in ("published", ""))
    yield f"/allocation/moves?next_on={known.day}"
    yield f"/allocation/moves?reporter={known.reporter_id}&day={known.day}&way=in"
    yield f"/allocation/moves?reporter={known.reporter_id}&way=out&had=true"
    yield f"/allocation?open={known.reporter_id}&only=late"
    yield from ("/runs?state=held&kind=allocation", f"/runs/{known.run}")
    if known.proposed is not None:
        yield from (f"/runs/{known.proposed}", f"/runs/{known.proposed}/moves")
    if known.draft is not None:
        yield from (f"/drafts/{known.draft}{part}" for part in ("", "/late", "/moves", "/load", "/cost"))


def _people(known: Known) -> Iterator[str]:
    yield from ("/lists", f"/lists/{known.reporter_id}", "/rosters", f"/rosters?{_whose(known)}")
    yield from ("/reporters", f"/reporters?trust={known.trust}&q=a", f"/reporters/{known.reporter_id}")


def _what_waits_for_somebody(known: Known) -> Iterator[str]:
    feed = quote(known.feed)
    yield from (f"/feeds/{feed}", "/quarantine/rows")
    yield f"/quarantine/rows?state=any&batch=1&feed={feed}&reason=unknown_exam"
    yield from (f"/exceptions?trust={known.trust}&kind=not_back", "/exceptions?resolved=true")
    yield "/exceptions?kind=feed_silent"
    if known.quarantined is not None:
        yield f"/quarantine/{known.quarantined}"
    if known.exception is not None:
        yield f"/exceptions/{known.exception}"
    if known.policies is not None:
        earlier, later = known.policies
        yield from (f"/policy/{later}", f"/policy/compare?a={earlier}&b={later}")


def _whose(known: Known) -> str:
    return f"trust={known.trust}&subspecialty={known.subspecialty}"
