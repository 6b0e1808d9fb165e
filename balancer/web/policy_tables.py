"""A policy's figures, and where two versions differ, as tables to take away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from balancer.web.policy import ChangeShown, PolicyShown
from balancer.web.policy_fields import Field
from balancer.web.tables import Cell, Column, Row, Table, View

_FIGURES: Final = (
    Column(key="group", head="Class or rule"),
    Column(key="figure", head="Figure"),
    Column(key="value", head="Value"),
    Column(key="unit", head="Unit"),
    Column(key="meaning", head="What it means"),
)


def figures_table(shown: PolicyShown, view: View) -> Table:
    """Return every figure of a version in plain words, in the order of its page."""
    groups: list[tuple[str, Sequence[Field]]] = [
        *((item.mark.name, item.fields) for item in shown.classes),
        ("Weights and rules", shown.general),
        *((rule.heading, rule.fields) for rule in shown.rules),
    ]
    rows = [
        Row(cells=tuple(Cell(text=text) for text in (name, field.label, field.value, field.unit, field.meaning)))
        for name, fields in groups
        for field in fields
    ]
    name = f"Policy version {shown.version.row.id}"
    return Table(name=name, columns=_FIGURES, rows=rows, total=len(rows), view=view)


def changes_table(changes: Sequence[ChangeShown], before: int, after: int, view: View) -> Table:
    """Return where two versions differ, side by side."""
    columns = (
        Column(key="figure", head="Figure"),
        Column(key=f"version_{before}", head=f"Version {before}"),
        Column(key=f"version_{after}", head=f"Version {after}"),
        Column(key="meaning", head="What it means"),
    )
    rows = [
        Row(cells=tuple(Cell(text=text) for text in (item.label, item.was, item.becomes, item.meaning)))
        for item in changes
    ]
    name = f"Policy versions {before} and {after}"
    return Table(name=name, columns=columns, rows=rows, total=len(rows), view=view)
