"""Guardians are reminded of what is missing: who is due is looked at again, and messages are queued, in small steps.

Fifty at a time, each time in a transaction: nobody is reminded twice, whoever else does it at the same time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, cast

from sqlalchemy import Connection, insert, select, update

from config.audit import record_act
from config.catalogue import LANGUAGES, Catalogue, load_catalogue
from config.clock import db_now
from config.database import Database
from config.sections import Language, OrganisationSettings
from contacts.codes import ReminderWay
from contacts.forgetting import in_chunks
from contacts.reminders import WAYS, ReminderFacts, Standing, address_for, sent
from contacts.tables import CONTACT_POINT, PERSON, REMINDER, REMINDER_ROUND, SCHOOL
from dispatcher.codes import NoticeKind
from dispatcher.outbox.enqueue import enqueue_notice
from dispatcher.routine.quiet import quiet, seconds_left
from dispatcher.routine.reminder_survey import Looked, Policy, Survey, look
from dispatcher.routine.reminder_texts import reminder_text
from dispatcher.tables import NOTICE
from providers.base import Channel

# So many guardians are reminded in one transaction: others, an alert among them, write in between.
STEP: Final = 50
BY_MESSAGE: Final = (Standing.DUE_EMAIL, Standing.DUE_SMS)


def remind(
    database: Database,
    found: Survey,
    policy: Policy,
    *,
    operator: str,
    may_go_on: Callable[[], bool] = lambda: True,
) -> Counter[ReminderWay]:
    """Queue messages to those of `found` who are due one, and write down what is over; how many, by way.

    It stops before the next step when `may_go_on` is false, and when the hours of the day are over.
    """
    reminding = _Reminding(policy, operator)
    for chunk in in_chunks(found.due(*BY_MESSAGE, Standing.COMPLETE, Standing.GIVEN_UP), STEP):
        if not may_go_on():
            break
        with database.write() as connection:
            now = connection.execute(select(db_now())).scalar_one()
            if quiet(now, policy.settings) is not None:
                break
            reminding.step(connection, chunk, now)
    return reminding.done


def record_round(connection: Connection, done: Mapping[ReminderWay, int], *, operator: str, every_school: bool) -> None:
    """Write down that a round was made to its end: the schedule counts from it."""
    counts = {way.value: done.get(way, 0) for way in ReminderWay}
    counts["letters"] = counts.pop("letter")
    connection.execute(insert(REMINDER_ROUND).values(operator=operator, every_school=every_school, **counts))


def take_down(
    connection: Connection, one: Looked, way: ReminderWay, now: datetime, notice_id: int | None = None
) -> None:
    """Write down one more reminder to this guardian, in a campaign of its own where the last one is over."""
    last = one.facts.last
    letters = int(way is ReminderWay.LETTER)
    values = {"way": way, "last_at": now, "notice_id": notice_id}
    if last is None or last.fixed:
        connection.execute(
            insert(REMINDER).values(
                guardian_id=one.facts.guardian_id,
                campaign=1 if last is None else last.campaign + 1,
                number=1,
                letters=letters,
                first_at=now,
                **values,
            )
        )
        return
    number = sent(last, one.last) + 1
    # Of one that never left, the first was not sent when it was queued.
    first = {"first_at": now} if number == 1 else {}
    connection.execute(
        update(REMINDER)
        .where(REMINDER.c.id == last.id)
        .values(number=number, letters=last.letters + letters, **first, **values)
    )


def record_reminders(connection: Connection, counts: Mapping[ReminderWay, int], operator: str) -> None:
    """The act, as the audit log holds it: how many, by way."""
    if any(counts.values()):
        record_act(
            connection,
            operator=operator,
            act="contact.remind",
            subject="guardians with missing contact information",
            details={way.value: count for way, count in sorted(counts.items())},
        )


def _lock(connection: Connection, guardian_ids: Collection[int]) -> None:
    """Who is being forgotten is not reminded meanwhile; who is reminded can be pointed at."""
    locked = select(PERSON.c.id).where(PERSON.c.id.in_(guardian_ids)).order_by(PERSON.c.id)
    connection.execute(locked.with_for_update(key_share=True)).all()


def look_again(connection: Connection, guardian_ids: Collection[int], now: datetime, policy: Policy) -> list[Looked]:
    """How it stands with them now that nobody else may remind them until the transaction ends."""
    _lock(connection, guardian_ids)
    return list(look(connection, guardian_ids, now, policy))


class _Reminding:
    """One round of messages, and what it has done so far."""

    def __init__(self, policy: Policy, operator: str) -> None:
        extra = policy.organisation.messages_dir
        self._catalogue: Catalogue = load_catalogue(Path(extra) if extra else None)
        self._policy = policy
        self._operator = operator
        self._segments: dict[tuple[str, str], int] = {}
        self.done: Counter[ReminderWay] = Counter()

    def step(self, connection: Connection, chunk: Sequence[int], now: datetime) -> None:
        looked = look_again(connection, chunk, now, self._policy)
        counts: Counter[ReminderWay] = Counter()
        for one in looked:
            if one.to_close:
                _close(connection, one, now)
            elif one.to_give_up and one.facts.last is not None:
                gone = REMINDER.c.id == one.facts.last.id
                connection.execute(update(REMINDER).where(gone).values(given_up_at=now))
            elif one.standing in BY_MESSAGE:
                counts[WAYS[one.standing]] += 1
                self._queue(connection, one, now)
        record_reminders(connection, counts, self._operator)
        self.done.update(counts)

    def _queue(self, connection: Connection, one: Looked, now: datetime) -> None:
        point = address_for(one.facts)
        assert point is not None  # the rule has said so
        notice_id = int(
            connection.execute(
                insert(NOTICE)
                .values(kind=NoticeKind.CONTACT_REMINDER, person_id=one.facts.guardian_id, operator=self._operator)
                .returning(NOTICE.c.id)
            ).scalar_one()
        )
        names, spoken = schools_of(connection, one.facts)
        language = language_of(one.facts, spoken, self._policy.organisation)
        channel = Channel(point.channel.value)
        segments = self._size(language, speaker(names, self._policy.organisation)) if channel is Channel.SMS else 1
        life = seconds_left(now, self._policy.settings)
        enqueue_notice(connection, notice_id, channel, point.address_id, language, life, segments=segments)
        take_down(connection, one, WAYS[one.standing], now, notice_id)

    def _size(self, language: Language, school: str) -> int:
        key = (language, school)
        if key not in self._segments:
            text = reminder_text(self._catalogue, language, school, self._policy.settings.web)
            self._segments[key] = text.size.segments
        return self._segments[key]


def _close(connection: Connection, one: Looked, now: datetime) -> None:
    """The campaign is over: since the guardian's last confirmation, where that came after the first reminder."""
    last = one.facts.last
    assert last is not None  # only a campaign can be closed
    points = connection.execute(
        select(CONTACT_POINT.c.verified_at, CONTACT_POINT.c.confirmed_at).where(
            CONTACT_POINT.c.person_id == one.facts.guardian_id, CONTACT_POINT.c.ended_at.is_(None)
        )
    )
    moments = [moment for row in points for moment in row if moment is not None and last.first_at <= moment <= now]
    fixed_at = max(moments, default=now)
    connection.execute(update(REMINDER).where(REMINDER.c.id == last.id).values(fixed_at=fixed_at))


def schools_of(connection: Connection, facts: ReminderFacts) -> tuple[list[str], list[str]]:
    """The names of the schools that give reason to write, and the languages in which they speak by default."""
    rows = connection.execute(
        select(SCHOOL.c.name, SCHOOL.c.default_language).where(SCHOOL.c.id.in_(facts.schools)).order_by(SCHOOL.c.name)
    ).all()
    return [row.name for row in rows], [row.default_language for row in rows if row.default_language in LANGUAGES]


def language_of(facts: ReminderFacts, of_schools: Sequence[str], organisation: OrganisationSettings) -> Language:
    """The guardian's language; where nobody knows it, what their schools speak."""
    wanted = facts.language if facts.language in LANGUAGES else next(iter(of_schools), organisation.default_language)
    return cast(Language, wanted)


def speaker(names: Sequence[str], organisation: OrganisationSettings) -> str:
    """Who speaks: the school; the organisation where there are several."""
    return names[0] if len(names) == 1 else organisation.name or ", ".join(names) or "Beredskap"
