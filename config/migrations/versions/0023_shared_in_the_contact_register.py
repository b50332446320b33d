"""shared in the contact register."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.add_column("contact_point", sa.Column("shared_in_register", sa.Boolean(), nullable=True))
