"""chain of the audit log."""

import sqlalchemy as sa
from alembic import op

from config.audit_chain import NOTHING_BEFORE, chained
from config.audit_guard import make_append_only
from config.clock import UtcDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        # Until it is made anew: what somebody wrote between would be gone, and the chain whole without it.
        connection.exec_driver_sql("LOCK TABLE audit_entry IN ACCESS EXCLUSIVE MODE")
    entry = sa.table(
        "audit_entry",
        *(sa.column(name) for name in ("id", "operator", "act", "subject", "previous", "hash")),
        sa.column("at", UtcDateTime()),
        sa.column("details", sa.JSON()),
    )
    kept = ("at", "operator", "act", "subject", "details")
    earlier = connection.execute(sa.select(*(entry.c[name] for name in kept)).order_by(entry.c.id)).mappings().all()

    # Made anew: from now on the numbers have no gaps and come from no sequence.
    op.drop_table("audit_entry")
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("operator", sa.String(length=200), nullable=False),
        sa.Column("act", sa.String(length=100), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_entry_at"), ["at"], unique=False)

    previous = NOTHING_BEFORE
    rows = []
    for number, row in enumerate(earlier, start=1):
        link = chained(number=number, previous=previous, **row)
        rows.append({**row, "details": link.details, "id": number, "previous": previous, "hash": link.hash})
        previous = link.hash
    if rows:
        connection.execute(sa.insert(entry), rows)
        counter = sa.table("counter", sa.column("name"), sa.column("value"))
        connection.execute(sa.insert(counter).values(name="audit_entries", value=len(rows)))
    make_append_only(connection)
