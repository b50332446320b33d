"""What a move leaves behind: in the row, among its events."""

from __future__ import annotations

from datetime import timedelta

from dispatcher.codes import DeliveryState, MoveSource
from dispatcher.tables import EVENT
from providers.base import Accepted, Deferred, Rejected, Unknown
from tests.dispatcher.world import LEASE, SETTLE, FakeProvider, World

S = DeliveryState


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def test_a_new_claim_forgets_why_the_last_attempt_failed(world: World) -> None:
    world.sent(world.family())
    world.record((world.claim_one(), Deferred("20429")))
    world.later(5)
    one = world.claim_one()
    row = world.delivery(one.delivery_id)
    assert (row.state, row.code, row.deferrals, row.claimed_at) == (S.SENDING, None, 1, world.now)
    assert row.lease_until == world.now + seconds(LEASE)
    world.release(one)


def test_the_end_keeps_when_and_by_whom_it_was_accepted_and_waits_for_nothing(world: World) -> None:
    world.sent(world.family())
    one = world.claim_one()
    world.record((one, Accepted("SM1")))
    world.later(7)
    world.receipt("SM1", delivery=one.delivery_id, attempt=1)
    row = world.delivery(one.delivery_id)
    assert (row.accepted_at, row.finished_at) == (world.now - seconds(7), world.now)
    assert (row.reference, row.provider, row.poll_at, row.lookup_at) == ("SM1", "fake", None, None)


def test_what_is_queued_again_waits_for_no_look_up(world: World) -> None:
    world.sent(world.family())
    one = world.claim_one()
    world.record((one, Unknown("read_timeout")))
    for _ in range(2):
        world.look_up(FakeProvider())
        world.later(SETTLE)
    row = world.delivery(one.delivery_id)
    assert (row.state, row.lookup_at, row.claimed_by, row.lease_until) == (S.QUEUED, None, None, None)
    assert row.due_at == world.now - seconds(SETTLE)
    assert row.accepted_at is row.finished_at is None


def test_every_move_and_every_refusal_says_who_wanted_it_and_why(world: World) -> None:
    world.sent(world.family())
    one = world.claim_one()
    world.later(2)
    world.record((one, Rejected("21211")))
    world.record((one, Unknown("read_timeout")))
    events = [
        (row.attempt, row.from_state, row.to_state, row.source, row.code, row.refused, row.at)
        for row in world.rows(EVENT)
    ]
    begun = world.now - seconds(2)
    assert events == [
        (0, None, S.QUEUED, MoveSource.PLANNER, None, False, begun),
        (1, S.QUEUED, S.SENDING, MoveSource.CLAIM, None, False, begun),
        (1, S.SENDING, S.REJECTED, MoveSource.SEND, "21211", False, world.now),
        (1, None, S.UNKNOWN, MoveSource.SEND, "read_timeout", True, world.now),
    ]
