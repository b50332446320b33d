"""One sender's rate for all processes, counted in Redis while it answers, and by each process for its share otherwise.

A round trip for every message would be dear: a process fetches a block of segments, and spends it by itself. The count
is the sliding window of the library `limits`, whose script in Redis goes by the time to live that Redis gives its keys.
No process's own clock has a part in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import math
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

import structlog

from providers.throttle import Limiter, LocalLimiter

log = structlog.get_logger(__name__)

# A second's segments are fetched in this many blocks, whoever fetches them: what counting costs has a limit.
_BLOCKS_A_SECOND = 50
# How long what was fetched may be spent: a process that had nothing to send must not come with an old block later.
_KEPT_SECONDS = 0.5
# How long one message may wait for Redis; and for how long Redis is not asked after it did not answer.
_PATIENCE_SECONDS = 0.25
PAUSE_SECONDS = 3.0
_LONGEST_WAIT_SECONDS = 1.0
_PREFIX = "beredskap"
# A billionth of a segment: what floating point loses in adding up.
_NOTHING = 1e-9


class Window(NamedTuple):
    """A rate as it is counted: at most `blocks` blocks of `size` segments in any `seconds`, which are whole ones."""

    blocks: int
    size: float
    seconds: int

    @property
    def ask_again(self) -> float:
        """Seconds to wait when no block is left: half of what one takes to come, for others wait for it, too."""
        return min(_LONGEST_WAIT_SECONDS, self.seconds / self.blocks / 2)


def window_of(rate: float) -> Window:
    """The window of a rate in segments a second: exact for any rate, and no block below one segment.

    One block is what Redis counts as one. With a finer unit the last block of each window would not fit in it.
    """
    seconds = max(1, math.ceil(1 / rate))
    segments = rate * seconds
    blocks = max(1, min(_BLOCKS_A_SECOND, int(segments)))
    return Window(blocks, segments / blocks, seconds)


class BlockCount(Protocol):
    """Where the blocks of all processes are counted."""

    @property
    def resting(self) -> bool:
        """Whether it did not answer a moment ago and is not asked for now."""
        ...

    async def fetch(self, key: str, window: Window) -> bool:
        """Take a block of the sender, if one is left. Raises whatever its client raises when it does not answer."""
        ...

    def answered(self) -> None:
        """Told after a question that it answered."""
        ...

    def failed(self, error: Exception) -> None:
        """Told what the question ended in when it did not."""
        ...


class SharedLimiter:
    """One sender's rate, shared with every process that counts under the same key; a `providers.throttle.Limiter`.

    Never raises, and waits for Redis no longer than a quarter of a second, once in `PAUSE_SECONDS`: meanwhile `local`
    counts, which has this process's share of the rate.
    """

    def __init__(
        self,
        count: BlockCount,
        key: str,
        rate: float,
        local: LocalLimiter,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._count = count
        self._key = key
        self._window = window_of(rate)
        self._local = local
        self._clock = clock
        self._held = 0.0
        self._fresh_at = 0.0

    async def take(self, segments: int) -> float:
        """As `Limiter.take`; but what was fetched for a message that is too large for now is kept for its next try."""
        # A message that gathers blocks comes back after the time in which the next one may have come.
        if self._clock() - self._fresh_at > _KEPT_SECONDS + self._window.ask_again:
            self._held = 0.0
        if not self._holds(segments):
            if self._count.resting:
                return await self._take_alone(segments)
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    enough = await self._fetch(segments)
            except Exception as error:  # noqa: BLE001 (the contract: whatever the client does, messages leave)
                self._count.failed(error)
                return await self._take_alone(segments)
            self._count.answered()
            if not enough:
                return self._window.ask_again
        self._held -= segments
        # Counted here as well: should Redis go now, this process has no unused second to catch up with.
        await self._local.take(segments)
        return 0.0

    def _holds(self, segments: int) -> bool:
        return self._held >= segments - _NOTHING

    async def _fetch(self, segments: int) -> bool:
        """Fetch blocks until they are enough for the message, or none is left."""
        while not self._holds(segments):
            got = await self._count.fetch(self._key, self._window)
            # What a waiting message has gathered does not grow old.
            self._fresh_at = self._clock()
            if not got:
                return False
            self._held += self._window.size
        return True

    async def _take_alone(self, segments: int) -> float:
        # At a small share of a small rate the wait is long: Redis may be back before.
        return min(PAUSE_SECONDS, await self._local.take(segments))


class RedisCount:
    """The blocks of all senders in one Redis. Used and closed inside one event loop; connects when first asked."""

    def __init__(self, redis_url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        # Only here: without Redis a process starts sooner without them.
        from limits import RateLimitItemPerSecond
        from limits.aio.storage import RedisStorage
        from limits.aio.strategies import SlidingWindowCounterRateLimiter
        from redis.asyncio import ConnectionPool
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        # Our own pool, so that every form of the address means the same here as for the doorbell.
        self._pool = ConnectionPool.from_url(
            redis_url, socket_connect_timeout=_PATIENCE_SECONDS, retry=Retry(NoBackoff(), 0)
        )
        storage = RedisStorage(
            "async+redis://",
            implementation="redispy",
            key_prefix=_PREFIX,
            connection_pool=self._pool,  # type: ignore[arg-type]  # documented, and handed on to the client
        )
        self._windows = SlidingWindowCounterRateLimiter(storage)
        self._item = RateLimitItemPerSecond
        self._clock = clock
        self._resting_until = -math.inf
        self._away = False

    @property
    def resting(self) -> bool:
        return self._clock() < self._resting_until

    async def fetch(self, key: str, window: Window) -> bool:
        return await self._windows.hit(self._item(window.blocks, window.seconds, namespace="rate"), key)

    def answered(self) -> None:
        if self._away:
            log.info("rate_shared_again")
        self._away = False

    def failed(self, error: Exception) -> None:
        if not self._away:
            log.warning("rate_not_shared", error=type(error).__name__)
        self._away = True
        self._resting_until = self._clock() + PAUSE_SECONDS

    async def close(self) -> None:
        from redis.exceptions import RedisError

        # One that hangs may not answer the good-bye either.
        with contextlib.suppress(RedisError, OSError):
            await self._pool.disconnect()


class SharedRates:
    """Gives each sender of a process its limiter. `redis_url` empty: the process's own. Made inside the event loop."""

    def __init__(self, redis_url: str) -> None:
        self._count = RedisCount(redis_url) if redis_url else None

    def limiter(self, sender: tuple[str, ...], rate: float, local: LocalLimiter) -> Limiter:
        """The limiter of the sender that these words tell apart from every other, at `rate` segments a second."""
        if self._count is None:
            return local
        # Hashed: an account or a telephone number is nothing that the keys of a Redis need to show.
        key = hashlib.sha256("\n".join(sender).encode()).hexdigest()[:32]
        return SharedLimiter(self._count, key, rate, local)

    async def close(self) -> None:
        if self._count is not None:
            await self._count.close()
