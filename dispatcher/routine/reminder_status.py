"""What reminders have come to: how many guardians were asked, who has mended it since, and what is left (read only)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select

from contacts.audience import AudienceSchool
from contacts.forgetting import in_chunks
from contacts.reminders import Standing
from contacts.tables import REMINDER, REMINDER_ROUND
from dispatcher.routine.reminder_survey import Survey
from dispatcher.tables import AnyRow

_SOON: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Funnel:
    """Campaigns, one for each time that something was missing of a guardian. Each one asked is in one of the others.

    `fixed_within_7_days`: after the first reminder. `nobody_to_tell`: the guardian is no longer told about anybody, or
    only about students who may not be spoken of. `letters`: how many of those asked got a letter; no class of its own.
    """

    asked: int = 0
    fixed_within_7_days: int = 0
    fixed_later: int = 0
    waiting: int = 0
    given_up: int = 0
    nobody_to_tell: int = 0
    letters: int = 0


def funnel(connection: Connection, found: Survey, schools: Collection[AudienceSchool]) -> Funnel:
    """The campaigns of all guardians, or of those of `schools`; what has been mended since the last round counts."""
    rows = select(REMINDER.c.id, REMINDER.c.letters, REMINDER.c.first_at, REMINDER.c.fixed_at, REMINDER.c.given_up_at)
    asked: list[AnyRow] = []
    if schools:
        for chunk in in_chunks(found.guardians, 500):
            asked += connection.execute(rows.where(REMINDER.c.guardian_id.in_(chunk))).all()
    else:
        asked += connection.execute(rows).all()
    soon = later = waiting = given_up = nobody = 0
    for row in asked:
        standing = found.open.get(row.id)
        fixed_at = row.fixed_at or (found.at if standing is Standing.COMPLETE else None)
        if fixed_at is not None:
            in_time = fixed_at - row.first_at <= _SOON
            soon, later = soon + in_time, later + (not in_time)
        elif row.given_up_at is not None or standing is Standing.GIVEN_UP:
            given_up += 1
        elif standing is None or standing is Standing.NOT_OURS:
            nobody += 1
        else:
            waiting += 1
    return Funnel(len(asked), soon, later, waiting, given_up, nobody, sum(row.letters > 0 for row in asked))


def last_round(connection: Connection) -> datetime | None:
    """When the last round of all schools was made to its end."""
    of_all = select(REMINDER_ROUND.c.at).where(REMINDER_ROUND.c.every_school)
    return connection.scalars(of_all.order_by(REMINDER_ROUND.c.id.desc()).limit(1)).first()
