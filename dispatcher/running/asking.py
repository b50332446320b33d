"""The consent questions of each day, where the settings ask for it: once a day, at an hour at which nobody is woken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Final

import structlog
from sqlalchemy import select

from config.clock import OSLO, db_now
from config.database import Database
from config.sections import OrganisationSettings
from config.spare_sections import ComingOfAgeSettings
from contacts.coming_of_age import coming_of_age
from contacts.consent_questions import Question
from dispatcher.reports.acts import PROGRAM
from dispatcher.retention.purge import alert_under_way
from dispatcher.routine.consent_questions import ask

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 300.0
# In Oslo. The list of a night is asked in the morning; a scheduler that is started later does it then.
_FIRST_HOUR: Final = 9
_LAST_HOUR: Final = 19


def hour_to_ask(now: datetime) -> bool:
    """Whether students may be written to at this moment: from 9 to 20 o'clock in Oslo."""
    return _FIRST_HOUR <= now.astimezone(OSLO).hour <= _LAST_HOUR


class DailyQuestions:
    """The questions of one process: one round a day. Of several processes none asks whom another one has asked."""

    def __init__(
        self,
        database: Database,
        settings: ComingOfAgeSettings,
        organisation: OrganisationSettings,
        stopping: Callable[[], bool],
    ) -> None:
        self._database = database
        self._settings = settings
        self._organisation = organisation
        self._stopping = stopping
        self._done_on: date | None = None

    def look(self) -> None:
        """Ask if it is time; the next look goes on when an alert was in the way. Raises what the database raises."""
        with self._database.read() as connection:
            now = connection.execute(select(db_now())).scalar_one().astimezone(OSLO)
            today = now.date()
            if not hour_to_ask(now) or self._done_on == today or alert_under_way(connection) is not None:
                return
            days, months = self._settings.days_before, self._organisation.stale_after_months
            found = coming_of_age(connection, (), today, days, stale_after_months=months)
        to_ask = [one.student_id for one in found.students if one.question is Question.TO_ASK]
        asked = ask(
            self._database,
            to_ask,
            today,
            days,
            self._organisation,
            operator=PROGRAM,
            may_go_on=self._may_go_on,
        )
        if self._may_go_on():
            self._done_on = today
        in_person = sum(one.question in _IN_PERSON for one in found.students)
        log.info("students_asked", asked=sum(asked.values()), turn_18=len(found.students), in_person=in_person)

    def _may_go_on(self) -> bool:
        if self._stopping():
            return False
        with self._database.read() as connection:
            return alert_under_way(connection) is None


_IN_PERSON: Final = (Question.NO_ADDRESS, Question.UNUSABLE_ADDRESS, Question.SHARED_ADDRESS)
