"""The doorbell: dramatiq messages that say "this lane has work", and nothing more. The database row is the truth.

A lost message costs a wait of at most a second, because workers look at the database themselves. So there are no
retries, no delays and no priorities here, and ringing can neither raise nor block.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterable

import dramatiq
import structlog
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import AgeLimit, Middleware, Retries, ShutdownNotifications, TimeLimit

from config.settings import Settings
from dispatcher.codes import Lane

log = structlog.get_logger(__name__)

# Messages of a worker that died come back after this; nobody waits for them, the next ring is as good.
_HEARTBEAT_MS = 15_000
_CHECK_EVERY_COMMAND = 1_000_000
_CONNECT_SECONDS = 0.5
# After a failed ring, how long no further one is tried.
_PAUSE_SECONDS = 5.0
# A ring that nobody heard for this long says nothing any more.
_MAX_AGE_MS = 60_000
_TIME_LIMIT_MS = 120_000
# How long an idle worker thread waits for its queue, in milliseconds: what the start of an idle lane may cost.
WORKER_TIMEOUT_MS = 50


def make_broker(settings: Settings) -> dramatiq.Broker:
    """Redis where the settings name it, else a broker inside this process. Connects to nothing yet."""
    middleware: list[Middleware] = [
        AgeLimit(max_age=_MAX_AGE_MS),
        TimeLimit(time_limit=_TIME_LIMIT_MS),
        ShutdownNotifications(),
        Retries(max_retries=0),
    ]
    if not settings.store.redis_url:
        return StubBroker(middleware=middleware)
    # Only here: the embedded mode starts a third of a second faster without it.
    import redis
    from dramatiq.brokers.redis import RedisBroker

    client = redis.Redis.from_url(
        settings.store.redis_url, socket_connect_timeout=_CONNECT_SECONDS, socket_timeout=_CONNECT_SECONDS
    )
    return RedisBroker(  # type: ignore[no-untyped-call]
        client=client,
        middleware=middleware,
        heartbeat_timeout=_HEARTBEAT_MS,
        maintenance_chance=_CHECK_EVERY_COMMAND,
    )


def declare_actors(broker: dramatiq.Broker, lanes: Iterable[Lane], drain: Callable[[Lane], None]) -> None:
    """One actor a lane, on a queue of its own, that calls `drain` with its lane."""
    for lane in lanes:
        dramatiq.Actor(
            functools.partial(drain, lane),
            broker=broker,
            actor_name=_actor_name(lane),
            queue_name=lane.value,
            priority=0,
            options={"max_retries": 0},
        )


def _actor_name(lane: Lane) -> str:
    return f"drain_{lane.value}"


def answers(broker: dramatiq.Broker) -> bool | None:
    """Whether Redis answers; None for a broker inside this process."""
    if isinstance(broker, StubBroker):
        return None
    import redis
    from dramatiq.brokers.redis import RedisBroker

    assert isinstance(broker, RedisBroker)
    try:
        return bool(broker.client.ping())
    except (redis.RedisError, OSError):
        return False


class Doorbell:
    """Rings for a lane. Cannot raise and does not block: what it cannot deliver in time, nobody needs."""

    def __init__(self, broker: dramatiq.Broker) -> None:
        self._broker = broker
        self._quiet_until = 0.0
        self._lock = threading.Lock()

    def ring(self, lane: Lane) -> bool:
        """Say that the lane has work; false when nobody could be told (workers will see it themselves)."""
        with self._lock:
            if time.monotonic() < self._quiet_until:
                return False
            try:
                self._broker.enqueue(
                    dramatiq.Message(
                        queue_name=lane.value, actor_name=_actor_name(lane), args=(), kwargs={}, options={}
                    )
                )
            except Exception as error:  # noqa: BLE001 (the contract: a doorbell cannot raise, whatever the broker does)
                self._quiet_until = time.monotonic() + _PAUSE_SECONDS
                log.warning("doorbell_silent", lane=lane.value, error=type(error).__name__)
                return False
        return True
