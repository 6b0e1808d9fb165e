"""Facts that are decided once and kept."""

from __future__ import annotations

from sqlmodel import Session

from balancer.store.tables import SettingRow


def setting(session: Session, key: str) -> str | None:
    """Return a kept fact, ``None`` if it has not been decided."""
    row = session.get(SettingRow, key)
    return None if row is None else row.value


def keep(session: Session, key: str, value: str) -> str:
    """Keep ``value`` unless there is one already; return the one that holds."""
    row = session.get(SettingRow, key, with_for_update=True)
    if row is None:
        row = SettingRow(key=key, value=value)
        session.add(row)
        session.flush()
    return row.value
