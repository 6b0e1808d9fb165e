"""``python -m tests.replay``: replay a day against the running service and say whether the proof holds (exit 1: no)."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import tempfile
from functools import partial
from pathlib import Path

import structlog

from tests.databases import chosen
from tests.replay.day import Wanted, replay


def main() -> None:
    """Replay, show the result, and keep it if a file is named."""
    parser = argparse.ArgumentParser(prog="python -m tests.replay", description=__doc__)
    parser.add_argument("--database", default="sqlite", help="sqlite, postgresql, or the URL of an empty database")
    parser.add_argument("--speed", type=float, default=60.0, help="how many times as fast as the clock; 60: 24 minutes")
    parser.add_argument("--hours", type=float, default=24.0, help="how much of the day")
    parser.add_argument("--begins-after", type=float, default=0.0, help="hours after 07:30 at which it begins")
    parser.add_argument("--kills", type=int, default=10, help="kill -9 of everything, at random")
    parser.add_argument("--scheduler-kills", type=int, default=3, help="kill -9 of the scheduler alone")
    parser.add_argument("--reporters", type=int, default=60)
    parser.add_argument("--solve-seconds", type=float, default=5.0, help="of this machine's clock")
    parser.add_argument("--seed", type=int, default=1, help="draws when it is killed, and what everybody does")
    parser.add_argument("--keep", type=Path, help="file to keep the result in")
    parser.add_argument("--folder", type=Path, help="where files, database and log are left; else they are removed")
    given = parser.parse_args()
    # asked to stop, it takes the service and the database with it: both are in process groups of their own
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory(prefix="replay-") as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with chosen(given.database, folder) as url:
            result = replay(
                Wanted(
                    database_url=url,
                    folder=folder,
                    speed=given.speed,
                    begins_after_hours=given.begins_after,
                    hours=given.hours,
                    kills=given.kills,
                    scheduler_kills=given.scheduler_kills,
                    reporters=given.reporters,
                    solve_seconds=given.solve_seconds,
                    seed=given.seed,
                    say=partial(print, file=sys.stderr, flush=True),
                )
            )
    text = json.dumps(result, indent=1)
    print(text)  # noqa: T201 - for whoever runs it
    if given.keep:
        given.keep.write_text(text + "\n", encoding="utf-8")
    sys.exit(1 if result["faults"] else 0)


if __name__ == "__main__":
    main()
