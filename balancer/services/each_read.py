"""Many reads looked after one by one: what is wrong with one is no reason to leave the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog

_log = structlog.get_logger("balancer.services")


def each_read(read_ids: Iterable[int], look_after: Callable[[int], bool], *, job: str, what: str = "read") -> int:
    """Look after every read, each in a transaction of its own; return how many there was something to do for.

    A read that fails is an error in the log, with its number, and stays as it was until the next time. ``what`` the
    numbers are, if not those of reads.
    """
    return sum(_one(read_id, look_after, job, what) for read_id in read_ids)


def _one(read_id: int, look_after: Callable[[int], bool], job: str, what: str) -> bool:
    try:
        return look_after(read_id)
    except Exception:  # noqa: BLE001 - whatever it is, it is logged, and the other reads are looked after
        _log.exception(f"{what}.not_looked_after", job=job, **{what: read_id})
        return False
