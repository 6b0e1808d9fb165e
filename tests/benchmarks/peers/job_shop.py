"""The allocation model as far as PyJobShop can say it: sessions are machines with breaks, a mode for each session.

It knows weighted tardiness, tardy jobs and flow time, and one breach for all classes; it knows no ceilings, match,
remote, prior, churn, split or load. Time is in whole minutes, rounded up.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from pyjobshop import Model
from pyjobshop.ProblemData import Machine, Renewable
from pyjobshop.Result import SolveStatus

from balancer.optimise.problem import UNPLACED, Compiled
from balancer.optimise.schedule import Schedule
from tests.benchmarks.peers.choices import Choices

MINUTE = 60
WORKERS = 2


def solve(compiled: Compiled, seconds: float) -> tuple[Schedule, str]:
    """Return the schedule that PyJobShop finds within ``seconds``, and what it says of it."""
    choices = Choices.of(compiled)
    model, modes = _model(compiled, choices)
    result = model.solve(solver="ortools", time_limit=seconds, display=False, num_workers=WORKERS)
    said = result.status.value.lower()
    if result.status not in (SolveStatus.OPTIMAL, SolveStatus.FEASIBLE):
        return choices.start, f"{said}: nothing placed"
    chosen = []
    for task in result.best.tasks:
        read, session = modes[task.mode]
        if session != UNPLACED:
            chosen.append((session, task.start, read))
    return choices.schedule(chosen, leave_out=True), said


def _model(compiled: Compiled, choices: Choices) -> tuple[Model, list[tuple[int, int]]]:
    """Return the model, and which read each of its modes puts into which session (UNPLACED: into none)."""
    p = choices.p
    beyond = math.ceil(int(p.prices["beyond"][0]) / MINUTE)
    model = Model()
    machines = _machines(model, choices, beyond)
    most_reads = int(np.max(p.studies["end_read"] - p.studies["first_read"], initial=1))
    # one for each read of a study: two reads of it may both be nowhere
    nowhere: list[Renewable] = [model.add_renewable(capacity=max(1, len(p.reads))) for _ in range(most_reads)]
    modes: list[tuple[int, int]] = []
    for row in p.studies:
        reads = [read for read in range(row["first_read"], row["end_read"]) if read in choices.of_read]
        if not reads:
            continue
        job = model.add_job(
            weight=max(1, round(float(row["a1"]) * 3600)), due_date=math.floor(float(row["due"]) / MINUTE)
        )
        ready = max(0, math.ceil(int(row["ready"]) / MINUTE))
        tasks = [model.add_task(job=job, earliest_start=ready) for _ in reads]
        for read, task in zip(reads, tasks, strict=True):
            left = nowhere[read - int(row["first_read"])]
            model.add_mode(task, left, duration=max(1, beyond - ready), demands=1)
            modes.append((read, UNPLACED))
            for choice in choices.of_read[read]:
                taken = math.ceil(choice.taken / MINUTE)
                if math.ceil(choice.earliest / MINUTE) + taken <= choice.deadline // MINUTE:
                    model.add_mode(task, machines[choice.session], duration=taken)
                    modes.append((read, choice.session))
        for before, after in pairwise(tasks):
            model.add_different_resources(before, after)
    rate, breach = _rate_and_breach(compiled)
    model.set_objective(
        weight_total_tardiness=round(1 / rate),
        weight_tardy_jobs=round(breach * 60 / rate),
        weight_total_flow_time=1,
    )
    return model, modes


def _machines(model: Model, choices: Choices, beyond: int) -> dict[int, Machine]:
    """Return a machine for each session, with breaks before and after it."""
    machines = {}
    x = choices.start
    for session in choices.by_session():
        row = x.sessions[session]
        last = x.slots[row["slot"] + row["length"] - 1] if row["length"] else -1
        begin = math.ceil(int(row["start"] if last < 0 else x.reads["end"][last]) / MINUTE)
        end = max(begin, int(row["end"]) // MINUTE)
        breaks = [(0, begin)] if begin else []
        machines[session] = model.add_machine(breaks=[*breaks, (end, max(end + 1, 2 * beyond))])
    return machines


def _rate_and_breach(compiled: Compiled) -> tuple[float, float]:
    """Return the price of waiting as a share of the weight, and the mean breach of the classes in hours."""
    policy = compiled.problem.policy
    return max(policy.weights.wait_rate, 0.001), float(np.mean([priority.breach for priority in policy.priorities]))
