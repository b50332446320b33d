"""operators."""

import sqlalchemy as sa
from alembic import op

from config.clock import UtcDateTime

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("alert", sa.Column("break_glass", sa.String(length=512), nullable=True))

    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.alter_column("person_id", existing_type=number, nullable=True)
        batch_op.add_column(sa.Column("alert_id", number, nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_notice_alert_id"), "alert", ["alert_id"], ["id"])
        batch_op.drop_constraint(batch_op.f("ck_notice_kind"), type_="check")
        batch_op.create_check_constraint(batch_op.f("ck_notice_kind"), "kind IN ('verification_code', 'break_glass')")

    op.create_table(
        "operator_token",
        sa.Column("id", number, autoincrement=True, nullable=False),
        sa.Column("handle", sa.String(length=16), nullable=False),
        sa.Column("operator", sa.String(length=64), nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=200), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_by", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator_token")),
        sa.UniqueConstraint("handle", name=op.f("uq_operator_token_handle")),
    )
