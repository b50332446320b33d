"""A self-test goes the way of an alert, through each provider alone, behind every actual one; and is told of when it
fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from config.database import Database
from config.errors import BeredskapError, UsageError
from config.keys import create_key_file, load_keys
from config.settings import load_settings
from contacts.tables import ADDRESS
from dispatcher.alerts.lifecycle import find_alert, list_alerts
from dispatcher.auditing.audit import audit
from dispatcher.codes import AlertState, AlertStatus, DeliveryState, Lane, SelfTestResult
from dispatcher.outbox.claim import alerts_to_send
from dispatcher.reports.acts import acts
from dispatcher.reports.counting import report
from dispatcher.retention.reducing import old_alerts, reduce_alert, remove_reduced
from dispatcher.routine import self_test
from dispatcher.routine.notices import Notices
from dispatcher.running.self_testing import WeeklySelfTest
from dispatcher.running.senders import Sender
from dispatcher.tables import ALERT, ALERT_TEXT, DELIVERY, NOTICE, SELF_TEST
from providers.base import Accepted, Channel, Message, Outcome, ReceiptStatus, Rejected
from tests.dispatcher.running.test_drain import PATIENCE_SECONDS, Sending, Texts, lane, run, sender
from tests.dispatcher.world import World, check_books
from tests.services.dead_mans_switch import Switch, served_switch

S, R = DeliveryState, SelfTestResult
PHONE, MAIL, ALARM = "+4799990001", "drift@example.no", "vakt@example.no"


@pytest.fixture
def switch() -> Iterator[Switch]:
    with served_switch("self-test-check") as switch:
        yield switch


@pytest.fixture
def world(database: Database, monkeypatch: pytest.MonkeyPatch, switch: Switch) -> Iterator[World]:
    """On a Monday at 08:40 in Oslo; two accounts at Twilio, a mail server, and staff to tell at 08:00."""
    for name, value in {
        "SMS__ACCOUNT_SID": "AC0",
        "SMS_BACKUP__ACCOUNT_SID": "AC1",
        "SMTP__HOST": "localhost",
        "SELF_TEST__PHONES": f'["{PHONE}"]',
        "SELF_TEST__EMAILS": f'["{MAIL}"]',
        "SELF_TEST__ALARM_EMAILS": f'["{ALARM}"]',
        "SELF_TEST__WEEKDAY": "monday",
        "SELF_TEST__TIME": "08:00",
        "SELF_TEST__PING_URL": switch.url,
    }.items():
        monkeypatch.setenv(f"BEREDSKAP_{name}", value)
    world = World(database)
    yield world
    check_books(database)


def begin(world: World) -> int:
    with world.clock():
        return self_test.begin(world.database, load_settings(), operator="drift")


def actual(world: World) -> int:
    """An actual alert to somebody, with a number that the counter does not give."""
    return world.sent(world.family(), number=f"A-2611-9{len(world.rows(ALERT)):03d}")


def now(world: World, test: int) -> self_test.SelfTestNow:
    with world.clock(), world.database.read() as connection:
        return self_test.read(connection, test)


def providers(sms: Outcome | None = None) -> tuple[Sending, Sending, Sending]:
    """The two accounts, which answer `sms` (None: they take it), and the mail server."""

    def answer(message: Message) -> Outcome:
        return sms or Accepted(f"{message.delivery_id}-{message.attempt}")

    return (
        Sending(name="twilio", answer=answer),
        Sending(name="twilio_backup", answer=answer),
        Sending(Channel.EMAIL, name="smtp", can_look_up=False),
    )


def drain(world: World, *at_work: Sending) -> None:
    """All that is due leaves; the second account stands by while the first works."""
    senders: list[Sender] = []
    for provider in at_work:
        before = tuple(one for one in senders if one.channel is provider.channel)
        senders.append(replace(sender(provider), before=before))

    async def work() -> None:
        drain = lane(world, *senders)
        await drain.run(PATIENCE_SECONDS)
        await drain.run(PATIENCE_SECONDS)
        await drain.stop()

    world.renderer._notices = Texts()
    run(world, work())


def deliver(world: World, *, but: str = "") -> None:
    """Receipts for every SMS; undelivered for those of the account named."""
    for row in world.rows(DELIVERY, DELIVERY.c.channel == Channel.SMS, DELIVERY.c.state == S.ACCEPTED):
        status = ReceiptStatus.UNDELIVERED if row.provider == but else ReceiptStatus.DELIVERED
        code = "30005" if row.provider == but else ""
        world.receipt(row.reference, status, row.id, row.attempt, code)


def test_each_provider_carries_its_own_message_to_the_receipt(world: World) -> None:
    test = begin(world)
    # Nothing of it is another provider's, as the one of these tests is.
    assert world.claim() == world.claim(Channel.EMAIL) == []
    first, second, mail = providers()
    drain(world, first, second, mail)
    assert [len(one.sent) for one in (first, second, mail)] == [1, 1, 1]
    assert {one.to for one in (*first.sent, *second.sent)} == {PHONE}
    assert all(one.body.startswith("TEST - ") for one in (*first.sent, *second.sent, *mail.sent))
    assert mail.sent[0].subject.startswith("TEST - ")
    assert now(world, test).result is None
    deliver(world)
    state = now(world, test)
    assert (state.result, state.failed) == (R.PASSED, ())
    assert {(one.provider, one.state) for one in state.messages} == {
        ("twilio", S.DELIVERED),
        ("twilio_backup", S.DELIVERED),
        ("smtp", S.ACCEPTED),
    }
    assert PHONE not in repr(state)
    assert MAIL not in repr(state)
    world.sweep()
    assert {row.state for row in world.rows(ALERT)} == {AlertState.CLOSED}
    with world.clock():
        assert audit(world.database, 60.0).findings == ()


def test_an_actual_alert_goes_first_and_a_change_of_contacts_stops_nothing(world: World) -> None:
    begin(world)
    with world.store() as store:
        store.guardian()
    alert = actual(world)
    first, second, mail = providers()
    with world.clock(), world.database.read() as connection:
        assert alerts_to_send(connection, Channel.SMS, "twilio") == [alert]
        assert alerts_to_send(connection, Channel.SMS, "twilio_backup", own_alone=True) == []
        # Routine messages on the same sender wait for the alert, and would not for the test alone.
        assert alerts_to_send(connection, Channel.SMS) == [alert]
        assert alerts_to_send(connection, Channel.EMAIL) == []
    drain(world, first, second, mail)
    drain(world, first, second, mail)
    assert [one.to for one in first.sent][1:] == [PHONE]
    assert [one.to for one in second.sent] == [PHONE]
    assert {row.state for row in world.rows(DELIVERY)} == {S.ACCEPTED}


def test_what_one_provider_is_to_carry_no_other_takes_over(world: World) -> None:
    test = begin(world)
    _first, second, mail = providers()
    drain(world, second, mail)
    assert len(second.sent) == 1
    deliver(world)
    world.later(600)
    world.sweep()
    state = now(world, test)
    assert state.result is R.FAILED
    assert [(one.provider, one.state) for one in state.failed] == [("twilio", S.EXPIRED)]
    # An alert of later says nothing of it.
    actual(world)
    assert now(world, test).result is R.FAILED


def test_none_beside_an_actual_alert_nor_beside_another(world: World) -> None:
    test = begin(world)
    with pytest.raises(BeredskapError, match="Another self-test"):
        begin(world)
    alert = actual(world)
    world.later(601)
    with pytest.raises(BeredskapError, match="actual alert"):
        begin(world)
    # It says nothing of the providers, and raises no alarm while people have other things to do.
    assert now(world, test).result is R.INTERRUPTED
    with world.clock(), world.database.read() as connection:
        assert self_test.latest(connection) is None
    world.change(ALERT, alert, state=AlertState.CLOSED)
    assert begin(world) == test + 1


def test_it_is_no_alert_that_anybody_meets_by_chance(world: World) -> None:
    begin(world)
    rows = world.rows(ALERT)
    assert {(row.status, row.student_count) for row in rows} == {(AlertStatus.TEST, 0)}
    assert {row.sms.split(" ")[0] for row in world.rows(ALERT_TEXT)} == {"TEST"}
    with world.database.read() as connection:
        assert list_alerts(connection, 20) == []
        with pytest.raises(UsageError):
            find_alert(connection, "latest")
        assert find_alert(connection, rows[0].number).id == rows[0].id
        assert report(connection, rows[0].id).alert.number == rows[0].number


def test_it_becomes_figures_like_any_alert_and_its_result_stays(world: World) -> None:
    test = begin(world)
    drain(world, *providers())
    deliver(world)
    with world.clock(), world.database.write() as connection:
        assert self_test.end(connection, self_test.read(connection, test))
    # The newest message of all stays.
    world.sent(world.family(), number="A-2611-9000")
    world.sweep()
    world.later(90_000)
    with world.clock():
        with world.database.read() as connection:
            old = old_alerts(connection, world.now)
        assert len(old) == 3
        for alert in old:
            reduce_alert(world.database, alert, operator="beredskap")
        assert remove_reduced(world.database, lambda: True)
    assert world.rows(DELIVERY, DELIVERY.c.alert_id.in_(old)) == []
    assert (now(world, test).result, now(world, test).messages) == (R.PASSED, ())


@pytest.mark.parametrize(
    ("name", "value"),
    [("SELF_TEST__PHONES", "[]"), ("SELF_TEST__PHONES", '["4799"]'), ("SMS_BACKUP__ACCOUNT_SID", "")],
)
def test_what_the_settings_do_not_name_is_not_made(
    name: str, value: str, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"BEREDSKAP_{name}", value)
    if value == '["4799"]':
        with pytest.raises(UsageError, match=r"^self_test.phones, number 1 of 1, cannot be used: ") as told:
            begin(world)
        assert "4799" not in str(told.value)
        assert world.rows(ADDRESS) == world.rows(ALERT) == []
        return
    begin(world)
    made = {row.only_provider for row in world.rows(ALERT)}
    assert made == ({"smtp"} if name == "SELF_TEST__PHONES" else {"twilio", "smtp"})


class Weekly:
    """The round of each week in some processes, and what it logged."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.settings = load_settings()

    def look(self, holder: str = "scheduler-1") -> list[Any]:
        section = self.settings.self_test
        weekly = WeeklySelfTest(self.world.database, self.settings, section, holder)  # type: ignore[arg-type]
        with capture_logs() as logs, self.world.clock():
            weekly.look()
        return logs


