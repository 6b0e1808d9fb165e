"""What is asked for again and again by everybody there is: a reporter's list, a trust's changes.

The framework works out every parameter of a route with each request, and an answer that nothing is new is little more
than that. So these routes take all they need as one, and what is only needed for news is made when there is some.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import BackgroundTasks, Depends, Request

from balancer.api.callers import ask_again, caller_of, reach_of
from balancer.api.looks import Look, look_of
from balancer.api.serving import Serving, serving_of, watch_of
from balancer.api.watch import Marks, Watch
from balancer.domain.actor import Reach


@dataclass(frozen=True, slots=True)
class Poll:
    """A request of somebody who asks again and again, and what there is to answer it with."""

    request: Request
    watch: Watch
    look: Look

    @property
    def reach(self) -> Reach:
        """How far the caller reaches: by now, if they have waited."""
        return reach_of(self.request)

    def served(self) -> Serving:
        """Return what there is to serve from, as far as the caller reaches."""
        return serving_of(self.request)

    async def until(self, happened: Callable[[Marks], bool], seconds: float) -> Marks:
        """Return the marks as ``Watch.until`` does, for this caller; whoever has gone is not waited for.

        Whoever has waited is asked again who they are, and may reach less far than before.

        Raises
        ------
        NotSignedInError, NotAllowedError
            If their key or session has ended meanwhile, or their leave.
        """
        who = caller_of(self.request).subject
        marks = await self.watch.until(happened, seconds, who=who, gone=self.request.is_disconnected)
        if seconds > 0:
            await ask_again(self.request)
        return marks


async def _polled(request: Request, after: BackgroundTasks) -> Poll:
    return Poll(request, watch_of(request), look_of(request, after))


Polled = Annotated[Poll, Depends(_polled)]
