"""figures of old alerts."""

import sqlalchemy as sa
from alembic import op

from config.clock import UtcDateTime

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "alert_figures",
        sa.Column("alert_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reduced_at", UtcDateTime(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_alert_figures_alert_id")),
        sa.PrimaryKeyConstraint("alert_id", name=op.f("pk_alert_figures")),
    )
