"""Whatever stands still or is falsified in a real database yields its finding, and no other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import delete, insert, update

from dispatcher.auditing.findings import Code
from dispatcher.codes import AlertState, AttemptOutcome, DeliveryState, Lane
from dispatcher.outbox.chain import Chain, ChainStep
from dispatcher.outbox.fallback import take_steps
from dispatcher.outbox.progress import fold
from dispatcher.running.presence import beat
from dispatcher.tables import ALERT, ATTEMPT, DECISION, DELIVERY, EVENT, PROGRESS, RECIPIENT
from providers.base import Accepted, Channel, Unknown
from tests.dispatcher.auditing.auditing import GRACE, audited, found, noted, number_of, send_all, stop_alert
from tests.dispatcher.world import LEASE, LIFE, World


def run(world: World, *statements: object) -> None:
    with world.database.write() as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[call-overload]


# What should have moved


def test_a_plan_that_nobody_makes(world: World) -> None:
    world.alert([world.family().student for _ in range(3)])
    world.later(GRACE)
    assert found(world) == []
    world.later(1)
    assert found(world) == [(Code.PLAN_STALLED, 3)]


def test_due_messages_that_nobody_sends(world: World) -> None:
    world.sent(*(world.family(email=True) for _ in range(3)))
    world.later(GRACE + 1)
    assert found(world) == [(Code.DUE_WAITING, 3), (Code.DUE_WAITING, 3)]
    for one in world.claim(Channel.EMAIL):
        world.record((one, Accepted(f"M{one.delivery_id}")))
    (one,) = audited(world).findings
    assert one.what.startswith("3 SMS wait")
    assert "No worker that sends alerts is alive" in one.remedy
    with world.clock(), world.database.write() as connection:
        beat(connection, "worker-elsewhere-1-abc", "worker", "alerts", {})
    (one,) = audited(world).findings
    assert "Workers are alive" in one.remedy
    send_all(world)
    assert found(world) == []


def test_folded_progress_still_tells_when_something_left(world: World) -> None:
    """Folding may take the rows that say when; the last quarter of a minute it leaves alone."""
    world.sent(*(world.family() for _ in range(4)))
    world.later(GRACE + 1)
    (one,) = world.claim(size=1)
    world.record((one, Accepted("SM1")))
    world.later(GRACE)
    with world.clock(), world.database.write() as connection:
        assert fold(connection, one.alert_id or 0) > 0
    assert found(world) == []
    world.later(1)
    assert found(world) == [(Code.DUE_WAITING, 3)]


def test_claims_that_nobody_takes_back(world: World) -> None:
    world.sent(world.family())
    world.claim()
    world.later(LEASE + GRACE)
    assert found(world) == []
    world.later(1)
    assert found(world) == [(Code.CLAIM_OVERDUE, 1)]
    world.sweep()
    assert found(world) == []


def test_a_routine_message_that_nobody_takes_back(world: World) -> None:
    world.notice()
    world.claim_one(lane=Lane.ROUTINE)
    world.later(LEASE + GRACE + 1)
    (one,) = audited(world).findings
    assert (one.code, one.alert, one.count) == (Code.CLAIM_OVERDUE, None, 1)


def test_look_ups_that_nobody_makes(world: World) -> None:
    alert = world.sent(world.family())
    world.record((world.claim_one(), Unknown("read_timeout")))
    world.later(GRACE)
    assert found(world) == []
    world.later(1)
    assert found(world) == [(Code.LOOKUP_OVERDUE, 1)]
    assert noted(world) == [(Code.LONG_UNKNOWN, 1)]
    # An alert that ended keeps its unknown messages: it is the look-up that is missing, and not the end.
    world.change(ALERT, alert, state=AlertState.CLOSED, ended_at=world.now)
    assert found(world) == [(Code.LOOKUP_OVERDUE, 1)]
    assert noted(world) == []


def test_steps_of_the_fallback_that_nobody_takes(world: World) -> None:
    chain = Chain(frozenset({Channel.SMS}), (ChainStep(Channel.SMS, 300.0), ChainStep(Channel.EMAIL, 600.0)))
    world.sent(world.family(email=True), world.family(email=True), fallback=chain.as_json())
    send_all(world)
    world.later(300 + GRACE)
    assert found(world) == []
    world.later(1)
    assert found(world) == [(Code.STEP_OVERDUE, 2)]
    with world.clock():
        take_steps(world.database, 18)
    assert found(world) == []


def test_an_alert_that_nobody_ends(world: World) -> None:
    world.sent(world.family())
    send_all(world)
    world.later(LIFE + GRACE)
    assert found(world) == []
    world.later(1)
    assert found(world) == [(Code.NOT_ENDED, 1)]


def test_messages_whose_time_is_over(world: World) -> None:
    alert = world.sent(world.family(), world.family())
    stop_alert(world, alert)
    world.later(GRACE)
    assert found(world) == []
    world.later(1)
    assert found(world) == [(Code.LEFT_OVER, 2)]
    world.sweep()
    assert found(world) == []


def test_messages_that_expired_before_their_alert(world: World) -> None:
    """As nothing of ours makes them; and no claim takes them, so that nobody else would ever look."""
    world.sent(world.family(), world.family())
    (claimed,) = world.claim(size=1)
    (row,) = world.rows(DELIVERY, DELIVERY.c.state == DeliveryState.QUEUED)
    world.change(DELIVERY, row.id, expires_at=world.now)
    world.later(GRACE)
    world.record((claimed, Accepted("SM1")))
    assert found(world) == []
    world.later(1)
    # It is due as well, for as long as nobody ends it.
    assert found(world) == [(Code.DUE_WAITING, 1), (Code.LEFT_OVER, 1)]
    world.sweep()
    assert found(world) == []


# Books


def _first(world: World, table: object, *where: object) -> int:
    return int(world.rows(table, *where)[0].id)  # type: ignore[arg-type]


def _no_decision(world: World) -> None:
    run(world, delete(DECISION).where(DECISION.c.student_id == world.rows(DECISION)[0].student_id))


def _forgotten(world: World) -> None:
    """An entitled guardian for whom there is no message."""
    row = world.rows(DECISION)[0]
    values = {key: value for key, value in row._mapping.items() if key != "id"} | {"guardian_id": 999_999}
    run(world, insert(DECISION).values(values))


def _nobody_meant(world: World) -> None:
    """All links of one message gone; the decision that it stood for is still served by the other channel."""
    row = world.rows(DELIVERY, DELIVERY.c.channel == Channel.SMS)[0]
    run(world, delete(RECIPIENT).where(RECIPIENT.c.delivery_id == row.id))


def _progress(world: World) -> None:
    row = world.rows(PROGRESS)[0]
    run(
        world,
        insert(PROGRESS).values(
            alert_id=row.alert_id, channel=row.channel, state=DeliveryState.DELIVERED, delta=2, at=row.at
        ),
    )


def _event_missing(world: World) -> None:
    row = world.rows(DELIVERY)[0]
    last = world.rows(EVENT, EVENT.c.delivery_id == row.id)[-1]
    run(world, delete(EVENT).where(EVENT.c.id == last.id))


def _no_event(world: World) -> None:
    run(world, delete(EVENT).where(EVENT.c.delivery_id == world.rows(DELIVERY)[0].id))


def _attempt_missing(world: World) -> None:
    run(world, delete(ATTEMPT).where(ATTEMPT.c.delivery_id == world.rows(DELIVERY)[0].id))


def _attempt_too_many(world: World) -> None:
    row = world.rows(ATTEMPT)[0]
    again = {"delivery_id": row.delivery_id, "number": 7, "provider": "fake", "began_at": row.began_at}
    run(world, insert(ATTEMPT).values(**again, outcome=AttemptOutcome.ACCEPTED))


def _left_out(world: World) -> None:
    run(world, update(ALERT).values(student_count=ALERT.c.student_count + 3))


@pytest.mark.parametrize(
    ("falsify", "expected"),
    [
        (_no_decision, (Code.UNDECIDED, 1)),
        (_forgotten, (Code.ENTITLED_FORGOTTEN, 1)),
        (_nobody_meant, (Code.NOBODY_MEANT, 1)),
        (_progress, (Code.PROGRESS_DIFFERS, 2)),
        (_event_missing, (Code.EVENTS_DIFFER, 1)),
        (_no_event, (Code.EVENTS_DIFFER, 1)),
        (_attempt_missing, (Code.ATTEMPTS_DIFFER, 1)),
        (_attempt_too_many, (Code.ATTEMPTS_DIFFER, 1)),
        (_left_out, (Code.PLAN_INCOMPLETE, 3)),
    ],
)
def test_falsified_books(world: World, falsify: Callable[[World], None], expected: tuple[Code, int]) -> None:
    families = [world.family(email=True) for _ in range(3)]
    alert = world.sent(*families)
    send_all(world)
    assert found(world) == []
    falsify(world)
    assert found(world) == [expected]
    # And when it has ended.
    world.later(LIFE)
    world.sweep()
    assert world.alert_state(alert) is AlertState.CLOSED
    result = audited(world)
    assert [(one.code, one.count) for one in result.findings] == [expected]
    assert result.balanced == frozenset()


def test_a_state_that_was_changed_by_hand(world: World) -> None:
    world.sent(world.family(), world.family())
    send_all(world)
    world.change(DELIVERY, _first(world, DELIVERY), state=DeliveryState.DELIVERED)
    assert found(world) == [(Code.PROGRESS_DIFFERS, 1), (Code.EVENTS_DIFFER, 1)]


def test_a_message_falsified_while_it_is_being_sent(world: World) -> None:
    world.sent(world.family(), world.family())
    world.claim()
    assert found(world) == []
    world.change(DELIVERY, _first(world, DELIVERY), attempt=2)
    assert found(world) == [(Code.ATTEMPTS_DIFFER, 1)]


def test_one_alert_alone(world: World) -> None:
    first, second = world.sent(world.family(email=True)), world.sent(world.family(email=True))
    send_all(world)
    _no_event(world)
    assert found(world, number=number_of(world, first)) == [(Code.EVENTS_DIFFER, 1)]
    assert found(world, number=number_of(world, second)) == []
    world.later(LIFE)
    world.sweep()
    world.later(86_400 * 30)
    assert found(world) == []
    assert found(world, number=number_of(world, first)) == [(Code.EVENTS_DIFFER, 1)]


def test_the_books_of_a_large_alert_are_counted_after_its_end_and_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dispatcher.auditing.audit.SMALL_STUDENTS", 2)
    alert = world.sent(*(world.family(email=True) for _ in range(3)))
    number = number_of(world, alert)
    send_all(world)
    _no_event(world)
    for options in ({}, {"large_ended": True}):
        assert found(world, **options) == []
        assert noted(world, **options) == [(Code.BOOKS_NOT_COUNTED, 3)]
    assert found(world, number=number) == [(Code.EVENTS_DIFFER, 1)]
    world.later(LIFE)
    world.sweep()
    assert found(world) == []
    assert found(world, large_ended=True) == [(Code.EVENTS_DIFFER, 1)]
    # Whoever has seen them agree need not count them again.
    assert found(world, large_ended=True, counted={number}) == []
    assert audited(world, large_ended=True, counted={number}).balanced == {number}
