"""guardians choose."""

import sqlalchemy as sa
from alembic import op

from config.clock import UtcDateTime

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.add_column("person", sa.Column("language_chosen_at", UtcDateTime(), nullable=True))
    op.add_column("contact_point", sa.Column("removed_at", UtcDateTime(), nullable=True))
