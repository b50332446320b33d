"""A channel with several providers: who carries the messages while one does not work, and what is never passed on."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from config.settings import load_settings
from dispatcher.codes import DeliveryState, Lane
from dispatcher.running.senders import Condition, Sender, make_senders
from dispatcher.running.shared_rate import SharedRates
from dispatcher.tables import ATTEMPT, DELIVERY
from providers.base import Accepted, Channel, Deferred, Outcome, Rejected, Unknown
from providers.breaker import LEAST_FAULTS
from tests.dispatcher.running.test_drain import PATIENCE_SECONDS, Sending, lane, run, sender, world  # noqa: F401
from tests.dispatcher.world import World

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
    drained(world, chain(first, second))
    # No more than the callers that were under way when it was seen.
    assert LEAST_FAULTS <= len(first.sent) <= LEAST_FAULTS + 4
    # What was refused before the breaker opened waits for its own time.
    waiting = LEAST_FAULTS - 1
    assert world.states(alert) == {S.ACCEPTED: 30 - waiting, S.DEFERRED: waiting}
    world.later(10)
    drained(world, chain(Sending(answer=lambda _message: AWAY), second))
    assert world.states(alert)[S.ACCEPTED] >= 30 - waiting
    assert {row.provider for row in world.rows(DELIVERY, DELIVERY.c.state == S.ACCEPTED)} == {"provider2"}


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
    for _ in range(LEAST_FAULTS):
        condition.note(AWAY)
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
