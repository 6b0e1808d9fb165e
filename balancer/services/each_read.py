"""Many reads looked after one by one: what is wrong with one is no reason to leave the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog

_log = structlog.get_logger("balancer.services")


def each_read(read_ids: Iterable[int], look_after: Callable[[int], bool], *, job: str) -> int:
    """Look after every read, each in a transaction of its own; return how many there was something to do for.

    A read that fails is an error in the log, with its number, and stays as it was until the next time.
    """
    return sum(_one(read_id, look_after, job) for read_id in read_ids)


def _one(read_id: int, look_after: Callable[[int], bool], job: str) -> bool:
    try:
        return look_after(read_id)
    except Exception:  # noqa: BLE001 - whatever it is, it is logged, and the other reads are looked after
        _log.exception("read.not_looked_after", job=job, read=read_id)
        return False
