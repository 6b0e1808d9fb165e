"""Settings come from the environment, the command line wins, and nonsense is refused by name."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine

from balancer.bootstrap import build_dimse, service_clock
from balancer.config import Settings, client_secret, pseudonym_key, read_settings, require_sign_in
from balancer.domain.errors import InputRefusedError

KEY = "sixteen bytes at least"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"BALANCER_{name.upper()}", raising=False)


def _refused(**given: object) -> list[str]:
    with pytest.raises(InputRefusedError) as refusal:
        read_settings(**given)
    return [str(fault.column) for fault in refusal.value.faults]


def test_the_command_line_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not given there comes from the environment, what is in neither has a default."""
    monkeypatch.setenv("BALANCER_PORT", "8001")
    monkeypatch.setenv("BALANCER_NETWORK", "elsewhere")
    found = read_settings(port=8002, network=None)
    assert (found.port, found.network, found.host) == (8002, Path("elsewhere"), "127.0.0.1")


def test_every_setting_that_makes_no_sense_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its variable, all of them at once."""
    monkeypatch.setenv("BALANCER_PORT", "many")
    monkeypatch.setenv("BALANCER_ALLOCATE_SECONDS", "-1")
    monkeypatch.setenv("BALANCER_PSEUDONYM_KEY", "short")
    assert sorted(_refused()) == ["BALANCER_ALLOCATE_SECONDS", "BALANCER_PORT", "BALANCER_PSEUDONYM_KEY"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machine_may_be_served(host: str) -> None:
    """Whoever is on it is there already."""
    assert read_settings(host=host).is_local


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "192.0.2.7"])  # noqa: S104 - what is refused
def test_others_are_served_only_if_that_is_said_in_as_many_words(host: str) -> None:
    """Or if people sign in."""
    assert _refused(host=host) == ["BALANCER_HOST"]
    assert _refused(host=host, sign_in="local", oidc_issuer="https://id.example") == ["BALANCER_HOST"]
    assert not read_settings(host=host, allow_unauthenticated=True).is_local
    assert not read_settings(host=host, oidc_issuer="https://id.example").is_local


def _lacking(**given: object) -> list[str]:
    with pytest.raises(InputRefusedError) as refusal:
        require_sign_in(read_settings(**given))
    return [str(fault.column) for fault in refusal.value.faults]


CONFIGURED = {
    "oidc_issuer": "https://id.example",
    "oidc_client_id": "balancer",
    "oidc_client_secret": "secret",
    "public_url": "https://balancer.example",
    "access": Path("access.toml"),
}


def test_a_service_that_nobody_has_configured_serves_nobody() -> None:
    """Production is what there is unless somebody says local; all that is missing is named."""
    assert _lacking() == [
        "BALANCER_OIDC_ISSUER",
        "BALANCER_OIDC_CLIENT_ID",
        "BALANCER_ACCESS",
        "BALANCER_PUBLIC_URL",
        "BALANCER_OIDC_CLIENT_SECRET",
    ]
    require_sign_in(read_settings(**CONFIGURED))
    require_sign_in(read_settings(sign_in="local"))


@pytest.mark.parametrize("name", CONFIGURED)
def test_a_service_that_is_half_configured_serves_nobody(name: str) -> None:
    """Each setting is needed."""
    assert _lacking(**{**CONFIGURED, name: None}) == [f"BALANCER_{name.upper()}"]


def test_what_is_for_trying_out_does_not_go_with_people_who_sign_in() -> None:
    """Nor the other way round: which is meant would be a guess."""
    assert _lacking(**CONFIGURED, allow_unauthenticated=True) == ["BALANCER_ALLOW_UNAUTHENTICATED"]
    assert _lacking(**CONFIGURED, shift_to_present=True) == ["BALANCER_SHIFT_TO_PRESENT"]
    assert _lacking(**CONFIGURED, oidc_client_key=Path("key.pem")) == ["BALANCER_OIDC_CLIENT_SECRET"]


@pytest.mark.parametrize(("name", "value"), [*CONFIGURED.items(), ("oidc_client_key", Path("key.pem"))])
def test_the_local_sign_in_does_not_go_with_anything_of_production(name: str, value: object) -> None:
    """Whoever has given the service an address for others, or a provider, does not mean it to ask for no password."""
    assert _lacking(sign_in="local", **{name: value}) == [f"BALANCER_{name.upper()}"]


@pytest.mark.parametrize("name", ["oidc_issuer", "public_url"])
@pytest.mark.parametrize("address", ["http://id.example", "id.example", "ftp://id.example", "http://10.1.2.3"])
def test_people_sign_in_over_https(name: str, address: str) -> None:
    """Unless both ends are on this machine."""
    assert _lacking(**{**CONFIGURED, name: address}) == [f"BALANCER_{name.upper()}"]
    require_sign_in(read_settings(**{**CONFIGURED, name: "http://127.0.0.1:8000"}))


def test_the_secret_for_the_provider_is_not_shown(tmp_path: Path) -> None:
    """Nor is what is in its place guessed."""
    settings = read_settings(**CONFIGURED)
    assert "secret'" not in repr(settings).replace("client_secret", "")
    assert client_secret(settings) == "secret"
    missing = read_settings(**{**CONFIGURED, "oidc_client_secret": None}, oidc_client_key=tmp_path / "key.pem")
    with pytest.raises(InputRefusedError, match="BALANCER_OIDC_CLIENT_KEY"):
        client_secret(missing)


def test_a_host_is_an_address() -> None:
    """A name may mean any address tomorrow."""
    assert _refused(host="balancer.example") == ["BALANCER_HOST"]


def test_a_solve_leaves_a_core_to_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are several."""
    for cores, workers in ((8, 7), (2, 1), (1, 1), (None, 1)):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        assert read_settings().workers == workers
    assert read_settings(allocate_workers=5).workers == 5


