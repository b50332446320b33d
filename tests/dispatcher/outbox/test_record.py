"""How attempts end is written down, whatever becomes of the delivery."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contacts.tables import ADDRESS
from dispatcher.codes import AttemptOutcome, DeliveryState
from dispatcher.outbox.record import Ended, record_outcomes
from dispatcher.tables import ATTEMPT, DELIVERY
from providers.base import Accepted, Channel, Deferred, Outcome, Rejected, Unknown
from tests.dispatcher.world import LEASE, PATIENCE, SETTLE, FakeProvider, World

S, A = DeliveryState, AttemptOutcome


def seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def test_an_accepted_sms_waits_for_its_receipt_and_an_email_for_none(world: World) -> None:
    world.sent(world.family(email=True))
    sms, mail = world.claim_one(), world.claim_one(Channel.EMAIL)
    world.later(2)
    world.record((sms, Accepted("SM1")), (mail, Accepted("queue-1")))
    row, other = world.delivery(sms.delivery_id), world.delivery(mail.delivery_id)
    assert (row.state, row.reference, row.provider, row.accepted_at) == (S.ACCEPTED, "SM1", "fake", world.now)
    assert (row.poll_at, other.poll_at) == (world.now + seconds(30), None)
    assert (row.lease_until, row.claimed_by, row.finished_at) == (None, None, None)
    (attempt,) = world.rows(ATTEMPT, ATTEMPT.c.delivery_id == sms.delivery_id)
    assert (attempt.number, attempt.outcome, attempt.reference) == (1, A.ACCEPTED, "SM1")
    assert (attempt.began_at, attempt.ended_at) == (world.now - seconds(2), world.now)


def test_a_rejected_one_is_final(world: World) -> None:
    world.sent(world.family())
    one = world.claim_one()
    world.record((one, Rejected("21211")))
    row = world.delivery(one.delivery_id)
    assert (row.state, row.code, row.finished_at) == (S.REJECTED, "21211", world.now)
    assert world.attempts(one.delivery_id) == [A.REJECTED]
    world.later(3600)
    assert world.claim() == []


@pytest.mark.parametrize(("code", "lost"), [("crashed", 3), ("unexpected", 3), ("read_timeout", 0)])
def test_what_crashes_a_library_counts_as_a_claim_lost_alone(world: World, code: str, lost: int) -> None:
    world.sent(world.family(), world.family())
    bad, good = world.claim()
    world.record((bad, Unknown(code)), (good, Unknown("read_timeout")))
    row, other = world.delivery(bad.delivery_id), world.delivery(good.delivery_id)
    assert (row.state, row.code, row.lost_claims, row.lookup_at) == (S.UNKNOWN, code, lost, world.now)
    assert (other.state, other.lost_claims) == (S.UNKNOWN, 0)


def test_what_crashes_a_library_each_time_is_given_up_after_the_third_look_up(world: World) -> None:
    world.sent(world.family())
    for alone in (False, True, True):
        one = world.claim_one(alone=alone)
        world.record((one, Unknown("crashed")))
        for _ in range(2):
            world.look_up(FakeProvider())
            world.later(SETTLE)
    row = world.delivery(one.delivery_id)
    assert (row.state, row.code, row.attempt) == (S.REJECTED, "poison", 3)


def test_a_deferred_one_is_due_again_when_the_provider_says_else_ever_later(world: World) -> None:
    world.sent(world.family())
    for retry_after, wait in ((None, 5.0), (None, 10.0), (2.5, 2.5), (None, 40.0)):
        one = world.claim_one()
        world.record((one, Deferred("20429", retry_after)))
        row = world.delivery(one.delivery_id)
        assert (row.state, row.due_at) == (S.DEFERRED, world.now + seconds(wait))
        world.later(wait - 0.5)
        assert world.claim() == []
        world.later(0.5)
    assert world.delivery(one.delivery_id).deferrals == 4
    assert world.attempts(one.delivery_id) == [A.DEFERRED] * 4


@pytest.mark.parametrize(("channel", "wait"), [(Channel.SMS, 0.0), (Channel.EMAIL, SETTLE)])
def test_an_unknown_one_is_never_claimed_and_waits_to_be_cleared_up(
    world: World, channel: Channel, wait: float
) -> None:
    world.sent(world.family(email=True))
    one = world.claim_one(channel)
    world.record((one, Unknown("read_timeout")))
    row = world.delivery(one.delivery_id)
    assert (row.state, row.code, row.lookups, row.lookup_at) == (
        S.UNKNOWN,
        "read_timeout",
        0,
        world.now + seconds(wait),
    )
    world.later(3600)
    assert world.claim(channel) == []


def test_an_answer_of_stop_is_kept_with_the_address_for_whoever_shares_it(world: World) -> None:
    first, other = world.family(), world.family()
    world.sent(first, other)
    claims = {one.to: one for one in world.claim()}
    world.record((claims[first.phone], Rejected("21610", opted_out=True)), (claims[other.phone], Rejected("21211")))
    at = {row.value: row.opted_out_at for row in world.rows(ADDRESS)}
    assert at == {first.phone: world.now, other.phone: None}
    since = world.now
    world.later(60)
    sharing = world.family(phone=first.phone)
    alert = world.sent(first, sharing)
    assert world.states(alert) == {}
    assert world.rows(ADDRESS, ADDRESS.c.value == first.phone)[0].opted_out_at == since


def test_the_first_answer_of_stop_is_the_one_that_is_dated(world: World) -> None:
    family = world.family()
    world.sent(family)
    world.sent(family)
    early, late = world.claim()
    world.record((early, Rejected("21610", opted_out=True)))
    since = world.now
    world.later(60)
    world.record((late, Rejected("21610", opted_out=True)))
    assert world.rows(ADDRESS)[0].opted_out_at == since


def test_what_was_never_handed_over_is_due_at_once(world: World) -> None:
    world.sent(world.family())
    one = world.claim_one()
    world.later(7)
    world.release(one)
    row = world.delivery(one.delivery_id)
    assert (row.state, row.due_at, row.attempt, row.lost_claims) == (S.QUEUED, world.now, 1, 0)
    assert world.attempts(one.delivery_id) == [A.RELEASED]
    again = world.claim_one()
    assert again.attempt == 2
    world.release(again)


def test_a_claim_that_was_lost_cannot_be_given_back(world: World) -> None:
    world.sent(world.family())
    one = world.claim_one()
    world.later(LEASE + 1)
    world.sweep()
    world.release(one)
    assert world.state(one.delivery_id) is S.UNKNOWN
    assert world.refused(one.delivery_id) == ["queued"]
    # It is known now that nothing left, and the attempt says so.
    assert world.attempts(one.delivery_id) == [A.RELEASED]


def test_a_claim_that_was_lost_gives_nothing_back_of_the_next(world: World) -> None:
    world.sent(world.family())
    first = world.claim_one()
    world.later(LEASE + 1)
    world.sweep()
    for _ in range(2):
        world.look_up(FakeProvider())
        world.later(SETTLE)
    second = world.claim_one()
    world.release(first)
    assert world.state(second.delivery_id) is S.SENDING
    assert world.refused(second.delivery_id) == ["queued"]
    world.release(second)


@pytest.mark.parametrize(
    ("outcome", "state", "attempt"),
    [
        (Accepted("SM1"), S.ACCEPTED, A.ACCEPTED),
        (Rejected("21211"), S.REJECTED, A.REJECTED),
        (Deferred("20429"), S.UNKNOWN, A.DEFERRED),
        (Unknown("read_timeout"), S.UNKNOWN, A.UNKNOWN),
    ],
)
def test_an_outcome_that_comes_after_the_lease(
    world: World, outcome: Outcome, state: DeliveryState, attempt: AttemptOutcome
) -> None:
    world.sent(world.family())
    one = world.claim_one()
    world.later(LEASE + 1)
    assert world.sweep() == 1
    assert world.attempts(one.delivery_id) == [A.UNKNOWN]
    world.record((one, outcome))
    assert world.state(one.delivery_id) is state
    assert world.attempts(one.delivery_id) == [attempt]
    world.record((one, outcome))
    assert world.state(one.delivery_id) is state
    assert world.attempts(one.delivery_id) == [attempt]


def test_an_attempt_that_was_taken_after_all_stops_the_repeat(world: World) -> None:
    """Looked for twice and not found, queued, tried again, deferred; then the first attempt's answer arrives."""
    world.sent(world.family())
    first = world.claim_one()
    world.record((first, Unknown("read_timeout")))
    for _ in range(2):
        world.look_up(FakeProvider())
        world.later(SETTLE)
    second = world.claim_one()
    world.record((second, Deferred("20429")))
    assert world.state(first.delivery_id) is S.DEFERRED
    world.change(DELIVERY, first.delivery_id, provider="another")
    world.record((first, Accepted("SM1")))
    row = world.delivery(first.delivery_id)
    # The reference is one of the first attempt's provider, which is the one to ask.
    assert (row.state, row.reference, row.provider) == (S.ACCEPTED, "SM1", "fake")
    assert world.attempts(first.delivery_id) == [A.ACCEPTED, A.DEFERRED]
    world.later(3600)
    assert world.claim() == []


