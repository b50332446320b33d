"""Reminders: one message per guardian by the channel that works, only while it is wanted, and never too many."""

from __future__ import annotations

import csv
import stat
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from config.clock import OSLO
from config.database import Database
from config.errors import UsageError
from config.keys import create_key_file, load_keys
from config.set_aside import usable
from config.settings import load_settings
from config.spare_sections import RemindersSettings
from contacts import tables
from contacts.codes import Protection, ReminderWay
from contacts.reminders import Standing
from dispatcher.codes import AlertState, DeliveryState, Lane, NoticeKind
from dispatcher.outbox.messages import Renderer
from dispatcher.routine import letters, reminders
from dispatcher.routine.letters import make_letters
from dispatcher.routine.notices import Notices
from dispatcher.routine.reminder_status import Funnel, funnel
from dispatcher.routine.reminder_survey import Policy, Survey, survey
from dispatcher.routine.reminders import remind
from dispatcher.running.reminding import ScheduledReminders
from dispatcher.tables import ALERT, DELIVERY, NOTICE
from providers.base import Accepted, Channel
from tests.contacts.store import LONG_AGO, ContactStore
from tests.dispatcher.outbox.test_concurrency import PATIENCE_SECONDS, Gate, waits_for_a_lock
from tests.dispatcher.world import World

DAY = 86_400.0
TEN = datetime(2026, 11, 23, 10, 0, tzinfo=OSLO).astimezone(UTC)  # a Monday
PHONE, EMAIL = "+4799999001", "kari@example.com"


class School:
    """A world in which some guardians lack something."""

    def __init__(self, database: Database, **settings: Any) -> None:
        self.world = World(database)
        self.world.now = TEN
        self.database = database
        self.policy = self.with_settings(**settings)

    def with_settings(self, **settings: Any) -> Policy:
        loaded = load_settings()
        known = usable(loaded.reminders).model_dump() | {"on": True} | settings
        return Policy(loaded.organisation, RemindersSettings.model_validate(known))

    def guardian(self, *addresses: str, children: int = 1, postal: bool = False, **student: Any) -> int:
        """A guardian with these verified addresses."""
        with self.world.store() as store:
            students = [store.student(None, school=self.world.school, **student) for _ in range(children)]
            guardian = store.guardian(*students, given_name="Kari", family_name="Eksempel")
            for address in addresses:
                store.point(guardian, address)
            if postal:
                self.lives(store, guardian)
        return guardian

    def lives(self, store: ContactStore, guardian: int) -> None:
        store.connection.execute(
            insert(tables.POSTAL_ADDRESS).values(
                person_id=guardian, lines="Skipavika 88", postal_code="5218", place="NORDSTRØNO", country="NO"
            )
        )

    def survey(self) -> Survey:
        with self.world.clock():
            return survey(self.database, (), self.policy)

    def standing(self) -> Standing:
        """Of the only guardian."""
        (one,) = self.survey().standings
        return one

    def remind(self, **options: Any) -> Counter[ReminderWay]:
        with self.world.clock():
            found = survey(self.database, (), self.policy)
            return remind(self.database, found, self.policy, operator="kontor", **options)

    def sent(self) -> list[tuple[int, str, str, str]]:
        """(guardian, channel, address, language) of the reminders, in their order."""
        with self.database.read() as connection:
            rows = connection.execute(
                select(NOTICE.c.person_id, DELIVERY.c.channel, tables.ADDRESS.c.value, DELIVERY.c.language)
                .join(DELIVERY, DELIVERY.c.notice_id == NOTICE.c.id)
                .join(tables.ADDRESS, tables.ADDRESS.c.id == DELIVERY.c.address_id)
                .where(NOTICE.c.kind == NoticeKind.CONTACT_REMINDER)
                .order_by(DELIVERY.c.id)
            ).all()
        return [(row.person_id, row.channel.value, row.value, row.language) for row in rows]

    def leave(self, channel: Channel = Channel.SMS) -> int:
        """Let everything leave that may; how many messages did."""
        claimed = self.world.claim(channel, lane=Lane.ROUTINE)
        self.world.record(*((one, Accepted(f"SM{one.delivery_id}")) for one in claimed))
        return len(claimed)

    def add_point(self, guardian: int, address: str, **how: Any) -> None:
        with self.world.store() as store:
            store.point(guardian, address, **how)

    def funnel(self) -> Funnel:
        found = self.survey()
        with self.database.read() as connection:
            return funnel(connection, found, ())


@pytest.fixture
def school(sqlite_database: Database) -> School:
    return School(sqlite_database)


