"""receivers.toml: every fault at once with its line, and nothing in it that is read by nobody."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from balancer.domain.errors import Fault, InputRefusedError
from balancer.domain.receiver import Part, Receiver, Tls
from balancer.ingest.network_checks import Known, check_receivers
from balancer.ingest.receivers_file import read_receivers

EXAMPLE = Path(__file__).parents[2] / "docs" / "how-to" / "receivers.toml"
LEAST = '[[receivers]]\nname = "RIS"\ntrusts = "RVV"\nhost = "ris.example"\n'


def write(folder: Path, content: str) -> Path:
    """Write the file, and a certificate beside it."""
    (folder / "receivers.toml").write_text(content, encoding="utf-8")
    (folder / "ours.pem").touch()
    return folder


def faults(folder: Path, content: str) -> list[str]:
    """Return what is wrong with a file."""
    with pytest.raises(InputRefusedError) as refusal:
        read_receivers(write(folder, content))
    return [str(fault) for fault in refusal.value.faults]


def test_the_example_in_the_documentation_says_what_holds_if_nothing_is_said() -> None:
    """But for the names of the RIS."""
    (found,) = read_receivers(EXAMPLE.parent)
    least = Receiver(name="RVV RIS", trusts=("RVV",), host="ris.rvv.example")
    assert found == replace(least, application="CRIS", facility="RVV", accession_authority="CRIS")


def test_a_network_without_the_file_tells_nobody(tmp_path: Path) -> None:
    """That is no fault."""
    assert read_receivers(tmp_path) == ()


def test_a_connection_is_private_unless_it_is_said_that_it_is_not(tmp_path: Path) -> None:
    """The files of certificates lie beside."""
    assert read_receivers(write(tmp_path, LEAST))[0].tls == Tls()
    assert read_receivers(write(tmp_path, f"{LEAST}tls = false\n"))[0].tls is None
    (found,) = read_receivers(write(tmp_path, f'{LEAST}tls_certificate = "ours.pem"\n'))
    assert found.tls == Tls(certificate=tmp_path / "ours.pem")


def test_a_part_may_be_told_nowhere(tmp_path: Path) -> None:
    """The RIS is then not told who verifies."""
    (found,) = read_receivers(write(tmp_path, f'{LEAST}verifier = "none"\n'))
    assert Part.VERIFIER not in found.places
    assert found.places[Part.FIRST] == "OBR-32"


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ('first = "OBR-34"', "receivers.toml:5: receivers[1].first"),
        ('accession = ["OBR-34"]', "receivers.toml:5: receivers[1].accession"),
        ('tells = ["everything"]', "receivers.toml:5: receivers[1].tells"),
        ('message = "ADT^A08"', "receivers.toml:5: receivers[1].message"),
        ('message = "OMI^O23"\nversion = "2.4"', "receivers.toml:6: receivers[1].version"),
        ("port = 70000", "receivers.toml:5: receivers[1].port"),
        ('tls_authorities = "nowhere.pem"', "receivers.toml:5: receivers[1].tls_authorities"),
        ('tls_key = "ours.pem"', "receivers.toml:5: receivers[1].tls_key"),
        ('tls = false\ntls_certificate = "ours.pem"', "receivers.toml:6: receivers[1].tls_certificate"),
        ("frist = 1", "receivers.toml: ignored unknown keys: 'receivers[1].frist' (did you mean 'first'?)"),
        (LEAST, "receivers.toml:6: receivers[2].name"),
    ],
)
def test_a_fault_is_told_with_file_line_and_field(tmp_path: Path, said: str, at: str) -> None:
    """OBR-34, the radiographer, is no choice."""
    assert [fault for fault in faults(tmp_path, f"{LEAST}{said}\n") if at in fault] != []


def test_every_fault_is_told(tmp_path: Path) -> None:
    """With the first line first."""
    assert [fault.split(": ")[1] for fault in faults(tmp_path, "[[receivers]]\nport = 0\n")] == [
        "receivers[1].name", "receivers[1].trusts", "receivers[1].host", "receivers[1].port",
    ]  # fmt: skip


def test_a_trust_that_nobody_defines_is_a_fault_of_the_network() -> None:
    """Its studies would never be told of."""
    found: list[Fault] = []
    known = Known(trusts=["RVV"], exams=None, priorities=None, faults=found)
    check_receivers([Receiver(name="RIS", trusts=("RVV", "RVW"), host="ris.example")], known)
    assert [str(fault) for fault in found] == [
        "receivers.toml: receivers[1].trusts: 'RVW' is not a trust of trusts.csv (did you mean 'RVV'?)"
    ]
