"""The one place where everything is wired: settings in, the API, the scheduler and the solving process out.

Five processes: the API, which answers; the scheduler, which takes in, asks for runs and publishes; beside it one that
mends the lists when something cannot wait, and one that tells others what has happened; and, while a run lasts, a
solving process at low priority. A sixth speaks DIMSE where a port is set for it. They share the database and nothing
else, so that none slows another and any may die
without the others noticing more than a gap.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from balancer import telemetry
from balancer.config import PREFIX, Settings, client_secret, downtime_folder, pseudonym_key, require_sign_in
from balancer.domain.errors import Fault, InputRefusedError
from balancer.domain.instant import Clock
from balancer.domain.policy_version import PolicyState
from balancer.store.database import Database, StoreBusyError

if TYPE_CHECKING:
    from ssl import SSLContext

    from balancer.api.sign_in.ways import Ways
    from balancer.ingest.feed_file import FeedDescription
    from balancer.ingest.network_folder import NetworkFolder
    from balancer.ingest.roster_file import RosterDescription
    from balancer.outlets.outlet import Outlet
    from balancer.outlets.telling import TellingOrder
    from balancer.outlets.ups_events import Sending
    from balancer.scheduler.downtime import DowntimeLists
    from balancer.scheduler.jobs import Work
    from balancer.scheduler.leading import Leader
    from balancer.scheduler.supervisor import Supervisor
    from balancer.services.outcomes import BatchOutcome, RosterOutcome
    from balancer.store.leases import Lease


telemetry.be_discreet()  # every command and process comes by here, and not all of them set up logs
# What a web server runs; that it is FastAPI's is the api's affair.
Application = Callable[..., Awaitable[None]]
_LOCAL_NAMES = ("127.0.0.1", "localhost", "::1")


class SystemClock:
    """The present, by this machine's clock."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickClock:
    """A time that is not the present: it was ``shows`` when this machine's clock was ``at``, and runs faster."""

    shows: datetime
    at: datetime
    speed: float

    def now(self) -> datetime:
        """Return the instant that it is in the replay, aware, in UTC."""
        return (self.shows + (datetime.now(UTC) - self.at) * self.speed).astimezone(UTC)


def service_clock(settings: Settings) -> Clock:
    """Return the clock that everything about reads goes by: the present, unless this is a replay.

    What keeps processes apart (who leads, whether they live) goes by this machine's clock always.
    """
    given = settings.replay_clock
    if given is None:
        return SystemClock()
    return QuickClock(shows=given.shows, at=given.at, speed=given.speed)


def open_database(settings: Settings) -> Database:
    """Return the database, at the schema of this code; ``InputRefusedError`` if it does not answer."""
    database = Database(settings.database_url)
    try:
        database.migrate()
    except StoreBusyError as error:
        database.close()
        reason = f"the database does not answer: {str(error.orig).splitlines()[0]}"
        raise InputRefusedError([Fault(file="settings", column=f"{PREFIX}DATABASE_URL", reason=reason)]) from error
    return database


def read_network(folder: Path) -> NetworkFolder:
    """Return the network folder; ``InputRefusedError`` with all its faults."""
    from balancer.ingest import network_folder  # noqa: PLC0415 - pandas takes its time, and not every process needs it

    return network_folder.read_network(folder)


def served_network(settings: Settings) -> NetworkFolder:
    """Return the network folder that is served, as ``require_approved_rules`` has it at whatever time it is read.

    Raises
    ------
    InputRefusedError
        If it has faults, or nobody is named for a rule.
    """
    network = read_network(settings.network)
    require_approved_rules(settings, network)
    return network


def require_approved_rules(settings: Settings, network: NetworkFolder) -> None:
    """Ensure that in production somebody answers, by name, for each rule of a feed that leaves studies out.

    Raises
    ------
    InputRefusedError
        If nobody is named for one; it names all of them.
    """
    from balancer.ingest.network_checks import unapproved  # noqa: PLC0415

    faults = [] if settings.sign_in == "local" else unapproved(network.feeds)
    if faults:
        raise InputRefusedError(faults)


def require_approver(settings: Settings, database: Database, network: NetworkFolder | None = None) -> None:
    """Ensure that in production somebody answers, by name, for the policy that runs would be made by.

    That is the one in force, or the network folder's if there is none yet; without either there is no run.
    Production is what there is unless the local sign-in is chosen.

    Raises
    ------
    InputRefusedError
        If nobody is named.
    """
    from balancer.store import policies  # noqa: PLC0415

    if settings.sign_in == "local":
        return
    with database.session() as session:
        current = next((item for item in policies.versions(session) if item.state is PolicyState.IN_FORCE), None)
    if current is None and network is not None and not network.policy.approver:
        reason = "nobody is named who approved this policy, and production makes no plan by it"
        raise InputRefusedError([Fault(file="policy.toml", column="policy.approver", reason=reason)])
    if current is not None and not current.approver:
        reason = (
            f"version {current.row.id}, which is in force, names nobody who approved it, and production makes no plan "
            "by it: propose it again (`balancer policy propose`) and have it approved (`balancer policy approve`)"
        )
        raise InputRefusedError([Fault(file="database", column="policy.approver", reason=reason)])


