"""A plan opened once, to be asked many questions: its arrays, and the schedule its rows describe."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from balancer.domain.errors import PlanRejectedError
from balancer.domain.placement import Placement
from balancer.domain.plan import Allocation, Plan, Terms
from balancer.domain.problem import AllocationProblem
from balancer.domain.study import ReadKey
from balancer.optimise.plan import make_plan, terms_of
from balancer.optimise.problem import UNPLACED, Compiled, Ids, ProblemArrays, compile_problem
from balancer.optimise.schedule import Schedule, copy_schedule, duration, empty_schedule, insert, remove, retime

_TOLERANCE = timedelta(seconds=1)  # as section 2 allows


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPlan:
    """A plan with what is needed to ask about it. ``x`` is the schedule of its rows and is never changed.

    ``read_of`` and ``session_of`` give the row in the arrays of a read and of a counted session.
    """

    plan: Plan
    compiled: Compiled
    x: Schedule
    keys: tuple[ReadKey, ...]
    read_of: Mapping[ReadKey, int]
    session_of: Mapping[str, int]
    terms: Terms

    @property
    def problem(self) -> AllocationProblem:
        """The problem the plan is for."""
        return self.compiled.problem

    def copy(self) -> tuple[ProblemArrays, Schedule]:
        """Return arrays and schedule that may be changed: permissions and time in them, not studies."""
        p = self.compiled.arrays
        scratch = p._replace(level=p.level.copy(), latest=p.latest.copy(), takes_pool=p.takes_pool.copy())
        return scratch, copy_schedule(self.x)

    def placement(self, x: Schedule, read: int) -> Placement | None:
        """Return where a schedule has a read; ``None`` for nowhere."""
        session = int(x.reads["session"][read])
        if session == UNPLACED:
            return None
        end = int(x.reads["end"][read])
        taken = int(duration(self.compiled.arrays.studies, x.reads, x.sessions, read, session))
        return Placement(
            reporter_id=self.compiled.sessions[session].reporter_id,
            session_id=self.compiled.sessions[session].session_id,
            position=int(x.reads["position"][read]) + 1,
            start=self.compiled.instant(end - taken),
            end=self.compiled.instant(end),
        )

    def sequence(self, x: Schedule, session: int) -> tuple[ReadKey, ...]:
        """Return the reads of a session in order."""
        row = x.sessions[session]
        return tuple(self.keys[read] for read in x.slots[row["slot"] : row["slot"] + row["length"]])

    def plan_with(self, sequences: Mapping[str, Sequence[ReadKey]]) -> Plan:
        """Return the plan in which these sessions read these reads in this order and all else stays.

        Reads that are then in no session are unallocated.
        """
        x = copy_schedule(self.x)
        rows = {self.session_of[name]: [self.read_of[key] for key in keys] for name, keys in sequences.items()}
        p = self.compiled.arrays
        for session in rows:
            for read in x.slots[x.sessions["slot"][session] :][: x.sessions["length"][session]].tolist():
                remove(p.prices, p.studies, *x, read)
        for session, reads in rows.items():
            for position, read in enumerate(reads):
                insert(p.studies, *x, read, session, position)
        said = self.plan.summary
        return make_plan(
            self.compiled, x, bound=said.bound, stopped_by=said.stopped_by, seconds=said.seconds, seed=said.seed
        )


def open_plan(problem: AllocationProblem, plan: Plan) -> OpenPlan:
    """Return the plan opened.

    Raises
    ------
    PlanRejectedError
        If its rows are no schedule of this problem: unknown names, a read twice, or other times than section 2 gives.
        The other hard rules are the referee's to judge.
    """
    compiled = compile_problem(problem)
    keys = tuple(ReadKey(*study.key, number) for study in problem.studies for number in range(1, study.reads + 1))
    read_of = {key: read for read, key in enumerate(keys)}
    session_of = {session.session_id: idx for idx, session in enumerate(compiled.sessions)}
    faults = list(_unknown(plan.allocations, read_of, session_of, compiled))
    if faults:
        raise PlanRejectedError(faults)
    x = _lay(compiled.arrays, plan, read_of, session_of)
    faults = [
        f"{row.trust} {row.accession_number} read {row.read} ends at {row.end}; by the rules it ends at {end}"
        for row in plan.allocations
        if abs((end := compiled.instant(int(x.reads["end"][read_of[row.key]]))) - row.end) > _TOLERANCE
    ]
    if faults:
        raise PlanRejectedError(faults)
    terms = terms_of(compiled, x)
    return OpenPlan(plan=plan, compiled=compiled, x=x, keys=keys, read_of=read_of, session_of=session_of, terms=terms)


def _unknown(
    rows: Iterable[Allocation], read_of: Mapping[ReadKey, int], session_of: Mapping[str, int], compiled: Compiled
) -> Iterable[str]:
    """Yield what keeps the rows from being a schedule at all."""
    seen: set[ReadKey] = set()
    number: dict[str, int] = defaultdict(int)
    rows_of_sessions = compiled.arrays.sessions
    ends = np.append(rows_of_sessions["slot"][1:], compiled.arrays.slots)
    for row in rows:
        where = f"{row.trust} {row.accession_number} read {row.read}"
        if row.key not in read_of:
            yield f"{where} is not a read of this problem"
        elif row.key in seen:
            yield f"{where} stands twice in the plan"
        elif row.session_id not in session_of:
            yield f"{where}: there is no session {row.session_id} that counts"
        elif compiled.sessions[session_of[row.session_id]].reporter_id != row.reporter_id:
            yield f"{where}: session {row.session_id} is not {row.reporter_id}'s"
        seen.add(row.key)
        number[row.session_id] += 1
    for name, count in number.items():
        session = session_of.get(name)
        if session is not None and count > ends[session] - rows_of_sessions["slot"][session]:
            yield f"session {name} holds more reads than there is time for"


def _lay(p: ProblemArrays, plan: Plan, read_of: Mapping[ReadKey, int], session_of: Mapping[str, int]) -> Schedule:
    x = empty_schedule(p)
    of_session: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for row in plan.allocations:
        of_session[session_of[row.session_id]].append((row.position, read_of[row.key]))
    for session, placed in of_session.items():
        reads: Ids = np.array([read for _, read in sorted(placed)], np.int32)
        slot = int(x.sessions["slot"][session])
        x.slots[slot : slot + len(reads)] = reads
        x.reads["session"][reads] = session
        x.sessions["length"][session] = len(reads)
        x.sessions["claims"][session] = np.count_nonzero(p.reads["claimed"][reads] != UNPLACED)
        x.sessions["waits"][session] = np.count_nonzero(
            p.studies["ready"][p.reads["study"][reads]] > x.sessions["start"][session]
        )
        used = sum(int(duration(p.studies, x.reads, x.sessions, int(read), session)) for read in reads)
        x.reporters["used"][x.sessions["reporter"][session]] += used
        retime(p.studies, x.reads, x.sessions, x.slots, session, 0)
    return x
