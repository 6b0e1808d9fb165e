"""What chance has to act with: who and what there is, found by asking, and what has been touched before."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tests.random_acts.asking import OPERATOR, Everybody

_WHY = "chance would have it"
# Acts that meet are what finds faults: most are about what was acted on before.
_TOUCHED_AGAIN = 0.6
_STAGED = 0.4
_LOOKED_AT = 100


class NothingThereError(Exception):
    """There is nothing to do this to just now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A read that something is done with: its study as the API shows it, its number, whose it is, if anybody's."""

    study: dict[str, Any]
    read_id: int
    reporter_id: str | None

    @property
    def key(self) -> dict[str, Any]:
        """What names the study."""
        return {name: self.study[name] for name in ("trust", "accession_number")}


@dataclass(slots=True)
class Hands:
    """Whoever acts at random: all draws are of one ``chance``, in the order of the acts."""

    everybody: Everybody
    chance: Random
    reporters: list[str]
    trusts: list[str]
    begins: datetime
    touched: dict[tuple[str, str], None] = field(default_factory=dict)
    drafts: list[int] = field(default_factory=list)

    # --- who and what ------------------------------------------------------------------------------------------------

    def anybody(self) -> str:
        """Return a reporter."""
        return self.chance.choice(self.reporters)

    def read(self) -> Chosen:
        """Return a read, more often than not of a study that has been touched before.

        Raises
        ------
        NothingThereError
            If the study that was drawn is no longer there.
        """
        again = bool(self.touched) and self.chance.random() < _TOUCHED_AGAIN
        study = self._touched_study() if again else self._any_study()
        read = self.chance.choice(study["reads"])
        self.touched[study["trust"], study["accession_number"]] = None
        return Chosen(study=study, read_id=read["read_id"], reporter_id=read.get("reporter_id"))

    def one_of(self, path: str, **query: Any) -> dict[str, Any]:
        """Return something that is listed there.

        Raises
        ------
        NothingThereError
            If nothing is.
        """
        return self._one(self.everybody.items(path, **query))

    def draft(self) -> int:
        """Return one of the drafts that were begun, a late one rather than an early one.

        Raises
        ------
        NothingThereError
            If none was.
        """
        if not self.drafts:
            raise NothingThereError
        return self.chance.choice(self.drafts[-4:])

    def instant(self) -> str:
        """Return a whole hour within three days."""
        return (self.begins + timedelta(hours=self.chance.randint(1, 72))).isoformat()

    # --- what is done ------------------------------------------------------------------------------------------------

    def decide(self, path: str, *, at: str, may_be_staged: bool = True, **content: Any) -> Any:
        """Decide as a manager does, now and then in a draft; ``at`` is the trust that it is about."""
        staged = {"draft_id": self.draft()} if may_be_staged and self.drafts and self.chance.random() < _STAGED else {}
        return self.post(path, who=self._manager(at), reason=_WHY, **content, **staged)

    def report(self, path: str, reporter_id: str, **content: Any) -> Any:
        """Say something of a reporter's work: the reporter says it, or somebody who may say it of all."""
        who = f"reporter:{reporter_id}" if self.chance.random() < 0.7 else OPERATOR
        return self.post(path, who=who, reporter_id=reporter_id, **content)

    def post(self, path: str, *, who: str = OPERATOR, **content: Any) -> Any:
        """Do something that may be refused, and return what is answered."""
        answer = self.everybody.ask("POST", path, content, who=who)
        return answer.json() if answer.status_code < 300 and answer.content else None

    # -----------------------------------------------------------------------------------------------------------------

    def _manager(self, trust: str) -> str:
        return OPERATOR if self.chance.random() < 0.8 else f"manager@{trust}"

    def _touched_study(self) -> dict[str, Any]:
        trust, number = self.chance.choice(list(self.touched))
        wanted = {"trust": trust, "accession_number": number}
        found = self.everybody.ask("POST", "/studies/search", wanted)
        return self._one(found.json()["items"] if found.status_code == 200 else [])

    def _any_study(self) -> dict[str, Any]:
        ways: list[dict[str, Any]] = [{"trust": self.chance.choice(self.trusts)}, {"sort": "-due_at"}]
        ways += [{"priority": code} for code in ("emergency", "urgent", "screening")]
        return self._one(self.everybody.items("/studies", limit=_LOOKED_AT, **self.chance.choice(ways)))

    def _one(self, found: list[dict[str, Any]]) -> dict[str, Any]:
        if not found:
            raise NothingThereError
        return self.chance.choice(found)
