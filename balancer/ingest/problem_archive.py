"""A problem folder in one archive, as a run keeps it (``publish.run_record``)."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from pathlib import Path

from balancer.domain.errors import Fault, InputRefusedError
from balancer.domain.problem import AllocationProblem
from balancer.ingest.problem_folder import PROBLEM_FILES, read_problem


def read_archive(content: bytes, scratch: Path, *, now: datetime) -> tuple[AllocationProblem, list[str]]:
    """Return the problem in an archive as it stood at ``now``, and warnings for people.

    ``scratch`` is where it may be written meanwhile; whoever gives it sees to it that it does not stay there.

    Raises
    ------
    InputRefusedError
        If it is damaged, or anything at all is wrong with its files.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in PROBLEM_FILES:
                (scratch / name).write_bytes(archive.read(name))
    except (zipfile.BadZipFile, KeyError) as error:
        raise InputRefusedError([Fault(file="problem", reason="the record of the run is damaged")]) from error
    return read_problem(scratch, now=now)
