"""fallback."""

from alembic import op

revision = "0017"
down_revision = "0015"


def upgrade() -> None:
    for table in ("delivery", "alert_progress"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_constraint(batch_op.f(f"ck_{table}_channel"), type_="check")
            batch_op.create_check_constraint(batch_op.f(f"ck_{table}_channel"), "channel IN ('sms', 'email', 'voice')")
