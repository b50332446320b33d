"""Consent questions that must not leave any more: the student has answered, left, died, or may be protected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Connection, select

from contacts.consent_questions import load_questions, may_still_be_asked
from dispatcher.codes import NoticeKind
from dispatcher.tables import NOTICE, AnyRow

NO_LONGER_ASKED = "no_longer_asked"


def no_longer_asked(connection: Connection, due: Sequence[AnyRow], today: date, stale_after_months: int) -> set[int]:
    """The ids of those of the due rows (of notices) that ask a student who is not to be asked there any more."""
    students = {
        row.id: row.person_id
        for row in connection.execute(
            select(NOTICE.c.id, NOTICE.c.person_id).where(
                NOTICE.c.id.in_([row.notice_id for row in due]), NOTICE.c.kind == NoticeKind.CONSENT_QUESTION
            )
        )
    }
    if not students:
        return set()
    facts = load_questions(connection, set(students.values()), today, stale_after_months=stale_after_months)
    return {
        row.id
        for row in due
        if row.notice_id in students
        and not ((one := facts.get(students[row.notice_id])) is not None and may_still_be_asked(one, row.address_id))
    }
