"""What watching reads: sums of deltas, the rate, the expected end, the health that living processes tell."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from config.clock import bound_db_now
from config.database import Database
from dispatcher.codes import AlertState, AttemptOutcome, DeliveryState
from dispatcher.reports.watching import Health, WatchFigures, watch_figures, watch_students
from dispatcher.running.presence import ALIVE_SECONDS
from dispatcher.tables import ATTEMPT, DELIVERY, EVENT, RECIPIENT
from providers.base import Channel
from tests.dispatcher.reports.conftest import Case
from tests.dispatcher.reports.world import CONFIRMED_AT, NOW, World, after

S = DeliveryState


def test_sums_of_progress_are_the_counts_of_deliveries(case: Case) -> None:
    with case.database.read() as connection:
        found = watch_figures(connection, case.alert)
        rows = connection.execute(select(DELIVERY).where(DELIVERY.c.alert_id == case.alert)).all()
    for channel in found.channels:
        states = Counter(row.state for row in rows if row.channel is channel.channel)
        assert channel.total == states.total() - states[S.CANCELLED]
        taken = (S.ACCEPTED, S.UNKNOWN, S.DELIVERED, S.UNDELIVERED)
        assert channel.handed_over == sum(states[state] for state in taken)
        assert channel.delivered == states[S.DELIVERED]
        assert channel.failed == states[S.UNDELIVERED] + states[S.REJECTED] + states[S.EXPIRED]
        assert channel.unknown == states[S.UNKNOWN]
        assert channel.waiting == 0
    assert [channel.channel for channel in found.channels] == [Channel.SMS, Channel.EMAIL]
    assert found.long_unknown == 1


def test_deliveries_are_never_counted(case: Case) -> None:
    with case.database.write() as connection:
        before = watch_figures(connection, case.alert).channels
        for table in (RECIPIENT, ATTEMPT, EVENT, DELIVERY):
            connection.execute(delete(table))
        assert watch_figures(connection, case.alert).channels == before


def _sending(database: Database, *, cursor: int | None = None) -> int:
    """20 SMS: 5 handed over in the third second, 10 in the seventh, 5 waiting."""
    with database.write() as connection:
        world = World(connection)
        students = [world.student(f"1A-{number:03d}") for number in range(40)]
        alert = world.alert(students, cursor=cursor, email=False)
        guardian = world.guardian()
        for number in range(20):
            state, seconds = (S.ACCEPTED, 3.0 if number < 5 else 7.0) if number < 15 else (S.QUEUED, None)
            world.delivery(alert, state, [(students[number], guardian)], accepted_after=seconds)
    return alert


def test_rate_of_the_last_seconds_and_the_expected_end(database: Database) -> None:
    alert = _sending(database)
    with bound_db_now(after(9.0)), database.read() as connection:
        found = watch_figures(connection, alert)
    (sms,) = found.channels
    assert (sms.handed_over, sms.waiting, sms.rate) == (15, 5, 2.0)
    assert found.expected_at == after(9.0) + timedelta(seconds=5 / 2.0)


def test_right_after_the_start_the_rate_is_over_the_time_there_was(database: Database) -> None:
    alert = _sending(database)
    with bound_db_now(after(4.0)), database.read() as connection:
        # The ten that are taken in the seventh second lie ahead of this moment; they are on record all the same.
        (sms,) = watch_figures(connection, alert).channels
    assert sms.rate == 15 / 4


def test_messages_that_are_not_planned_yet_are_expected_in_proportion(database: Database) -> None:
    alert = _sending(database, cursor=20)
    with bound_db_now(after(9.0)), database.read() as connection:
        found = watch_figures(connection, alert)
    assert not found.planned
    assert found.expected_at == after(9.0) + timedelta(seconds=(5 + 20) / 2.0)


def test_no_end_is_expected_while_nothing_moves_or_nothing_waits(case: Case, database: Database) -> None:
    with database.read() as connection:
        assert watch_figures(connection, case.alert).expected_at is None
    with database.write() as connection:
        world = World.again(connection)
        alert = world.alert([case.students["told"]], number="A-2611-0099", request_id="another")
        world.delivery(alert, S.QUEUED, [(case.students["told"], case.guardians["told"])])
        assert watch_figures(connection, alert).expected_at is None


def test_health_is_the_worst_that_a_living_process_says(database: Database) -> None:
    with bound_db_now(NOW), database.write() as connection:
        world = World(connection)
        alert = world.alert([])
        world.process("a", {"twilio": "ok", "redis": "away"})
        world.process("b", {"twilio": "failing", "smtp": "ok", "redis": "ok"})
        world.process("dead", {"smtp": "failing"}, seen_at=NOW - timedelta(seconds=ALIVE_SECONDS + 1))
        world.process("web", {"redis": "slow"}, kind="web", lane=None)
        world.process("other lane", {"smtp": "failing"}, lane="routine")
        found = watch_figures(connection, alert)
    assert found.processes == 2
    assert found.health == (Health("redis", "away"), Health("smtp", "ok"), Health("twilio", "failing"))


@pytest.mark.parametrize(
    ("channel", "state", "settled"),
    [
        (Channel.SMS, S.QUEUED, False),
        (Channel.SMS, S.SENDING, False),
        (Channel.SMS, S.DEFERRED, False),
        (Channel.SMS, S.ACCEPTED, False),
        (Channel.SMS, S.UNKNOWN, False),
        (Channel.EMAIL, S.UNKNOWN, False),
        (Channel.EMAIL, S.ACCEPTED, True),
        (Channel.SMS, S.DELIVERED, True),
        (Channel.SMS, S.REJECTED, True),
        (Channel.SMS, S.CANCELLED, True),
    ],
)
def test_settled_when_no_outcome_and_no_receipt_is_awaited(
    sqlite_database: Database, channel: Channel, state: DeliveryState, settled: bool
) -> None:
    with bound_db_now(NOW), sqlite_database.write() as connection:
        world = World(connection)
        student = world.student("1A-001")
        alert = world.alert([student])
        world.delivery(alert, state, [(student, world.guardian())], channel=channel)
        found = watch_figures(connection, alert)
        assert (found.settled, found.ended) == (settled, False)
        world.end(alert, AlertState.STOPPED)
        found = watch_figures(connection, alert)
        assert (found.settled, found.ended) == (True, True)


def test_not_settled_while_it_is_planned(database: Database) -> None:
    with bound_db_now(NOW), database.write() as connection:
        world = World(connection)
        alert = world.alert([world.student("1A-001")], cursor=0)
        found: WatchFigures = watch_figures(connection, alert)
    assert not found.settled


def test_whom_to_call_first_is_the_beginning_of_the_call_list(case: Case) -> None:
    with case.database.read() as connection:
        found = watch_students(connection, case.alert)
    assert [one.ref for one in found.call_first] == ["1A-003", "2B-002", "2B-003", "1A-004"]
    assert found.counts.nobody_reached == 4


def test_a_stopped_alert_has_no_message_on_its_way(database: Database) -> None:
    with bound_db_now(NOW), database.write() as connection:
        world = World(connection)
        student = world.student("1A-001")
        guardian = world.guardian(of=student)
        alert = world.alert([student])
        world.decision(alert, student, guardian)
        world.delivery(alert, S.QUEUED, [(student, guardian)])
        assert watch_students(connection, alert).call_first == ()
        assert [one.ref for one in watch_students(connection, alert, ended=True).call_first] == ["1A-001"]


def test_a_claim_that_was_released_does_not_make_the_rate_negative(database: Database) -> None:
    with bound_db_now(NOW), database.write() as connection:
        world = World(connection)
        student = world.student("1A-001")
        alert = world.alert([student])
        world.delivery(alert, S.QUEUED, [(student, world.guardian())], attempts=(AttemptOutcome.UNKNOWN,))
        world.progress(alert, Channel.SMS, S.UNKNOWN, 1, at=CONFIRMED_AT)
        world.progress(alert, Channel.SMS, S.UNKNOWN, -1, at=NOW)
        (sms, _email) = watch_figures(connection, alert).channels
    assert sms.rate == 0
