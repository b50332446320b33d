"""invitations."""

import sqlalchemy as sa
from alembic import op

from config.clock import UtcDateTime

revision = "0022"
down_revision = "0021"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "invitation",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("student_id", _ID, nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("for_alerts", sa.Boolean(), nullable=False),
        sa.Column("for_portal", sa.Boolean(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "made",
                "entered",
                "confirmed",
                "refused",
                "expired",
                "revoked",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("entered_at", UtcDateTime(), nullable=True),
        sa.Column("guardian_id", _ID, nullable=True),
        sa.Column("entered_lookup", sa.String(length=64), nullable=True),
        sa.Column("entered_number", sa.String(length=512), nullable=True),
        sa.Column("entered_name", sa.String(length=4096), nullable=True),
        sa.Column(
            "name_from",
            sa.Enum(
                "store",
                "login",
                "themselves",
                name="name_from",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["student_id"], ["person.id"], name=op.f("fk_invitation_student_id")),
        sa.ForeignKeyConstraint(["guardian_id"], ["person.id"], name=op.f("fk_invitation_guardian_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_invitation_code_hash")),
    )
    op.create_index("ix_invitation_student_id", "invitation", ["student_id"])
    op.create_index("ix_invitation_guardian_id", "invitation", ["guardian_id"])
    op.create_index("ix_invitation_entered_lookup", "invitation", ["entered_lookup"])
    op.create_index(
        "ix_invitation_open",
        "invitation",
        ["expires_at"],
        postgresql_where=sa.text("ended_at IS NULL"),
        sqlite_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "code_try",
        sa.Column("lookup", sa.String(length=64), nullable=False),
        sa.Column("began_at", UtcDateTime(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("lookup", name=op.f("pk_code_try")),
    )
