"""follow-ups."""

import sqlalchemy as sa
from alembic import op

from config.clock import UtcDateTime

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("alert", sa.Column("replaced_at", UtcDateTime(), nullable=True))
    op.create_index(
        "uq_alert_references_id",
        "alert",
        ["references_id"],
        unique=True,
        postgresql_where=sa.text("references_id IS NOT NULL AND state <> 'draft'"),
        sqlite_where=sa.text("references_id IS NOT NULL AND state <> 'draft'"),
    )
