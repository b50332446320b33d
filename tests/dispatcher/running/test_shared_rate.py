"""One sender's rate is held by all processes together, by nobody's own clock, and goes on without Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.storage.redis import redispy
from limits.aio.strategies import MovingWindowRateLimiter

from dispatcher.running.shared_rate import PAUSE_SECONDS, RedisCount, SharedLimiter, SharedRates, Window, window_of
from providers.throttle import LocalLimiter, Throttle
from tests.services.redis import RedisServer
from tests.services.server import free_port

RATE = 100.0


@pytest.mark.parametrize(
    ("rate", "window"),
    [
        (0.5, Window(1, 1.0, 2)),
        (0.3, Window(1, 1.2, 4)),
        (1.0, Window(1, 1.0, 1)),
        (1.5, Window(1, 1.5, 1)),
        (10.0, Window(10, 1.0, 1)),
        (33.3, Window(33, 33.3 / 33, 1)),
        (60.0, Window(50, 1.2, 1)),
        (600.0, Window(50, 12.0, 1)),
    ],
)
def test_the_window_of_a_rate(rate: float, window: Window) -> None:
    assert window_of(rate) == pytest.approx(window)


@given(st.floats(min_value=0.001, max_value=1e6))
def test_every_window_holds_its_rate_and_lets_one_segment_through_at_once(rate: float) -> None:
    window = window_of(rate)
    assert window.blocks * window.size / window.seconds == pytest.approx(rate)
    assert window.size >= 1 - 1e-9
    # What comes at once after a pause is what the process's own bucket would let through, too.
    assert window.blocks * window.size <= max(2.0, rate + 1)


class Blocks:
    """A count that gives what the test tells it to: True a block, False none, or what it raises."""

    def __init__(self, answers: Sequence[bool | Exception]) -> None:
        self.answers = list(answers)
        self.asked = 0
        self.failures: list[Exception] = []
        self.resting = False

    async def fetch(self, key: str, window: Window) -> bool:
        self.asked += 1
        answer = self.answers.pop(0) if self.answers else False
        if isinstance(answer, Exception):
            raise answer
        return answer

    def answered(self) -> None: ...

    def failed(self, error: Exception) -> None:
        self.failures.append(error)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def limiter_on(blocks: Blocks, clock: Clock, rate: float = RATE, share: float = RATE) -> SharedLimiter:
    return SharedLimiter(blocks, "sender", rate, LocalLimiter(share, clock=clock), clock=clock)


def test_a_block_is_spent_without_asking_again() -> None:
    async def run() -> None:
        blocks = Blocks([True])
        limiter = limiter_on(blocks, Clock())  # two segments a block
        assert [await limiter.take(1), await limiter.take(1)] == [0.0, 0.0]
        assert blocks.asked == 1
        assert await limiter.take(1) > 0

    asyncio.run(run())


def test_what_is_left_of_a_block_grows_old() -> None:
    async def run() -> None:
        blocks, clock = Blocks([True]), Clock()
        limiter = limiter_on(blocks, clock)
        assert await limiter.take(1) == 0.0
        clock.now += 5.0
        assert await limiter.take(1) > 0
        assert blocks.asked == 2

    asyncio.run(run())


def test_a_message_larger_than_a_second_gathers_over_several_windows() -> None:
    async def run() -> list[float]:
        # One segment a second, for a message of four: what was gathered is kept while it waits, and no more.
        clock = Clock()
        limiter = limiter_on(Blocks([True, False, False, True, True, False, True, False]), clock, rate=1.0, share=1.0)
        waits = []
        while not waits or waits[-1] > 0:
            waits.append(await limiter.take(4))
            # Nobody wakes up to the microsecond.
            clock.now += waits[-1] + 0.02 if waits[-1] else 0.0
        return [*waits, await limiter.take(1)]

    assert asyncio.run(run()) == [0.5, 0.5, 0.5, 0.0, 0.5]


def test_a_long_message_leaves_through_a_long_code(redis_url: str) -> None:
    """Two segments at one and a half a second, by the real clock and the real Redis: within a few seconds."""

    async def run() -> None:
        rates = SharedRates(redis_url)
        throttle = Throttle(rates.limiter(("sender",), 1.5, LocalLimiter(1.5)))
        async with asyncio.timeout(15):
            for _ in range(2):
                await throttle.acquire(2)
        await rates.close()

    asyncio.run(run())


def test_a_count_that_fails_is_replaced_by_the_share_of_this_process() -> None:
    async def run() -> None:
        clock, blocks = Clock(), Blocks([OSError("away"), RuntimeError("whatever a client raises")])
        limiter = limiter_on(blocks, clock, share=2.0)
        assert [await limiter.take(1), await limiter.take(1)] == [0.0, 0.0]
        assert [type(one) for one in blocks.failures] == [OSError, RuntimeError]
        blocks.resting = True
        assert await limiter.take(1) == pytest.approx(0.5)
        assert blocks.asked == 2

    asyncio.run(run())


def test_what_left_by_the_shared_count_leaves_nothing_to_catch_up_with_alone() -> None:
    async def run() -> None:
        blocks = Blocks([True] * 10)
        limiter = limiter_on(blocks, Clock(), share=10.0)
        for _ in range(10):
            assert await limiter.take(1) == 0.0
        blocks.resting = True
        blocks.answers.clear()
        # The clock stands still: the shared count let ten out, and so the own bucket is empty.
        assert await limiter.take(1) == pytest.approx(0.1)

    asyncio.run(run())


def test_a_long_wait_alone_ends_when_redis_may_be_back() -> None:
    async def run() -> float:
        blocks = Blocks([])
        blocks.resting = True
        limiter = limiter_on(blocks, Clock(), share=0.01)
        await limiter.take(1)
        return await limiter.take(1)

    assert asyncio.run(run()) == PAUSE_SECONDS


@asynccontextmanager
async def processes(
    url: str, number: int, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[list[Throttle]]:
    """The throttles of one sender in so many processes."""
    counts = [RedisCount(url, clock=clock) for _ in range(number)]
    yield [Throttle(SharedLimiter(count, "sender", RATE, LocalLimiter(RATE / number))) for count in counts]
    for count in counts:
        await count.close()


async def passed(throttles: Sequence[Throttle], seconds: float) -> tuple[int, float]:
    """How many messages of one segment they let through together, all asking all the time; and in which time."""
    began = time.monotonic()
    count = 0

    async def send(throttle: Throttle) -> None:
        nonlocal count
        while time.monotonic() - began < seconds:
            await throttle.acquire()
            count += 1

    await asyncio.gather(*(send(throttle) for throttle in throttles))
    return count, time.monotonic() - began


@pytest.mark.parametrize("number", [1, 3])
def test_processes_pass_the_whole_rate_and_no_more(redis_url: str, number: int) -> None:
    async def run() -> tuple[int, float]:
        async with processes(redis_url, number) as throttles:
            return await passed(throttles, 3.0)

    count, seconds = asyncio.run(run())
    # A second's worth at once, and what a block can be before its time.
    assert count <= RATE * (seconds + 1.0) + 4
    assert count >= 0.7 * RATE * seconds


def test_one_of_three_passes_the_whole_rate_while_the_others_have_nothing_to_send(redis_url: str) -> None:
    async def run() -> tuple[int, float]:
        async with processes(redis_url, 3) as throttles:
            return await passed(throttles[:1], 3.0)

    count, seconds = asyncio.run(run())
    # By shares it would be a third.
    assert count >= 0.7 * RATE * seconds


def test_the_clocks_of_the_processes_have_no_part_in_it(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock that the library might read is another 90 s ahead each time."""

    class WrongTime:
        def __init__(self) -> None:
            self.read = 0

        def time(self) -> float:
            self.read += 1
            return time.time() + 90.0 * self.read

    wrong = WrongTime()
    monkeypatch.setattr(redispy, "time", wrong)

    async def run() -> tuple[int, float]:
        async with processes(redis_url, 2) as throttles:
            return await passed(throttles, 2.0)

    count, seconds = asyncio.run(run())
    assert count <= RATE * (seconds + 1.0) + 4
    assert wrong.read == 0

    async def moving() -> list[bool]:
        storage = RedisStorage(redis_url.replace("redis", "async+redis", 1), implementation="redispy")
        hits = [await MovingWindowRateLimiter(storage).hit(RateLimitItemPerSecond(1), "x") for _ in range(4)]
        await storage.bridge.get_connection().aclose()
        return hits

    # The library's moving window goes by that clock, and lets too much through: this test would have seen it.
    assert asyncio.run(moving()) == [True] * 4
    assert wrong.read > 0


