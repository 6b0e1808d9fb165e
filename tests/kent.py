"""The Kent network on its own: the sample's standing data and descriptions, with files that a test drops itself."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from balancer.ingest.feed_file import FeedDescription
from balancer.ingest.network_folder import NetworkFolder, read_network

SAMPLE = Path(__file__).parents[1] / "data" / "kent"
KEY = b"a key for tests"
HEADER = (
    "Accession,NHS No,Hospital No,Exam Code,Exam Name,Priority,Exam Date,"
    "Patient Type,Site,Images Complete,First Reader,Previous Reporter"
)


def kent(folder: Path) -> Path:
    """Return a copy of the sample's network in ``folder``, to which nothing has been delivered yet."""
    copy = folder / "kent"
    shutil.copytree(SAMPLE, copy, ignore=shutil.ignore_patterns("extracts", "rotas"))
    for trust in ("RVV", "RWF", "RPA"):
        (copy / "extracts" / trust).mkdir(parents=True)
        (copy / "rotas" / trust).mkdir(parents=True)
    return copy


def row(accession_number: str, *, exam: str = "CSKUH", priority: str = "5", acquired: str = "02/03/2026 06:30") -> str:
    """Return a line of East Kent's extract: an urgent CT head of this morning."""
    patient = f"EK{accession_number}"
    return f"{accession_number},,{patient},{exam},,{priority},{acquired},Outpatient,William Harvey Hospital,,,"


def content(rows: Iterable[str]) -> bytes:
    """Return an extract of East Kent."""
    return "".join(f"{line}\n" for line in [HEADER, *rows]).encode()


def mend(folder: Path, old: str, new: str) -> NetworkFolder:
    """Change East Kent's feed description and return the network as it is described then."""
    description = folder / "feeds" / "RVV.toml"
    text = description.read_text(encoding="utf-8")
    assert old in text
    description.write_text(text.replace(old, new), encoding="utf-8")
    return read_network(folder)


def east_kent(network: NetworkFolder) -> FeedDescription:
    """Return East Kent's feed."""
    return next(feed for feed in network.feeds if feed.trust == "RVV")
