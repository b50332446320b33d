"""how the calls of registers went."""

import sqlalchemy as sa
from alembic import op

from config.clock import UtcDateTime

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "register_sync",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("tried_at", UtcDateTime(), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("fault", sa.String(length=512), nullable=True),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("etag", sa.String(length=256), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_register_sync")),
    )