def test_redis_goes_and_comes_back(redis_server: RedisServer, redis_url: str) -> None:
    clock = Clock()

    async def run() -> None:
        async with processes(redis_url, 1, clock) as (throttle,):
            await throttle.acquire()
            assert await counted(redis_server) == 1
            redis_server.kill()
            try:
                # By its own share, without an error.
                for _ in range(5):
                    await throttle.acquire()
            finally:
                redis_server.start()
            for _ in range(5):
                await throttle.acquire()
            assert await counted(redis_server) == 0, "Redis is left alone for a while"
            clock.now += PAUSE_SECONDS
            for _ in range(5):
                await throttle.acquire()
            assert await counted(redis_server) > 0

    asyncio.run(run())


async def counted(server: RedisServer) -> int:
    """How many senders Redis counts now."""

    def keys() -> list[bytes]:
        with server.client() as client:
            return [key for key in client.keys("*") if not key.endswith(b"/-1")]

    return len(await asyncio.to_thread(keys))


def test_redis_that_hangs_holds_a_message_up_once(redis_server: RedisServer, redis_url: str) -> None:
    async def run() -> float:
        async with processes(redis_url, 1, Clock()) as (throttle,):
            redis_server.freeze()
            try:
                began = time.monotonic()
                for _ in range(20):
                    await throttle.acquire()
                return time.monotonic() - began
            finally:
                redis_server.thaw()

    # A quarter of a second for the first, nothing for the others; 20 times that if each had asked.
    assert 0.2 < asyncio.run(run()) < 2.5


