"""Students who turn 18 are asked, once each, whether guardians may go on to be told: a routine message to each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Connection, insert, select, update

from config.audit import record_act
from config.catalogue import LANGUAGES
from config.clock import db_now
from config.database import Database
from config.sections import OrganisationSettings
from contacts.coming_of_age import ComingOfAge
from contacts.consent_questions import Question, QuestionFacts, address_to_ask, load_questions, question
from contacts.forgetting import in_chunks
from contacts.id_sets import among, id_set
from contacts.tables import PERSON, SCHOOL, STUDENT
from dispatcher.codes import DeliveryState, NoticeKind
from dispatcher.outbox.enqueue import enqueue_notice
from dispatcher.outbox.transitions import FINAL
from dispatcher.tables import DELIVERY, NOTICE
from providers.base import Channel

# A mail server, or a phone, may be away over a weekend.
LIFE_SECONDS: Final = 3 * 86_400.0
# So many students are asked in one transaction: others, an alert among them, write in between.
_CHUNK: Final = 50


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of the question to one student."""

    channel: Channel
    state: DeliveryState
    code: str | None

    @property
    def failed(self) -> bool:
        """The student has not read it, for sure."""
        return self.state in FINAL and self.state is not DeliveryState.DELIVERED


def ask(
    database: Database,
    student_ids: Collection[int],
    today: date,
    days: int,
    organisation: OrganisationSettings,
    *,
    operator: str,
    may_go_on: Callable[[], bool] = lambda: True,
) -> Counter[Channel]:
    """Queue the question for those of the students who are to be asked now, in small steps; how many, by channel.

    Nobody is asked twice, whoever else does it at the same time. It stops before the next step when `may_go_on` is
    false; the next call goes on.
    """
    asked: Counter[Channel] = Counter()
    for chunk in in_chunks(sorted(student_ids), _CHUNK):
        if not may_go_on():
            break
        with database.write() as connection:
            # Who is being forgotten is not asked meanwhile; who is asked can be pointed at.
            locked = select(PERSON.c.id).where(PERSON.c.id.in_(chunk)).order_by(PERSON.c.id)
            connection.execute(locked.with_for_update(key_share=True)).all()
            done = _ask_chunk(connection, chunk, today, days, organisation, operator)
        asked.update(done)
    return asked


def _ask_chunk(
    connection: Connection,
    chunk: Sequence[int],
    today: date,
    days: int,
    organisation: OrganisationSettings,
    operator: str,
) -> Counter[Channel]:
    facts = load_questions(connection, chunk, today, stale_after_months=organisation.stale_after_months)
    to_ask = [one for one in facts.values() if question(one, today, days) is Question.TO_ASK]
    asked = Counter(_ask(connection, one, organisation, operator) for one in to_ask)
    if asked:
        record_act(
            connection,
            operator=operator,
            act="consent.ask",
            subject="students who turn 18",
            details={channel.value: count for channel, count in sorted(asked.items())},
        )
    return asked


def _ask(connection: Connection, facts: QuestionFacts, organisation: OrganisationSettings, operator: str) -> Channel:
    point = address_to_ask(facts)
    assert point is not None  # the rule has said so
    channel = Channel(point.channel.value)
    connection.execute(update(STUDENT).where(STUDENT.c.person_id == facts.student_id).values(consent_asked_at=db_now()))
    notice_id = connection.execute(
        insert(NOTICE)
        .values(kind=NoticeKind.CONSENT_QUESTION, person_id=facts.student_id, operator=operator)
        .returning(NOTICE.c.id)
    ).scalar_one()
    language = facts.language
    if language not in LANGUAGES:
        of_school = select(SCHOOL.c.default_language).where(SCHOOL.c.id == facts.school_id)
        language = connection.scalars(of_school).first() or organisation.default_language
    enqueue_notice(connection, int(notice_id), channel, point.address_id, language, LIFE_SECONDS)
    return channel


def how_it_went(connection: Connection, students: Collection[ComingOfAge]) -> Mapping[int, Sent]:
    """What became of the question to those of the students who were asked, by their ids; nothing where it is long ago
    and the message was deleted since."""
    dialect = connection.dialect.name
    rows = connection.execute(
        select(NOTICE.c.person_id, DELIVERY.c.channel, DELIVERY.c.state, DELIVERY.c.code)
        .join(DELIVERY, DELIVERY.c.notice_id == NOTICE.c.id)
        .where(
            among(NOTICE.c.person_id, "students", dialect),
            NOTICE.c.kind == NoticeKind.CONSENT_QUESTION,
        )
        .order_by(DELIVERY.c.id),
        {"students": id_set([one.student_id for one in students if one.asked_at is not None], dialect)},
    )
    return {row.person_id: Sent(row.channel, row.state, row.code) for row in rows}
