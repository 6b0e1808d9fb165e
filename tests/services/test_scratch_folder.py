"""What is written for a moment does not outlive its process, even one that was killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from balancer.services.scratch_folder import scratch_folder, sweep

_LEAVES_A_FILE = """
from balancer.services.scratch_folder import scratch_folder
with scratch_folder() as folder:
    (folder / "studies.csv").write_text("RVV,M2000456")
    print(folder, flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let temporary folders lie where nobody else's do."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


def test_it_is_for_its_owner_alone_and_gone_afterwards(tmp_path: Path) -> None:
    """Whatever happens in it."""
    with scratch_folder() as folder:
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "studies.csv").write_text("RVV,M2000456")
    with pytest.raises(KeyError), scratch_folder():
        dict[str, str]()["odd"]
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_goes_with_the_next_and_what_is_in_use_stays(tmp_path: Path) -> None:
    """The system lets go of its lock, however it went."""
    child = subprocess.Popen(
        [sys.executable, "-c", _LEAVES_A_FILE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    with child:
        left = Path(child.stdout.readline().strip())
        assert (sweep(), left.exists()) == (0, True)
        child.send_signal(signal.SIGKILL)
    assert (left / "studies.csv").exists()
    with scratch_folder() as ours:
        assert list(tmp_path.iterdir()) == [ours]
        assert sweep() == 0


def test_nothing_of_anybody_elses_is_touched(tmp_path: Path) -> None:
    """A link of that name leads nowhere we go, and a file is no folder."""
    other = tmp_path / "other"
    other.mkdir()
    (tmp_path / "balancer-scratch-link").symlink_to(other)
    (tmp_path / "balancer-scratch-file").write_text("not ours")
    assert sweep() == 0
    assert len(list(tmp_path.iterdir())) == 3