def build_app(settings: Settings, database: Database, ending: threading.Event | None = None) -> Application:
    """Return the API on an open database; beyond this machine it answers to any name, as a proxy may use any.

    Whoever waits for news is let go once ``ending`` is set.
    """
    from balancer.api.app import create_app  # noqa: PLC0415
    from balancer.api.doors import CredentialsDoor, LocalDoor  # noqa: PLC0415
    from balancer.api.serving import Serving  # noqa: PLC0415
    from balancer.web import install  # noqa: PLC0415

    serving = Serving(
        database=database,
        clock=service_clock(settings),
        beats=SystemClock(),
        read_network=partial(served_network, settings),
        pseudonym_key=pseudonym_key(settings),
        shifts=settings.shift_to_present,
        hooks=_hook_origins(settings),
        downtime=downtime_folder(settings),
        ending=ending or threading.Event(),
    )
    ways = _ways(settings)
    local = LocalDoor() if settings.sign_in == "local" else None
    door = CredentialsDoor(lambda: database, serving.clock, cookie=ways.cookie, without=local)
    return create_app(serving, door=door, ways=ways, hosts=_names(settings), add_pages=install.install)


def settle() -> None:
    """Take what has been loaded so far for what stays, so that looking for garbage does not walk through all of it.

    That takes a quarter of a second in the middle of an answer, again and again: modules, routes, compiled statements.
    """
    gc.collect()
    gc.freeze()


def _hook_origins(settings: Settings) -> frozenset[str]:
    return frozenset(part.strip().lower().rstrip("/") for part in settings.fhir_hooks.split(",") if part.strip())


def _names(settings: Settings) -> Sequence[str]:
    """Return the names under which a service on this machine only may be asked for."""
    if not settings.is_local:
        return ()
    public = urlsplit(settings.public_url).hostname
    return (*_LOCAL_NAMES, public) if public else _LOCAL_NAMES


def _ways(settings: Settings) -> Ways:
    """Return how people sign in; ``InputRefusedError`` if that is not said, or not rightly."""
    from balancer.api.sign_in.provider import Provider, Registration  # noqa: PLC0415
    from balancer.api.sign_in.ways import LOCAL, Ways  # noqa: PLC0415
    from balancer.ingest.access_file import read_access  # noqa: PLC0415

    require_sign_in(settings)
    if settings.sign_in == "local" or settings.access is None:
        return replace(LOCAL, behind_gate=settings.allow_unauthenticated)
    rules = read_access(settings.access)
    registration = Registration(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        secret=client_secret(settings),
        signs=settings.oidc_client_key is not None,
        redirect_uri=f"{settings.public_url.rstrip('/')}/sign-in/callback",
        shape=rules.shape,
        post_logout_redirect_uri=f"{settings.public_url.rstrip('/')}/signed-out" if settings.oidc_sign_out else "",
    )
    return Ways(
        provider=Provider(registration),
        rules=rules,
        is_private=urlsplit(settings.public_url).scheme == "https",
        public_url=settings.public_url,
    )


def build_intake(
    settings: Settings, database: Database, network: NetworkFolder
) -> Callable[[FeedDescription | RosterDescription], Sequence[BatchOutcome | RosterOutcome]]:
    """Load the network and return what takes in one of its feeds or rosters."""
    from balancer.ingest.feed_file import FeedDescription  # noqa: PLC0415
    from balancer.services.load_network import load_network  # noqa: PLC0415
    from balancer.services.refresh_feeds import refresh_feed, refresh_roster  # noqa: PLC0415
    from balancer.services.shift import shift_to_present  # noqa: PLC0415

    now, key = service_clock(settings).now(), pseudonym_key(settings)
    load_network(database, network, now)
    shift = timedelta()
    if settings.shift_to_present and network.as_of is not None:
        shift = shift_to_present(database, network.as_of, now)

    def take_in(source: FeedDescription | RosterDescription) -> Sequence[BatchOutcome | RosterOutcome]:
        if isinstance(source, FeedDescription):
            return refresh_feed(database, network, source, now, key, shift)
        return refresh_roster(database, network, source, now, shift)

    return take_in


