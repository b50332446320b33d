"""What follows for a guardian whom a message has not reached for certain: the rule, as tables and by hypothesis."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.catalogue import Severity
from config.settings import load_settings
from config.spare_sections import FallbackSettings
from dispatcher.codes import AlertStatus, DeliveryState
from dispatcher.outbox.chain import DEAD, Chain, ChainStep, Sent, chain_of, next_step, seconds_to_wait
from dispatcher.outbox.following import Kind
from providers.base import Channel

S = DeliveryState
SMS, EMAIL = Channel.SMS, Channel.EMAIL
BOTH = frozenset({SMS, EMAIL})
CHAIN = Chain(frozenset({SMS}), (ChainStep(SMS, 300.0), ChainStep(EMAIL, 600.0)))


def settings(*steps: dict[str, object], at_once: tuple[str, ...] = ("sms",)) -> FallbackSettings:
    given_steps = steps or ({"channel": "sms", "wait_minutes": 5}, {"channel": "email", "wait_minutes": 10})
    return FallbackSettings.model_validate({"at_once": at_once, "steps": given_steps})


def frozen(section: FallbackSettings | None, **values: object) -> Chain | None:
    asked: dict[str, object] = {"severity": Severity.SEVERE, "status": AlertStatus.ACTUAL, "channels": BOTH}
    return chain_of(section, **(asked | values))  # type: ignore[arg-type]


def test_what_does_not_go_at_once_is_a_step() -> None:
    assert frozen(settings()) == CHAIN


@pytest.mark.parametrize(
    ("section", "values"),
    [
        pytest.param(None, {}, id="the section was set aside"),
        pytest.param(settings(at_once=("sms", "email")), {}, id="all goes at once"),
        pytest.param(settings(), {"channels": {SMS}}, id="the other channel is not asked for"),
        pytest.param(settings(), {"kind": Kind.ALL_CLEAR}, id="it is over"),
        pytest.param(settings(), {"kind": Kind.CANCEL}, id="it should not have been sent"),
        pytest.param(
            settings({"channel": "email", "wait_minutes": 5, "severities": ["extreme"]}), {}, id="not severe enough"
        ),
        pytest.param(
            settings({"channel": "email", "wait_minutes": 5, "in_drills": False}),
            {"status": AlertStatus.EXERCISE},
            id="a drill",
        ),
        pytest.param(
            settings({"channel": "email", "wait_minutes": 5, "in_drills": False}),
            {"status": AlertStatus.TEST},
            id="a test",
        ),
    ],
)
def test_an_alert_without_a_chain(section: FallbackSettings | None, values: dict[str, object]) -> None:
    assert frozen(section, **values) is None


def test_an_alert_on_a_channel_that_has_no_turn_goes_on_that() -> None:
    only_email = frozen(settings({"channel": "sms", "wait_minutes": 5}, at_once=("sms",)), channels={EMAIL})
    assert only_email is None
    chain = frozen(settings(), kind=Kind.UPDATE)
    assert chain is not None and chain.at_once == {SMS}


def test_calls_follow_what_is_extreme_and_real_where_somebody_can_call() -> None:
    default = load_settings()
    assert frozen(default.chain, severity=Severity.EXTREME) is None, "there is no caller"
    section = default.fallback
    assert isinstance(section, FallbackSettings)
    chain = frozen(section, severity=Severity.EXTREME)
    assert chain is not None
    assert chain.later_steps() == [(Channel.VOICE, 300.0)]
    assert frozen(section, severity=Severity.SEVERE) is None
    assert frozen(section, severity=Severity.EXTREME, status=AlertStatus.EXERCISE) is None
    assert frozen(section, severity=Severity.EXTREME, channels={EMAIL}) is None


@pytest.mark.parametrize(
    ("at_once", "first_wait", "later"),
    [
        ({SMS}, 300.0, [(EMAIL, 300.0), (Channel.VOICE, 360.0)]),
        ({EMAIL}, 60.0, [(SMS, 60.0), (Channel.VOICE, 360.0)]),
        (BOTH, 60.0, [(Channel.VOICE, 60.0)]),
        # None of the first messages has a step: the shortest time of any.
        (frozenset(), 10.0, [(SMS, 10.0), (EMAIL, 310.0), (Channel.VOICE, 370.0)]),
    ],
)
def test_when_each_step_is_due_at_the_latest(
    at_once: frozenset[Channel], first_wait: float, later: list[tuple[Channel, float]]
) -> None:
    chain = Chain(frozenset(at_once), (ChainStep(SMS, 300.0), ChainStep(EMAIL, 60.0), ChainStep(Channel.VOICE, 10.0)))
    assert chain.first_wait == first_wait
    assert chain.later_steps() == later


def test_a_chain_comes_back_from_its_json() -> None:
    assert Chain.from_json(CHAIN.as_json()) == CHAIN


@pytest.mark.parametrize(
    ("sent", "step_ago", "wait"),
    [
        ([], 0.0, 0.0),
        ([Sent(SMS, S.ACCEPTED, 10.0)], 20.0, 290.0),
        ([Sent(SMS, S.UNKNOWN, 10.0)], 20.0, 290.0),
        ([Sent(SMS, S.ACCEPTED, 300.0)], 310.0, 0.0),
        # It has not left: what counts is since when it might have.
        ([Sent(SMS, S.QUEUED)], 20.0, 280.0),
        ([Sent(SMS, S.DEFERRED, 10.0)], 20.0, 280.0),
        ([Sent(SMS, S.QUEUED)], 301.0, 0.0),
        *(([Sent(SMS, state, 1.0)], 1.0, 0.0) for state in (S.UNDELIVERED, S.REJECTED, S.EXPIRED, S.CANCELLED)),
        # One of two numbers has failed, and the other still may be read.
        ([Sent(SMS, S.UNDELIVERED, 5.0), Sent(SMS, S.ACCEPTED, 10.0)], 20.0, 290.0),
        ([Sent(SMS, S.ACCEPTED, 10.0), Sent(EMAIL, S.ACCEPTED, 10.0)], 20.0, 590.0),
    ],
)
def test_how_long_a_message_may_still_be_confirmed(sent: list[Sent], step_ago: float, wait: float) -> None:
    assert max(0.0, seconds_to_wait(CHAIN, sent, step_ago)) == wait


@pytest.mark.parametrize(
    ("taken", "used", "usable", "place"),
    [
        (0, {SMS}, BOTH, 1),
        (0, set(), BOTH, 0),
        (0, set(), {EMAIL}, 1),
        (0, {SMS}, {SMS}, None),
        (0, BOTH, BOTH, None),
        (1, set(), BOTH, 1),
        (2, set(), BOTH, None),
        (0, set(), set(), None),
    ],
)
def test_the_next_step(taken: int, used: set[Channel], usable: set[Channel], place: int | None) -> None:
    assert next_step(CHAIN, taken, used, usable) == place


channels = st.sets(st.sampled_from(list(Channel)))
chains = st.builds(
    Chain,
    at_once=st.frozensets(st.sampled_from(list(Channel)), min_size=1),
    steps=st.lists(
        st.builds(ChainStep, st.sampled_from(list(Channel)), st.floats(1.0, 3600.0)),
        min_size=1,
        max_size=4,
        unique_by=lambda step: step.channel,
    ).map(tuple),
)


@given(chains, channels, st.lists(channels, min_size=8, max_size=8))
def test_every_chain_ends_and_uses_no_channel_twice(
    chain: Chain, sent_first: set[Channel], usable: list[set[Channel]]
) -> None:
    used, taken, steps = set(sent_first), 0, []
    for at_that_time in usable:
        place = next_step(chain, taken, used, at_that_time)
        if place is None:
            break
        steps.append(chain.steps[place].channel)
        used.add(chain.steps[place].channel)
        assert place >= taken
        taken = place + 1
    else:
        pytest.fail("it goes on for ever")
    assert len(steps) == len(set(steps))
    assert not sent_first & set(steps)


sent_messages = st.lists(
    st.builds(Sent, st.sampled_from(list(Channel)), st.sampled_from(list(S)), st.none() | st.floats(0.0, 7200.0))
)


@given(chains, sent_messages, st.floats(0.0, 7200.0))
def test_no_chain_waits_longer_than_its_longest_step(chain: Chain, sent: list[Sent], step_ago: float) -> None:
    longest = max(step.wait_seconds for step in chain.steps)
    assert seconds_to_wait(chain, sent, step_ago) <= longest
    assert seconds_to_wait(chain, [one for one in sent if one.state in DEAD], step_ago) == 0.0
