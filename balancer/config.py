"""Deployment settings, from the environment (``BALANCER_...``); the command line wins where it gives the same thing.

Clinical policy is not here: it is a file of the network folder, with an owner and a date.
"""

from __future__ import annotations

import ipaddress
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from balancer.domain.errors import Fault, InputRefusedError

PREFIX = "BALANCER_"
_LEAST_KEY_BYTES = 16
_SQLITE_FILE = "sqlite:///"
# What nobody sets who only tries Balancer out on their own machine.
_WITH_PROVIDER = ("oidc_issuer", "oidc_client_id", "oidc_client_secret", "oidc_client_key", "access", "public_url")


class ReplayClock(BaseModel):
    """A clock that shows another time and runs at another speed: for a replay, which proves something of a whole day.

    It ``shows`` that instant ``at`` this one of the machine's clock, and from there on goes ``speed`` times as fast.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shows: AwareDatetime
    at: AwareDatetime
    speed: float = Field(gt=0, le=3600)


class Settings(BaseSettings):
    """How this installation runs. Every field is an environment variable ``BALANCER_<NAME IN CAPITALS>``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    database_url: str = Field("sqlite:///var/balancer.sqlite", description="An SQLite file, or a PostgreSQL database.")
    network: Path = Field(Path("data/kent"), description="The network folder: trusts, people, policy, feeds, rosters.")
    pseudonym_key: SecretStr | None = Field(None, description="Secret that patients' pseudonyms are made with.")
    shift_to_present: bool = Field(default=False, description="Move the sample's times so that its Monday is today.")
    host: str = Field("127.0.0.1", description="Address to serve on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to serve on; 0 takes a free one.")
    allow_unauthenticated: bool = Field(default=False, description="Serve beyond this machine without sign-in.")
    sign_in: Literal["oidc", "local"] = Field("oidc", description="With an identity provider; local to try it out.")
    public_url: str = Field("", description="Where browsers reach this service: https://balancer.trust.example.")
    oidc_issuer: str = Field("", description="The identity provider, as its metadata names it.")
    oidc_client_id: str = Field("", description="What it knows this service by.")
    oidc_client_secret: SecretStr | None = Field(None, description="Its secret for this service.")
    oidc_sign_out: bool = Field(True, description="Signing out here ends the provider's session too, if it can.")
    oidc_client_key: Path | None = Field(None, description="Instead: PEM file of the key this service signs with.")
    access: Path | None = Field(None, description="The file that says what the provider's claims grant.")
    dimse_port: int | None = Field(
        None, ge=1, le=65535, description="Port of UPS over DIMSE; none is served unless set."
    )
    dimse_ae_title: str = Field("BALANCER", pattern=r"^[!-\[\]-~]{1,16}$", description="The AE title we are called by.")
    dimse_certificate: Path | None = Field(None, description="PEM file of the certificate that DIMSE shows: TLS.")
    dimse_key: Path | None = Field(None, description="PEM file of its key, if that is in another file.")
    dimse_clients: Path | None = Field(None, description="PEM file of who signs the certificates of DIMSE's clients.")
    dimse_client_certificates: Literal["required", "optional"] = Field(
        "required", description="Of clients, once signed."
    )
    dimse_plaintext: bool = Field(default=False, description="Speak DIMSE without proof of who calls.")
    fhir_hooks: str = Field("", description="Where FHIR subscriptions may send: https://pacs.example, ...; commas.")
    allocate_seconds: float = Field(20.0, gt=0, description="Clock time a solve may take.")
    allocate_every_minutes: float | None = Field(None, gt=0, description="Allocate so often, whatever the policy says.")
    allocate_workers: int | None = Field(None, ge=1, description="Processes or threads of a solve; all cores but one.")
    downtime_folder: Path | None = Field(
        None, description="Where lists are written for when nothing answers; else beside an SQLite database."
    )
    downtime_keep_hours: float = Field(48.0, gt=0, le=8760, description="Remove downtime lists after so long.")
    log_format: Literal["text", "json"] = Field("text", description="Logs for people or for machines.")
    fhircast_hub: str = Field("", description="The FHIRcast hub of reporters' sessions: https://hub.trust.example.")
    fhircast_key: SecretStr | None = Field(None, description="The bearer token this service shows the hub.")
    fhircast_topic: str = Field("{reporter_id}", description="What a reporter's session is called at the hub.")
    # the last, because whether it is allowed depends on those before
    replay_clock: ReplayClock | None = Field(None, description="JSON: shows, at, speed. For a replay, never in use.")

    @field_validator("host")
    @classmethod
    def _an_address(cls, host: str) -> str:
        if host != "localhost":
            ipaddress.ip_address(host)
        return host

    @field_validator("pseudonym_key")
    @classmethod
    def _long_enough(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value().encode()) < _LEAST_KEY_BYTES:
            raise ValueError(f"a key needs at least {_LEAST_KEY_BYTES} bytes")
        return key

    @field_validator("replay_clock")
    @classmethod
    def _no_false_time_in_use(cls, clock: ReplayClock | None, info: ValidationInfo) -> ReplayClock | None:
        others = info.data
        on_this_machine = _is_this_machine(others.get("host", "")) and not others.get("allow_unauthenticated")
        if clock is not None and not (on_this_machine and others.get("sign_in") == "local"):
            raise ValueError(
                f"is for a replay on this machine only, with {PREFIX}SIGN_IN=local: whatever people use shows the time "
                "that it is"
            )
        return clock

    @field_validator("fhircast_hub")
    @classmethod
    def _private(cls, address: str) -> str:
        if address and not _is_private(address):
            raise ValueError("must begin with https://, or be on this machine: what is open says whose study it is")
        return address.rstrip("/")

    @field_validator("fhircast_topic")
    @classmethod
    def _names_a_reporter(cls, topic: str) -> str:
        if "{reporter_id}" not in topic:
            raise ValueError("must have {reporter_id} in it: two reporters must never share a session")
        return topic

    @model_validator(mode="after")
    def _not_open_by_accident(self) -> Settings:
        if not self.is_local and not self.has_provider and not self.allow_unauthenticated:
            raise ValueError(
                f"{self.host} can be reached from other machines, and nobody signs in: whoever reaches it sees every "
                f"worklist. Serve on 127.0.0.1, set {PREFIX}OIDC_ISSUER and what goes with it, or set "
                f"{PREFIX}ALLOW_UNAUTHENTICATED=1 if something in front of it lets in only who may"
            )
        return self

    @model_validator(mode="after")
    def _no_names_for_proof(self) -> Settings:
        if self.dimse_port is None:
            return self
        if self.dimse_certificate is None and (self.dimse_key is not None or self.dimse_clients is not None):
            raise ValueError(f"{PREFIX}DIMSE_KEY and {PREFIX}DIMSE_CLIENTS go with {PREFIX}DIMSE_CERTIFICATE")
        believed = self.dimse_clients is not None and self.dimse_client_certificates == "required"
        if not (self.is_local or believed or self.dimse_plaintext):
            raise ValueError(
                "an AE title is a name that anybody can send: to speak DIMSE beyond this machine set "
                f"{PREFIX}DIMSE_CERTIFICATE and {PREFIX}DIMSE_CLIENTS, or set {PREFIX}DIMSE_PLAINTEXT=1 if the network "
                "itself lets in only who may"
            )
        return self

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach what is served."""
        return _is_this_machine(self.host)

    @property
    def has_provider(self) -> bool:
        """Whether people sign in with an identity provider, and one is named."""
        return self.sign_in == "oidc" and bool(self.oidc_issuer)

    @property
    def workers(self) -> int:
        """How many processes or threads a solve gets: one core is left to whoever asks for a worklist."""
        return self.allocate_workers or max(1, (os.cpu_count() or 2) - 1)


def _is_this_machine(host: str) -> bool:
    return host == "localhost" or (bool(host) and ipaddress.ip_address(host).is_loopback)


def read_settings(**given: Any) -> Settings:
    """Return the settings from the environment; what is ``given`` and not ``None`` wins.

    Raises
    ------
    InputRefusedError
        Listing every setting that makes no sense, by the name of its variable.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise InputRefusedError(_faults(error)) from error


