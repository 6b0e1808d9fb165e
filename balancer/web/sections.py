"""The sections of the pages: what each is called, where it begins, which key goes to it and who may open it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from balancer.domain.actor import Actor
from balancer.domain.permission import Permission


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section; ``key`` after ``g`` goes there, ``needs`` are what its visitors must hold somewhere, all of it.

    ``everywhere``: they must hold it at every trust, for what it shows is no trust's alone.
    """

    name: str
    address: str
    key: str
    needs: tuple[Permission, ...]
    everywhere: bool = False

    def is_for(self, caller: Actor) -> bool:
        """Tell whether somebody may open it; what reporters may do with their own reads opens no section but theirs."""
        if self.address == "/my-list":
            return caller.reporter_id is not None and caller.may(Permission.READS_WORK)
        reaches = [caller.reach(permission) for permission in self.needs]
        return all(reach.is_everywhere if self.everywhere else reach.trusts for reach in reaches)


# In the order in which they stand in the header. A section is entered here when its page can be opened.
SECTIONS: Final = (
    Section(name="Overview", address="/", key="o", needs=(Permission.BALANCE_READ,)),
    Section(name="My list", address="/my-list", key="m", needs=(Permission.READS_WORK,)),
    Section(
        name="Allocation",
        address="/allocation",
        key="a",
        needs=(Permission.WORKLISTS_READ, Permission.STUDIES_READ, Permission.REPORTERS_READ, Permission.RUNS_READ),
    ),
    Section(name="Studies", address="/studies", key="s", needs=(Permission.STUDIES_READ,)),
    Section(name="Drafts", address="/drafts", key="t", needs=(Permission.READS_STEER,)),
    Section(name="Rosters", address="/rosters", key="r", needs=(Permission.REPORTERS_READ,)),
    Section(name="Feeds", address="/feeds", key="f", needs=(Permission.FEEDS_READ,)),
    Section(name="Worklists", address="/lists", key="w", needs=(Permission.WORKLISTS_READ,)),
    Section(name="Policy", address="/policy", key="p", needs=(Permission.POLICIES_READ,)),
    Section(name="Runs", address="/runs", key="n", needs=(Permission.RUNS_READ,)),
    Section(name="Audit", address="/audit", key="u", needs=(Permission.AUDIT_READ,), everywhere=True),
)
# The description of the API: for whoever is signed in.
API: Final = Section(name="API", address="/docs", key="d", needs=())


def sections_of(caller: Actor) -> list[Section]:
    """Return the sections that somebody may open."""
    return [section for section in (*SECTIONS, API) if section.is_for(caller)]
