"""``python -m tests.random_acts``: act at random upon a living morning, and say whether all rules hold (exit 1: no)."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import httpx2
import structlog

from balancer.store.database import Database
from tests.databases import chosen
from tests.random_acts.at_random import Result, Wanted, act_at_random
from tests.web.monday import monday
from tests.worlds import NOW

_PATIENCE_SECONDS = 300.0


def main() -> None:
    """Begin a morning, act upon it, and tell what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.random_acts", description=__doc__)
    parser.add_argument("--database", default="sqlite", help="sqlite, postgresql, or the URL of an empty database")
    parser.add_argument("--seed", type=int, default=1, help="draws what is done, to what and by whom")
    parser.add_argument("--acts", type=int, default=600)
    parser.add_argument("--ask-every", type=int, default=60, help="acts between two rounds of questions")
    parser.add_argument("--folder", type=Path, help="where database and log are left; else they are removed")
    given = parser.parse_args()
    # asked to stop, it takes the service and the database with it: both are in process groups of their own
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory(prefix="random-acts-") as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        wanted = Wanted(
            acts=given.acts,
            seed=given.seed,
            begins=NOW,
            ask_every=given.ask_every,
            say=partial(print, file=sys.stderr, flush=True),
        )
        with chosen(given.database, folder) as url:
            result = _on_a_living_morning(folder, url, wanted)
    print("\n".join(_told(result.answers)))  # noqa: T201 - for whoever runs it
    for item in result.wrong:
        print(f"seed {wanted.seed}, act {item.act}: {item.line}")  # noqa: T201
    print(f"{wanted.acts} acts, {len(result.wrong)} wrong answers")  # noqa: T201
    sys.exit(1 if result.wrong else 0)


def _on_a_living_morning(folder: Path, url: str, wanted: Wanted) -> Result:
    with monday(folder, database_url=url, say=lambda line: wanted.say(line.rstrip())) as morning:
        database = Database(url)
        try:
            connect = partial(httpx2.Client, base_url=morning.address, timeout=_PATIENCE_SECONDS, follow_redirects=True)
            return act_at_random(connect, database, wanted)
        finally:
            database.close()


def _told(answers: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return a line for each act: how often it was answered with what."""
    width = max(len(name) for name in answers)
    return [
        f"{name:{width}}  " + ", ".join(f"{answer}: {count}" for answer, count in row.items())
        for name, row in answers.items()
    ]


if __name__ == "__main__":
    main()
