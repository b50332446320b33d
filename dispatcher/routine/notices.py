"""Routine messages to one person: made here, stored without their words, and rendered when they are sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import cast

from sqlalchemy import Connection, insert, select

from config.audit import record_act
from config.catalogue import LANGUAGES, load_catalogue
from config.clock import db_now, oslo_date
from config.keys import Keys
from config.sections import Language, OrganisationSettings
from config.set_aside import SetAside
from config.settings import Settings
from contacts.codes import Protection
from contacts.contact_points import StoredPoint
from contacts.facts_sql import main_school
from contacts.people import FoundPerson
from contacts.protection import maybe_protected
from contacts.tables import CHALLENGE, GUARDIANSHIP, PERSON, SCHOOL, STUDENT
from contacts.verification import LIFE_SECONDS, code_for, open_challenge
from dispatcher.alerts.text import compose_notice
from dispatcher.codes import NoticeKind
from dispatcher.outbox.enqueue import enqueue_notice
from dispatcher.routine.county import break_glass_values
from dispatcher.routine.reminder_texts import reminder_text
from dispatcher.routine.self_test_alarm import failed_values
from dispatcher.tables import NOTICE
from providers.base import Channel


@dataclass(frozen=True, slots=True)
class Queued:
    """A notice on its way: its delivery, and the masked address it goes to."""

    notice_id: int
    delivery_id: int
    masked: str


def send_verification_code(
    connection: Connection, person: FoundPerson, point: StoredPoint, organisation: OrganisationSettings, operator: str
) -> Queued:
    """Open a challenge for the contact point and queue the notice that carries its code, in one transaction.

    Raises what `contacts.verification.open_challenge` raises: no message can reach it, or too many codes this hour.
    """
    challenge = open_challenge(connection, point.id)
    notice_id = int(
        connection.execute(
            insert(NOTICE)
            .values(
                kind=NoticeKind.VERIFICATION_CODE, person_id=person.id, challenge_id=challenge.id, operator=operator
            )
            .returning(NOTICE.c.id)
        ).scalar_one()
    )
    language = connection.execute(select(PERSON.c.language).where(PERSON.c.id == person.id)).scalar()
    delivery_id = enqueue_notice(
        connection,
        notice_id,
        Channel(point.channel.value),
        point.address_id,
        language if language in LANGUAGES else organisation.default_language,
        LIFE_SECONDS,
    )
    record_act(
        connection,
        operator=operator,
        act="contact.verify",
        subject=f"guardian {person.label}",
        details={"channel": point.channel.value},
    )
    return Queued(notice_id, delivery_id, point.masked)


class Notices:
    """Renders notices when they are sent. The code in one is computed at that moment, and is nowhere else."""

    def __init__(self, settings: Settings, keys: Keys) -> None:
        extra = settings.organisation.messages_dir
        self._catalogue = load_catalogue(Path(extra) if extra else None)
        self._organisation = settings.organisation
        self._keys = keys
        self._web = "" if isinstance(settings.reminders, SetAside) else settings.reminders.web

    def text(self, connection: Connection, notice_id: int, language: str, channel: Channel) -> tuple[str, str]:
        """(subject, text) of a notice. Raises LookupError when what it is about is gone."""
        kind = connection.execute(select(NOTICE.c.kind).where(NOTICE.c.id == notice_id)).scalar()
        found = self._code(connection, notice_id) if kind is NoticeKind.VERIFICATION_CODE else None
        if kind is NoticeKind.BREAK_GLASS:
            found = break_glass_values(connection, notice_id)
        if kind is NoticeKind.SELF_TEST_FAILED:
            values = failed_values(connection, notice_id)
            found = None if values is None else (self._organisation.name or "Beredskap", values)
        if kind is NoticeKind.CONSENT_QUESTION:
            found = self._student_school(connection, notice_id), {}
        if kind is NoticeKind.CONTACT_REMINDER:
            return self._reminder(connection, notice_id, language, channel)
        if kind is None or found is None:
            raise LookupError(f"notice {notice_id} has nothing to tell")
        school, values = found
        text = compose_notice(self._catalogue, kind.value, cast(Language, language), school=school, values=values)
        return text.subject, text.sms if channel is Channel.SMS else text.email

    def _code(self, connection: Connection, notice_id: int) -> tuple[str, dict[str, str]] | None:
        row = connection.execute(
            select(NOTICE.c.person_id, CHALLENGE.c.id, CHALLENGE.c.nonce)
            .join(CHALLENGE, CHALLENGE.c.id == NOTICE.c.challenge_id)
            .where(NOTICE.c.id == notice_id)
        ).one_or_none()
        if row is None:
            return None
        code = code_for(self._keys, row.id, row.nonce)
        return self._speaker(connection, row.person_id), {"code": code, "minutes": str(LIFE_SECONDS // 60)}

    def _student_school(self, connection: Connection, notice_id: int) -> str:
        """The main school of the student whom a notice is to; the organisation where it may not be named, or is none.

        A student who may be protected is not asked. The words are needed once more when the provider is asked what
        became of a message: by then the student may have become protected.
        """
        name = connection.execute(
            select(SCHOOL.c.name).where(
                SCHOOL.c.id.in_(
                    select(main_school())
                    .select_from(STUDENT)
                    .join(NOTICE, NOTICE.c.person_id == STUDENT.c.person_id)
                    .join(PERSON, PERSON.c.id == STUDENT.c.person_id)
                    .where(NOTICE.c.id == notice_id, ~maybe_protected())
                )
            ),
            {"on": self._today(connection)},
        ).scalar()
        return name or self._organisation.name or "Beredskap"

    def _reminder(self, connection: Connection, notice_id: int, language: str, channel: Channel) -> tuple[str, str]:
        person_id = connection.execute(select(NOTICE.c.person_id).where(NOTICE.c.id == notice_id)).scalar_one()
        school = self._speaker(connection, person_id)
        text = reminder_text(self._catalogue, cast(Language, language), school, self._web)
        return text.subject, text.sms if channel is Channel.SMS else text.email

    def _today(self, connection: Connection) -> date:
        return oslo_date(connection.execute(select(db_now())).scalar_one())

    def _speaker(self, connection: Connection, guardian_id: int) -> str:
        """The main school of the guardian's students; the organisation when there are several, or none.

        The school of a protected student is nobody's to learn from a message, and of one who may be protected neither.
        """
        main_schools = (
            select(main_school())
            .select_from(STUDENT)
            .join(GUARDIANSHIP, GUARDIANSHIP.c.student_id == STUDENT.c.person_id)
            .join(PERSON, PERSON.c.id == STUDENT.c.person_id)
            .where(
                GUARDIANSHIP.c.guardian_id == guardian_id,
                PERSON.c.protection.not_in([grade for grade in Protection if grade.protected]),
                PERSON.c.protection_unknown.is_(False),
            )
        )
        names = connection.execute(
            select(SCHOOL.c.name).where(SCHOOL.c.id.in_(main_schools)).order_by(SCHOOL.c.name),
            {"on": self._today(connection)},
        ).scalars()
        schools = list(names)
        return schools[0] if len(schools) == 1 else self._organisation.name or ", ".join(schools) or "Beredskap"