def test_an_acceptance_of_an_earlier_attempt_leaves_the_one_under_way_alone(world: World) -> None:
    world.sent(world.family())
    first = world.claim_one()
    world.release(first)
    second = world.claim_one()
    world.record((first, Accepted("SM1")))
    row = world.delivery(second.delivery_id)
    assert (row.state, row.attempt, row.reference) == (S.SENDING, 2, None)
    world.record((second, Accepted("SM2")))
    assert world.delivery(second.delivery_id).reference == "SM2"


def test_a_batch_moves_each_by_its_own_outcome(world: World) -> None:
    world.sent(*[world.family() for _ in range(4)])
    claims = world.claim()
    outcomes: list[Outcome] = [Accepted("SM1"), Rejected("21211"), Deferred("20429"), Unknown("read_timeout")]
    world.record(*zip(claims, outcomes, strict=True))
    assert [row.state for row in world.rows(DELIVERY)] == [S.ACCEPTED, S.REJECTED, S.DEFERRED, S.UNKNOWN]
    assert [row.code for row in world.rows(DELIVERY)] == [None, "21211", "20429", "read_timeout"]


def test_an_attempt_says_who_was_asked_when_and_what_was_answered(world: World) -> None:
    world.sent(*[world.family() for _ in range(2)])
    (first, second), begun = world.claim(), world.now
    world.later(3)
    world.record((first, Rejected("21211")))
    world.release(second)
    rows = [(row.number, row.provider, row.code, row.reference) for row in world.rows(ATTEMPT)]
    assert rows == [(1, "fake", "21211", None), (1, "fake", None, None)]
    assert {(row.began_at, row.ended_at) for row in world.rows(ATTEMPT)} == {(begun, world.now)}


