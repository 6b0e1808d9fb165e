"""How commands end: 0 done, 1 a plan found wanting, 2 bad input with every fault on stderr and nothing written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

import typer

from balancer.domain.errors import Fault, InputRefusedError, InvalidValueError

FOUND_WANTING = 1
BAD_INPUT = 2


@contextmanager
def refusing_bad_input() -> Iterator[None]:
    """Turn refused input, and files that cannot be read or written, into messages on stderr and exit code 2."""
    try:
        yield
    except InputRefusedError as error:
        typer.echo("\n".join(str(fault) for fault in error.faults), err=True)
        count = len(error.faults)
        typer.echo(f"refused: {count} fault{'' if count == 1 else 's'}; nothing was written", err=True)
        raise typer.Exit(BAD_INPUT) from error
    except InvalidValueError as error:
        typer.echo(f"refused: {error}; nothing was written", err=True)
        raise typer.Exit(BAD_INPUT) from error
    except OSError as error:
        typer.echo(f"refused: {error.filename}: {error.strerror}; nothing was written", err=True)
        raise typer.Exit(BAD_INPUT) from error


@contextmanager
def gathering(faults: list[Fault]) -> Iterator[None]:
    """Note the faults of refused input and go on, so that the next input's come out with them."""
    try:
        yield
    except InputRefusedError as error:
        faults.extend(error.faults)


def parse_now(text: str) -> datetime:
    """Return the instant given as ``--now``.

    Raises
    ------
    InvalidValueError
        If it is not ISO 8601 with an offset.
    """
    try:
        now = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidValueError("--now", f"{text!r} is not an ISO 8601 instant") from error
    if now.tzinfo is None:
        raise InvalidValueError("--now", f"{text!r} has no offset from UTC; 08:00 in London is two different instants")
    return now


def warn(warnings: Iterable[str]) -> None:
    """Print warnings to stderr."""
    for warning in warnings:
        typer.echo(f"warning: {warning}", err=True)
