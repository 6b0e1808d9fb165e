from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest

from tests.flows.running import balancer, environment
from tests.kent import SAMPLE


def test_a_network_folder_with_faults_is_refused_with_all_of_them(tmp_path: Path) -> None:
    """Exit code 2, every fault of every file, and no database."""
    network = Path(shutil.copytree(SAMPLE, tmp_path / "kent"))
    (network / "policy.toml").write_text("[horizon]\nhours = -1\n", encoding="utf-8")
    (network / "trusts.csv").write_text("trust,name\nRVV,East\nRVV,East\n", encoding="utf-8")
    done = balancer("serve", "--network", str(network), "--port", "0", env=environment(tmp_path))
    assert done.returncode == 2
    assert "policy.toml" in done.stderr
    assert "trusts.csv" in done.stderr
    assert "nothing was written" in done.stderr
    assert not (tmp_path / "balancer.sqlite").exists()


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """By its name."""
    done = balancer("serve", "--network", str(tmp_path / "nowhere"), env=environment(tmp_path))
    assert (done.returncode, "nowhere" in done.stderr) == (2, True)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])  # noqa: S104 - what is refused
def test_nobody_beyond_this_machine_is_served_by_accident(tmp_path: Path, host: str) -> None:
    """With the local sign-in whoever serves others says so in as many words."""
    done = balancer("serve", "--network", str(SAMPLE), "--host", host, env=environment(tmp_path))
    assert done.returncode == 2
    assert "BALANCER_ALLOW_UNAUTHENTICATED" in done.stderr
    assert not (tmp_path / "balancer.sqlite").exists()


def test_a_service_without_a_way_to_sign_in_is_refused(tmp_path: Path) -> None:
    """Nobody need ask for that: it is so unless the local sign-in is chosen, which the refusal names."""
    env = environment(tmp_path, BALANCER_SHIFT_TO_PRESENT="0")
    done = balancer("serve", "--network", str(SAMPLE), "--port", "0", "--sign-in", "oidc", env=env)
    assert done.returncode == 2
    assert "BALANCER_OIDC_ISSUER" in done.stderr
    assert "BALANCER_SIGN_IN=local" in done.stderr
    assert not (tmp_path / "balancer.sqlite").exists()


def test_a_second_service_on_the_same_port_touches_nothing(tmp_path: Path) -> None:
    """It says what to do instead."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = balancer("serve", "--network", str(SAMPLE), "--port", port, env=environment(tmp_path))
    assert done.returncode == 2
    assert "--port" in done.stderr
    assert not (tmp_path / "balancer.sqlite").exists()


def test_a_database_that_does_not_answer_is_named(tmp_path: Path) -> None:
    """By the setting that leads to it; its password is not repeated."""
    url = f"postgresql://someone:secret@/balancer?host={tmp_path}"
    env = environment(tmp_path, BALANCER_DATABASE_URL=url, BALANCER_PSEUDONYM_KEY="k" * 20)
    done = balancer("serve", "--network", str(SAMPLE), "--port", "0", env=env)
    assert done.returncode == 2
    assert "BALANCER_DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr
    assert "secret" not in done.stderr


def test_a_database_of_another_kind_is_refused(tmp_path: Path) -> None:
    """SQLite and PostgreSQL are what there is."""
    env = environment(tmp_path, BALANCER_DATABASE_URL="mysql://somewhere/balancer")
    done = balancer("serve", "--network", str(SAMPLE), "--port", "0", env=env)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
