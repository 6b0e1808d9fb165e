"""``balancer conformance``: the DICOM conformance statement, from the tables that the service runs by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def conformance(
    out: Annotated[Path | None, typer.Option(help="The file to write; standard output without one.")] = None,
) -> None:
    """Write what of DICOM is done here."""
    from balancer.publish.ups.conformance import statement

    if out is None:
        typer.echo(statement(), nl=False)
    else:
        out.write_text(statement(), encoding="utf-8")
