"""${message}

Revision ID: ${up_revision}
Revises: ${down_revision or "nothing" | comma,n}
"""

# ruff: noqa: PLR0915  # a migration is as long as what it changes

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