def test_the_round_of_each_week_begins_one_and_ends_it(world: World, switch: Switch) -> None:
    weekly = Weekly(world)
    world.now -= timedelta(hours=1)
    assert weekly.look() == []
    world.later(3600)
    (begun,) = weekly.look()
    assert begun["event"] == "self_test_begun"
    world.later(15)
    # One process goes on, and nobody begins a second one.
    assert weekly.look("scheduler-2") == weekly.look() == []
    drain(world, *providers())
    deliver(world)
    assert switch.asked == []
    (ended,) = weekly.look()
    assert (ended["event"], ended["result"]) == ("self_test_ended", "passed")
    assert len(switch.asked) == 1
    assert [(row.operator, row.result) for row in world.rows(SELF_TEST)] == [("beredskap", R.PASSED)]
    assert weekly.look() == []
    world.later(7 * 86_400)
    assert [line["event"] for line in weekly.look()] == ["self_test_begun"]


def test_one_that_fails_raises_the_alarm_once(world: World, switch: Switch, tmp_path: Path) -> None:
    weekly = Weekly(world)
    weekly.look()
    drain(world, *providers())
    deliver(world, but="twilio_backup")
    logs = weekly.look()
    assert [(one["event"], one["log_level"], one["way"]) for one in logs] == [
        ("self_test_failed", "error", "SMS by twilio_backup")
    ]
    assert PHONE not in str(logs)
    assert switch.asked == []
    assert weekly.look() == []
    (notice,) = world.rows(NOTICE)
    (mail,) = world.rows(DELIVERY, DELIVERY.c.lane == Lane.ROUTINE)
    (to,) = world.rows(ADDRESS, ADDRESS.c.id == mail.address_id)
    assert (to.value, mail.channel) == (ALARM, Channel.EMAIL)
    create_key_file(tmp_path / "beredskap.key")
    notices = Notices(weekly.settings, load_keys(tmp_path / "beredskap.key"))
    with world.database.read() as connection:
        subject, text = notices.text(connection, notice.id, "nb", Channel.EMAIL)
        # In the report of the part nobody takes it for the e-mail to the county.
        assert "county.told" not in {one.act for one in acts(connection, notice.alert_id)}
    assert "feilet" in subject
    assert "SMS by twilio_backup: " in text
    assert "(30005)" in text


def test_an_alert_postpones_it_and_another_day_is_too_late(world: World) -> None:
    weekly = Weekly(world)
    alert = actual(world)
    assert weekly.look() == []
    world.change(ALERT, alert, state=AlertState.CLOSED)
    world.later(3600)
    assert [line["event"] for line in weekly.look()] == ["self_test_begun"]
    world.later(300)
    other = actual(world)
    world.later(301)
    world.sweep()
    assert [line["result"] for line in weekly.look()] == ["interrupted"]
    world.change(ALERT, other, state=AlertState.CLOSED)
    assert [line["event"] for line in weekly.look()] == ["self_test_begun"]


def test_one_that_a_person_watches_is_theirs_to_end_for_a_minute(world: World) -> None:
    weekly = Weekly(world)
    test = begin(world)
    drain(world, *providers(Rejected("21211")))
    assert now(world, test).result is R.FAILED
    assert weekly.look() == []
    world.later(661)
    assert "self_test_failed" in {line["event"] for line in weekly.look()}
    with world.database.read() as connection:
        assert connection.execute(select(SELF_TEST.c.result)).scalar_one() is R.FAILED
