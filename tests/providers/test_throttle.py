"""A sender's rate holds over any series of messages, and nobody is overtaken."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.throttle import Bucket, LocalLimiter, Throttle, take


@pytest.mark.parametrize(
    ("tokens", "cost", "now", "left", "wait"),
    [
        (10.0, 3, 0.0, 7.0, 0.0),
        (3.0, 3, 0.0, 0.0, 0.0),
        (1.0, 3, 0.0, 1.0, 0.4),  # two are missing, five a second
        (0.0, 3, 1.0, 2.0, 0.0),  # a second has filled five
        (0.0, 1, -5.0, 0.0, 0.2),  # a clock that went back fills nothing
        (10.0, 25, 0.0, -15.0, 0.0),  # larger than the bucket: on credit when it is full
        (9.0, 25, 0.0, 9.0, 0.2),
    ],
)
def test_one_take(tokens: float, cost: int, now: float, left: float, wait: float) -> None:
    after, waited = take(Bucket(rate=5.0, capacity=10.0, tokens=tokens, at=0.0), cost, now)
    assert after.tokens == pytest.approx(left)
    assert waited == pytest.approx(wait)


@pytest.mark.parametrize("rate", [0.0, -1.0])
def test_a_rate_that_lets_nothing_through_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        LocalLimiter(rate)


class Clock:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


@given(
    st.floats(min_value=0.1, max_value=500, allow_nan=False),
    st.lists(st.integers(min_value=1, max_value=12), min_size=1, max_size=40),
)
def test_the_rate_holds_over_any_series(rate: float, costs: list[int]) -> None:
    async def run() -> None:
        clock = Clock()
        throttle = Throttle(LocalLimiter(rate, clock=clock), sleep=clock.sleep)
        passed = 0
        for cost in costs:
            await throttle.acquire(cost)
            allowed = max(1.0, rate) + rate * (clock.now - 100.0)
            # The message that goes on credit is the only one ahead of the rate.
            assert passed <= allowed + 1e-6
            passed += cost

    asyncio.run(run())


@given(st.lists(st.integers(min_value=1, max_value=5), min_size=2, max_size=20))
def test_first_come_first_served(costs: list[int]) -> None:
    async def run() -> list[int]:
        clock, order = Clock(), []
        throttle = Throttle(LocalLimiter(2.0, clock=clock), sleep=clock.sleep)

        async def one(number: int, cost: int) -> None:
            await throttle.acquire(cost)
            order.append(number)

        await asyncio.gather(*(one(number, cost) for number, cost in enumerate(costs)))
        return order

    assert asyncio.run(run()) == list(range(len(costs)))


def test_a_cancelled_wait_takes_nothing() -> None:
    async def run() -> float:
        clock = Clock()
        never = asyncio.Event()

        async def sleep_for_ever(_: float) -> None:
            await never.wait()

        limiter = LocalLimiter(1.0, clock=clock)
        throttle = Throttle(limiter, sleep=sleep_for_ever)
        await throttle.acquire(1)
        waiting = asyncio.create_task(throttle.acquire(1))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        clock.now += 1.0
        return await limiter.take(1)

    assert asyncio.run(run()) == 0.0


def test_a_new_rate_holds_from_now_on() -> None:
    async def run() -> float:
        clock = Clock()
        limiter = LocalLimiter(10.0, clock=clock)
        limiter.set_rate(2.0)
        assert await limiter.take(2) == 0.0
        return await limiter.take(1)

    assert asyncio.run(run()) == pytest.approx(0.5)