def test_each_is_reminded_once_by_the_channel_that_works(school: School) -> None:
    by_sms = school.guardian(PHONE, children=3)
    by_email = school.guardian(EMAIL)
    school.guardian("+4799999002", "ola@example.com")
    neither = school.guardian()
    assert school.remind() == {ReminderWay.SMS: 1, ReminderWay.EMAIL: 1}
    assert school.sent() == [(by_sms, "sms", PHONE, "nb"), (by_email, "email", EMAIL, "nb")]
    assert {row.lane for row in school.world.rows(DELIVERY)} == {Lane.ROUTINE}
    assert school.survey().no_way == [neither]
    assert school.remind() == {}
    assert (school.leave(), school.leave(Channel.EMAIL)) == (1, 1)
    for seconds in (3600.0, 7 * DAY, 8 * DAY - 1):
        school.world.now = TEN + timedelta(seconds=seconds)
        assert school.remind() == {}


def test_on_both_databases(database: Database) -> None:
    school = School(database)
    school.guardian(PHONE, children=2)
    school.guardian(postal=True)
    assert school.remind() == {ReminderWay.SMS: 1}
    assert school.leave() == 1
    assert school.survey().due(Standing.DUE_LETTER)
    school.world.later(8 * DAY)
    assert school.remind() == {ReminderWay.SMS: 1}
    assert school.funnel() == Funnel(asked=1, waiting=1)


@pytest.mark.parametrize(
    "student",
    [
        {"protection": Protection.CONFIDENTIAL},
        {"protection": Protection.STRICTLY_CONFIDENTIAL},
        {"protection_unknown": True},
        {"birth_date": None},
        {"birth_date": date(2008, 3, 2)},  # adult without consent
        {"deceased": True},
        {"left_on": date(2026, 11, 23)},
    ],
)
def test_students_who_are_no_reason(school: School, student: dict[str, Any]) -> None:
    school.guardian(PHONE, **student)
    assert school.remind() == {}


def test_a_released_student_is_no_reason_either(school: School) -> None:
    guardian = school.guardian(PHONE, protection=Protection.CONFIDENTIAL)
    with school.world.store() as store:
        (student,) = store.connection.scalars(select(tables.STUDENT.c.person_id))
        store.release(student, date(2026, 12, 31))
    assert school.remind() == {}
    with school.world.store() as store:
        store.link(store.student(None, school=school.world.school), guardian)
    assert school.remind() == {ReminderWay.SMS: 1}


def test_blocked_and_dead_guardians_never(school: School) -> None:
    blocked, dead = school.guardian(PHONE), school.guardian("+4799999002")
    with school.world.store() as store:
        store.block(blocked)
        store.connection.execute(update(tables.PERSON).where(tables.PERSON.c.id == dead).values(deceased=True))
    assert school.remind() == {}


def test_who_answered_stop_gets_no_sms(school: School) -> None:
    school.guardian(PHONE)
    school.world.change(tables.ADDRESS, 1, opted_out_at=TEN)
    assert school.remind() == {}


def test_what_waits_is_cancelled_when_it_is_mended(school: School) -> None:
    mended, moved, still = school.guardian(PHONE), school.guardian("+4799999002"), school.guardian("+4799999003")
    school.remind()
    school.add_point(mended, EMAIL)
    with school.world.store() as store:
        store.connection.execute(
            update(tables.GUARDIANSHIP)
            .where(tables.GUARDIANSHIP.c.guardian_id == moved)
            .values(valid_to=date(2026, 11, 23))
        )
    assert school.leave() == 1
    codes = {
        person: (row.state, row.code)
        for (person, *_), row in zip(school.sent(), school.world.rows(DELIVERY), strict=True)
    }
    assert codes == {
        mended: (DeliveryState.CANCELLED, "no_longer_needed"),
        moved: (DeliveryState.CANCELLED, "no_longer_needed"),
        still: (DeliveryState.ACCEPTED, None),
    }


def test_what_has_not_left_when_the_hours_end_does_not_leave_and_does_not_count(school: School) -> None:
    school.guardian(PHONE)
    school.remind()
    (row,) = school.world.rows(DELIVERY)
    assert row.expires_at == datetime(2026, 11, 23, 20, 0, tzinfo=OSLO)
    school.world.now = datetime(2026, 11, 23, 20, 0, 1, tzinfo=OSLO).astimezone(UTC)
    assert school.leave() == 0
    school.world.sweep()
    school.world.now = TEN + timedelta(days=1)
    assert school.remind() == {ReminderWay.SMS: 1}
    (campaign,) = school.world.rows(tables.REMINDER)
    assert (campaign.number, campaign.first_at) == (1, TEN + timedelta(days=1))