def test_redis_that_was_never_there(capsys: pytest.CaptureFixture[str]) -> None:
    async def run() -> tuple[int, float]:
        async with processes(f"redis://:hemmelig@127.0.0.1:{free_port()}/0", 2) as throttles:
            return await passed(throttles, 2.0)

    count, seconds = asyncio.run(run())
    assert 0.7 * RATE * seconds <= count <= RATE * (seconds + 1.0) + 4
    written = capsys.readouterr()
    assert "hemmelig" not in written.out + written.err


def test_keys_show_neither_account_nor_number(redis_server: RedisServer, redis_url: str) -> None:
    async def run() -> None:
        rates = SharedRates(redis_url)
        for part in ("whole", "part"):
            limiter = rates.limiter(("twilio", "AC123", "+4799990000", part), RATE, LocalLimiter(RATE))
            assert await limiter.take(1) == 0.0
        await rates.close()

    asyncio.run(run())
    with redis_server.client() as client:
        keys = [key.decode() for key in client.keys("*")]
    assert len(keys) == 2
    assert all(key.startswith("beredskap:") for key in keys), keys
    assert not [key for key in keys if "9999" in key or "AC123" in key]


def test_without_redis_a_process_counts_by_itself() -> None:
    async def run() -> None:
        rates, own = SharedRates(""), LocalLimiter(RATE)
        assert rates.limiter(("twilio", "AC123", "PROVEDAL", "whole"), RATE, own) is own
        await rates.close()

    asyncio.run(run())
