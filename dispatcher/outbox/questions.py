"""Routine messages that must not leave any more, because what they ask for has come, or may not be asked for there.

A consent question: the student has answered, left, died, or may be protected. A reminder: nothing is missing any more,
or the guardian may be told about nobody, or not at that address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from sqlalchemy import Connection, select

from contacts.consent_questions import load_questions, may_still_be_asked
from contacts.reminder_facts import load_reminders
from contacts.reminders import may_still_leave
from dispatcher.codes import NoticeKind
from dispatcher.tables import NOTICE, AnyRow

NO_LONGER_ASKED = "no_longer_asked"
NO_LONGER_NEEDED = "no_longer_needed"


def not_to_leave(connection: Connection, due: Sequence[AnyRow], today: date, stale_after_months: int) -> dict[int, str]:
    """The ids of those of the due rows (of notices) that must not be sent any more, each with the reason's code."""
    persons: dict[NoticeKind, dict[int, int]] = {}
    rows = connection.execute(
        select(NOTICE.c.id, NOTICE.c.kind, NOTICE.c.person_id).where(
            NOTICE.c.id.in_([row.notice_id for row in due]), NOTICE.c.kind.in_(_CHECKS)
        )
    )
    for row in rows:
        persons.setdefault(row.kind, {})[row.id] = row.person_id
    lost: dict[int, str] = {}
    for kind, asked in persons.items():
        check, code = _CHECKS[kind]
        theirs = [row for row in due if row.notice_id in asked]
        lost.update(dict.fromkeys(check(connection, theirs, asked, today, stale_after_months), code))
    return lost


def _no_longer_asked(
    connection: Connection, due: Sequence[AnyRow], students: Mapping[int, int], today: date, stale_after_months: int
) -> set[int]:
    facts = load_questions(connection, set(students.values()), today, stale_after_months=stale_after_months)
    return {
        row.id
        for row in due
        if not ((one := facts.get(students[row.notice_id])) is not None and may_still_be_asked(one, row.address_id))
    }


def _no_longer_needed(
    connection: Connection, due: Sequence[AnyRow], guardians: Mapping[int, int], today: date, stale_after_months: int
) -> set[int]:
    facts = load_reminders(connection, set(guardians.values()), today, stale_after_months=stale_after_months)
    return {
        row.id
        for row in due
        if not ((one := facts.get(guardians[row.notice_id])) is not None and may_still_leave(one, row.address_id))
    }


_CHECKS: Final = {
    NoticeKind.CONSENT_QUESTION: (_no_longer_asked, NO_LONGER_ASKED),
    NoticeKind.CONTACT_REMINDER: (_no_longer_needed, NO_LONGER_NEEDED),
}
