"""telephone marks."""

import sqlalchemy as sa
from alembic import op

from config.clock import UtcDateTime

revision = "0020"
down_revision = "0019"

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OF_GUARDIAN = sa.text("taken_back_at IS NULL AND guardian_id IS NOT NULL")
_OF_STUDENT = sa.text("taken_back_at IS NULL AND guardian_id IS NULL")


def upgrade() -> None:
    op.create_table(
        "telephone_mark",
        sa.Column("id", _BIG, autoincrement=True, nullable=False),
        sa.Column("alert_id", _BIG, nullable=False),
        sa.Column("student_id", _BIG, nullable=False),
        sa.Column("guardian_id", _BIG, nullable=True),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("marked_by", sa.String(length=128), nullable=False),
        sa.Column("marked_at", UtcDateTime(), nullable=False),
        sa.Column("taken_back_by", sa.String(length=128), nullable=True),
        sa.Column("taken_back_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_telephone_mark_alert_id")),
        sa.ForeignKeyConstraint(["student_id"], ["person.id"], name=op.f("fk_telephone_mark_student_id")),
        sa.ForeignKeyConstraint(["guardian_id"], ["person.id"], name=op.f("fk_telephone_mark_guardian_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_telephone_mark")),
    )
    with op.batch_alter_table("telephone_mark", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_telephone_mark_alert_id"), ["alert_id"], unique=False)
        batch_op.create_index(
            "uq_telephone_mark_guardian",
            ["alert_id", "student_id", "guardian_id"],
            unique=True,
            postgresql_where=_OF_GUARDIAN,
            sqlite_where=_OF_GUARDIAN,
        )
        batch_op.create_index(
            "uq_telephone_mark_student",
            ["alert_id", "student_id"],
            unique=True,
            postgresql_where=_OF_STUDENT,
            sqlite_where=_OF_STUDENT,
        )
