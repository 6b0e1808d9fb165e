"""What is kept of a run, packed: its problem as the folder of section 5 in one archive, its plan to the last bit."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter

from balancer.domain.errors import InvalidValueError
from balancer.domain.plan import Plan
from balancer.domain.problem import AllocationProblem
from balancer.domain.study import ReadKey, StudyKey
from balancer.publish.problem_folder import PROBLEM_FILES, write_problem

# Every archive of the same problem is the same bytes, whatever the time.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPlan:
    """A plan with what publishing it takes.

    ``people`` take part; ``left_out`` are reads that the solver never saw, with the reason; ``numbers`` are the own
    numbers of a study's reads, which a plan counts from 1; ``emergencies`` are reads of studies of that class.
    """

    plan: Plan
    people: tuple[str, ...]
    emergencies: tuple[ReadKey, ...]
    left_out: Mapping[ReadKey, str]
    numbers: Mapping[StudyKey, Sequence[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Packed:
    """The same with nothing but lists where JSON has no keys."""

    plan: Plan
    people: tuple[str, ...]
    emergencies: tuple[ReadKey, ...]
    left_out: tuple[tuple[ReadKey, str], ...]
    numbers: tuple[tuple[StudyKey, tuple[int, ...]], ...]


_ADAPTER = TypeAdapter(_Packed)


def own_key(kept: KeptPlan, key: ReadKey) -> ReadKey:
    """Return a read of a plan by its own number in its study."""
    of_study = kept.numbers.get(StudyKey(key.trust, key.accession_number))
    return key if of_study is None else key._replace(read=of_study[key.read - 1])


def pack_plan(kept: KeptPlan) -> bytes:
    """Return a plan as compressed JSON."""
    packed = _Packed(
        plan=kept.plan,
        people=kept.people,
        emergencies=kept.emergencies,
        left_out=tuple(kept.left_out.items()),
        numbers=tuple((key, tuple(numbers)) for key, numbers in kept.numbers.items()),
    )
    return zlib.compress(_ADAPTER.dump_json(packed))


def unpack_plan(content: bytes) -> KeptPlan:
    """Return the plan that ``pack_plan`` packed.

    Raises
    ------
    InvalidValueError
        If it is damaged.
    """
    try:
        packed = _ADAPTER.validate_json(zlib.decompress(content))
    except (zlib.error, ValueError) as error:
        raise InvalidValueError("plan", "the record of the run is damaged") from error
    return KeptPlan(
        plan=packed.plan,
        people=packed.people,
        emergencies=packed.emergencies,
        left_out=dict(packed.left_out),
        numbers=dict(packed.numbers),
    )


def pack_problem(problem: AllocationProblem, scratch: Path) -> bytes:
    """Return a problem's folder as an archive; ``ingest.problem_archive`` reads it back the same.

    ``scratch`` is where it may be written meanwhile; whoever gives it sees to it that it does not stay there.
    """
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        folder = scratch / "problem"
        write_problem(problem, folder)
        for name in PROBLEM_FILES:
            about = zipfile.ZipInfo(name, _NO_TIME)
            archive.writestr(about, (folder / name).read_bytes(), zipfile.ZIP_DEFLATED, 9)
        archive.comment = problem.now.astimezone(UTC).isoformat().encode("ascii")
    return held.getvalue()


def digest_of(content: bytes) -> str:
    """Return the SHA-256 of a packed problem: every file's name, length and bytes, as ``balancer solve`` makes it."""
    digest = hashlib.sha256()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for name in PROBLEM_FILES:
            file = archive.read(name)
            digest.update(f"{name}:{len(file)}\n".encode())
            digest.update(file)
    return digest.hexdigest()


def instant_of(content: bytes) -> datetime:
    """Return the instant that a packed problem is of."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return datetime.fromisoformat(archive.comment.decode("ascii"))
