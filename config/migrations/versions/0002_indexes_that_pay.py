"""indexes that pay."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.create_index(
            "ix_decision_unreachable",
            ["alert_id", "unreachable", "guardian_id"],
            unique=False,
            postgresql_where=sa.text("unreachable IS NOT NULL"),
            sqlite_where=sa.text("unreachable IS NOT NULL"),
        )

    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_delivery_reference"))
        batch_op.drop_index("ix_delivery_awaiting_receipt")
        batch_op.create_index(
            "ix_delivery_awaiting_receipt",
            ["poll_at"],
            unique=False,
            postgresql_where=sa.text("state = 'accepted' AND poll_at IS NOT NULL"),
            sqlite_where=sa.text("state = 'accepted' AND poll_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_delivery_due_of_alert",
            ["alert_id", "expires_at"],
            unique=False,
            postgresql_where=sa.text("state IN ('queued', 'deferred')"),
            sqlite_where=sa.text("state IN ('queued', 'deferred')"),
        )
        batch_op.drop_constraint(batch_op.f("uq_delivery_notice_id_channel_address_id"), type_="unique")
        batch_op.create_index(
            "uq_delivery_notice_id_channel_address_id",
            ["notice_id", "channel", "address_id"],
            unique=True,
            postgresql_where=sa.text("notice_id IS NOT NULL"),
            sqlite_where=sa.text("notice_id IS NOT NULL"),
        )

    with op.batch_alter_table("delivery_event", schema=None) as batch_op:
        batch_op.create_index(
            "ix_delivery_event_refused",
            ["delivery_id"],
            unique=False,
            postgresql_where=sa.text("refused"),
            sqlite_where=sa.text("refused = 1"),
        )

    with op.batch_alter_table("delivery_recipient", schema=None) as batch_op:
        batch_op.create_index(
            "ix_delivery_recipient_doubtful",
            ["delivery_id"],
            unique=False,
            postgresql_where=sa.text("stale OR unverified"),
            sqlite_where=sa.text("stale = 1 OR unverified = 1"),
        )