def require_sign_in(settings: Settings) -> None:
    """Ensure that a service knows how people sign in before it serves anybody.

    Nothing need be said for that to be asked: production is what there is unless ``local`` is said in as many words.

    Raises
    ------
    InputRefusedError
        Listing every setting that is missing, or that goes only with the other way of signing in.
    """
    faults = list(_faults_of_sign_in(settings))
    if faults:
        raise InputRefusedError(faults)


def _faults_of_sign_in(settings: Settings) -> Iterator[Fault]:
    return _faults_of_local(settings) if settings.sign_in == "local" else _faults_of_provider(settings)


def _faults_of_local(settings: Settings) -> Iterator[Fault]:
    for name in _WITH_PROVIDER:
        if getattr(settings, name):
            yield _fault(name, f"goes with an identity provider, and {PREFIX}SIGN_IN is local: which is meant?")


def _faults_of_provider(settings: Settings) -> Iterator[Fault]:
    for name in ("oidc_issuer", "oidc_client_id", "access", "public_url"):
        if not getattr(settings, name):
            yield _fault(name, f"is needed for people to sign in; to try it out on this machine: {PREFIX}SIGN_IN=local")
    if (settings.oidc_client_secret is None) == (settings.oidc_client_key is None):
        yield _fault("oidc_client_secret", f"set it or {PREFIX}OIDC_CLIENT_KEY, one of the two")
    for name in ("oidc_issuer", "public_url"):
        address = getattr(settings, name)
        if address and not _is_private(address):
            yield _fault(name, "must begin with https://, or be on this machine")
    if settings.allow_unauthenticated:
        yield _fault("allow_unauthenticated", f"goes with {PREFIX}SIGN_IN=local only: here people sign in")
    if settings.allocate_every_minutes is not None:
        yield _fault("allocate_every_minutes", "is for trying out: here the policy says how often")
    if settings.shift_to_present:
        yield _fault("shift_to_present", "is for the sample: real studies are where they are in time")


