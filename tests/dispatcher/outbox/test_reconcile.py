"""What is unknown is looked up before anything is sent again, and what is accepted is asked about, ever more seldom."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dispatcher.codes import AlertState, AttemptOutcome, DeliveryState, Lane, MoveSource
from dispatcher.outbox import reconcile as reconciling
from dispatcher.outbox.claim import Claimed
from dispatcher.outbox.messages import Renderer
from dispatcher.outbox.move_statements import Move
from dispatcher.outbox.moves import apply_moves
from dispatcher.tables import ALERT, ATTEMPT, DELIVERY, EVENT, RECEIPT
from providers.base import Accepted, Channel, Deferred, LookupFailed, Receipt, ReceiptStatus, Rejected, Unknown
from tests.dispatcher.world import LEASE, LIFE, NOW, SETTLE, FakeProvider, NoNotices, World

S, A, R = DeliveryState, AttemptOutcome, ReceiptStatus


def unknown(world: World, channel: Channel = Channel.SMS) -> int:
    world.sent(world.family(email=channel is Channel.EMAIL), sms=channel is Channel.SMS)
    one = world.claim_one(channel)
    world.record((one, Unknown("read_timeout")))
    return one.delivery_id


def lose_claim(world: World, channel: Channel = Channel.SMS) -> int:
    claims = world.claim(channel) or world.claim(channel, alone=True)
    world.later(LEASE + 1)
    assert world.sweep() == 1
    return claims[0].delivery_id


def test_a_lost_lease_is_looked_up_and_found(world: World) -> None:
    world.sent(world.family())
    delivery = lose_claim(world)
    row = world.delivery(delivery)
    assert (row.state, row.code, row.lost_claims, row.lookup_at) == (S.UNKNOWN, "lease_lost", 1, world.now)
    assert world.claim() == []
    provider = FakeProvider(found={delivery: Receipt("SM1", R.PENDING)})
    assert world.look_up(provider) == 1
    row = world.delivery(delivery)
    assert (row.state, row.reference, row.provider, row.poll_at) == (S.ACCEPTED, "SM1", "fake", world.now)
    (attempt,) = world.rows(ATTEMPT)
    assert (attempt.number, attempt.reference) == (1, "SM1")
    assert world.rows(RECEIPT) == []


@pytest.mark.parametrize(("status", "state"), [(R.DELIVERED, S.DELIVERED), (R.UNDELIVERED, S.UNDELIVERED)])
def test_a_look_up_may_find_the_end_of_it(world: World, status: ReceiptStatus, state: DeliveryState) -> None:
    other, delivery = unknown(world), unknown(world)
    world.look_up(FakeProvider(found={delivery: Receipt("SM1", status, "30003")}))
    assert world.state(delivery) is state
    assert [(row.status, row.delivery_id, row.attempt) for row in world.rows(RECEIPT)] == [(status, delivery, 1)]
    assert {row.delivery_id: row.reference for row in world.rows(ATTEMPT)} == {other: None, delivery: "SM1"}
    assert world.moves(delivery)[-2:] == [("unknown", "accepted"), ("accepted", state.value)]
    assert [row.source for row in world.rows(EVENT, EVENT.c.delivery_id == delivery)][-2:] == ["reconciler"] * 2


def test_found_nowhere_twice_the_settle_time_apart_it_is_sent_again(world: World) -> None:
    delivery = unknown(world)
    provider = FakeProvider()
    assert world.look_up(provider) == 1
    assert (world.state(delivery), world.delivery(delivery).lookups) == (S.UNKNOWN, 1)
    world.later(SETTLE - 0.5)
    assert world.look_up(provider) == 0
    world.later(0.5)
    assert world.look_up(provider) == 1
    row = world.delivery(delivery)
    assert (row.state, row.code, row.due_at) == (S.QUEUED, "never_taken", world.now)
    assert provider.asked == [delivery] * 2
    again = world.claim_one()
    assert again.attempt == 2
    world.record((again, Unknown("read_timeout")))
    assert world.delivery(delivery).lookups == 0


def test_found_the_second_time_it_is_not_sent_again(world: World) -> None:
    delivery = unknown(world)
    provider = FakeProvider()
    world.look_up(provider)
    provider.found = {delivery: Receipt("SM1", R.PENDING)}
    world.later(SETTLE)
    world.look_up(provider)
    assert world.state(delivery) is S.ACCEPTED
    assert (world.claim(), world.refused(delivery)) == ([], [])


@pytest.mark.parametrize(("named", "wait"), [(None, SETTLE), (45.0, 45.0)])
def test_a_look_up_that_failed_concludes_nothing(world: World, named: float | None, wait: float) -> None:
    delivery = unknown(world)
    provider = FakeProvider(fails=LookupFailed("http_503", named))
    for _ in range(5):
        assert world.look_up(provider) == 1
        row = world.delivery(delivery)
        assert (row.state, row.lookups, row.lookup_at) == (S.UNKNOWN, 0, world.now + timedelta(seconds=wait))
        world.later(wait)
    provider.fails = None
    world.look_up(provider)
    assert (world.state(delivery), world.delivery(delivery).lookups) == (S.UNKNOWN, 1)


def test_long_after_its_time_nobody_asks_any_more_and_a_receipt_still_counts(world: World) -> None:
    delivery = unknown(world)
    provider = FakeProvider(fails=LookupFailed("http_503"))
    world.later(LIFE + 599)
    world.look_up(provider)
    assert world.delivery(delivery).lookup_at is not None
    world.later(SETTLE)
    world.look_up(provider)
    assert (world.state(delivery), world.delivery(delivery).lookup_at) == (S.UNKNOWN, None)
    world.receipt("SM1", R.DELIVERED, delivery, 1)
    assert world.state(delivery) is S.DELIVERED


def test_proven_absent_after_its_time_it_expires(world: World) -> None:
    delivery = unknown(world)
    world.look_up(FakeProvider())
    world.later(LIFE)
    world.look_up(FakeProvider())
    row = world.delivery(delivery)
    assert (row.state, row.code, row.finished_at) == (S.EXPIRED, "expired", world.now)


def test_proven_absent_after_a_stop_it_is_cancelled(world: World) -> None:
    delivery = unknown(world)
    (alert,) = world.rows(ALERT)
    world.change(ALERT, alert.id, state=AlertState.STOPPED)
    for _ in range(2):
        world.look_up(FakeProvider())
        world.later(SETTLE)
    assert world.claim() == []
    world.sweep()
    assert (world.state(delivery), world.delivery(delivery).code) == (S.CANCELLED, "stopped")


def test_what_kills_its_senders_three_times_when_it_is_claimed_alone_is_poison(world: World) -> None:
    world.sent(world.family())
    for claims in (1, 2, 3, 4, 5):
        delivery = lose_claim(world)
        assert world.delivery(delivery).lost_claims == claims
        for _ in range(2):
            world.look_up(FakeProvider())
            world.later(SETTLE)
    row = world.delivery(delivery)
    assert (row.state, row.code, row.attempt) == (S.REJECTED, "poison", 5)
    assert world.claim() == world.claim(alone=True) == []


def test_a_last_lost_claim_that_is_found_is_no_poison(world: World) -> None:
    world.sent(world.family())
    (row,) = world.rows(DELIVERY)
    world.change(DELIVERY, row.id, lost_claims=4)
    delivery = lose_claim(world)
    world.look_up(FakeProvider(found={delivery: Receipt("SM1", R.PENDING)}))
    assert world.state(delivery) is S.ACCEPTED


def test_an_email_is_repeated_once_as_the_same_delivery_and_then_stays_unknown(world: World) -> None:
    delivery = unknown(world, Channel.EMAIL)
    smtp = FakeProvider(Channel.EMAIL, can_look_up=False)
    assert world.look_up(smtp) == 0
    world.later(SETTLE)
    assert world.look_up(smtp) == 1
    row = world.delivery(delivery)
    assert (row.state, row.code, row.repeats) == (S.QUEUED, "repeat", 1)
    again = world.claim_one(Channel.EMAIL)
    assert (again.delivery_id, again.attempt, again.repeats) == (delivery, 2, 1)
    world.record((again, Unknown("connection_lost")))
    for _ in range(3):
        world.later(3600)
        assert world.look_up(smtp) == 0
        assert world.claim(Channel.EMAIL) == []
    assert (world.state(delivery), world.delivery(delivery).lookup_at) == (S.UNKNOWN, None)
    assert smtp.asked == []


def test_an_email_whose_senders_died_twice_stays_unknown(world: World) -> None:
    world.sent(world.family(email=True), sms=False)
    smtp = FakeProvider(Channel.EMAIL, can_look_up=False)
    delivery = lose_claim(world, Channel.EMAIL)
    world.later(SETTLE)
    world.look_up(smtp)
    assert lose_claim(world, Channel.EMAIL) == delivery
    world.later(SETTLE)
    assert world.look_up(smtp) == 0
    assert (world.state(delivery), world.delivery(delivery).repeats) == (S.UNKNOWN, 1)


def test_an_email_is_not_repeated_after_its_time(world: World) -> None:
    delivery = unknown(world, Channel.EMAIL)
    world.later(LIFE)
    world.look_up(FakeProvider(Channel.EMAIL, can_look_up=False))
    assert (world.state(delivery), world.delivery(delivery).lookup_at) == (S.UNKNOWN, None)


def test_each_look_up_knows_what_belongs_to_other_messages_of_that_number(world: World) -> None:
    family, stranger = world.family(), world.family()
    world.sent(family, stranger)
    for one in world.claim():
        world.record((one, Accepted("SM-mine" if one.to == family.phone else "SM-other")))
    world.sent(family)
    one = world.claim_one()
    world.record((one, Unknown("read_timeout")))
    provider = FakeProvider()
    world.look_up(provider)
    assert provider.taken == [frozenset({"SM-mine"})]


@pytest.mark.parametrize("error", [LookupError, ValueError])
def test_a_message_without_words_keeps_no_other_look_up_back(world: World, error: type[Exception]) -> None:
    class Wordless(NoNotices):
        def text(self, connection, notice_id, language, channel):  # type: ignore[no-untyped-def]
            raise error

    world.renderer = Renderer(Wordless())
    wordless = [world.notice("+4740000001"), world.notice("+4740000002")]
    for one in world.claim(lane=Lane.ROUTINE):
        world.record((one, Unknown("read_timeout")))
    delivery = unknown(world)
    world.change(DELIVERY, wordless[0], lookups=1)
    provider = FakeProvider()
    world.look_up(provider, Lane.ROUTINE)
    world.look_up(provider)
    assert provider.asked == [delivery]
    for one_id in wordless:
        assert (world.state(one_id), world.delivery(one_id).lookup_at) == (S.UNKNOWN, None)


def test_each_lane_looks_up_its_own(world: World) -> None:
    delivery = unknown(world)
    provider = FakeProvider()
    assert world.look_up(provider, Lane.ROUTINE) == 0
    assert world.look_up(FakeProvider(Channel.EMAIL, can_look_up=False)) == 0
    assert world.look_up(provider) == 1
    assert provider.asked == [delivery]


def test_an_answer_that_comes_during_the_look_up_is_left_alone(world: World) -> None:
    delivery = unknown(world)
    world.look_up(FakeProvider())
    world.later(SETTLE)

    class Meanwhile(FakeProvider):
        async def look_up(self, queries, taken):  # type: ignore[no-untyped-def]
            world.receipt("SM1", R.DELIVERED, delivery, 1)
            return {}

    world.look_up(Meanwhile())
    assert world.state(delivery) is S.DELIVERED


@pytest.mark.parametrize(
    "values",
    [
        {"lookups": 0},
        {"lookups": 1},
        {"lookups": 1, "lost_claims": 5},
        {"lookups": 1, "expires_at": NOW},
    ],
)
def test_a_slow_look_up_concludes_nothing_for_the_attempt_after_it(world: World, values: dict[str, Any]) -> None:
    delivery = unknown(world)
    world.change(DELIVERY, delivery, **values)

    class Slow(FakeProvider):
        async def look_up(self, queries, taken):  # type: ignore[no-untyped-def]
            # Meanwhile another process has cleared it up, and the next attempt has become unknown, too.
            world.change(DELIVERY, delivery, attempt=2)
            return {}

    world.look_up(Slow())
    row = world.delivery(delivery)
    assert (row.state, row.lookups) == (S.UNKNOWN, values["lookups"])
    world.change(DELIVERY, delivery, attempt=1)


def test_what_a_slow_look_up_finds_is_asked_about_where_it_was_found(world: World) -> None:
    delivery = unknown(world)

    class Slow(FakeProvider):
        async def look_up(self, queries, taken):  # type: ignore[no-untyped-def]
            # Meanwhile another provider had it, and may not have taken it.
            world.change(DELIVERY, delivery, provider="another")
            return {(delivery, 1): Receipt("SM1", R.PENDING)}

    world.look_up(Slow())
    row = world.delivery(delivery)
    assert (row.state, row.reference, row.provider) == (S.ACCEPTED, "SM1", "fake")


@pytest.mark.parametrize("status", list(R))
def test_a_slow_look_up_that_finds_the_earlier_attempt_leaves_the_one_under_way_alone(
    world: World, status: ReceiptStatus
) -> None:
    delivery = unknown(world)

    class Slow(FakeProvider):
        async def look_up(self, queries, taken):  # type: ignore[no-untyped-def]
            # Meanwhile another process found nothing, and sends it again.
            with world.clock(), world.database.write() as connection:
                never_taken = Move(delivery, S.QUEUED, attempt=1, code="never_taken")
                apply_moves(connection, [never_taken], MoveSource.RECONCILER, reconciling.FOUND_NOTHING)
            claims.append(world.claim_one())
            return {(delivery, 1): Receipt("SM1", status)}

    claims: list[Claimed] = []
    world.look_up(Slow())
    # That it was delivered is true whatever the attempt; nothing less ends the one that is on its way.
    assert world.state(delivery) is (S.DELIVERED if status is R.DELIVERED else S.SENDING)
    assert world.rows(ATTEMPT)[0].reference == "SM1"
    world.release(*claims)


# Polling


def accepted(world: World) -> int:
    world.sent(world.family())
    one = world.claim_one()
    world.record((one, Accepted(f"SM{one.delivery_id}")))
    return one.delivery_id


def test_a_receipt_that_did_not_come_is_asked_for_ever_more_seldom(world: World) -> None:
    delivery = accepted(world)
    provider = FakeProvider()
    asked: list[float] = []
    begun = world.now
    for _ in range(LIFE + 1300):
        if world.delivery(delivery).poll_at == world.now:
            assert world.poll(provider) == 1
            asked.append((world.now - begun).total_seconds())
        poll_at = world.delivery(delivery).poll_at
        if poll_at is None:
            break
        world.now = poll_at
    assert asked[:6] == [30, 60, 120, 240, 480, 960]
    assert asked[6] == 1560  # never more than ten minutes apart
    assert LIFE + 600 < asked[-1] <= LIFE + 1200
    assert world.poll(provider) == 0
    assert world.state(delivery) is S.ACCEPTED
    world.receipt(f"SM{delivery}", R.DELIVERED, delivery, 1)
    assert world.state(delivery) is S.DELIVERED


def test_what_a_poll_learns_moves_the_delivery(world: World) -> None:
    first, second, third = accepted(world), accepted(world), accepted(world)
    world.later(30)
    provider = FakeProvider(
        said=[
            Receipt(f"SM{first}", R.DELIVERED),
            Receipt(f"SM{second}", R.UNDELIVERED, "30005"),
            Receipt(f"SM{third}", R.PENDING),
        ]
    )
    assert world.poll(provider) == 3
    assert [world.state(one) for one in (first, second, third)] == [S.DELIVERED, S.UNDELIVERED, S.ACCEPTED]
    assert world.delivery(second).code == "30005"
    assert len(world.rows(RECEIPT)) == 2
    assert [row.source for row in world.rows(EVENT, EVENT.c.to_state.in_([S.DELIVERED, S.UNDELIVERED]))] == ["poll"] * 2


@pytest.mark.parametrize(("named", "waits"), [(7.0, 7), (None, 10)])
def test_a_poll_that_failed_is_tried_again(world: World, named: float | None, waits: int) -> None:
    delivery = accepted(world)
    world.later(30)
    provider = FakeProvider(fails=LookupFailed("connection_lost", named))
    assert world.poll(provider) == 1
    assert world.delivery(delivery).poll_at == world.now + timedelta(seconds=waits)
    assert world.poll(provider) == 0
    world.later(waits)
    provider.fails, provider.said = None, [Receipt(f"SM{delivery}", R.DELIVERED)]
    assert world.poll(provider) == 1
    assert world.state(delivery) is S.DELIVERED


def test_only_what_was_accepted_on_that_channel_and_lane_is_asked_about(world: World) -> None:
    delivery = accepted(world)
    world.sent(world.family())
    one = world.claim_one()
    world.record((one, Rejected("21211")))
    world.later(30)
    provider = FakeProvider()
    assert world.poll(provider, Lane.ROUTINE) == 0
    assert world.poll(FakeProvider(Channel.EMAIL)) == 0
    assert world.poll(provider) == 1
    assert provider.polled == [f"SM{delivery}"]


# Looking up and polling alike


def test_only_the_provider_that_was_given_a_message_is_asked_about_it(world: World) -> None:
    lost, taken = unknown(world), accepted(world)
    world.later(30)
    stranger = FakeProvider(name="other")
    assert (world.look_up(stranger), world.poll(stranger)) == (0, 0)
    provider = FakeProvider()
    assert (world.look_up(provider), world.poll(provider)) == (1, 1)
    assert (provider.asked, provider.polled) == ([lost], [f"SM{taken}"])


def test_what_waited_longest_is_asked_about_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciling, "_LOOKUP_BATCH", 1)
    monkeypatch.setattr(reconciling, "_POLL_BATCH", 1)
    lost, taken = [unknown(world), unknown(world)], [accepted(world), accepted(world)]
    world.later(30)
    world.change(DELIVERY, lost[1], lookup_at=world.now - timedelta(seconds=40))
    world.change(DELIVERY, taken[1], poll_at=world.now - timedelta(seconds=40))
    provider = FakeProvider()
    assert (world.look_up(provider), world.poll(provider)) == (1, 1)
    assert (provider.asked, provider.polled) == ([lost[1]], [f"SM{taken[1]}"])


def test_what_is_found_belongs_to_the_attempt_that_was_looked_up(world: World) -> None:
    world.sent(world.family())
    world.record((world.claim_one(), Deferred("20429")))
    world.later(5)
    second = world.claim_one()
    world.record((second, Unknown("read_timeout")))
    world.look_up(FakeProvider(found={second.delivery_id: Receipt("SM2", R.PENDING)}))
    assert [(row.number, row.reference) for row in world.rows(ATTEMPT)] == [(1, None), (2, "SM2")]


def test_what_comes_of_a_question_concerns_only_what_was_asked_about(world: World) -> None:
    lost, taken = [unknown(world) for _ in range(3)], [accepted(world), accepted(world)]
    world.later(30)
    for one, name in ((lost[1], "other"), (taken[1], "other"), (lost[2], "unasked")):
        world.change(DELIVERY, one, provider=name)
    others = [world.delivery(one) for one in (lost[1], taken[1])]
    provider = FakeProvider(fails=LookupFailed("http_503"))
    assert (world.look_up(provider), world.poll(provider)) == (1, 1)
    provider.fails = None
    for _ in range(2):
        world.later(SETTLE)
        assert world.look_up(provider) == 1
    assert world.poll(provider) == 1
    assert (world.state(lost[0]), world.state(taken[0])) == (S.QUEUED, S.ACCEPTED)
    assert world.look_up(FakeProvider(name="unasked", can_look_up=False)) == 1
    assert (world.state(lost[2]), world.delivery(lost[2]).lookup_at) == (S.UNKNOWN, None)
    assert [world.delivery(one) for one in (lost[1], taken[1])] == others


def test_an_end_that_comes_while_a_failed_question_is_out_is_left_alone(world: World) -> None:
    lost, taken = unknown(world), accepted(world)
    world.later(30)

    class Meanwhile(FakeProvider):
        async def look_up(self, queries, taken):  # type: ignore[no-untyped-def]
            world.receipt("SM1", R.DELIVERED, lost, 1)
            raise LookupFailed("http_503")

        async def receipts(self, references):  # type: ignore[no-untyped-def]
            world.receipt(references[0], R.DELIVERED, taken, 1)
            raise LookupFailed("http_503")

    provider = Meanwhile()
    assert (world.look_up(provider), world.poll(provider)) == (1, 1)
    for one in (lost, taken):
        row = world.delivery(one)
        assert (row.state, row.lookup_at, row.poll_at) == (S.DELIVERED, None, None)


def test_an_sms_of_a_provider_that_cannot_be_asked_stays_unknown(world: World) -> None:
    delivery = unknown(world)
    world.look_up(FakeProvider(can_look_up=False))
    assert (world.state(delivery), world.delivery(delivery).lookup_at) == (S.UNKNOWN, None)
