"""addresses that fail."""

import sqlalchemy as sa
from alembic import op

from config.clock import UtcDateTime

revision = "0009"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("address", sa.Column("failing_since", UtcDateTime(), nullable=True))
    op.create_index(
        "ix_address_failed",
        "address",
        ["failures"],
        unique=False,
        postgresql_where=sa.text("failures > 0 AND failing_since IS NULL"),
        sqlite_where=sa.text("failures > 0 AND failing_since IS NULL"),
    )
