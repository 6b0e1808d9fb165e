"""What every page of a manager's is made from: who asks, how far they reach, what there is, and the frame around it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from balancer.api.callers import Caller, Reaching
from balancer.api.looks import Look, Looking
from balancer.api.serving import Served, Serving
from balancer.domain.actor import Actor, Reach
from balancer.domain.errors import ClaimedError, ConflictError, InvalidValueError, NotAllowedError
from balancer.domain.permission import MEANING, Permission
from balancer.store import people
from balancer.store.database import Database
from balancer.web.frame import frame
from balancer.web.refused import words_for
from balancer.web.templates import render, wants_part
from balancer.web.to_do import to_do

Done = TypeVar("Done")
_SEE_OTHER: Final = 303
_CONFLICT: Final = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One request of somebody's; ``now`` is one instant for the whole of it, ``look`` enters what they are shown."""

    request: Request
    served: Serving
    caller: Actor
    reach: Reach
    look: Look
    now: datetime

    @property
    def database(self) -> Database:
        """The database within the caller's reach."""
        return self.served.database

    @property
    def wants_part(self) -> bool:
        """Whether the answer goes into a page that is open already."""
        return wants_part(self.request)

    def may(self, permission: Permission) -> bool:
        """Tell whether the caller may do something somewhere: what they may not do is not shown to them."""
        return bool(self.caller.reach(permission).trusts)

    def within(self, permission: Permission) -> Database:
        """Return the database as far as one permission of the caller's reaches, where a route is for several.

        Raises
        ------
        NotAllowedError
            If they do not hold it anywhere.
        """
        if not self.caller.may(permission):
            raise NotAllowedError(f"this needs leave to {MEANING[permission]}")
        whole: Database = self.request.app.state.serving.database
        return whole.within(self.caller.reach(permission).at(self.now))

    def page(self, template: str, *, title: str, here: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Return a page with its frame; ``here`` is the address of its section, ``now`` and ``desk`` are given too."""
        waits = to_do(self.caller, self.within)
        around = frame(self.served.database, self.caller, self.now, title=title, here=here, waits=waits)
        return render(template, status=status, frame=around, now=self.now, desk=self, **values)

    def part(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """Return what goes into a page that is open already."""
        return render(template, status=status, now=self.now, desk=self, **values)

    def after(
        self,
        act: Callable[[], Done],
        *,
        then: Callable[[Done], str],
        refused: Callable[[str, int], Response],
    ) -> Response:
        """Do something, and go to where ``then`` says; what could not be done is said by ``refused(words, status)``.

        A form is answered with a redirection (303), so that going back or loading again does nothing twice; htmx is
        told by a header of its own to go there.
        """
        try:
            done = act()
        except (ConflictError, InvalidValueError) as error:
            return refused(self.words(error), _CONFLICT if isinstance(error, ConflictError) else 422)
        if self.wants_part:
            return Response(status_code=200, headers={"HX-Redirect": then(done)})
        return RedirectResponse(then(done), _SEE_OTHER)

    def words(self, error: ConflictError | InvalidValueError | ClaimedError) -> str:
        """Return what to say of something that could not be done."""
        if not isinstance(error, ClaimedError):
            return words_for(error, "")
        with self.served.database.session() as session:
            return words_for(error, people.name_of(session, error.reporter_id))


def _desk(request: Request, served: Served, caller: Caller, reach: Reaching, look: Looking) -> Desk:
    return Desk(request=request, served=served, caller=caller, reach=reach, look=look, now=served.clock.now())


# What a route of the pages asks for; who may come is declared beside the route as for any other.
AtDesk = Annotated[Desk, Depends(_desk)]
