"""Several connections at once on PostgreSQL: each of these tests holds one transaction open at its worst moment."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import pytest
from sqlalchemy import Select, select, text
from sqlalchemy.exc import OperationalError

from config.errors import UsageError
from contacts.tables import ADDRESS
from dispatcher.alerts import planner as planning
from dispatcher.alerts.lifecycle import Stopped, resend_failed, stop
from dispatcher.codes import AlertState, DeliveryState
from dispatcher.outbox import claim as claiming
from dispatcher.outbox import reconcile as reconciling
from dispatcher.outbox import sweep as sweeping
from dispatcher.outbox.receipts import Arrived, take_receipts
from dispatcher.tables import ALERT, ALERT_STUDENT, DECISION, DELIVERY
from providers.base import Accepted, Channel, Receipt, ReceiptStatus, Rejected, Unknown
from tests.dispatcher.world import FakeProvider, World
from tests.services.waiting import eventually

S = DeliveryState
T = TypeVar("T")
PATIENCE_SECONDS = 30.0


class Gate:
    """Stops whoever passes it, once, until it is opened."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._open = threading.Event()
        self._used = False

    def before(self, function: Callable[..., T]) -> Callable[..., T]:
        def gated(*arguments: Any, **named: Any) -> T:
            if not self._used:
                self._used = True
                self._reached.set()
                assert self._open.wait(PATIENCE_SECONDS)
            return function(*arguments, **named)

        return gated

    @contextmanager
    def held(self) -> Iterator[None]:
        """While somebody waits at the gate; opened at the end."""
        assert self._reached.wait(PATIENCE_SECONDS)
        try:
            yield
        finally:
            self._open.set()


@pytest.fixture
def meanwhile() -> Iterator[Callable[[Callable[[], Any]], Future[Any]]]:
    """Does something in another thread."""
    with ThreadPoolExecutor(4) as pool:
        yield lambda work: pool.submit(contextvars.copy_context().run, work)


Meanwhile = Callable[[Callable[[], Any]], "Future[Any]"]


def waits_for_a_lock(world: World) -> None:
    def waiting() -> bool:
        with world.database.read() as connection:
            found = connection.execute(
                text(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE wait_event_type = 'Lock' AND datname = current_database()"
                )
            )
            return int(found.scalar_one()) > 0

    eventually(waiting, what="a transaction waits for another")


def stop_it(world: World, alert: int) -> Stopped:
    (row,) = world.rows(ALERT, ALERT.c.id == alert)
    with world.clock(), world.database.write() as connection:
        return stop(connection, row.number, "leder")


def test_claimers_at_the_same_time_never_share_a_row(pg_world: World, meanwhile: Meanwhile) -> None:
    world = pg_world
    world.sent(*[world.family() for _ in range(40)])
    barrier = threading.Barrier(4)

    def drain(name: str) -> list[int]:
        barrier.wait(PATIENCE_SECONDS)
        mine: list[int] = []
        while claims := world.claim(size=3, holder=name):
            mine += [one.delivery_id for one in claims]
        return mine

    futures = [meanwhile(lambda name=name: drain(name)) for name in "abcd"]  # type: ignore[misc]
    together = [one for future in futures for one in future.result(PATIENCE_SECONDS)]
    assert len(together) == len(set(together))
    # Rows that one held while another looked were left to the one: all are taken by the end.
    rest = world.claim()
    assert sorted(together + [one.delivery_id for one in rest]) == [row.id for row in world.rows(DELIVERY)]
    assert {row.attempt for row in world.rows(DELIVERY)} == {1}


