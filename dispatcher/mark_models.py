"""The table of whom staff have reached by telephone."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from config.tables import id_column, link, utc_column
from dispatcher.partial_index import partial_index

# As long as a note may be: what the next who looks must know, and no case record.
LONGEST_NOTE = 200


class TelephoneMark(SQLModel, table=True):
    """Somebody of the staff has reached a guardian of a student by telephone, in an alert.

    `guardian_id`: NULL when it was the student, or somebody else at home. `note`: their own words, which may name
    people. In force until it is taken back, which is an act of its own: a mark is never changed or deleted, and the
    same two may be marked again afterwards. Few rows: the database holds on to what they point at.
    """

    __tablename__ = "telephone_mark"
    __table_args__ = (
        # Of several who mark the same at once, one does. Two indexes, as no two NULLs are equal in one.
        partial_index(
            "uq_telephone_mark_guardian",
            "alert_id",
            "student_id",
            "guardian_id",
            where="taken_back_at IS NULL AND guardian_id IS NOT NULL",
            unique=True,
        ),
        partial_index(
            "uq_telephone_mark_student",
            "alert_id",
            "student_id",
            where="taken_back_at IS NULL AND guardian_id IS NULL",
            unique=True,
        ),
    )

    id: int | None = Field(default=None, sa_column=id_column())
    alert_id: int = Field(sa_column=link("alert.id", index=True))
    student_id: int = Field(sa_column=link("person.id"))
    guardian_id: int | None = Field(default=None, sa_column=link("person.id", nullable=True))
    note: str = Field(default="", max_length=LONGEST_NOTE)
    marked_by: str = Field(max_length=128)
    marked_at: datetime = Field(sa_column=utc_column(default_now=True))
    taken_back_by: str | None = Field(default=None, max_length=128)
    taken_back_at: datetime | None = Field(default=None, sa_column=utc_column(nullable=True))
