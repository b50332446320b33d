"""The question to students who turn 18: sent once, not sent when it has become idle, and never in an alert's way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from config.audit import AuditEntry
from config.catalogue import LANGUAGES
from config.database import Database
from config.keys import create_key_file, load_keys
from config.set_aside import usable
from config.settings import load_settings
from config.tables import core_table
from contacts import tables
from contacts.codes import Protection
from contacts.coming_of_age import coming_of_age
from dispatcher.codes import AlertState, DeliveryState, Lane, NoticeKind
from dispatcher.outbox.messages import Renderer
from dispatcher.routine import consent_questions
from dispatcher.routine.consent_questions import Sent, ask, how_it_went
from dispatcher.routine.notices import Notices
from dispatcher.running.asking import DailyQuestions, hour_to_ask
from dispatcher.tables import ALERT, DELIVERY, NOTICE
from providers.base import Accepted, Channel, Deferred, Rejected
from tests.contacts.store import DAY, ContactStore
from tests.dispatcher.outbox.test_concurrency import PATIENCE_SECONDS, Gate, waits_for_a_lock
from tests.dispatcher.world import NOW, World

BORN = date(2008, 12, 1)


class School:
    """A world in which students turn 18 on 1 December."""

    def __init__(self, database: Database) -> None:
        self.world = World(database)
        self.database = database

    def student(self, ref: str, *addresses: str, **values: Any) -> int:
        """With one guardian, and with addresses of their own."""
        with self.world.store() as store:
            student = store.student(ref, school=self.world.school, **{"birth_date": BORN} | values)
            store.point(store.guardian(student), f"{ref.lower()}.mor@example.com")
            for address in addresses:
                store.point(student, address, verified=None, source="pifu:x")
        return student

    def ask(self, *students: int, **options: Any) -> Counter[Channel]:
        with self.world.clock():
            organisation = load_settings().organisation
            return ask(self.database, students, DAY, 30, organisation, operator="kontor", **options)

    def sent(self) -> list[tuple[int, str, str, str]]:
        """(student, channel, address, language) of the questions."""
        with self.database.read() as connection:
            rows = connection.execute(
                select(
                    NOTICE.c.person_id, NOTICE.c.kind, DELIVERY.c.channel, tables.ADDRESS.c.value, DELIVERY.c.language
                )
                .join(DELIVERY, DELIVERY.c.notice_id == NOTICE.c.id)
                .join(tables.ADDRESS, tables.ADDRESS.c.id == DELIVERY.c.address_id)
                .order_by(NOTICE.c.person_id)
            ).all()
        assert all(row.kind is NoticeKind.CONSENT_QUESTION for row in rows)
        return [(row.person_id, row.channel.value, row.value, row.language) for row in rows]

    def went(self, student: int) -> Sent | None:
        with self.world.clock(), self.database.read() as connection:
            found = coming_of_age(connection, (), DAY, 30, stale_after_months=18)
            return how_it_went(connection, found.students).get(student)

    def acts(self) -> list[tuple[str, str, dict[str, Any]]]:
        table = core_table(AuditEntry)
        rows = self.world.rows(table, table.c.act == "consent.ask")
        return [(row.operator, row.subject, row.details) for row in rows]


@pytest.fixture
def school(database: Database) -> School:
    return School(database)


@pytest.fixture
def sqlite_school(sqlite_database: Database) -> School:
    return School(sqlite_database)


def test_each_student_is_asked_once_by_the_best_address(school: School) -> None:
    nora = school.student("3A-001", "+4799999001", "nora@example.com", language="nn")
    emil = school.student("3A-002", "+4799999002", language=None)
    nobody = school.student("3A-003")
    protected = school.student("3A-004", "kari@example.com", protection=Protection.CONFIDENTIAL)
    young = school.student("1A-001", "ida@example.com", birth_date=date(2010, 3, 2))
    everybody = (nora, emil, nobody, protected, young)
    assert school.ask(*everybody) == {Channel.EMAIL: 1, Channel.SMS: 1}
    assert school.sent() == [
        (nora, "email", "nora@example.com", "nn"),
        (emil, "sms", "+4799999002", "nb"),
    ]
    assert {row.lane for row in school.world.rows(DELIVERY)} == {Lane.ROUTINE}
    assert school.acts() == [("kontor", "students who turn 18", {"email": 1, "sms": 1})]
    asked = {row.person_id for row in school.world.rows(tables.STUDENT) if row.consent_asked_at is not None}
    assert asked == {nora, emil}
    # The next day, and however often somebody tries.
    school.world.later(86_400)
    assert school.ask(*everybody) == {}
    assert (len(school.sent()), len(school.acts())) == (2, 1)


def test_in_the_schools_language_where_the_students_is_not_known(sqlite_school: School) -> None:
    sqlite_school.world.change(tables.SCHOOL, sqlite_school.world.school, default_language="se")
    sqlite_school.ask(sqlite_school.student("3A-001", "nora@example.com", language=None))
    assert [one[3] for one in sqlite_school.sent()] == ["se"]


def test_it_goes_on_where_it_stopped(sqlite_school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dispatcher.routine.consent_questions._CHUNK", 2)
    students = [sqlite_school.student(f"3A-00{number}", f"s{number}@example.com") for number in range(5)]
    steps = iter([True, True, False])
    assert sqlite_school.ask(*students, may_go_on=lambda: next(steps)) == {Channel.EMAIL: 4}
    assert sqlite_school.ask(*students) == {Channel.EMAIL: 1}
    assert sorted(one[0] for one in sqlite_school.sent()) == students


def test_two_who_ask_at_the_same_time(postgres_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    school, gate = School(postgres_database), Gate()
    nora = school.student("3A-001", "nora@example.com")
    monkeypatch.setattr(consent_questions, "_ask", gate.before(consent_questions._ask))
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(school.ask, nora)
        with gate.held():
            second = pool.submit(school.ask, nora)
            waits_for_a_lock(school.world)
        assert [one.result(PATIENCE_SECONDS) for one in (first, second)] == [{Channel.EMAIL: 1}, {}]
    assert len(school.sent()) == 1


def _consents(store: ContactStore, student: int) -> None:
    guardian = store.connection.scalars(
        select(tables.GUARDIANSHIP.c.guardian_id).where(tables.GUARDIANSHIP.c.student_id == student)
    ).one()
    store.consent(student, guardian, DAY)


def _refuses(store: ContactStore, student: int) -> None:
    _consents(store, student)
    store.connection.execute(
        update(tables.CONSENT).values(withdrawn_on=DAY, withdrawn_evidence="form", withdrawn_by="kontor")
    )


def _person(**values: Any) -> Callable[[ContactStore, int], None]:
    def happens(store: ContactStore, student: int) -> None:
        store.connection.execute(update(tables.PERSON).where(tables.PERSON.c.id == student).values(values))

    return happens


def _leaves(store: ContactStore, student: int) -> None:
    store.connection.execute(update(tables.STUDENT).where(tables.STUDENT.c.person_id == student).values(left_on=DAY))


def _shares(store: ContactStore, student: int) -> None:
    store.point(store.guardian(student), "nora@example.com")


def _loses(store: ContactStore, student: int) -> None:
    store.connection.execute(
        update(tables.CONTACT_POINT).where(tables.CONTACT_POINT.c.person_id == student).values(ended_at=NOW)
    )


@pytest.mark.parametrize(
    "happens",
    [
        _consents,
        _refuses,
        _person(deceased=True),
        _person(protection=Protection.CONFIDENTIAL),
        _person(protection_unknown=True),
        _leaves,
        _shares,
        _loses,
    ],
)
def test_what_happens_before_it_leaves_keeps_it_from_leaving(
    sqlite_school: School, happens: Callable[[ContactStore, int], None]
) -> None:
    nora = sqlite_school.student("3A-001", "nora@example.com")
    emil = sqlite_school.student("3A-002", "emil@example.com")
    sqlite_school.ask(nora, emil)
    with sqlite_school.world.store() as store:
        happens(store, nora)
    (claimed,) = sqlite_school.world.claim(Channel.EMAIL, lane=Lane.ROUTINE)
    assert claimed.to == "emil@example.com"
    (idle,) = sqlite_school.world.rows(DELIVERY, DELIVERY.c.id != claimed.delivery_id)
    assert (idle.state, idle.code, idle.attempt) == (DeliveryState.CANCELLED, "no_longer_asked", 0)


def test_checked_again_at_every_try_on_both_databases(school: School) -> None:
    nora = school.student("3A-001", "nora@example.com")
    school.ask(nora)
    first = school.world.claim_one(Channel.EMAIL, lane=Lane.ROUTINE)
    school.world.record((first, Deferred("451", 60.0)))
    assert school.went(nora) == Sent(Channel.EMAIL, DeliveryState.DEFERRED, "451")
    with school.world.store() as store:
        _consents(store, nora)
    school.world.later(61)
    assert school.world.claim(Channel.EMAIL, lane=Lane.ROUTINE) == []
    sent = school.went(nora)
    assert sent == Sent(Channel.EMAIL, DeliveryState.CANCELLED, "no_longer_asked")


def test_other_routine_messages_are_not_asked_about(sqlite_school: School) -> None:
    code = sqlite_school.world.notice()
    assert [one.delivery_id for one in sqlite_school.world.claim(lane=Lane.ROUTINE)] == [code]


def test_a_message_that_failed_is_seen_and_not_repeated(sqlite_school: School) -> None:
    nora, emil = (
        sqlite_school.student(ref, address)
        for ref, address in (("3A-001", "nora@example.com"), ("3A-002", "emil@example.com"))
    )
    sqlite_school.ask(nora, emil)
    bad, good = sqlite_school.world.claim(Channel.EMAIL, lane=Lane.ROUTINE)
    sqlite_school.world.record((bad, Rejected("550 5.1.1")), (good, Accepted("<x>")))
    failed, accepted = sqlite_school.went(nora), sqlite_school.went(emil)
    assert failed is not None and failed.failed and failed.state is DeliveryState.REJECTED
    assert accepted is not None and not accepted.failed
    assert sqlite_school.ask(nora, emil) == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_text_names_the_school_and_nobody(
    sqlite_school: School, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    create_key_file(tmp_path / "beredskap.key")
    nora = sqlite_school.student("3A-001", "nora@example.com", language=language)
    sqlite_school.ask(nora)
    monkeypatch.setenv("BEREDSKAP_ORGANISATION__NAME", "Innlandet fylkeskommune")
    renderer = Renderer(Notices(load_settings(), load_keys(tmp_path / "beredskap.key")))
    claimed = sqlite_school.world.claim_one(Channel.EMAIL, lane=Lane.ROUTINE)
    with sqlite_school.world.clock(), sqlite_school.database.read() as connection:
        message = renderer.message(connection, claimed)
    assert not message.urgent
    assert "Eksempel vgs" in message.subject and "Eksempel vgs" in message.body
    for name in ("Nora", "Ola", "3A-001", "2008", "1. desember", "{"):
        assert name not in message.subject + message.body
    # Of somebody who became protected since, not even the look at the provider names the school.
    sqlite_school.world.change(tables.PERSON, nora, protection=Protection.CONFIDENTIAL)
    with sqlite_school.world.clock(), sqlite_school.database.read() as connection:
        assert "Eksempel vgs" not in renderer.message(connection, claimed).body


# The round of each day

MORNING = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # 09:00 in Oslo


@pytest.mark.parametrize(
    ("moment", "may"),
    [
        (datetime(2026, 11, 23, 7, 59, tzinfo=UTC), False),
        (MORNING, True),
        (datetime(2026, 11, 23, 18, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 23, 19, 0, tzinfo=UTC), False),
        (datetime(2026, 7, 1, 7, 0, tzinfo=UTC), True),  # summer time
        (datetime(2026, 11, 23, 2, 5, tzinfo=UTC), False),
    ],
)
def test_nobody_is_woken(moment: datetime, may: bool) -> None:
    assert hour_to_ask(moment) is may


def daily(school: School, stopping: Callable[[], bool] = lambda: False) -> DailyQuestions:
    settings = load_settings()
    return DailyQuestions(school.database, usable(settings.coming_of_age), settings.organisation, stopping)


def test_the_round_of_a_day(sqlite_school: School) -> None:
    school, world = sqlite_school, sqlite_school.world
    one = daily(school)

    def look(moment: datetime, daily: DailyQuestions = one) -> int:
        world.now = moment
        with world.clock():
            daily.look()
        return len(school.sent())

    school.student("3A-001", "nora@example.com")
    later = school.student("3A-002", "emil@example.com", birth_date=date(2008, 12, 24))
    assert look(MORNING - timedelta(hours=6)) == 0
    alert = world.alert([])
    assert look(MORNING) == 0  # an alert is under way: the next look does it
    world.change(ALERT, alert, state=AlertState.STOPPED)
    assert look(MORNING + timedelta(minutes=5)) == 1
    school.student("3A-003", "ida@example.com")
    assert look(MORNING + timedelta(minutes=10)) == 1  # once a day
    assert look(MORNING + timedelta(days=1)) == 3
    assert look(MORNING + timedelta(days=1), daily(school)) == 3  # another process finds nothing to do
    assert later in {row[0] for row in school.sent()}
    assert {operator for operator, _, _ in school.acts()} == {"beredskap"}


def test_a_process_that_is_told_to_end_leaves_the_rest_to_the_next(sqlite_school: School) -> None:
    sqlite_school.student("3A-001", "nora@example.com")
    sqlite_school.world.now = MORNING
    with sqlite_school.world.clock():
        daily(sqlite_school, lambda: True).look()
        assert sqlite_school.sent() == []
        daily(sqlite_school).look()
    assert len(sqlite_school.sent()) == 1
