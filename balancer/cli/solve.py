"""``balancer solve``: a problem folder in, a plan folder out."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from balancer.cli.exits import FOUND_WANTING, parse_now, refusing_bad_input, warn
from balancer.cli.progress import Stages

if TYPE_CHECKING:
    from balancer.domain.plan import Plan
    from balancer.domain.problem import AllocationProblem

# When the process began, as near as can be told: what it has worked before this module was imported counts.
_STARTED = time.perf_counter() - time.process_time()
# What judging and writing a plan takes after the solver has stopped, in seconds a read (measured, rounded up).
_AFTER_SOLVING_SECONDS_A_READ = 8e-5
_LEAST_SECONDS = 0.5


def solve(  # noqa: PLR0913, PLR0917 - one parameter a flag of the contract
    problem_dir: Annotated[Path, typer.Argument(help="The problem folder.")],
    now: Annotated[str, typer.Option(help="The instant the plan is made at, with offset.")],
    out: Annotated[Path, typer.Option(help="Folder to write the plan to.")],
    seconds: Annotated[
        float | None, typer.Option(min=0.0, help="Clock time for the whole command; a guard, not repeatable.")
    ] = None,
    work: Annotated[int | None, typer.Option(min=0, help="Counted work; repeatable. By size if not given.")] = None,
    previous: Annotated[
        Path | None, typer.Option(help="An earlier plan, whose reads are what is published now.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same plan.")] = 0,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes or threads; changes no plan.")] = None,
) -> None:
    """Share out the studies of PROBLEM_DIR and write the plan to --out."""
    from balancer.cli.previous import read_problem_after
    from balancer.publish.plan_folder import refuse_plan_target, write_plan

    stages = Stages()
    with refusing_bad_input():
        instant = parse_now(now)
        refuse_plan_target(out)
        worked = time.process_time()
        with stages.stage("read", "reading"):
            problem, warnings = read_problem_after(problem_dir, instant, previous)
            digest = _digest(problem_dir, previous)
        worked = time.process_time() - worked
    warn(warnings)
    # reading took longer than the work in it if other processes held this one up
    held_up = max(1.0, stages.seconds["read"] / max(1e-3, worked))
    plan = _solve(problem, stages, seconds=seconds, work=work, seed=seed, workers=workers, held_up=held_up)
    _refuse_broken(problem, plan, stages)
    spent = {**plan.summary.seconds, **{name: round(took, 3) for name, took in stages.seconds.items()}}
    plan = replace(plan, summary=replace(plan.summary, seconds=spent, digest=digest))
    with refusing_bad_input(), stages.stage("write", f"writing {out}"):
        write_plan(plan, out)
    typer.echo(f"plan written to {out}")
    for line in _in_short(problem, plan, stages.seconds):
        typer.echo(line)


def _solve(  # noqa: PLR0913 - the solver's own arguments
    problem: AllocationProblem,
    stages: Stages,
    *,
    seconds: float | None,
    work: int | None,
    seed: int,
    workers: int | None,
    held_up: float,
) -> Plan:
    """Return the solver's plan; ``seconds`` is what the whole command may take, so what surrounds it is taken off."""
    with stages.stage("load", "loading the solver"):
        from balancer.optimise.solve import Progress
        from balancer.optimise.solve import solve as optimise

    if seconds is not None:
        seconds = _left_for_solving(problem, seconds, held_up)

    def show(progress: Progress) -> None:
        parts = [progress.stage, f"{progress.seconds:.0f} s"]
        if progress.incumbent is not None:
            parts.append(f"best {progress.incumbent:,.1f}")
        if progress.bound is not None:
            parts.append(f"bound {progress.bound:,.1f}")
        if progress.gap is not None:
            parts.append(f"gap {progress.gap:.2%}")
        stages.say(", ".join(parts))

    with stages.stage("solve", "solving"):
        return optimise(problem, seed=seed, work=work, seconds=seconds, workers=workers, on_progress=show)


def _left_for_solving(problem: AllocationProblem, seconds: float, held_up: float) -> float:
    """Return what remains of ``seconds`` for the solver; what comes after it is held up as what came before was."""
    reads = sum(study.reads for study in problem.studies)
    after = _AFTER_SOLVING_SECONDS_A_READ * reads * held_up
    return max(_LEAST_SECONDS, seconds - (time.perf_counter() - _STARTED) - after)


def _refuse_broken(problem: AllocationProblem, plan: Plan, stages: Stages) -> None:
    """Ensure that no plan that breaks a hard rule is ever written; lesser findings are told."""
    from balancer.optimise.referee import judge

    with stages.stage("judge", "judging"):
        verdict = judge(problem, plan)
    for finding in verdict.findings:
        typer.echo(str(finding), err=True)
    if any(finding.rule.startswith("H") for finding in verdict.findings):
        typer.echo("the referee rejected the plan; nothing was written", err=True)
        raise typer.Exit(FOUND_WANTING)


def _digest(problem_dir: Path, previous: Path | None) -> str:
    """Return the SHA-256 of what the plan was made from: every file's name and bytes, in the contract's order."""
    from balancer.ingest.problem_folder import PROBLEM_FILES

    files = [problem_dir / name for name in PROBLEM_FILES]
    if previous is not None:
        files += [previous / "plan.csv", previous / "unallocated.csv"]
    digest = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        digest.update(f"{file.name}:{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _in_short(problem: AllocationProblem, plan: Plan, seconds: Mapping[str, float]) -> Iterable[str]:
    """Yield what a person wants to know of a plan in a dozen lines."""
    from collections import Counter

    summary = plan.summary
    yield (
        f"{summary.studies:,} studies, {summary.reads:,} reads: {summary.allocated:,} allocated, "
        f"{len(plan.unallocated):,} unallocated"
    )
    for reason, count in sorted(Counter(row.reason.value for row in plan.unallocated).items()):
        yield f"  {reason}: {count:,}"
    of_class = Counter(study.priority for study in problem.studies)
    width = max(len(priority.code) for priority in problem.policy.priorities)
    for priority in problem.policy.priorities:
        code = priority.code
        yield (
            f"  {code:<{width}}  late {summary.late.get(code, 0):>7,} of {of_class[code]:>7,}   longest wait "
            f"{summary.longest_wait_hours.get(code, 0.0):>8,.1f} h of {priority.ceiling_hours:,.0f} h"
        )
    yield (
        f"total {summary.total:,.2f} (unavoidable {summary.sunk:,.2f}, proven at least {summary.bound:,.2f}): "
        f"gap {summary.gap:.2%}, {summary.status.value}, stopped by {summary.stopped_by.value}"
    )
    yield "seconds: " + ", ".join(f"{name} {took:.1f}" for name, took in seconds.items())
