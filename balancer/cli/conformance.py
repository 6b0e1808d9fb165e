"""``balancer conformance``: the conformance statement, from the tables that the service runs by."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Standard(StrEnum):
    """Of which standard."""

    DICOM = "dicom"
    FHIR = "fhir"


def conformance(
    of: Annotated[Standard, typer.Option(help="Of which standard.")] = Standard.DICOM,
    out: Annotated[Path | None, typer.Option(help="The file to write; standard output without one.")] = None,
) -> None:
    """Write what of a standard is done here."""
    if of is Standard.FHIR:
        from balancer.publish.fhir.conformance import statement
    else:
        from balancer.publish.ups.conformance import statement

    if out is None:
        typer.echo(statement(), nl=False)
    else:
        out.write_text(statement(), encoding="utf-8")
