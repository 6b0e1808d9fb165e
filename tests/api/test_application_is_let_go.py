"""An application that nobody uses any more is let go; a suite that makes thousands grew to gigabytes once."""

from __future__ import annotations

import gc
import weakref

from balancer.api.app import create_app
from balancer.api.doors import LocalDoor
from balancer.api.sign_in.ways import LOCAL
from balancer.store.database import Database
from balancer.web.install import install
from tests.api.service import Service


def test_an_application_that_nobody_uses_is_let_go(sqlite_db: Database) -> None:
    """Nothing that outlives it holds it: no endpoint, no cache of a library."""
    service = Service(sqlite_db)
    service.get("/health")
    made = create_app(service.app.state.serving, door=LocalDoor(), ways=LOCAL, add_pages=install)
    gone, gone_too = weakref.ref(service.app), weakref.ref(made)
    del service, made
    gc.collect()
    assert (gone(), gone_too()) == (None, None)