def test_the_truth_that_comes_after_the_lease_is_kept_with_the_attempt(world: World) -> None:
    world.sent(world.family())
    one = world.claim_one()
    world.later(LEASE + 1)
    world.sweep()
    world.later(5)
    world.record((one, Accepted("SM1")))
    (row,) = world.rows(ATTEMPT)
    assert (row.outcome, row.code, row.reference, row.ended_at) == (A.ACCEPTED, None, "SM1", world.now)
    # What was once accepted stays so, whatever is said of it afterwards.
    world.record((one, Rejected("21211")))
    (row,) = world.rows(ATTEMPT)
    assert (row.outcome, row.code, row.reference) == (A.ACCEPTED, None, "SM1")


def test_an_sms_without_a_reference_is_never_asked_about(world: World) -> None:
    world.sent(world.family())
    one = world.claim_one()
    world.record((one, Accepted(None)))
    row = world.delivery(one.delivery_id)
    assert (row.state, row.reference, row.poll_at) == (S.ACCEPTED, None, None)


def test_what_another_provider_can_take_is_due_at_once(world: World) -> None:
    world.sent(world.family())
    one = world.claim_one()
    with world.clock(), world.database.write() as connection:
        record_outcomes(connection, [Ended(one, "fake", Deferred("20429", 30.0), elsewhere=True)], PATIENCE)
    row = world.delivery(one.delivery_id)
    assert (row.state, row.due_at) == (S.DEFERRED, world.now)
