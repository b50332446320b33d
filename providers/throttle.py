"""How fast one sender may speak: segments a second, waited for before a message leaves, never after."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol


class Bucket(NamedTuple):
    """A token bucket at one moment. `tokens` may be below zero: a message larger than the bucket borrows."""

    rate: float
    capacity: float
    tokens: float
    at: float


def filled(bucket: Bucket, now: float) -> Bucket:
    """The bucket as it stands at `now` (a clock that goes back fills nothing)."""
    elapsed = max(0.0, now - bucket.at)
    rate, capacity, tokens, at = bucket
    return Bucket(rate, capacity, min(capacity, tokens + elapsed * rate), max(now, at))


def take(bucket: Bucket, cost: float, now: float) -> tuple[Bucket, float]:
    """Take `cost` tokens if they are there: (bucket afterwards, 0.0). Else (bucket, seconds until they are).

    A cost above the capacity waits for a full bucket and leaves a debt, so that the long-run rate still holds.
    """
    bucket = filled(bucket, now)
    missing = min(cost, bucket.capacity) - bucket.tokens
    # A billionth of a token: what floating point loses in adding up, which must not cost a further wait.
    if missing > 1e-9:
        return bucket, missing / bucket.rate
    return Bucket(bucket.rate, bucket.capacity, bucket.tokens - cost, bucket.at), 0.0


class Limiter(Protocol):
    """Where the count of a sender's segments is kept: in this process, or shared by several."""

    async def take(self, segments: int) -> float:
        """Take the segments and answer 0.0, or take nothing and answer the seconds after which to ask again."""
        ...


class LocalLimiter:
    """The count kept in this process. `burst_seconds`: how much unused time may be caught up at once."""

    def __init__(
        self, segments_per_second: float, *, burst_seconds: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if segments_per_second <= 0:
            raise ValueError("a sender's rate must be above zero")
        self._clock = clock
        self._burst_seconds = burst_seconds
        capacity = self._capacity(segments_per_second)
        self._bucket = Bucket(segments_per_second, capacity, capacity, clock())

    def _capacity(self, rate: float) -> float:
        return max(1.0, rate * self._burst_seconds)

    @property
    def rate(self) -> float:
        """Segments a second, at present."""
        return self._bucket.rate

    def set_rate(self, segments_per_second: float) -> None:
        """Go on at another rate, for instance when another process began to share the sender."""
        now = filled(self._bucket, self._clock())
        capacity = self._capacity(segments_per_second)
        self._bucket = Bucket(segments_per_second, capacity, min(now.tokens, capacity), now.at)

    async def take(self, segments: int) -> float:
        self._bucket, wait = take(self._bucket, segments, self._clock())
        return wait


class Throttle:
    """One sender's turnstile. First come, first served: a long message is not overtaken for ever by short ones."""

    def __init__(self, limiter: Limiter, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._limiter = limiter
        self._sleep = sleep
        self._turn = asyncio.Lock()

    async def acquire(self, segments: int = 1) -> float:
        """Wait until this many segments may leave. Returns the seconds waited for. A cancelled wait takes nothing."""
        waited = 0.0
        async with self._turn:
            while (wait := await self._limiter.take(segments)) > 0:
                await self._sleep(wait)
                waited += wait
        return waited
