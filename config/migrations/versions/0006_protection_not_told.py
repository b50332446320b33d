"""protection not told."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # A column beside the grading, not one more grading: SQLite would have to make the whole table anew for that.
    op.add_column(
        "person", sa.Column("protection_unknown", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