def test_nine_times_and_then_it_is_given_up_until_it_is_mended(school: School) -> None:
    guardian = school.guardian(PHONE)
    for number in range(1, 10):
        assert school.remind() == {ReminderWay.SMS: 1}, number
        school.leave()
        assert school.standing() is Standing.TOO_SOON
        school.world.later(8 * DAY)
    assert school.remind() == {}
    (campaign,) = school.world.rows(tables.REMINDER)
    assert (campaign.number, campaign.given_up_at) == (9, school.world.now)
    assert school.funnel() == Funnel(asked=1, given_up=1)
    school.world.later(400 * DAY)
    assert school.remind() == {}
    school.add_point(guardian, EMAIL, verified=school.world.now, confirmed=school.world.now)
    school.world.change(tables.CONTACT_POINT, 1, confirmed_at=school.world.now)
    school.remind()
    assert school.funnel() == Funnel(asked=1, fixed_later=1)


def test_mended_within_a_week_is_counted_by_the_day_it_was_confirmed(school: School) -> None:
    guardian = school.guardian(PHONE)
    school.remind()
    school.leave()
    school.world.later(3 * DAY)
    confirmed = school.world.now
    school.add_point(guardian, EMAIL, verified=confirmed, confirmed=confirmed)
    # The round that notices it comes late.
    school.world.later(20 * DAY)
    assert school.remind() == {}
    (campaign,) = school.world.rows(tables.REMINDER)
    assert campaign.fixed_at == confirmed
    assert school.funnel() == Funnel(asked=1, fixed_within_7_days=1)
    # Broken again: a campaign of its own.
    school.world.change(tables.CONTACT_POINT, 2, verified_at=LONG_AGO, confirmed_at=LONG_AGO)
    assert school.remind() == {ReminderWay.SMS: 1}
    assert school.funnel() == Funnel(asked=2, fixed_within_7_days=1, waiting=1)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 23, 8, 59, 59, tzinfo=OSLO),
        datetime(2026, 11, 23, 20, 0, tzinfo=OSLO),
        datetime(2026, 12, 24, 10, 0, tzinfo=OSLO),
        datetime(2026, 12, 30, 10, 0, tzinfo=OSLO),
    ],
)
def test_nobody_is_written_to_while_it_is_quiet(sqlite_database: Database, moment: datetime) -> None:
    school = School(sqlite_database, holidays=["2026-12-24", "2026-12-28/2027-01-03"])
    school.guardian(PHONE)
    school.world.now = moment.astimezone(UTC)
    assert school.remind() == {}
    school.world.now = datetime(2027, 1, 4, 9, 0, tzinfo=OSLO).astimezone(UTC)
    assert school.remind() == {ReminderWay.SMS: 1}


def test_the_words(school: School, tmp_path: Path) -> None:
    guardian = school.guardian(PHONE)
    school.world.change(tables.PERSON, guardian, language="nn")
    school.remind()
    create_key_file(tmp_path / "key")
    settings = load_settings().model_copy(update={"reminders": school.policy.settings})
    renderer = Renderer(Notices(settings, load_keys(tmp_path / "key")))
    (claimed,) = school.world.claim(lane=Lane.ROUTINE)
    with school.world.clock(), school.database.read() as connection:
        message = renderer.message(connection, claimed)
    assert message.body.startswith("Eksempel vgs: Vi manglar ei stadfesta e-postadresse")
    assert "registrere" not in message.body


@pytest.mark.parametrize(("registered", "told"), [(True, True), (False, False)])
def test_a_web_address_only_where_the_senders_domain_is_registered(
    sqlite_database: Database, registered: bool, told: bool
) -> None:
    school = School(sqlite_database, web_address="skole.example/meg", sender_domain_registered=registered)
    school.guardian(PHONE)
    school.remind()
    (row,) = school.world.rows(DELIVERY)
    assert row.segments == (2 if told else 1)


