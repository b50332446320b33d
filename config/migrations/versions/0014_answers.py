"""answers."""

import sqlalchemy as sa
from alembic import op

from config.clock import UtcDateTime

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("alert", sa.Column("ask_confirmation", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_table(
        "answer",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("provider", sa.String(length=32), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=True),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "stop",
                "start",
                "help",
                "confirmation",
                "other",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("address_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("masked", sa.String(length=32), nullable=True),
        sa.Column("alert_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("delivery_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("text", sa.String(length=160), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer")),
        sa.UniqueConstraint("provider", "reference", name=op.f("uq_answer_provider_reference")),
    )
    with op.batch_alter_table("answer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_answer_address_id"), ["address_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_answer_alert_id"), ["alert_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_answer_delivery_id"), ["delivery_id"], unique=False)
