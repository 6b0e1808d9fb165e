"""Who decided something is said by name, as far as it is known: a provider's word for them says nothing to anybody."""

from __future__ import annotations

import pytest

from balancer.domain.actor import EVERY_TRUST, Grant, person
from balancer.domain.permission import Role
from balancer.services.begin_draft import begin_draft
from balancer.services.sign_in import sign_in
from balancer.services.steer_read import Said, pin_read
from balancer.store.database import Database
from balancer.web.signed import named
from tests.access.test_every_route import served
from tests.access.two_trusts import EAST
from tests.api.service import Service
from tests.api.small_network import allocate
from tests.networks import minutes, read_id
from tests.worlds import NOW

HTML = {"Accept": "text/html"}
ANNE = person("entra:4711", "Anne Manager", Grant(Role.MANAGER, EVERY_TRUST))
BOB = person("entra:0815", "Bob Manager", Grant(Role.MANAGER, EVERY_TRUST))


@pytest.fixture
def desk(sqlite_db: Database) -> Service:
    """Return a service as one manager has it after another, who signed in once, has begun a draft and pinned a read."""
    allocate(sqlite_db)
    sign_in(sqlite_db, ANNE, NOW)
    begin_draft(sqlite_db, "Tuesday", EAST, minutes(1), by=ANNE)
    pin_read(sqlite_db, read_id(sqlite_db, "A1"), "R1", minutes(2), by=ANNE, said=Said(reason="knows her"))
    return served(sqlite_db, BOB)


@pytest.mark.parametrize("path", ["/drafts", "/drafts?as=csv", "/drafts/1", "/studies/1"])
def test_whoever_decided_is_named_where_it_is_read(desk: Service, path: str) -> None:
    """On the page and in its file."""
    text = desk.client.get(path, headers=HTML).text
    assert ANNE.name in text
    assert ANNE.subject not in text


def test_whoever_has_not_signed_in_of_late_is_said_as_they_are_kept(sqlite_db: Database) -> None:
    """The newest name holds; of a stranger what is kept says more than nothing."""
    sign_in(sqlite_db, person(ANNE.subject, "Anne Before", *ANNE.grants), NOW)
    sign_in(sqlite_db, ANNE, minutes(1))
    with sqlite_db.session() as session:
        names = named(session, [ANNE.subject, "entra:stranger"])
    assert names[ANNE.subject] == "Anne Manager"
    assert "entra:stranger" not in names
