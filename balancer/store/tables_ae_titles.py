"""The table of AE titles: which DICOM application is which registered system, and where it listens."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from balancer.store.tables import Row
from balancer.store.types import UtcDateTime


class AeTitleRow(Row, table=True):
    """An AE title (PS3.8, 7.1.1.4) of a system.

    ``certificate``: the SHA-256, in hexadecimal, of the TLS certificate that whoever uses the title must show; if it is
    empty, none need be shown. ``host`` and ``port``: where it takes event reports, if it does; ``tls``: over TLS.
    """

    __tablename__ = "ae_titles"
    title: str = Field(primary_key=True)
    system_id: str = Field(foreign_key="systems.system_id", ondelete="CASCADE", index=True)
    certificate: str = ""
    host: str = ""
    port: int | None = None
    tls: bool = False
    added_at: datetime = Field(sa_type=UtcDateTime)
