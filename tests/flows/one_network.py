"""A network that is served by every door at once, as four processes would, and read by five people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from httpx2 import Client
from sqlmodel import select

from balancer.api.doors import LOCAL_COOKIE, CredentialsDoor
from balancer.api.routes.fhircast import hub_of
from balancer.domain.actor import system
from balancer.domain.permission import Permission
from balancer.domain.receiver import News, Tls
from balancer.outlets.courier import Ground
from balancer.outlets.hl7 import Hl7Outlet
from balancer.outlets.hooks import open_hooks
from balancer.outlets.outlet import Outlet
from balancer.outlets.telling import Telling
from balancer.outlets.ups_events import Sending, open_ups_events
from balancer.services.ingest_studies import ingest_extract
from balancer.services.register_system import Registration, register_system
from balancer.services.run_allocation import run_allocation
from balancer.services.subscribe import ALL
from balancer.store.database import Database
from balancer.store.tables_life import ClaimRow
from tests.access.doors import Known
from tests.api.dimse_peers import OURS, Workstation, calling, registered
from tests.api.dimse_peers import listening as listening_dimse
from tests.api.fhircast.hubs import Peer
from tests.api.listening import listening
from tests.api.service import KEY, Service
from tests.networks import TWO_FEEDS, Feed, extract, loaded, read_id, rostered, solving
from tests.outlets.endpoint import Endpoint, listening_endpoint
from tests.outlets.event_peer import EventPeer, free_port
from tests.outlets.ris import Ris, ris
from tests.outlets.test_following_a_hub import following
from tests.outlets.test_hl7 import receiver
from tests.patience import PATIENCE_SECONDS
from tests.terminal import OPERATOR
from tests.worlds import NOW, policy, priority, reporter, session

TRUST = "RVV"
_TITLE = "PACS_RVV"
READERS = ("R1", "R2", "R3", "R4", "R5")
# Whoever shows nothing: a viewer's peers, and Balancer at its own hub.
_VIEWER = system("test:viewer", "Viewer", [Permission.READS_WORK, Permission.ASSIGNMENTS_READ], [TRUST])
_SCOPES = frozenset({Permission.READS_WORK, Permission.ASSIGNMENTS_READ, Permission.WORKLISTS_READ})


@dataclass(frozen=True, kw_only=True)
class Network:
    """What stands and listens: clients with keys of their own by name, an association, a session for each reader."""

    db: Database
    port: int
    keys: dict[str, str]
    clients: dict[str, Client]
    workstation: Workstation
    events: EventPeer
    screens: dict[str, Peer]
    hub: str
    ris: Ris
    endpoint: Endpoint

    def read_id(self, number: str) -> int:
        """Return the number of a study's only read."""
        return read_id(self.db, number)

    def claims_of(self, number: str) -> list[ClaimRow]:
        """Return every claim that there is, or ever was, of a study's read."""
        with self.db.session() as reading:
            return list(reading.exec(select(ClaimRow).where(ClaimRow.read_id == self.read_id(number))))


@contextmanager
def one_network(db: Database, numbers: Sequence[str]) -> Iterator[Network]:
    """Yield a network whose every study is on the list of the first reader, with all doors open and outlets at work."""
    allocate(db, numbers)
    with ExitStack() as stack:
        endpoint, served = stack.enter_context(listening_endpoint()), stack.enter_context(ris())
        service = Service(db)
        state = service.app.state
        # the rule of ten seconds has tests of its own; here a slow machine must shut nobody out
        hub_of(service.app).seconds = lambda: 0.0
        state.serving = replace(state.serving, hooks=frozenset({endpoint.origin}))
        state.door = CredentialsDoor(lambda: db, service.clock, cookie=LOCAL_COOKIE, without=Known(_VIEWER))
        keys = {name: registered_key(db, name) for name in ("api", "ups", "fhir", "feed")}
        events = EventPeer(_TITLE, free_port())
        registered(db, _TITLE, host="127.0.0.1", port=events.port)
        stack.enter_context(events.there())
        port = stack.enter_context(listening(service))
        hub = f"http://127.0.0.1:{port}/fhircast"
        dimse = stack.enter_context(listening_dimse(_another(stack, db)))
        stack.enter_context(following(_another(stack, db), hub, service, READERS))
        clients = {name: stack.enter_context(client_with(port, key)) for name, key in keys.items()}
        _subscribe(clients["fhir"], endpoint)
        workstation = Workstation(stack.enter_context(calling(dimse, _TITLE, idle_seconds=600)))
        assert workstation.act(ALL, 3, ReceivingAE=_TITLE).Status == 0
        _tell(stack, Ground(database=_another(stack, db), clock=service.clock), served, endpoint)
        yield Network(
            db=db,
            port=port,
            keys=keys,
            clients=clients,
            workstation=workstation,
            events=events,
            screens={one: stack.enter_context(Peer(hub, one)) for one in READERS},
            hub=hub,
            ris=served,
            endpoint=endpoint,
        )


def allocate(db: Database, numbers: Sequence[str]) -> None:
    """Let every study be on the list of the first reader, and be read by any."""
    people = tuple(reporter(one, trusts=(TRUST,), skills={"neuro": 3}) for one in READERS)
    classes = policy(priority("urgent"), priority("emergency", target_hours=1))
    loaded(db, replace(TWO_FEEDS, reporters=people, policy=classes))
    ingest_extract(db, Feed(), extract(*numbers), NOW)
    rostered(db, session("S1", READERS[0]))
    run_allocation(db, NOW, solver=solving({"S1": list(numbers)}))


def _another(stack: ExitStack, db: Database) -> Database:
    """Return the same database through connections of its own, as another process has it."""
    another = Database(db.engine.url.render_as_string(hide_password=False))
    stack.callback(another.close)
    return another


def registered_key(db: Database, name: str) -> str:
    """Register a system that works and follows, and return its key."""
    wanted = Registration(system_id=name, name=name, scopes=_SCOPES, trusts=frozenset({TRUST}))
    key = register_system(db, wanted, NOW, by=OPERATOR)
    assert key is not None
    return key


def client_with(port: int, key: str) -> Client:
    """Return a client of the service on a port of this machine."""
    return Client(
        base_url=f"http://127.0.0.1:{port}",
        headers={"authorization": f"Bearer {key}"},
        timeout=PATIENCE_SECONDS,
        trust_env=False,
    )


def _subscribe(client: Client, endpoint: Endpoint) -> None:
    """Let whoever works by FHIR be told of every Task."""
    wanted = {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "lists",
        "criteria": "Task?",
        "channel": {"type": "rest-hook", "endpoint": f"{endpoint.origin}/news"},
    }
    answer = client.post("/fhir/Subscription", json=wanted, headers={"content-type": "application/fhir+json"})
    assert answer.status_code == 201, answer.text


def _tell(stack: ExitStack, ground: Ground, served: Ris, endpoint: Endpoint) -> None:
    """Let outlets tell the RIS and whoever has subscribed, as their process does."""
    described, origins = receiver(served, tells=frozenset(News)), {endpoint.origin}
    sending = Sending(calling=OURS, tls=Tls(), plaintext=False)

    def outlets(db: Database) -> list[Outlet]:
        hooks = open_hooks(db, ground.clock, KEY, origins)
        return [Hl7Outlet(described), *hooks, *open_ups_events(db, ground.clock, sending)]

    telling = Telling(ground, outlets)
    telling.look()
    stack.callback(telling.end)
