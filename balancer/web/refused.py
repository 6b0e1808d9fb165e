"""What could not be done, in words for whoever asked: who, when, what now; never `An error occurred`."""

from __future__ import annotations

from fastapi import FastAPI, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ExceptionHandler

from balancer.api.problems import NotSignedInError
from balancer.domain.errors import BalancerError, ClaimedError, ConflictError, NotAllowedError, NotFoundError
from balancer.web.templates import render, wants_part

_SEE_OTHER = 303
_STATUS = {NotAllowedError: 403, NotFoundError: 404}
_HEADINGS = {NotAllowedError: "You cannot see this", NotFoundError: "There is no such page"}


class KeptError(ConflictError):
    """Something was not done as it was meant, and is kept all the same."""


def words_for(error: BalancerError, who: str) -> str:
    """Return what to say of something that could not be done; ``who`` is whoever was faster, if anybody was."""
    if isinstance(error, ClaimedError):
        return f"{who} opened it before you: it stays theirs, and nothing was done."
    said = f"{str(error)[:1].upper()}{str(error)[1:]}."
    return said if isinstance(error, KeptError) else f"{said} Nothing was done."


def install(app: FastAPI, pages: tuple[str, ...]) -> None:
    """Ensure that whoever opens a page and may not is told so by a page; what is no page answers as it did."""
    before = app.exception_handlers[BalancerError]

    async def tell(request: Request, error: Exception) -> Response:
        if _is_page(request.url.path, pages) and _is_read_by_people(request):
            if isinstance(error, NotSignedInError):
                return RedirectResponse(f"/sign-in?return_to={request.url.path}", _SEE_OTHER)
            for kind, status in _STATUS.items():
                if isinstance(error, kind):
                    return render("refused.html", status=status, heading=_HEADINGS[kind], said=str(error))
        return await _answer(before, request, error)

    app.add_exception_handler(BalancerError, tell)


def _is_page(path: str, pages: tuple[str, ...]) -> bool:
    """Tell whether an address is that of a page, or of something below it; below `/` itself is everything else."""
    return any(path == page or path.startswith(f"{page}/") for page in pages)


def _is_read_by_people(request: Request) -> bool:
    """Tell whether a browser opens a page: scripts and programs are answered as by the rest of the service."""
    return "text/html" in request.headers.get("accept", "") and not wants_part(request)


async def _answer(handler: ExceptionHandler, request: Request, error: Exception) -> Response:
    found = handler(request, error)  # type: ignore[arg-type]
    return await found if hasattr(found, "__await__") else found  # type: ignore[return-value]
