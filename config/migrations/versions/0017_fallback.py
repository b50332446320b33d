"""fallback."""

import sqlalchemy as sa
from alembic import op

from config.clock import UtcDateTime

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "fallback_chain",
        sa.Column("alert_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("guardian_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("step_at", UtcDateTime(), nullable=False),
        sa.Column("next_at", UtcDateTime(), nullable=True),
        sa.Column(
            "ended",
            sa.Enum(
                "confirmed",
                "call_list",
                "not_entitled",
                name="ended",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("alert_id", "guardian_id", name=op.f("pk_fallback_chain")),
    )
    with op.batch_alter_table("fallback_chain", schema=None) as batch_op:
        batch_op.create_index(
            "ix_fallback_chain_next_at",
            ["alert_id", "next_at"],
            unique=False,
            postgresql_where=sa.text("next_at IS NOT NULL"),
            sqlite_where=sa.text("next_at IS NOT NULL"),
        )

    op.add_column("alert", sa.Column("fallback", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("alert_text", sa.Column("spoken", sa.String(), nullable=True))
    for table in ("delivery", "alert_progress"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_constraint(batch_op.f(f"ck_{table}_channel"), type_="check")
            batch_op.create_check_constraint(batch_op.f(f"ck_{table}_channel"), "channel IN ('sms', 'email', 'voice')")
