"""visits to the portal."""

import sqlalchemy as sa
from alembic import op

from config.clock import UtcDateTime

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "log_in",
        sa.Column("browser", sa.String(length=64), nullable=False),
        sa.Column("provider", sa.String(length=16), nullable=False),
        sa.Column("school_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("secrets", sa.JSON(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_log_in_school_id")),
        sa.PrimaryKeyConstraint("browser", name=op.f("pk_log_in")),
    )
    with op.batch_alter_table("log_in", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_log_in_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "visit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("token_before", sa.String(length=64), nullable=True),
        sa.Column("form_token", sa.String(length=43), nullable=False),
        sa.Column(
            "visitor",
            sa.Enum(
                "guardian", "student", "staff", name="visitor", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("operator", sa.String(length=64), nullable=True),
        sa.Column("stranger", sa.String(length=1024), nullable=True),
        sa.Column("began_at", UtcDateTime(), nullable=False),
        sa.Column("renewed_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "(visitor = 'staff') = (operator IS NOT NULL) AND (visitor <> 'student' OR person_id IS NOT NULL)"
            " AND (visitor <> 'staff' OR person_id IS NULL)",
            name=op.f("ck_visit_is_somebody"),
        ),
        sa.CheckConstraint(
            "stranger IS NULL OR (visitor = 'guardian' AND person_id IS NULL)", name=op.f("ck_visit_only_strangers")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_visit_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit")),
        sa.UniqueConstraint("token", name=op.f("uq_visit_token")),
        sa.UniqueConstraint("token_before", name=op.f("uq_visit_token_before")),
    )
    with op.batch_alter_table("visit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_visit_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_visit_seen_at"), ["seen_at"], unique=False)