def _is_private(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"})


def client_secret(settings: Settings) -> str:
    """Return what this service shows the identity provider: its secret, or the key that it signs with.

    Raises
    ------
    InputRefusedError
        If the key's file cannot be read.
    """
    if settings.oidc_client_key is None:
        return settings.oidc_client_secret.get_secret_value() if settings.oidc_client_secret else ""
    try:
        return settings.oidc_client_key.read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        raise InputRefusedError([_fault("oidc_client_key", "cannot be read")]) from error


def pseudonym_key(settings: Settings) -> bytes:
    """Return the key of patients' pseudonyms: the one that is set, else one made at first use beside the database.

    It must stay the same for as long as the database lives, or one person becomes two; and it must not be in the
    database, or whoever holds a copy can undo the pseudonyms by trying every NHS number.

    Raises
    ------
    InputRefusedError
        If none is set and the database is not a file on this machine that a key could lie beside.
    """
    if settings.pseudonym_key is not None:
        return settings.pseudonym_key.get_secret_value().encode()
    if not settings.database_url.startswith(_SQLITE_FILE):
        raise InputRefusedError([_fault("pseudonym_key", "set it: every replica must make the same pseudonyms")])
    path = Path(settings.database_url.removeprefix(_SQLITE_FILE)).with_suffix(".pseudonym-key")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes().strip()
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32) + "\n")
    return path.read_bytes().strip()


def downtime_folder(settings: Settings) -> Path | None:
    """Return where downtime lists are written: the folder that is set, else one beside a database that is a file.

    ``None``: none is set, and there is no such place; then none are written, and the pages say so.
    """
    if settings.downtime_folder is not None:
        return settings.downtime_folder
    if not settings.database_url.startswith(_SQLITE_FILE):
        return None
    return Path(settings.database_url.removeprefix(_SQLITE_FILE)).with_suffix(".downtime")


def _faults(error: ValidationError) -> Iterable[Fault]:
    for detail in error.errors(include_url=False, include_input=False, include_context=False):
        name = str(detail["loc"][0]) if detail["loc"] else _name_of(detail["msg"])
        yield _fault(name, detail["msg"].removeprefix("Value error, "))


def _name_of(message: str) -> str:
    """Return the setting that a fault of several together is told of."""
    return "dimse_port" if "DIMSE" in message else "host"


def _fault(name: str, reason: str) -> Fault:
    return Fault(file="settings", column=PREFIX + name.upper(), reason=reason)