def build_supervisor(settings: Settings) -> Supervisor:
    """Return who keeps the scheduler's process alive."""
    from balancer.scheduler.supervisor import Supervisor  # noqa: PLC0415

    return Supervisor("scheduler", run_scheduler, (settings,))


def build_dimse(settings: Settings) -> Supervisor | None:
    """Return who keeps the process alive that speaks DIMSE; ``None`` if none is wanted.

    Raises
    ------
    InputRefusedError
        If a certificate or key cannot be used.
    """
    from balancer.scheduler.supervisor import Supervisor  # noqa: PLC0415

    if settings.dimse_port is None:
        return None
    _dimse_tls(settings)
    return Supervisor("dimse", run_dimse, (settings,))


def run_dimse(settings: Settings) -> None:
    """Answer DIMSE until told to stop or left alone: the body of its process."""
    from balancer.api.dimse.listener import Listening, listen  # noqa: PLC0415
    from balancer.scheduler.supervisor import stop_with_parent  # noqa: PLC0415

    telemetry.configure(settings.log_format)
    stop = threading.Event()
    stop_with_parent(stop)
    database = Database(settings.database_url)
    try:
        where = Listening(
            host=settings.host,
            port=settings.dimse_port or 0,
            ae_title=settings.dimse_ae_title,
            pseudonym_key=pseudonym_key(settings),
            tls=_dimse_tls(settings),
            believing=settings.dimse_plaintext,
        )
        server = listen(where, database, service_clock(settings))
    except Exception as error:  # the supervisor starts another, later each time
        structlog.get_logger("balancer.api").exception("dimse.cannot_listen")
        raise SystemExit(1) from error
    threading.Thread(target=server.serve_forever, name="dimse", daemon=True).start()
    stop.wait()
    server.shutdown()
    database.close()


def _dimse_tls(settings: Settings) -> SSLContext | None:
    from balancer.api.dimse.transport import tls  # noqa: PLC0415

    if settings.dimse_certificate is None:
        return None
    try:
        required = settings.dimse_client_certificates == "required"
        return tls(settings.dimse_certificate, settings.dimse_key, settings.dimse_clients, required=required)
    except OSError as error:  # a file that is not there, or (ssl.SSLError) holds something else
        reason = "the certificate, its key or its clients' authorities cannot be read"
        raise InputRefusedError([Fault(file="settings", column=f"{PREFIX}DIMSE_CERTIFICATE", reason=reason)]) from error


def build_work(settings: Settings, database: Database) -> Work:
    """Return what a scheduler does."""
    from balancer.outlets.telling import tell_for_ever  # noqa: PLC0415
    from balancer.scheduler.jobs import Sources, Work  # noqa: PLC0415
    from balancer.scheduler.mending import MendingOrder, mend_for_ever  # noqa: PLC0415
    from balancer.scheduler.solving import SolveOrder, Solving, preview_and_exit  # noqa: PLC0415
    from balancer.scheduler.supervisor import Supervisor  # noqa: PLC0415
    from balancer.scheduler.timetable import Timetable  # noqa: PLC0415

    clock = service_clock(settings)
    speed = settings.replay_clock.speed if settings.replay_clock else 1.0
    order = SolveOrder(
        database_url=settings.database_url,
        clock=clock,
        seconds=settings.allocate_seconds,
        workers=settings.workers,
        prepare=partial(telemetry.configure, settings.log_format),
    )
    mending = MendingOrder(
        database_url=settings.database_url, clock=clock, prepare=partial(telemetry.configure, settings.log_format)
    )
    sources = Sources(
        read_network=partial(served_network, settings),
        pseudonym_key=pseudonym_key(settings),
        shift_to_present=settings.shift_to_present,
    )

    def new_outlets(lease: Lease) -> Supervisor:
        return Supervisor("outlets", tell_for_ever, (build_telling(settings, lease),))

    return Work(
        database=database,
        clock=clock,
        sources=sources,
        solving=Solving(order),
        previewing=Solving(order, preview_and_exit, at_low_priority=True),
        downtime=_downtime(settings, database, clock),
        allocate_every=None
        if settings.allocate_every_minutes is None
        else timedelta(minutes=settings.allocate_every_minutes),
        new_mending=partial(Supervisor, "mending", mend_for_ever, (mending,)),
        new_outlets=new_outlets,
        new_timetable=partial(Timetable, speed),
    )


