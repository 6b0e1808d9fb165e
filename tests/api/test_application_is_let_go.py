"""An application that nobody uses any more is let go; a suite that makes thousands grew to gigabytes once."""

from __future__ import annotations

import gc
import weakref

from balancer.store.database import Database
from tests.api.service import Service


def test_an_application_that_nobody_uses_is_let_go(sqlite_db: Database) -> None:
    """Nothing that outlives it holds it: no endpoint, no cache of a library."""
    service = Service(sqlite_db)
    gone = weakref.ref(service.app)
    del service
    gc.collect()
    assert gone() is None
