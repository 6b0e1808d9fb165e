"""The tables of drafts and their previews; what is staged in one is in the table of instructions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlmodel import Field

from balancer.domain.draft import DraftState
from balancer.store.tables import Row
from balancer.store.types import FreeText, StateText, UtcDateTime


class DraftRow(Row, table=True):
    """A draft: whose it is, what became of it, and what it takes to undo it.

    ``trust`` is whose managers see it. ``base_run_id`` is the run that was in force when it was begun. ``lists`` are
    the worklists that were current when it was published, ``replaced`` the instructions that it took the place of.
    ``left`` is what undoing it could not restore.
    """

    __tablename__ = "drafts"
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(sa_type=FreeText)
    trust: str = Field(foreign_key="trusts.code", index=True)
    state: DraftState = Field(sa_type=StateText(DraftState))
    author: str = Field(sa_type=FreeText)
    made_at: datetime = Field(sa_type=UtcDateTime)
    base_run_id: int | None = Field(default=None, foreign_key="runs.id")
    decided_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    decided_by: str = Field(default="", sa_type=FreeText)
    decided_why: str = Field(default="", sa_type=FreeText)
    lists: list[int] = Field(default_factory=list, sa_type=JSON)
    replaced: list[int] = Field(default_factory=list, sa_type=JSON)
    undone_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    undone_by: str = Field(default="", sa_type=FreeText)
    undone_why: str = Field(default="", sa_type=FreeText)
    left: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSON)


class PreviewRow(Row, table=True):
    """What a draft would do, beside the figures and moves of its run; ``run_id`` is of kind ``preview``.

    ``instructions`` were staged when it was made. ``late_before`` counts late studies by class without the draft, and
    the run's ``late`` with it. ``figures`` are those of ``domain.effects`` without the draft and with it, and ``about``
    the studies that the draft is about and that have a place with it; ``lateness`` the studies that only one of the two
    plans has late: both in minutes beyond their due time (below 0: in hand).
    """

    __tablename__ = "previews"
    run_id: int = Field(primary_key=True, foreign_key="runs.id", ondelete="CASCADE")
    draft_id: int = Field(foreign_key="drafts.id", index=True)
    instructions: list[int] = Field(default_factory=list, sa_type=JSON)
    late_before: dict[str, int] | None = Field(default=None, sa_type=JSON)
    figures: dict[str, dict[str, Any]] | None = Field(default=None, sa_type=JSON)
    lateness: list[dict[str, float]] | None = Field(default=None, sa_type=JSON)


class PreviewLoadRow(Row, table=True):
    """How much of somebody's sessions within the horizon is planned, without a draft and with it; in minutes."""

    __tablename__ = "preview_loads"
    run_id: int = Field(primary_key=True, foreign_key="runs.id", ondelete="CASCADE")
    reporter_id: str = Field(primary_key=True, foreign_key="reporters.reporter_id")
    available_before: float
    available_after: float
    planned_before: float
    planned_after: float