def test_a_pseudonym_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    """Beside the database, not in it; the same ever after, or one person would become two."""
    settings = read_settings(database_url=f"sqlite:///{tmp_path / 'var' / 'balancer.sqlite'}")
    first = pseudonym_key(settings)
    assert len(first) >= 32
    assert pseudonym_key(settings) == first
    (file,) = (tmp_path / "var").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_key_that_is_set_is_used_and_not_shown(tmp_path: Path) -> None:
    """Nor is another made."""
    settings = read_settings(database_url=f"sqlite:///{tmp_path / 'balancer.sqlite'}", pseudonym_key=KEY)
    assert pseudonym_key(settings) == KEY.encode()
    assert KEY not in repr(settings)
    assert list(tmp_path.iterdir()) == []


def test_replicas_must_be_given_their_key() -> None:
    """Each would make one of its own."""
    with pytest.raises(InputRefusedError, match="BALANCER_PSEUDONYM_KEY"):
        pseudonym_key(read_settings(database_url="postgresql://host/balancer"))


REPLAY = {"shows": "2026-03-02T07:30:00Z", "at": "2026-11-26T18:00:00Z", "speed": 60}


def test_a_service_that_people_use_shows_the_time_that_it_is() -> None:
    """A false clock is for a replay on this machine: whatever else is set, no command takes it anywhere else."""
    for elsewhere in ({}, CONFIGURED, {"sign_in": "local", "allow_unauthenticated": True, "host": "10.1.2.3"}):
        assert _refused(replay_clock=REPLAY, **elsewhere) == ["BALANCER_REPLAY_CLOCK"]
    assert read_settings(replay_clock=REPLAY, sign_in="local").replay_clock is not None


@pytest.mark.parametrize("wrong", [{"speed": 0}, {"speed": -60}, {"shows": "2026-03-02T07:30:00"}, {"pace": 2}])
def test_a_replays_clock_is_said_in_full(wrong: dict[str, object]) -> None:
    """It runs forwards, and both its instants have their offset."""
    assert _refused(replay_clock={**REPLAY, **wrong}, sign_in="local") == ["BALANCER_REPLAY_CLOCK"]


def test_a_replays_clock_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As JSON, for every process of the service alike."""
    monkeypatch.setenv("BALANCER_SIGN_IN", "local")
    monkeypatch.setenv("BALANCER_REPLAY_CLOCK", json.dumps(REPLAY))
    clock = service_clock(read_settings())
    with time_machine.travel("2026-11-26T18:10:00Z", tick=False):
        assert clock.now() == datetime(2026, 3, 2, 17, 30, tzinfo=UTC)


def test_without_a_replay_it_is_now() -> None:
    """To the machine's clock."""
    with time_machine.travel("2026-11-26T18:10:00Z", tick=False):
        assert service_clock(read_settings()).now() == datetime(2026, 11, 26, 18, 10, tzinfo=UTC)


@pytest.mark.parametrize("address", ["http://hub.trust.example", "hub.trust.example", "ftp://127.0.0.1"])
def test_what_is_open_is_told_to_a_hub_in_private_only(address: str) -> None:
    """Accession and patient numbers go there: by https, or on this machine."""
    assert _refused(fhircast_hub=address) == ["BALANCER_FHIRCAST_HUB"]
    assert read_settings(fhircast_hub="https://hub.trust.example/").fhircast_hub == "https://hub.trust.example"


def test_every_reporter_has_a_session_of_their_own() -> None:
    """A topic that says nothing of the reporter would be one session for all."""
    assert _refused(fhircast_topic="reporting") == ["BALANCER_FHIRCAST_TOPIC"]


def test_dimse_is_spoken_beyond_this_machine_only_by_proof_or_in_as_many_words() -> None:
    """An AE title is a name; a certificate that may be left out proves nothing either."""
    beyond = {"host": "192.0.2.7", "oidc_issuer": "https://id.example", "dimse_port": 11112}
    shown = {"dimse_certificate": "own.pem", "dimse_clients": "authorities.pem"}
    assert _refused(**beyond) == ["BALANCER_DIMSE_PORT"]
    assert _refused(**beyond, **shown, dimse_client_certificates="optional") == ["BALANCER_DIMSE_PORT"]
    assert _refused(**beyond, dimse_clients="authorities.pem") == ["BALANCER_DIMSE_PORT"]
    assert read_settings(**beyond, **shown).dimse_port == 11112
    assert read_settings(**beyond, dimse_plaintext=True).dimse_port == 11112
    assert read_settings(dimse_port=11112).dimse_ae_title == "BALANCER"


def test_a_certificate_that_cannot_be_read_keeps_it_from_starting(tmp_path: Path) -> None:
    """Named by its setting, before anything is served."""
    with pytest.raises(InputRefusedError) as refusal:
        build_dimse(read_settings(dimse_port=11112, dimse_certificate=tmp_path / "none.pem"))
    assert [fault.column for fault in refusal.value.faults] == ["BALANCER_DIMSE_CERTIFICATE"]
    assert build_dimse(read_settings()) is None
