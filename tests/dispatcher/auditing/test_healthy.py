"""An alert in good health gives no finding, at whatever stage of its life it is audited."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.database import Database
from dispatcher.alerts.planner import plan_next_chunk
from dispatcher.auditing.findings import Code
from dispatcher.codes import AlertState, AlertStatus, DeliveryState
from dispatcher.tables import DELIVERY
from providers.base import Accepted, Channel, Deferred, LookupFailed, Receipt, ReceiptStatus, Rejected, Unknown
from tests.dispatcher.auditing.auditing import GRACE, audited, found, noted, number_of, send_all, stop_alert
from tests.dispatcher.outbox.test_any_order import _STEPS, Run, _empty
from tests.dispatcher.world import CHUNKING, LEASE, LIFE, SETTLE, FakeProvider, Family, World

_BOOKS = {
    Code.PLAN_INCOMPLETE,
    Code.UNDECIDED,
    Code.ENTITLED_FORGOTTEN,
    Code.NOBODY_MEANT,
    Code.PROGRESS_DIFFERS,
    Code.EVENTS_DIFFER,
    Code.ATTEMPTS_DIFFER,
}


def test_nothing_has_ever_been_sent(world: World) -> None:
    result = audited(world)
    assert (result.content, result.alerts, result.notes) == (True, (), ())


def test_every_stage_of_an_alert(world: World) -> None:
    families = [
        world.family(2, email=True),
        world.family(email=True, verified=False),
        *(world.family(email=True) for _ in range(6)),
    ]
    alert = world.alert([student for family in families for student in family.students])
    assert found(world) == []
    with world.clock():
        while plan_next_chunk(world.database, "planner", CHUNKING) is not None:
            assert found(world) == []
    one, two, three, four, *others = world.claim()
    mails = world.claim(Channel.EMAIL)
    assert found(world) == []
    world.record((one, Accepted("SM1")), (two, Deferred("20429", 300.0)), (three, Rejected("21211")))
    assert found(world) == []
    world.record((four, Unknown("read_timeout")), *((each, Accepted(f"M{each.delivery_id}")) for each in mails))
    world.release(*others)
    assert found(world) == []
    world.receipt("SM1", ReceiptStatus.DELIVERED, one.delivery_id, one.attempt)
    world.receipt("SM1", ReceiptStatus.UNDELIVERED, one.delivery_id, one.attempt)
    assert found(world) == []
    provider = FakeProvider()
    for _ in range(3):
        world.later(SETTLE + 1)
        world.sweep()
        world.look_up(provider)
        assert found(world) == []
        send_all(world)
        assert found(world) == []
    # The deferred one is due again, and left alone for no longer than may be.
    world.later(300 - 3 * (SETTLE + 1) + GRACE)
    world.sweep()
    assert found(world) == []
    send_all(world)
    world.later(LIFE)
    world.sweep()
    assert world.alert_state(alert) is AlertState.CLOSED
    result = audited(world)
    assert result.content
    assert result.alerts == (number_of(world, alert),)
    assert result.balanced == {number_of(world, alert)}
    # It is audited for a day.
    world.later(86_400)
    assert audited(world).alerts == ()
    assert audited(world, number=number_of(world, alert)).alerts == (number_of(world, alert),)


def test_a_slow_long_code_is_no_finding(world: World) -> None:
    """One message in more time than anything may stand still: whoever sends holds the next one in hand."""
    world.sent(*(world.family() for _ in range(100)))
    for _ in range(90):
        claimed = world.claim_one(size=1)
        world.later(LEASE - 1)
        assert found(world, grace=5.0) == []
        world.record((claimed, Accepted(f"SM{claimed.delivery_id}")))
        world.sweep()


def test_two_alerts_and_a_drill_at_once(world: World) -> None:
    families = [world.family() for _ in range(4)]
    world.sent(*families, status=AlertStatus.EXERCISE)
    first, second = world.sent(*families), world.sent(*families)
    after = 0
    for _ in range(8):
        claimed = world.claim_one(size=1, after=after)
        after = claimed.alert_id or 0
        world.later(50)
        world.record((claimed, Accepted(f"SM{claimed.delivery_id}")))
        assert found(world) == []
    assert {world.states(each)[DeliveryState.ACCEPTED] for each in (first, second)} == {4}
    # Now the drill, which has waited for 400 s.
    assert len(world.claim()) == 4
    assert found(world) == []


def test_a_stop_an_expiry_and_a_second_chance(world: World) -> None:
    families = [world.family(email=True) for _ in range(3)]
    stopped, expired = world.sent(*families), world.sent(*families, hold_until=world.now)
    send_all(world)
    late = world.sent(*families)
    stop_alert(world, stopped)
    stop_alert(world, late)
    assert found(world) == []
    world.sweep()
    assert world.states(late) == {DeliveryState.CANCELLED: 6}
    assert found(world) == []
    world.later(LIFE)
    assert found(world) == []
    world.sweep()
    assert found(world) == []
    assert world.alert_state(expired) in (AlertState.CLOSED, AlertState.EXPIRED)


def test_an_entitlement_that_ends_before_the_message_leaves(world: World) -> None:
    family = world.family(email=True)
    other = world.family(phone=family.phone)
    world.sent(family, other)
    with world.store() as store:
        store.block(family.guardian)
    world.claim()
    world.claim(Channel.EMAIL)
    assert {row.state for row in world.rows(DELIVERY)} >= {DeliveryState.CANCELLED}
    assert found(world) == []


def test_a_provider_that_cannot_be_asked(world: World) -> None:
    """What is unknown stays so: a note, and the dead man's switch need not fall silent for it."""
    world.sent(world.family(email=True))
    world.record(*((one, Unknown("read_timeout")) for channel in Channel for one in world.claim(channel)))
    away, smtp = FakeProvider(fails=LookupFailed("http_503")), FakeProvider(Channel.EMAIL, can_look_up=False)
    for _ in range(4):
        world.sweep()
        world.look_up(away)
        world.look_up(smtp)
        for one in world.claim(Channel.EMAIL):
            world.record((one, Unknown("read_timeout")))
        world.later(SETTLE + 1)
        assert found(world) == []
    # The SMS is asked about again and again; the e-mail was repeated once, which is all that can be done.
    assert noted(world) == [(Code.LONG_UNKNOWN, 1), (Code.LONG_UNKNOWN, 1), (Code.UNKNOWN_FOR_GOOD, 1)]
    world.look_up(FakeProvider(found={row.id: Receipt("SM1", ReceiptStatus.PENDING) for row in world.rows(DELIVERY)}))
    assert noted(world) == [(Code.LONG_UNKNOWN, 1), (Code.UNKNOWN_FOR_GOOD, 1)]


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(_STEPS, min_size=10, max_size=30))
def _any_order(world: World, family: Family, other: Family, steps: list[tuple[str, int, int]]) -> None:
    _empty(world.database)
    run = Run(world, family, other)
    for step in steps:
        run.step(*step)
        assert [one for one in audited(world).findings if one.code in _BOOKS] == []


def test_the_books_agree_whatever_happens_in_whatever_order(database: Database) -> None:
    world = World(database)
    shared = world.family(2, email=True)
    _any_order(world, shared, world.family(phone=shared.phone))