def test_two_who_remind_at_the_same_time(postgres_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    school, gate = School(postgres_database), Gate()
    school.guardian(PHONE)
    monkeypatch.setattr(reminders, "take_down", gate.before(reminders.take_down))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(school.remind)
        with gate.held():
            second = pool.submit(school.remind)
            waits_for_a_lock(school.world)
        assert [one.result(PATIENCE_SECONDS) for one in (first, second)] == [{ReminderWay.SMS: 1}, {}]


# Letters


def files(school: School, folder: Path) -> letters.Files | None:
    with school.world.clock():
        found = survey(school.database, (), school.policy)
        return make_letters(school.database, found, school.policy, folder, operator="kontor")


def test_letters_to_those_whom_no_channel_reaches(school: School, tmp_path: Path) -> None:
    guardian = school.guardian(postal=True, children=2)
    school.guardian(PHONE, postal=True)
    with school.world.store() as store:
        graded = store.guardian(
            store.student(None, school=school.world.school), protection=Protection.CLIENT, family_name="Gradert"
        )
        school.lives(store, graded)
    made = files(school, tmp_path)
    assert made is not None and made.letters == 1
    assert made.pdf.read_bytes().startswith(b"%PDF")
    assert {stat.S_IMODE(one.stat().st_mode) for one in (made.pdf, made.csv)} == {0o600}
    with made.csv.open(encoding="utf-8-sig", newline="") as opened:
        (row,) = csv.DictReader(opened, delimiter=";")
    assert (row["page"], row["ref"], row["name"], row["line1"]) == (
        "1",
        f"G-{guardian}",
        "Kari Eksempel",
        "Skipavika 88",
    )
    assert (row["postal_code"], row["place"], row["country"]) == ("5218", "NORDSTRØNO", "NO")
    assert school.survey().no_way == [graded]
    assert files(school, tmp_path) is None
    assert school.funnel() == Funnel(asked=1, waiting=1, letters=1)
    school.world.later(8 * DAY)
    again = files(school, tmp_path)
    assert again is not None and again.pdf != made.pdf


def test_who_mends_it_while_the_letters_are_made_is_left_out(
    school: School, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick, slow = school.guardian(postal=True), school.guardian(postal=True)
    written = letters.LetterFiles.write

    def mended(self: letters.LetterFiles, *given: Any) -> None:
        written(self, *given)
        if not school.world.rows(tables.CONTACT_POINT):
            school.add_point(quick, PHONE)

    monkeypatch.setattr(letters.LetterFiles, "write", mended)
    made = files(school, tmp_path)
    assert made is not None and made.letters == 1
    text = made.csv.read_text(encoding="utf-8-sig")
    assert f"G-{slow}" in text and f"G-{quick}" not in text


def test_nothing_is_written_down_when_the_folder_cannot_be_used(school: School, tmp_path: Path) -> None:
    school.guardian(postal=True)
    with pytest.raises(UsageError, match="no such folder"):
        files(school, tmp_path / "gone")
    assert not school.world.rows(tables.REMINDER)


# By schedule


class Rounds:
    """The scheduler's processes."""

    def __init__(self, school: School) -> None:
        self.school = school
        self.stopping = False

    def process(self, holder: str = "scheduler") -> ScheduledReminders:
        policy = self.school.policy
        return ScheduledReminders(
            self.school.database, policy.settings, policy.organisation, holder, lambda: self.stopping
        )

    def at(self, process: ScheduledReminders, *moment: int) -> int:
        """Look at this time in Oslo; how many rounds have been made, ever."""
        self.school.world.now = datetime(2026, *moment, tzinfo=OSLO).astimezone(UTC)
        with self.school.world.clock():
            process.look()
        return len(self.school.world.rows(tables.REMINDER_ROUND))


def test_a_round_by_schedule(school: School) -> None:
    rounds = Rounds(school)
    school.guardian(PHONE)
    one, other = rounds.process(), rounds.process("other")
    assert [rounds.at(one, 11, 23, hour, minute) for hour, minute in ((8, 0), (9, 59), (10, 0), (10, 1))] == [
        0,
        0,
        1,
        1,
    ]
    assert school.sent()
    assert (rounds.at(other, 11, 23, 11, 0), rounds.at(other, 11, 24, 10, 1), rounds.at(one, 11, 24, 10, 2)) == (
        1,
        2,
        2,
    )
    # Friday's is the last one before Monday's; what fell due while nothing ran is made when it can be.
    assert rounds.at(one, 11, 27, 22, 0) == 2
    assert rounds.at(rounds.process(), 11, 28, 9, 0) == 3
    assert rounds.at(one, 11, 29, 12, 0) == 3


def test_a_round_stands_aside_for_alerts_and_goes_on(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reminders, "STEP", 1)
    rounds = Rounds(school)
    for number in range(3):
        school.guardian(f"+479999900{number}")
    process = rounds.process()
    rounds.at(process, 11, 23, 9, 0)
    alert = school.world.alert([])
    assert rounds.at(process, 11, 23, 10, 0) == 0
    assert school.sent() == []
    school.world.change(ALERT, alert, state=AlertState.CLOSED)
    assert rounds.at(process, 11, 23, 10, 5) == 1
    assert len(school.sent()) == 3
