"""failing addresses and main school."""

import sqlalchemy as sa
from alembic import op

from config.clock import UtcDateTime

revision = "0007"
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
    with op.batch_alter_table("student", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("main_school_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.create_foreign_key(batch_op.f("fk_student_main_school_id"), "school", ["main_school_id"], ["id"])
