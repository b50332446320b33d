"""consent questions."""

import sqlalchemy as sa
from alembic import op

from config.clock import UtcDateTime

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("student", sa.Column("consent_asked_at", UtcDateTime(), nullable=True))
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_notice_kind"), type_="check")
        batch_op.create_check_constraint(
            batch_op.f("ck_notice_kind"), "kind IN ('verification_code', 'break_glass', 'consent_question')"
        )
