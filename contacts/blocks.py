"""Blocks: documented decisions that a guardian shall not be contacted, about one student or about all."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import Connection, insert, or_, select, update

from config.errors import UsageError
from contacts.acts import Act, entitlement_changed
from contacts.facts_sql import not_over
from contacts.people import FoundPerson
from contacts.tables import BLOCK


def block(
    connection: Connection,
    guardian: FoundPerson,
    *,
    student: FoundPerson | None,
    decision: str,
    first_day: date,
    last_day: date | None,
    operator: str,
) -> Act:
    """Record that by `decision` the guardian is not told, from `first_day` to and with `last_day` (None: for good).

    Raises UsageError when the decision is missing, the days run backwards, or the same decision stands with others.
    """
    decision = decision.strip()
    if not decision:
        raise UsageError("The decision is missing.", remedy='Name it with --decision, such as "2026/113".')
    if last_day is not None and last_day < first_day:
        raise UsageError("The last day lies before the first.", remedy="Check --from and --to.")
    valid_to = None if last_day is None else last_day + timedelta(days=1)
    about = None if student is None else student.id
    for row in connection.execute(
        select(BLOCK.c.valid_from, BLOCK.c.valid_to).where(
            BLOCK.c.guardian_id == guardian.id,
            BLOCK.c.student_id.is_not_distinct_from(about),
            BLOCK.c.decision_ref == decision,
        )
    ):
        if (row.valid_from, row.valid_to) == (first_day, valid_to):
            return Act(False, f"{guardian.label} is blocked already by decision {decision}: nothing was changed.")
        if row.valid_to is None or row.valid_to > first_day:
            raise UsageError(
                f"Decision {decision} is on record for {guardian.label} with other days "
                f"(from {row.valid_from.isoformat()}).",
                remedy=f"End that one first: beredskap contacts unblock {guardian.label} --decision …",
            )
    connection.execute(
        insert(BLOCK).values(
            guardian_id=guardian.id,
            student_id=about,
            decision_ref=decision,
            valid_from=first_day,
            valid_to=valid_to,
            recorded_by=operator,
        )
    )
    _record(connection, "guardian.block", guardian, student, decision, first_day, last_day, operator)
    whom = "any student" if student is None else f"student {student.label}"
    until = "" if last_day is None else f" to {last_day.isoformat()}"
    return Act(True, f"{guardian.label} is not told about {whom}, from {first_day.isoformat()}{until}.")


def unblock(
    connection: Connection,
    guardian: FoundPerson,
    *,
    student: FoundPerson | None,
    decision: str,
    from_day: date,
    operator: str,
) -> Act:
    """End the block that rests on `decision`: from `from_day` on it no longer holds.

    Raises UsageError when no such block is on record.
    """
    decision = decision.strip()
    about = None if student is None else student.id
    rows = connection.execute(
        select(BLOCK.c.id, BLOCK.c.valid_from, BLOCK.c.valid_to).where(
            BLOCK.c.guardian_id == guardian.id,
            BLOCK.c.student_id.is_not_distinct_from(about),
            BLOCK.c.decision_ref == decision,
        )
    ).all()
    if not rows:
        raise UsageError(
            f"No such block of {guardian.label} is on record.",
            remedy="Give the decision as it was recorded, and --student when the block is about one student.",
        )
    open_rows = [row for row in rows if row.valid_to is None or row.valid_to > from_day]
    if not open_rows:
        return Act(False, f"The block of {guardian.label} has ended already: nothing was changed.")
    for row in open_rows:
        connection.execute(update(BLOCK).where(BLOCK.c.id == row.id).values(valid_to=max(from_day, row.valid_from)))
    _record(connection, "guardian.unblock", guardian, student, decision, from_day, None, operator)
    return Act(
        True, f"The block of {guardian.label} by decision {decision} holds no longer from {from_day.isoformat()}."
    )


def is_blocked(connection: Connection, guardian_id: int, student_id: int, on: date) -> bool:
    """Whether a decision stands on the day `on` that this guardian is not told about this student."""
    standing = select(BLOCK.c.id).where(
        BLOCK.c.guardian_id == guardian_id,
        or_(BLOCK.c.student_id.is_(None), BLOCK.c.student_id == student_id),
        BLOCK.c.valid_from <= on,
        not_over(BLOCK.c.valid_to),
    )
    return connection.execute(standing.limit(1), {"on": on}).first() is not None


def _record(
    connection: Connection,
    act: str,
    guardian: FoundPerson,
    student: FoundPerson | None,
    decision: str,
    first_day: date,
    last_day: date | None,
    operator: str,
) -> None:
    entitlement_changed(
        connection,
        operator=operator,
        act=act,
        subject=f"guardian {guardian.label}",
        details={
            "student": student and student.label,
            "decision": decision,
            "from": first_day.isoformat(),
            "to": last_day and last_day.isoformat(),
        },
    )
