"""Runs: the list, one with its figures and progress, whom it moved, and asking for another."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Form, Query
from starlette.responses import RedirectResponse, Response

from balancer.api.callers import may
from balancer.api.serving import IdInPath
from balancer.domain.errors import NotFoundError
from balancer.domain.permission import Permission
from balancer.domain.policy import Policy
from balancer.domain.states import RunKind, RunState
from balancer.services.request_run import request_run
from balancer.store import people, plans, policies, run_records, runs
from balancer.store.blind import not_to_be_named
from balancer.store.database import Session
from balancer.web.class_marks import class_marks
from balancer.web.desk import AtDesk
from balancer.web.downloads import download
from balancer.web.run_pages import KINDS, STAGES, STATES, run_list, run_moves, run_page
from balancer.web.run_tables import Part, run_table
from balancer.web.tables import Choice, Medium, Viewing

router = APIRouter(include_in_schema=False)
HERE: Final = "/runs"
_SEE_OTHER: Final = 303
_SEES: Final = [may(Permission.RUNS_READ)]


@router.get("/runs", dependencies=_SEES)
def show_runs(
    desk: AtDesk,
    view: Viewing,
    state: Annotated[str, Query(max_length=20, pattern="^[a-z]*$")] = "",
    kind: Annotated[str, Query(max_length=20, pattern="^[a-z]*$")] = "",
) -> Response:
    """Show runs, newest first."""
    wanted = (
        RunState(state) if state in set(RunState) else None,
        RunKind(kind) if kind in set(RunKind) else None,
    )
    with desk.database.session() as session:
        rows, total = runs.some_runs(session, *wanted, limit=view.limit, offset=view.offset)
        waits = runs.requested(session) or runs.running(session)
        held = runs.newest_held(session)
    filters = [
        Choice(name="state", label="State", options=[("", "Every state"), *STATES.items()], chosen=state),
        Choice(name="kind", label="Kind", options=[("", "Every kind"), *KINDS.items()], chosen=kind),
    ]
    table = run_list(rows, total, view, desk.now, filters)
    if view.medium is not Medium.PAGE:
        return download(table, desk.now)
    asks = desk.may(Permission.RUNS_START)
    return desk.page("runs.html", title="Runs", here=HERE, table=table, waits=waits, held=held, asks=asks)


@router.post("/runs", dependencies=[may(Permission.RUNS_START)])
def ask(
    desk: AtDesk, reason: Annotated[str, Form(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
) -> Response:
    """Ask for a run; while one waits, everybody who asks gets that one."""
    run_id = request_run(desk.database, desk.now, reason=reason)
    return RedirectResponse(f"{HERE}/{run_id}", _SEE_OTHER)


@router.get("/runs/{run_id}", dependencies=_SEES)
def show_run(desk: AtDesk, view: Viewing, run_id: IdInPath, of: Part = Part.TERMS) -> Response:
    """Show one run; ``of``: which of its tables is wanted as a file."""
    with desk.database.session() as session:
        run = runs.run(session, run_id)
        before = runs.published_before(session, run_id)
        current = runs.current_run(session)
        policy = _policy(session, run.policy_id)
    marks = {} if policy is None else class_marks(policy)
    found = run_page(run, before, policy, marks, desk.now)
    if view.medium is not Medium.PAGE:
        return download(run_table(found, of, view), desk.now)
    return desk.page(
        "run.html",
        title=f"Run {run_id}",
        here=HERE,
        found=found,
        stages=STAGES,
        in_force=current is not None and current.id == run_id,
        sees_moves=desk.may(Permission.RUNS_DECIDE) or desk.may(Permission.AUDIT_READ),
    )


@router.get("/runs/{run_id}/moves", dependencies=[may(Permission.RUNS_DECIDE, Permission.AUDIT_READ)])
def show_moves(desk: AtDesk, view: Viewing, run_id: IdInPath) -> Response:
    """Show whom a run moved; for whoever decides about plans, or audits, as over the API."""
    with desk.database.session() as session:
        run = runs.run(session, run_id)
        found = run_records.all_moves(session, run_id)
        policy = _policy(session, run.policy_id)
        meant = [(item.read.id, name) for item in found for name in (item.move.was, item.move.becomes)]
        unnamed = not_to_be_named(session, desk.reach, meant)
        names = {item.reporter.reporter_id: item.reporter.name for item in people.reporters(session, unlisted=True)}
        exams = plans.exam_names(session)
    desk.look("study", [item.study.id or 0 for item in found])
    marks = {} if policy is None else class_marks(policy)
    table = run_moves(found, unnamed, names=names, exams=exams, marks=marks, view=view)
    if view.medium is not Medium.PAGE:
        return download(table, desk.now)
    return desk.page("run_moves.html", title=f"Moves of run {run_id}", here=HERE, table=table, run=run)


def _policy(session: Session, policy_id: int | None) -> Policy | None:
    """Return the policy a run was made by; before that is known, the one in force; nothing while there is none."""
    try:
        if policy_id is not None:
            return policies.policy_of(policies.version(session, policy_id).row)
        return policies.current_policy(session)
    except NotFoundError:
        return None
