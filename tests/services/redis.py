"""A Redis server of the tests. It keeps nothing on disk: killed or restarted, it is empty, as Redis is by default."""

from __future__ import annotations

from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.services.binaries import redis_binary
from tests.services.server import Server


class RedisServer(Server):
    name = "redis"

    def __init__(self, binary: Path | None = None) -> None:
        self.binary = binary or redis_binary()
        super().__init__()
        self.owner = None  # runs as whoever runs the tests: nothing of it needs another user

    def command(self) -> list[str]:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.directory)]
        return [str(self.binary), *options, "--save", "", "--appendonly", "no", "--daemonize", "no"]

    def answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def client(self) -> redis.Redis:
        # By default the client tries again for seconds: here an absent server is an answer.
        once = Retry(NoBackoff(), 0)
        return redis.Redis(host="127.0.0.1", port=self.port, socket_timeout=5, socket_connect_timeout=5, retry=once)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def flush(self) -> None:
        """Empty it, as an operator's FLUSHALL would."""
        with self.client() as client:
            client.flushall()
