"""A channel with several providers: who carries the messages while one does not work, and what is never passed on."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from config.settings import load_settings
from dispatcher.codes import DeliveryState, Lane
from dispatcher.outbox.claim import Claimed
from dispatcher.outbox.messages import Renderer
from dispatcher.outbox.sweep import nobody_to_ask
from dispatcher.running.senders import Condition, Sender, make_senders
from dispatcher.running.shared_rate import SharedRates
from dispatcher.tables import ATTEMPT, DELIVERY
from providers.base import Accepted, Channel, Deferred, Message, Outcome, Rejected, Unknown
from providers.breaker import IN_A_ROW, IN_A_ROW_ALONE
from tests.dispatcher.running.test_drain import (  # noqa: F401  (a fixture is found by its name in this module)
    PATIENCE_SECONDS,
    Sending,
    Texts,
    lane,
    run,
    sender,
    world,
)
from tests.dispatcher.world import LIFE, World

S = DeliveryState
AWAY: Outcome = Deferred("connect_refused")


def chain(*providers: Sending) -> list[Sender]:
    """Senders of one channel, the first preferred."""
    senders: list[Sender] = []
    for place, provider in enumerate(providers):
        provider.name = f"provider{place + 1}"
        senders.append(replace(sender(provider), before=tuple(senders)))
    return senders


def drained(world: World, senders: list[Sender]) -> None:  # noqa: F811
    async def work() -> None:
        drain = lane(world, *senders)
        await drain.run(PATIENCE_SECONDS)
        # What was given back by one is taken by the next.
        await drain.run(PATIENCE_SECONDS)
        await drain.stop()

    run(world, work())


def by_provider(world: World) -> Counter[tuple[str, str]]:  # noqa: F811
    return Counter((row.provider, row.outcome.value) for row in world.rows(ATTEMPT))


def test_the_second_is_not_asked_while_the_first_works(world: World) -> None:  # noqa: F811
    alert = world.sent(*[world.family() for _ in range(20)])
    first, second = Sending(), Sending()
    drained(world, chain(first, second))
    assert (len(first.sent), len(second.sent)) == (20, 0)
    assert world.states(alert) == {S.ACCEPTED: 20}


def test_the_second_takes_everything_that_the_first_certainly_did_not_take(world: World) -> None:  # noqa: F811
    alert = world.sent(*[world.family() for _ in range(30)])
    first, second = Sending(answer=lambda _message: AWAY), Sending()
    senders = chain(first, second)
    drained(world, senders)
    # No more than the callers that were under way when it was seen.
    assert IN_A_ROW <= len(first.sent) <= IN_A_ROW + 4
    # What was refused before the breaker opened waits for its own time.
    waiting = IN_A_ROW - 1
    assert world.states(alert) == {S.ACCEPTED: 30 - waiting, S.DEFERRED: waiting}
    world.later(10)
    drained(world, senders)
    assert world.states(alert) == {S.ACCEPTED: 30}
    assert {row.provider for row in world.rows(DELIVERY)} == {"provider2"}


def test_a_single_message_goes_to_the_second_after_a_few_tries(world: World) -> None:  # noqa: F811
    alert = world.sent(world.family())
    first, second = Sending(answer=lambda _message: AWAY), Sending()
    senders = chain(first, second)
    for _ in range(IN_A_ROW):
        drained(world, senders)
        world.later(60)
    assert (len(first.sent), len(second.sent)) == (IN_A_ROW, 1)
    assert world.states(alert) == {S.ACCEPTED: 1}


def test_what_is_being_claimed_as_it_falls_out_is_given_back(world: World) -> None:  # noqa: F811
    """The claim comes in after the breaker has opened: nothing of it is handed over."""
    alert = world.sent(*[world.family() for _ in range(100)])
    first, second = Sending(answer=lambda _message: AWAY), Sending()
    one, two = chain(first, second)
    falling = replace(one, connections=IN_A_ROW, rate=10.0)
    falling.limiter.set_rate(10.0)
    drained(world, [falling, replace(two, before=(falling,))])
    assert len(first.sent) <= IN_A_ROW + 4
    assert world.states(alert)[S.ACCEPTED] == 100 - len(first.sent) + len(
        {message.delivery_id for message in first.sent} & {message.delivery_id for message in second.sent}
    )
    assert S.SENDING not in world.states(alert)


def test_what_the_first_may_have_taken_is_not_given_to_the_second(world: World) -> None:  # noqa: F811
    alert = world.sent(*[world.family() for _ in range(30)])
    first, second = Sending(answer=lambda _message: Unknown("read_timeout")), Sending()
    drained(world, chain(first, second))
    unknown = {message.delivery_id for message in first.sent}
    assert world.states(alert) == {S.ACCEPTED: 30 - len(unknown), S.UNKNOWN: len(unknown)}
    assert not unknown & {message.delivery_id for message in second.sent}
    # Only the provider that may have it is asked, and only when it knows of nothing the next one gets it.
    first.can_look_up = second.can_look_up = True
    assert world.look_up(second) == 0
    assert world.look_up(first) == len(unknown)
    world.later(30)
    assert world.look_up(first) == len(unknown)
    assert world.states(alert)[S.QUEUED] == len(unknown)


def test_refused_addresses_say_nothing_against_a_provider(world: World) -> None:  # noqa: F811
    alert = world.sent(*[world.family() for _ in range(20)])
    first, second = Sending(answer=lambda _message: Rejected("21211")), Sending()
    drained(world, chain(first, second))
    assert world.states(alert) == {S.REJECTED: 20}
    assert second.sent == []


@pytest.mark.parametrize("code", ["450 4.2.0", "too_busy", "21606"])
def test_nor_does_what_is_about_one_message(world: World, code: str) -> None:  # noqa: F811
    alert = world.sent(*[world.family() for _ in range(20)])
    first, second = Sending(answer=lambda _message: Deferred(code)), Sending()
    drained(world, chain(first, second))
    assert (len(first.sent), len(second.sent)) == (20, 0)
    assert world.states(alert) == {S.DEFERRED: 20}


def test_a_provider_is_tried_again_with_one_message_and_then_has_the_rest(world: World) -> None:  # noqa: F811
    clock = [0.0]
    condition = Condition(lambda: clock[0])
    for _ in range(IN_A_ROW_ALONE):
        condition.note(AWAY, alone=True)
    first = Sending()
    alone = replace(sender(first), condition=condition)
    alert = world.sent(*[world.family() for _ in range(9)])
    drained(world, [alone])
    assert (first.sent, condition.works) == ([], False)
    clock[0] += 1.0
    first.answer = lambda _message: AWAY
    drained(world, [alone])
    assert len(first.sent) == 1
    clock[0] += 1.9
    drained(world, [alone])
    assert len(first.sent) == 1
    clock[0] += 0.1
    first.answer = lambda message: Accepted(f"{message.delivery_id}-{message.attempt}")
    world.later(10)
    drained(world, [alone])
    assert condition.works
    assert world.states(alert) == {S.ACCEPTED: 9}
    assert by_provider(world)["fake", "deferred"] == 1


def test_what_cannot_be_made_is_no_try(world: World) -> None:  # noqa: F811
    """Of several that cannot be rendered none keeps the provider, which is well again, from the rest."""
    alert = world.sent(*[world.family() for _ in range(6)])
    broken = {row.id for row in world.rows(DELIVERY)[:3]}

    class Broken(Renderer):
        def message(self, connection: Any, claimed: Claimed) -> Message:
            if claimed.delivery_id in broken:
                raise ValueError("no words")
            return super().message(connection, claimed)

    world.renderer = Broken(Texts())
    clock = [0.0]
    condition = Condition(lambda: clock[0])
    for _ in range(IN_A_ROW):
        condition.note(AWAY)
    clock[0] += 1.0
    alone = replace(sender(Sending()), condition=condition)
    drained(world, [alone])
    drained(world, [alone])
    assert world.states(alert) == {S.ACCEPTED: 3, S.REJECTED: 3}


def test_what_happened_on_this_side_says_nothing_of_a_provider() -> None:
    condition = Condition()
    for _ in range(IN_A_ROW):
        condition.note(Unknown("crashed"))
        condition.note(Deferred("too_busy"))
    assert (condition.works, condition.word) == (True, "ok")
    for _ in range(IN_A_ROW):
        condition.note(AWAY)
    assert (condition.works, condition.word) == (False, "connect_refused")
    condition.tried()
    condition.note(Unknown("interrupted"), trial=True)
    assert condition.allowance() == 1


def test_a_last_resort_that_hangs_is_left_alone_before_it_has_swallowed_the_alert(world: World) -> None:  # noqa: F811
    alert = world.sent(*[world.family() for _ in range(40)])
    last = Sending(answer=lambda _message: Unknown("read_timeout"), can_look_up=False)
    drained(world, [sender(last, connections=2)])
    assert len(last.sent) <= IN_A_ROW + 1
    assert world.states(alert)[S.QUEUED] >= 40 - IN_A_ROW - 1


def test_receipts_are_asked_for_where_the_message_went(world: World) -> None:  # noqa: F811
    world.sent(world.family())
    first, second = chain(Sending(), Sending())
    drained(world, [first])
    world.later(60)
    assert world.poll(second.provider) == 0  # type: ignore[arg-type]
    assert world.poll(first.provider) == 1  # type: ignore[arg-type]


def test_nobody_asks_for_ever_about_what_a_provider_got_that_is_not_set_up_any_more(
    world: World,  # noqa: F811
) -> None:
    world.sent(world.family(), world.family())
    answers = iter([Accepted("SM1"), Unknown("read_timeout")])
    drained(world, chain(Sending(answer=lambda _message: next(answers))))

    def asked_about() -> int:
        with world.clock(), world.database.write() as connection:
            nobody_to_ask(connection, Lane.ALERTS, {"another"})
        return sum(row.lookup_at is not None or row.poll_at is not None for row in world.rows(DELIVERY))

    world.later(LIFE + 590)
    assert asked_about() == 2
    world.later(20)
    assert asked_about() == 0
    assert {row.state for row in world.rows(DELIVERY)} == {S.ACCEPTED, S.UNKNOWN}


def test_the_last_resort_is_not_asked_and_its_unknowns_stay_so(world: World) -> None:  # noqa: F811
    alert = world.sent(world.family())
    last = Sending(answer=lambda _message: Unknown("said_no"), can_look_up=False)
    drained(world, chain(last))
    for _ in range(3):
        world.look_up(last)
        world.later(60)
    assert world.states(alert) == {S.UNKNOWN: 1}
    assert world.rows(DELIVERY)[0].lookup_at is None
    assert world.claim() == []


def test_without_a_reference_nobody_is_asked_for_a_receipt(world: World) -> None:  # noqa: F811
    alert = world.sent(world.family())
    drained(world, chain(Sending(answer=lambda _message: Accepted(None))))
    assert world.states(alert) == {S.ACCEPTED: 1}
    assert world.rows(DELIVERY)[0].poll_at is None


def test_the_senders_of_a_lane_by_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for section, name, value in [
        ("SMS", "ACCOUNT_SID", "AC1"),
        ("SMS", "SENDER", "SKOLEN"),
        ("SMS_BACKUP", "ACCOUNT_SID", "AC2"),
        ("SMS_BACKUP", "SEGMENTS_PER_SECOND", "7"),
        ("SMS_LAST_RESORT", "URL", "smseagle://token@127.0.0.1/{to}"),
        ("SMTP", "HOST", "127.0.0.1"),
        ("SMTP", "FROM_ADDRESS", "skole@example.no"),
    ]:
        monkeypatch.setenv(f"BEREDSKAP_{section}__{name}", value)
    alerts = make_senders(load_settings(), Lane.ALERTS, SharedRates(""))
    names = [one.provider.name for one in alerts]
    assert names == ["twilio", "twilio_backup", "apprise", "smtp"]
    assert [[before.provider.name for before in one.before] for one in alerts] == [[], names[:1], names[:2], []]
    assert [one.channel for one in alerts] == [Channel.SMS] * 3 + [Channel.EMAIL]
    assert alerts[1].rate == 7.0
    routine = make_senders(load_settings(), Lane.ROUTINE, SharedRates(""))
    assert [one.provider.name for one in routine] == ["twilio", "twilio_backup", "smtp"]
    assert all(one.shares_with_alerts for one in routine)