def test_a_claim_leaves_out_what_another_is_taking(
    pg_world: World, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, gate = pg_world, Gate()
    world.sent(*[world.family() for _ in range(4)])
    monkeypatch.setattr(claiming, "_lost", gate.before(claiming._lost))
    first = meanwhile(lambda: world.claim(size=2))
    with gate.held():
        second = world.claim()
    ids = [row.id for row in world.rows(DELIVERY)]
    assert [one.delivery_id for one in first.result(PATIENCE_SECONDS)] == ids[:2]
    assert [one.delivery_id for one in second] == ids[2:]


def test_a_claim_waits_for_nobody_who_changes_the_address(pg_world: World, meanwhile: Meanwhile) -> None:
    world = pg_world
    world.sent(world.family())
    (row,) = world.rows(DELIVERY)
    with world.clock(), world.database.write() as connection:
        connection.execute(ADDRESS.update().values(failures=1))
        claims = meanwhile(world.claim).result(PATIENCE_SECONDS)
    assert [one.delivery_id for one in claims] == [row.id]


def test_what_one_asks_about_another_leaves_out(
    pg_world: World, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, looking, polling = pg_world, Gate(), Gate()
    world.sent(world.family(), world.family())
    first, second = world.claim()
    world.record((first, Unknown("read_timeout")), (second, Accepted("SM2")))
    world.later(30)
    monkeypatch.setattr(reconciling, "_references_of_others", looking.before(reconciling._references_of_others))
    monkeypatch.setattr(reconciling, "_by_wait", polling.before(reconciling._by_wait))
    look_up, poll = meanwhile(lambda: world.look_up(FakeProvider())), meanwhile(lambda: world.poll(FakeProvider()))
    with looking.held(), polling.held():
        assert meanwhile(lambda: world.look_up(FakeProvider())).result(PATIENCE_SECONDS) == 0
        assert meanwhile(lambda: world.poll(FakeProvider())).result(PATIENCE_SECONDS) == 0
    assert (look_up.result(PATIENCE_SECONDS), poll.result(PATIENCE_SECONDS)) == (1, 1)


def test_sending_goes_on_while_a_chunk_is_being_planned(
    pg_world: World, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the chunk and the claim have an address in common: neither waits for the other's commit for ever."""
    world, gate = pg_world, Gate()
    families = [world.family() for _ in range(3)]
    alert = world.alert([one.student for one in families])
    with world.clock():
        planning.plan_next_chunk(world.database, "planner", planning.Chunking(1, 9, 18))
        monkeypatch.setattr(planning, "_store_decisions", gate.before(planning._store_decisions))
        chunk = meanwhile(world.plan)
        with gate.held():
            one = world.claim_one()
            world.record((one, Accepted("SM1")))
            world.receipt("SM1", ReceiptStatus.DELIVERED, one.delivery_id, 1)
            assert world.state(one.delivery_id) is S.DELIVERED
        assert chunk.result(PATIENCE_SECONDS) == 2
    assert world.states(alert) == {S.DELIVERED: 1, S.QUEUED: 2}


def test_a_planner_and_a_claim_with_the_same_row_do_not_deadlock(
    pg_world: World, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, gate = pg_world, Gate()
    first = world.family()
    second = world.family(phone=first.phone)
    alert = world.alert([first.student, second.student])
    with world.clock():
        planning.plan_next_chunk(world.database, "planner", planning.Chunking(1, 9, 18))
        monkeypatch.setattr(claiming, "_lost", gate.before(claiming._lost))
        claims = meanwhile(world.claim)
        with gate.held():
            planned = meanwhile(world.plan)
            waits_for_a_lock(world)  # the planner, for the row that is being claimed
        (one,) = claims.result(PATIENCE_SECONDS)
        assert planned.result(PATIENCE_SECONDS) == 0
    assert world.states(alert) == {S.SENDING: 1}
    assert world.recipients(one.delivery_id) == {
        (first.student, first.guardian),
        (second.student, second.guardian),
    }


def test_two_planners_plan_every_student_once(pg_world: World, meanwhile: Meanwhile) -> None:
    world = pg_world
    families = [world.family(2) for _ in range(12)]
    alerts = [world.alert([student for one in families for student in one.students]) for _ in range(3)]
    barrier = threading.Barrier(3)

    def plan(name: str) -> int:
        barrier.wait(PATIENCE_SECONDS)
        return world.plan(name)

    with world.clock():
        made = sum(
            future.result(PATIENCE_SECONDS)
            for future in [meanwhile(lambda name=name: plan(name)) for name in ("a", "b", "c")]  # type: ignore[misc]
        )
    # Whoever came while the others were at it may have found nothing to do; together they did everything.
    assert made == 3 * 12
    for alert in alerts:
        students = [row.student_id for row in world.rows(ALERT_STUDENT, ALERT_STUDENT.c.alert_id == alert)]
        assert sorted(student for student, *_ in world.decisions(alert)) == sorted(students)
        assert world.states(alert) == {S.QUEUED: 12}
        assert world.alert_state(alert) is AlertState.OPEN


def test_a_stop_waits_for_the_chunk_and_holds_all_of_it_back(
    pg_world: World, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, gate = pg_world, Gate()
    alert = world.alert([world.family().student for _ in range(7)])
    monkeypatch.setattr(planning, "_store_decisions", gate.before(planning._store_decisions))
    with world.clock():
        planned = meanwhile(world.plan)
        with gate.held():
            stopped = meanwhile(lambda: stop_it(world, alert))
            waits_for_a_lock(world)
        # PostgreSQL may give the row to the planner's next chunk before whoever waits: then that is held back, too.
        made = planned.result(PATIENCE_SECONDS)
        assert stopped.result(PATIENCE_SECONDS).held_back == made >= 2
    assert world.claim() == []
    assert len(world.rows(DECISION)) == made
    assert world.alert_state(alert) is AlertState.STOPPED


def test_a_stop_counts_what_is_being_claimed_as_gone(
    pg_world: World, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, gate = pg_world, Gate()
    alert = world.sent(*[world.family() for _ in range(5)])
    monkeypatch.setattr(claiming, "_lost", gate.before(claiming._lost))
    with world.clock():
        claims = meanwhile(lambda: world.claim(size=2))
        with gate.held():
            stopped = meanwhile(lambda: stop_it(world, alert))
            waits_for_a_lock(world)
        assert len(claims.result(PATIENCE_SECONDS)) == 2
        answer = stopped.result(PATIENCE_SECONDS)
    assert (answer.held_back, answer.left) == (3, 2)
    assert world.claim() == []
    world.sweep()
    assert world.states(alert) == {S.CANCELLED: 3, S.SENDING: 2}


def test_a_claim_that_saw_the_alert_before_its_stop_takes_nothing(
    pg_world: World, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, gate = pg_world, Gate()
    alert = world.sent(world.family())
    monkeypatch.setattr(claiming, "_alive", gate.before(claiming._alive))
    with world.clock():
        claims = meanwhile(world.claim)
        with gate.held():
            world.change(ALERT, alert, state=AlertState.STOPPED)
        assert claims.result(PATIENCE_SECONDS) == []
    assert world.states(alert) == {S.QUEUED: 1}


def test_both_channels_of_one_who_lost_the_right_at_the_same_time(pg_world: World, meanwhile: Meanwhile) -> None:
    world = pg_world
    families = [world.family(2, email=True) for _ in range(10)]
    alert = world.sent(*families)
    with world.store() as store:
        for one in families:
            store.block(one.guardian)
    barrier = threading.Barrier(2)

    def claim(channel: Channel) -> list[Any]:
        barrier.wait(PATIENCE_SECONDS)
        return list(world.claim(channel))

    with world.clock():
        both = (Channel.SMS, Channel.EMAIL)
        futures = [meanwhile(lambda channel=channel: claim(channel)) for channel in both]  # type: ignore[misc]
        assert [future.result(PATIENCE_SECONDS) for future in futures] == [[], []]
    assert world.states(alert) == {S.CANCELLED: 20}
    assert len(world.decisions(alert)) == len(world.decisions(alert, superseded=True)) == 20


def test_decisions_are_locked_by_their_ids_however_they_lie_in_the_table(pg_world: World, meanwhile: Meanwhile) -> None:
    """In another order two claims that share a few of them could wait for each other."""
    world = pg_world
    families = [world.family(), world.family()]
    alert = world.sent(*families)
    low, high = sorted(world.rows(DECISION, DECISION.c.alert_id == alert), key=lambda row: int(row.id))
    # Change them round, the first one last: the table and its index hold them the other way round from now on.
    for row, other in ((high, low), (low, high)):
        world.change(DECISION, row.id, student_id=other.student_id, guardian_id=other.guardian_id)
    with world.store() as store:
        for one in families:
            store.block(one.guardian)

    def locked(row: Any) -> Select[Any]:
        return select(DECISION.c.id).where(DECISION.c.id == row.id).with_for_update(nowait=True)

    with world.clock():
        with world.database.write() as connection:
            connection.execute(locked(high))
            claims = meanwhile(world.claim)
            waits_for_a_lock(world)
            with pytest.raises(OperationalError, match="could not obtain lock"):
                connection.execute(locked(low))
            connection.rollback()
        assert claims.result(PATIENCE_SECONDS) == []


def test_receipts_and_outcomes_of_the_same_messages_in_any_order_do_not_deadlock(
    pg_world: World, meanwhile: Meanwhile
) -> None:
    world = pg_world
    for _ in range(5):
        alert = world.sent(*[world.family() for _ in range(8)])
        claims = world.claim()
        barrier = threading.Barrier(2)

        def record(claims: Any = claims, barrier: threading.Barrier = barrier) -> None:
            barrier.wait(PATIENCE_SECONDS)
            world.record(*[(one, Accepted(f"SM{one.delivery_id}")) for one in claims])

        def take(claims: Any = claims, barrier: threading.Barrier = barrier) -> None:
            statuses = (ReceiptStatus.PENDING, ReceiptStatus.DELIVERED)
            arrived = [
                Arrived(Receipt(f"SM{one.delivery_id}", statuses[n % 2]), one.delivery_id, 1)
                for n, one in enumerate(reversed(claims))
            ]
            barrier.wait(PATIENCE_SECONDS)
            with world.clock(), world.database.write() as connection:
                take_receipts(connection, "fake", arrived)

        for future in [meanwhile(record), meanwhile(take)]:
            future.result(PATIENCE_SECONDS)
        assert world.states(alert) == {S.DELIVERED: 4, S.ACCEPTED: 4}


def test_a_second_chance_given_twice_at_once_is_given_once(pg_world: World, meanwhile: Meanwhile) -> None:
    world = pg_world
    world.sent(world.family())
    world.record((world.claim_one(), Rejected("21211")))
    (row,) = world.rows(ALERT)
    barrier = threading.Barrier(2)

    def resend() -> int:
        barrier.wait(PATIENCE_SECONDS)
        with world.clock(), world.database.write() as connection:
            return resend_failed(connection, row.number, "leder")[1]

    futures = [meanwhile(resend), meanwhile(resend)]
    assert sorted(future.result(PATIENCE_SECONDS) for future in futures) == [0, 1]
    assert [one.round for one in world.rows(DELIVERY)] == [1, 2]


def test_an_alert_does_not_close_over_a_second_chance(
    pg_world: World, meanwhile: Meanwhile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep has seen that nothing moves; before it closes the alert, somebody gives a second chance."""
    world, gate = pg_world, Gate()
    alert = world.sent(world.family())
    world.record((world.claim_one(), Rejected("21211")))
    (row,) = world.rows(ALERT)
    with world.clock(), world.database.write() as connection:
        assert resend_failed(connection, row.number, "leder")[1] == 1
        monkeypatch.setattr(sweeping, "_end", gate.before(sweeping._end))
        swept = meanwhile(world.sweep)
        with gate.held():
            pass
        waits_for_a_lock(world)
    swept.result(PATIENCE_SECONDS)
    assert world.alert_state(alert) is AlertState.OPEN
    assert len(world.claim()) == 1


def test_a_stop_and_a_second_chance_never_both_win(pg_world: World, meanwhile: Meanwhile) -> None:
    world = pg_world
    alert = world.sent(world.family(), world.family())
    first, _second = world.claim()
    world.record((first, Rejected("21211")))
    (row,) = world.rows(ALERT)
    with world.clock(), world.database.write() as connection:
        stop(connection, row.number, "leder")

        def resend() -> int:
            with world.clock(), world.database.write() as other:
                return resend_failed(other, row.number, "leder")[1]

        resent = meanwhile(resend)
        waits_for_a_lock(world)
    with pytest.raises(UsageError, match="stopped"):
        resent.result(PATIENCE_SECONDS)
    assert world.alert_state(alert) is AlertState.STOPPED
    assert len(world.rows(DELIVERY)) == 2
