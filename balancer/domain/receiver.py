"""Who is told in HL7 v2 whose a study is, and how each wants to hear it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from balancer.domain.letter import Patience


class Part(StrEnum):
    """What a reporter is to a study: reads its images first or second, verifies a report, decides between two."""

    FIRST = "first"
    SECOND = "second"
    VERIFIER = "verifier"
    ARBITER = "arbiter"


class News(StrEnum):
    """What a message tells.

    ``assigned``: somebody has the study, whom nobody had; ``reassigned``: others have it than before; ``unassigned``:
    nobody has it any more. ``opened``: one of them has opened it, or let go of it. ``completed``: all of it is read
    here. ``cancelled``: nobody is to read it any more.
    """

    ASSIGNED = "assigned"
    REASSIGNED = "reassigned"
    UNASSIGNED = "unassigned"
    OPENED = "opened"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


ALWAYS = frozenset({News.ASSIGNED, News.REASSIGNED})
"""What every receiver is told."""

MESSAGES = ("ORM^O01", "OMI^O23")
VERSIONS = ("2.3.1", "2.4", "2.5", "2.5.1")
# OMI^O23 and its IPC segment are there from 2.5 on.
OMI_VERSIONS = ("2.5", "2.5.1")
ACCESSION_FIELDS = ("ORC-2", "ORC-3", "OBR-2", "OBR-3", "OBR-18", "OBR-19", "OBR-20", "OBR-21")
PERSON_FIELDS = ("OBR-32", "OBR-33")
CONTROLS = ("XO", "SC", "XX", "RE", "NW")
# Python's name of an encoding = what MSH-18 says (HL7 table 0211).
CHARSETS = {"utf-8": "UNICODE UTF-8", "iso-8859-1": "8859/1", "ascii": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How a connection is made private. ``authorities``: who vouches for the receiver, else those of the machine."""

    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A system that is told by HL7 v2 over MLLP whose the studies of some trusts are.

    ``places`` says in which field a reporter stands, by what they are to the study; whoever is not in it is not told.
    ``accession`` are the fields that hold the accession number. ``withholds_blind``: while the images are still to be
    read twice, nobody is named, so that neither reader can look up the other there. ``answer_seconds``: how long to
    wait for its acknowledgment.
    """

    name: str
    trusts: tuple[str, ...]
    host: str
    port: int = 2575
    tls: Tls | None = field(default_factory=Tls)
    message: str = "ORM^O01"
    version: str = "2.4"
    charset: str = "utf-8"
    application: str = ""
    facility: str = ""
    from_application: str = "BALANCER"
    from_facility: str = ""
    control: str = "XO"
    accession: tuple[str, ...] = ("ORC-3", "OBR-3")
    accession_authority: str = ""
    patient_authority: str = ""
    places: Mapping[Part, str] = field(
        default_factory=lambda: {
            Part.FIRST: "OBR-32",
            Part.SECOND: "OBR-33",
            Part.VERIFIER: "OBR-33",
            Part.ARBITER: "OBR-33",
        }
    )
    tells: frozenset[News] = ALWAYS | {News.UNASSIGNED, News.OPENED}
    withholds_blind: bool = False
    answer_seconds: float = 10.0
    patience: Patience = field(default_factory=Patience)
