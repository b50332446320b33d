"""protection told."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("person", sa.Column("protection_told", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    # Of the others nobody kept whether a document said "ugradert" or nothing: should FINT bring one of them, the next
    # document tells.
    op.execute("UPDATE person SET protection_told = true WHERE protection <> 'none'")
