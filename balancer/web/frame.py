"""What stands around every page: the sections somebody may open, and how old what they see is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from balancer.api.doors import OPERATOR
from balancer.domain.actor import Actor
from balancer.domain.errors import NotFoundError
from balancer.domain.instant import LONDON
from balancer.domain.permission import Permission, Role
from balancer.store import runs, sources
from balancer.store.database import Database, Session
from balancer.store.policies import current_policy_row
from balancer.web.run_quality import within_words
from balancer.web.sections import Section, sections_of
from balancer.web.time_left import at_words, span
from balancer.web.to_do import ToDo

_ROLE_WORDS: Final = {
    Role.MANAGER: "Reporting manager",
    Role.REPORTER: "Reporter",
    Role.REFERRER: "Referrer",
    Role.ADMINISTRATOR: "Administrator",
    Role.AUDITOR: "Auditor",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """One thing the status strip says; ``silent`` draws it as a source that has not been heard when it should have."""

    words: str
    silent: bool = False
    more: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a page needs around it.

    ``is_signed_in``: they have a sign-in to end; the operator of this machine has none. ``searches``: whether whoever
    looks may look for studies. ``to_do``: what waits for them, by section's address.
    """

    title: str
    who: str
    role: str
    is_signed_in: bool
    now: datetime
    clock: str
    sections: Sequence[Section]
    here: str
    searches: bool
    to_do: Mapping[str, ToDo]
    strip: Sequence[Sign]
    policy: str


def frame(  # noqa: PLR0913 - who sees which page, when
    db: Database,
    caller: Actor,
    now: datetime,
    *,
    title: str,
    here: str,
    strip: Sequence[Sign] = (),
    waits: Mapping[str, ToDo] | None = None,
) -> Frame:
    """Return what stands around a page.

    ``here`` is the address of its section, ``strip`` what it says beside, ``waits`` what whoever looks has to do.
    """
    local = now.astimezone(LONDON)
    with db.session() as session:
        policy = _policy(session)
        signs = [*strip, *_run_sign(session, caller, now), *_feed_signs(session, caller, now)]
    return Frame(
        title=title,
        who=caller.name,
        role=_role(caller),
        is_signed_in=caller.subject != OPERATOR.subject,
        now=now,
        clock=f"{local:%a} {local.day} {local:%B}, {local:%H:%M}",
        sections=sections_of(caller),
        here=here,
        searches=bool(caller.reach(Permission.STUDIES_READ).trusts),
        to_do=waits or {},
        strip=signs,
        policy=policy,
    )


def _policy(session: Session) -> str:
    """Say by which policy plans are made, if one has been loaded yet."""
    try:
        row = current_policy_row(session)
    except NotFoundError:
        return "No policy is loaded yet"
    return f"Policy version {row.id}, owner: {row.owner}"


def _role(caller: Actor) -> str:
    roles = [_ROLE_WORDS[role] for role in Role if role in caller.roles]
    at = ", ".join(sorted(caller.trusts - {"*"}))
    return f"{roles[0] if roles else 'Signed in'}, {at or 'every trust'}"


def _run_sign(session: Session, caller: Actor, now: datetime) -> list[Sign]:
    """Say how good the plan in force is known to be, to whoever may see runs."""
    if not caller.may(Permission.RUNS_READ):
        return []
    run = runs.current_run(session)
    if run is None:
        return [Sign(words="No plan has been published yet", silent=True)]
    # a run that was ended early has proven nothing: then there is nothing to say
    proven = within_words(run.gap)
    return [Sign(words=f"Last run {at_words(run.now, now)}{': ' if proven else ''}{proven}")]


def _feed_signs(session: Session, caller: Actor, now: datetime) -> list[Sign]:
    """Say of each feed how long ago it was heard, to whoever may see feeds."""
    if not caller.may(Permission.FEEDS_READ):
        return []
    found = sources.feeds(session, now)
    of_trust = Counter(status.trust for status in found)
    # a trust's only feed is said by its trust: the strip is one line on a desk
    return [_feed_sign(status, status.trust if of_trust[status.trust] == 1 else status.name, now) for status in found]


def _feed_sign(status: sources.FeedStatus, name: str, now: datetime) -> Sign:
    made = status.last_extracted_at
    if made is None:
        return Sign(words=f"{name} never heard", silent=True)
    age = span(max(now - made, timedelta()))
    if status.stale:
        on_it = f", {status.owner} is on it" if status.is_taken else ""
        more = f"expected every {status.refresh_minutes:g} min{on_it}"
        return Sign(words=f"{name} silent {age}", silent=True, more=more)
    return Sign(words=f"{name} {age} ago")
