"""reminders."""

import sqlalchemy as sa
from alembic import op

from config.clock import UtcDateTime

revision = "0016"
down_revision = "0015"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_notice_kind"), type_="check")
        batch_op.create_check_constraint(
            batch_op.f("ck_notice_kind"),
            "kind IN ('verification_code', 'break_glass', 'consent_question', 'contact_reminder')",
        )
    op.create_table(
        "postal_address",
        sa.Column("person_id", _ID, nullable=False),
        sa.Column("lines", sa.String(length=1024), nullable=False),
        sa.Column("postal_code", sa.String(length=100), nullable=False),
        sa.Column("place", sa.String(length=100), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_postal_address_person_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_postal_address")),
    )
    op.create_table(
        "reminder",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("guardian_id", _ID, nullable=False),
        sa.Column("campaign", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("letters", sa.Integer(), nullable=False),
        sa.Column(
            "way",
            sa.Enum("sms", "email", "letter", name="way", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("notice_id", _ID, nullable=True),
        sa.Column("fixed_at", UtcDateTime(), nullable=True),
        sa.Column("given_up_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["guardian_id"], ["person.id"], name=op.f("fk_reminder_guardian_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminder")),
        sa.UniqueConstraint("guardian_id", "campaign", name=op.f("uq_reminder_guardian_id_campaign")),
    )
    op.create_index(
        "ix_reminder_open",
        "reminder",
        ["guardian_id"],
        postgresql_where=sa.text("fixed_at IS NULL"),
        sqlite_where=sa.text("fixed_at IS NULL"),
    )
    op.create_table(
        "reminder_round",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("operator", sa.String(length=128), nullable=False),
        sa.Column("every_school", sa.Boolean(), nullable=False),
        sa.Column("sms", sa.Integer(), nullable=False),
        sa.Column("email", sa.Integer(), nullable=False),
        sa.Column("letters", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminder_round")),
    )
