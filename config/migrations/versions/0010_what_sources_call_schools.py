"""what sources call schools."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

# Of these formats a school without an organisation number had its id in the source as its ref, and could meet others'.
_FORMATS = ("pifu", "oneroster", "sds")
_LONGEST_REF = 256


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    key = op.create_table(
        "school_key",
        sa.Column("source", sa.String(length=280), nullable=False),
        sa.Column("key", sa.String(length=256), nullable=False),
        sa.Column("school_id", number, nullable=False),
        sa.ForeignKeyConstraint(["school_id"], ["school.id"], name=op.f("fk_school_key_school_id")),
        sa.PrimaryKeyConstraint("source", "key", name=op.f("pk_school_key")),
    )
    school = sa.table(
        "school", sa.column("id", number), sa.column("ref", sa.String()), sa.column("source", sa.String())
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(school)).all():
        if row.source.split(":", 1)[0] not in _FORMATS or (len(row.ref) == 9 and row.ref.isdecimal()):
            continue
        connection.execute(sa.insert(key).values(source=row.source, key=row.ref, school_id=row.id))
        ref = f"{row.source}/{row.ref}"
        if len(ref) <= _LONGEST_REF:
            connection.execute(sa.update(school).where(school.c.id == row.id).values(ref=ref))