def _downtime(settings: Settings, database: Database, clock: Clock) -> DowntimeLists | None:
    from balancer.scheduler.downtime import DowntimeLists, DowntimeOrder  # noqa: PLC0415

    folder = downtime_folder(settings)
    if folder is None:
        structlog.get_logger("balancer.scheduler").warning("downtime.no_folder", set=f"{PREFIX}DOWNTIME_FOLDER")
        return None
    order = DowntimeOrder(folder=folder, keep=timedelta(hours=settings.downtime_keep_hours))
    return DowntimeLists(database, clock, order)


def build_telling(settings: Settings, lease: Lease) -> TellingOrder:
    """Return what the outlets' process needs to know, under the lease of the scheduler that starts it."""
    from balancer.outlets.telling import TellingOrder  # noqa: PLC0415

    return TellingOrder(
        database_url=settings.database_url,
        clock=service_clock(settings),
        lease=lease,
        outlets=partial(open_outlets, settings),
        prepare=partial(_prepare_beside_scheduler, settings),
    )


def _prepare_beside_scheduler(settings: Settings) -> None:
    from balancer.scheduler.solving import die_with_parent  # noqa: PLC0415

    telemetry.configure(settings.log_format)
    die_with_parent()


def open_outlets(settings: Settings, database: Database) -> Sequence[Outlet]:
    """Return every outlet there is to be, as files and database have them now; ``InputRefusedError`` at a fault."""
    from balancer.ingest.receivers_file import read_receivers  # noqa: PLC0415
    from balancer.outlets.hl7 import Hl7Outlet  # noqa: PLC0415
    from balancer.outlets.hooks import open_hooks  # noqa: PLC0415
    from balancer.outlets.ups_events import open_ups_events  # noqa: PLC0415

    clock = service_clock(settings)
    receivers = [Hl7Outlet(receiver) for receiver in read_receivers(settings.network)]
    hooks = open_hooks(database, clock, pseudonym_key(settings), _hook_origins(settings))
    return (*receivers, *hooks, *open_ups_events(database, clock, _event_sending(settings)))


def _event_sending(settings: Settings) -> Sending:
    from balancer.domain.receiver import Tls  # noqa: PLC0415
    from balancer.outlets.ups_events import Sending  # noqa: PLC0415

    tls = Tls(authorities=settings.dimse_clients, certificate=settings.dimse_certificate, key=settings.dimse_key)
    return Sending(calling=settings.dimse_ae_title, tls=tls, plaintext=settings.dimse_plaintext)


def with_following(settings: Settings, leader: Leader) -> Leader:
    """Return a leader that also follows reporters' FHIRcast sessions, in a process of its own, if a hub is named.

    So exactly one in the network does, and a hub that hangs keeps nothing else waiting.
    """
    from balancer.outlets.fhircast.address import HubAddress  # noqa: PLC0415
    from balancer.outlets.fhircast.following import FollowingOrder, follow_for_ever  # noqa: PLC0415
    from balancer.scheduler.leading import Leader  # noqa: PLC0415
    from balancer.scheduler.supervisor import Supervisor  # noqa: PLC0415

    if not settings.fhircast_hub:
        return leader
    key = settings.fhircast_key.get_secret_value() if settings.fhircast_key else ""
    order = FollowingOrder(
        database_url=settings.database_url,
        clock=service_clock(settings),
        hub=HubAddress(url=settings.fhircast_hub, key=key, topic=settings.fhircast_topic),
        prepare=partial(_prepare_beside_scheduler, settings),
    )
    at_work: list[Supervisor] = []

    def begin(lease: Lease) -> None:
        leader.begin(lease)
        at_work.append(Supervisor("fhircast", follow_for_ever, (order,)))
        at_work[-1].start()

    def end() -> None:
        while at_work:
            at_work.pop().stop()
        leader.end()

    return Leader(begin=begin, end=end)


def run_scheduler(settings: Settings) -> None:
    """Be the scheduler until told to stop or left alone: the body of its process."""
    from balancer.scheduler.leading import Leader, Leadership  # noqa: PLC0415
    from balancer.scheduler.supervisor import stop_with_parent  # noqa: PLC0415
    from balancer.services.scratch_folder import sweep  # noqa: PLC0415
    from balancer.services.this_process import this_process  # noqa: PLC0415

    telemetry.configure(settings.log_format)
    stop = threading.Event()
    stop_with_parent(stop)
    try:
        sweep()  # what a process that was killed has left behind names patients' studies
        database = open_database(settings)
        work = build_work(settings, database)
        leader = with_following(settings, Leader(begin=work.begin, end=work.end))
        Leadership(database, SystemClock(), this_process(), leader).keep(stop)
        database.close()
    except Exception as error:  # printed as it is, it might quote a row; the supervisor starts another
        structlog.get_logger("balancer.scheduler").exception("scheduler.failed")
        raise SystemExit(1) from error
