"""The network's standing data: trusts and the catalogue of examinations."""

from __future__ import annotations

from dataclasses import dataclass

from balancer.domain.errors import InvalidValueError
from balancer.domain.pacs_link import PacsLink


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """An NHS trust, known by its ODS code; ``pacs_link`` opens a study in its PACS, if there is a way."""

    code: str
    name: str
    pacs_link: PacsLink | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """One entry of the catalogue: what is imaged, who could report it and how long a report is expected to take.

    ``minutes`` per read at speed 1; ``modality`` a DICOM code; ``reads`` how many different reporters must read it.
    """

    code: str
    name: str
    modality: str
    body_region: str
    subspecialty: str
    minutes: float
    reads: int = 1

    def __post_init__(self) -> None:
        if self.minutes <= 0:
            raise InvalidValueError("minutes", f"{self.minutes:g} is not above 0")
        if self.reads < 1:
            raise InvalidValueError("reads", f"{self.reads} is less than 1")
