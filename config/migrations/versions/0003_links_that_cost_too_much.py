"""links that cost too much."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with op.batch_alter_table("alert_progress", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_alert_progress_alert_id"), type_="foreignkey")

    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_attempt_delivery_id"), type_="foreignkey")

    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_decision_student_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_decision_guardian_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_decision_alert_id"), type_="foreignkey")

    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_delivery_due"), sqlite_where=sa.text("state IN ('queued', 'deferred')"))
        batch_op.create_index(
            "ix_delivery_due",
            ["alert_id", "channel", "due_at", "id"],
            unique=False,
            postgresql_where=sa.text("state IN ('queued', 'deferred')"),
            sqlite_where=sa.text("state IN ('queued', 'deferred')"),
        )

    with op.batch_alter_table("delivery_event", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_delivery_event_delivery_id"), type_="foreignkey")

    with op.batch_alter_table("delivery_recipient", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_delivery_recipient_student_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_delivery_recipient_guardian_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_delivery_recipient_delivery_id"), type_="foreignkey")

    with op.batch_alter_table("receipt", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_receipt_delivery_id"), type_="foreignkey")
