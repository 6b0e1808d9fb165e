"""Who is at the terminal: what a command decides is entered in the trail under their name."""

from __future__ import annotations

import getpass
import os

from balancer.domain.actor import Actor, person


def whoever_types() -> Actor:
    """Return who is at the terminal, as this machine knows them: for the trail."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # in a container a user need not have a name
        name = str(os.getuid())
    return person(f"terminal:{name}", name)
