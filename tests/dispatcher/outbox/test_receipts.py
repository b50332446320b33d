"""Receipts come late, twice, out of order, too early, and for messages that nobody knows yet."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest

from dispatcher.codes import AttemptOutcome, DeliveryState
from dispatcher.outbox import receipts as taking
from dispatcher.outbox.receipts import Arrived, match_waiting, take_receipts
from dispatcher.tables import ATTEMPT, EVENT, RECEIPT
from providers.base import Accepted, Deferred, Receipt, ReceiptStatus, Unknown
from tests.dispatcher.world import LEASE, SETTLE, FakeProvider, World

S, A, R = DeliveryState, AttemptOutcome, ReceiptStatus


def accepted(world: World, reference: str = "SM1") -> int:
    world.sent(world.family())
    one = world.claim_one()
    world.record((one, Accepted(reference)))
    return one.delivery_id


def match(world: World) -> int:
    with world.clock(), world.database.write() as connection:
        return match_waiting(connection)


def test_the_first_last_word_counts_and_everything_after_it_is_refused(world: World) -> None:
    delivery = accepted(world)
    assert world.receipt("SM1", R.DELIVERED, delivery, 1) == 1
    world.later(5)
    for status in (R.DELIVERED, R.PENDING, R.UNDELIVERED, R.UNDELIVERED):
        world.receipt("SM1", status, delivery, 1)
    row = world.delivery(delivery)
    assert (row.state, row.finished_at) == (S.DELIVERED, world.now - timedelta(seconds=5))
    assert world.refused(delivery) == ["undelivered"]
    assert len(world.rows(RECEIPT)) == 3


def test_a_failure_brings_its_code(world: World) -> None:
    delivery = accepted(world)
    world.receipt("SM1", R.UNDELIVERED, delivery, 1, code="30005")
    row = world.delivery(delivery)
    assert (row.state, row.code) == (S.UNDELIVERED, "30005")


def test_a_receipt_that_is_faster_than_our_own_commit(world: World) -> None:
    world.sent(world.family())
    one = world.claim_one()
    world.receipt("SM1", R.DELIVERED, one.delivery_id, 1)
    row = world.delivery(one.delivery_id)
    assert (row.state, row.reference, row.accepted_at) == (S.DELIVERED, "SM1", world.now)
    world.record((one, Accepted("SM1")))
    assert world.state(one.delivery_id) is S.DELIVERED
    assert world.refused(one.delivery_id) == []
    assert world.attempts(one.delivery_id) == [A.ACCEPTED]


@pytest.mark.parametrize("status", list(R))
def test_our_own_word_that_comes_after_the_providers_is_no_refusal(world: World, status: ReceiptStatus) -> None:
    world.sent(world.family())
    one = world.claim_one()
    world.later(LEASE + 1)
    world.sweep()
    world.receipt("SM1", status, one.delivery_id, 1)
    state = world.state(one.delivery_id)
    world.record((one, Accepted("SM1")))
    assert (world.state(one.delivery_id), world.refused(one.delivery_id)) == (state, [])


def test_a_sender_that_died_after_the_receipt_leaves_its_attempt_behind(world: World) -> None:
    """Its reference must not be taken for another message of the same words to the same number."""
    family = world.family()
    world.sent(family)
    one = world.claim_one()
    world.receipt("SM1", R.DELIVERED, one.delivery_id, 1)
    assert world.attempts(one.delivery_id) == [A.ACCEPTED]
    world.sent(family)
    other = world.claim_one()
    world.record((other, Unknown("read_timeout")))
    provider = FakeProvider()
    world.look_up(provider)
    assert provider.taken == [frozenset({"SM1"})]


def test_that_the_provider_has_it_is_no_news_while_our_own_word_is_to_come(world: World) -> None:
    world.sent(world.family())
    one = world.claim_one()
    world.receipt("SM1", R.PENDING, one.delivery_id, 1)
    assert world.state(one.delivery_id) is S.SENDING
    world.record((one, Accepted("SM1")))
    world.receipt("SM2", R.PENDING, one.delivery_id, 1)
    assert world.moves(one.delivery_id) == [(None, "queued"), ("queued", "sending"), ("sending", "accepted")]


def test_that_the_provider_has_it_clears_up_an_unknown_one_which_is_asked_about_later(world: World) -> None:
    world.sent(world.family())
    one = world.claim_one()
    world.record((one, Unknown("read_timeout")))
    world.receipt("SM1", R.PENDING, one.delivery_id, 1)
    row = world.delivery(one.delivery_id)
    assert (row.state, row.reference, row.lookup_at) == (S.ACCEPTED, "SM1", None)
    assert row.poll_at is not None
    world.later(60)
    provider = FakeProvider(said=[Receipt("SM1", R.DELIVERED)])
    assert world.poll(provider) == 1
    assert world.state(one.delivery_id) is S.DELIVERED


@pytest.mark.parametrize(("status", "state"), [(R.PENDING, S.ACCEPTED), (R.DELIVERED, S.DELIVERED)])
def test_proof_that_an_earlier_attempt_was_taken_stops_the_next(
    world: World, status: ReceiptStatus, state: DeliveryState
) -> None:
    world.sent(world.family())
    one = world.claim_one()
    world.record((one, Unknown("read_timeout")))
    for _ in range(2):
        world.look_up(FakeProvider())
        world.later(SETTLE)
    assert world.state(one.delivery_id) is S.QUEUED
    world.receipt("SM1", status, one.delivery_id, 1)
    assert world.state(one.delivery_id) is state
    assert world.claim() == []


@pytest.mark.parametrize("under_way", ["sending", "accepted", "unknown"])
def test_the_failure_of_an_earlier_attempt_does_not_end_the_later_one(world: World, under_way: str) -> None:
    world.sent(world.family())
    world.record((world.claim_one(), Deferred("20429")))
    world.later(5)
    second = world.claim_one()
    if under_way != "sending":
        world.record((second, Accepted("SM2") if under_way == "accepted" else Unknown("read_timeout")))
    world.receipt("SM1", R.UNDELIVERED, second.delivery_id, 1, code="30008")
    assert world.state(second.delivery_id) is DeliveryState(under_way)
    assert world.refused(second.delivery_id) == ["undelivered"]
    world.receipt("SM2", R.DELIVERED, second.delivery_id, 2)
    assert world.state(second.delivery_id) is S.DELIVERED


def test_the_failure_of_the_attempt_that_was_given_up_ends_what_waits(world: World) -> None:
    world.sent(world.family())
    one = world.claim_one()
    world.later(LEASE + 1)
    world.sweep()
    for _ in range(2):
        world.look_up(FakeProvider())
        world.later(SETTLE)
    world.receipt("SM1", R.UNDELIVERED, one.delivery_id, 1)
    assert world.state(one.delivery_id) is S.UNDELIVERED
    assert world.claim() == []


@pytest.mark.parametrize("words", [*permutations(R), *permutations((R.PENDING, R.UNDELIVERED))])
def test_of_several_words_in_one_batch_the_best_counts_in_any_order(world: World, words: tuple[R, ...]) -> None:
    delivery = accepted(world)
    with world.clock(), world.database.write() as connection:
        arrived = [Arrived(Receipt("SM1", status), delivery, 1) for status in words]
        assert take_receipts(connection, "fake", arrived) == len(words)
    assert world.state(delivery) is (S.DELIVERED if R.DELIVERED in words else S.UNDELIVERED)
    assert world.refused(delivery) == []


def test_a_receipt_without_address_finds_its_delivery_by_the_reference(world: World) -> None:
    delivery = accepted(world)
    world.receipt("SM1")
    assert world.state(delivery) is S.DELIVERED
    assert [row.delivery_id for row in world.rows(RECEIPT)] == [delivery]


@pytest.mark.parametrize("named", [None, 987_654_321])
def test_a_receipt_that_fits_nothing_is_kept_until_something_fits(world: World, named: int | None) -> None:
    world.sent(world.family())
    one = world.claim_one()
    assert world.receipt("SM1", R.DELIVERED, named, 1) == 1
    assert [row.delivery_id for row in world.rows(RECEIPT)] == [None]
    assert world.state(one.delivery_id) is S.SENDING

    assert match(world) == 0
    world.record((one, Accepted("SM1")))
    assert match(world) == 1
    assert match(world) == 0
    assert world.state(one.delivery_id) is S.DELIVERED
    assert [row.delivery_id for row in world.rows(RECEIPT)] == [one.delivery_id]


def test_another_providers_reference_is_not_ours(world: World) -> None:
    delivery = accepted(world)
    with world.clock(), world.database.write() as connection:
        take_receipts(connection, "other", [Arrived(Receipt("SM1", R.DELIVERED))])
    assert world.state(delivery) is S.ACCEPTED


def test_a_receipt_after_the_end_changes_nothing(world: World) -> None:
    alert = world.sent(world.family())
    row = world.claim_one()
    world.release(row)
    world.later(7200)
    world.sweep()
    assert world.states(alert) == {S.EXPIRED: 1}
    world.receipt("SM1", R.DELIVERED, row.delivery_id, 1)
    assert world.states(alert) == {S.EXPIRED: 1}
    assert len(world.rows(EVENT, EVENT.c.refused.is_(True))) == 1


def test_another_providers_receipt_waits_for_that_providers_message(world: World) -> None:
    with world.clock(), world.database.write() as connection:
        take_receipts(connection, "other", [Arrived(Receipt("SM1", R.DELIVERED))])
    delivery = accepted(world)
    assert match(world) == 0
    assert (world.state(delivery), [row.delivery_id for row in world.rows(RECEIPT)]) == (S.ACCEPTED, [None])
    # The same reference of our provider is another message's, and leaves the other's receipt alone.
    world.receipt("SM1")
    rows = {row.provider: row.delivery_id for row in world.rows(RECEIPT)}
    assert (world.state(delivery), rows) == (S.DELIVERED, {"other": None, "fake": delivery})


def test_receipts_that_wait_are_matched_in_the_order_in_which_they_came(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "_BATCH", 1)
    world.receipt("SM2", R.UNDELIVERED, code="30005")
    world.receipt("SM1")
    first, second = accepted(world, "SM1"), accepted(world, "SM2")
    assert match(world) == 1
    row = world.delivery(second)
    assert (world.state(first), row.state, row.code) == (S.ACCEPTED, S.UNDELIVERED, "30005")
    assert (match(world), match(world)) == (1, 0)
    assert world.state(first) is S.DELIVERED


def test_a_failure_that_waited_ends_no_later_attempt(world: World) -> None:
    world.sent(world.family())
    world.receipt("SM1", R.UNDELIVERED)
    first = world.claim_one()
    world.later(LEASE + 1)
    world.sweep()
    for _ in range(2):
        world.look_up(FakeProvider())
        world.later(SETTLE)
    second = world.claim_one()
    world.record((first, Accepted("SM1")))
    world.record((second, Accepted("SM2")))
    assert match(world) == 1
    assert (world.state(second.delivery_id), world.refused(second.delivery_id)) == (
        S.ACCEPTED,
        ["accepted", "undelivered"],
    )


def test_an_earlier_attempt_that_arrived_leaves_open_what_became_of_the_one_under_way(world: World) -> None:
    world.sent(world.family())
    world.record((world.claim_one(), Deferred("20429")))
    world.later(5)
    second, begun = world.claim_one(), world.now
    world.later(3)
    world.receipt("SM1", R.DELIVERED, second.delivery_id, 1)
    assert world.state(second.delivery_id) is S.DELIVERED
    row = world.rows(ATTEMPT)[-1]
    assert (row.number, row.outcome, row.reference) == (2, A.UNKNOWN, None)
    assert (row.provider, row.began_at, row.ended_at) == ("fake", begun, world.now)
    assert begun == world.now - timedelta(seconds=3)
