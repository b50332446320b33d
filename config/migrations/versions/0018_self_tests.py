"""self-tests."""

import sqlalchemy as sa
from alembic import op

from config.clock import UtcDateTime

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "self_test",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("operator", sa.String(length=128), nullable=False),
        sa.Column("begun_at", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column(
            "result",
            sa.Enum(
                "passed",
                "failed",
                "interrupted",
                name="result",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_self_test")),
    )
    op.add_column(
        "alert", sa.Column("self_test_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
    )
    op.add_column("alert", sa.Column("only_provider", sa.String(length=32), nullable=True))
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_notice_kind"), type_="check")
        batch_op.create_check_constraint(
            batch_op.f("ck_notice_kind"),
            "kind IN ('verification_code', 'break_glass', 'consent_question', 'contact_reminder', 'self_test_failed')",
        )
