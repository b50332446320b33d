"""What the rows of the table share: servers that are started when first needed, stores full of invented schools."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import TracebackType

from bench.fill import School, fill
from bench.installation import Installation, Surroundings
from bench.one_alert import FarEnd
from bench.servers import BenchPostgres, MailFarEnd, SmsFarEnd
from providers.base import Channel
from tests.services.redis import RedisServer
from tests.services.server import Server


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured: see the options of `bench/fan_out.py`. Messages, unless said otherwise."""

    sms: int
    emails: int
    both: int
    peers: int
    embedded: int
    students: int  # of the county whose planning and first hand-over are measured
    growth: tuple[int, ...]
    slow: int  # to the slow provider, for each worker
    rounds: int
    processes: int
    smtp_connections: int


class Stage:
    """Leaving the `with` block ends every server and removes every file."""

    def __init__(self, sizes: Sizes) -> None:
        self.sizes = sizes
        self.folder = Path(tempfile.mkdtemp(prefix="beredskap-bench-"))
        self._servers: list[Server] = []
        self._filled: dict[tuple[School, ...], tuple[str, Installation]] = {}
        self._count = 0

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in reversed(self._servers):
            server.discard()
        shutil.rmtree(self.folder, ignore_errors=True)

    @cached_property
    def postgres(self) -> BenchPostgres:
        server = BenchPostgres()
        self.start(server)
        return server

    @cached_property
    def redis(self) -> RedisServer:
        server = RedisServer()
        self.start(server)
        return server

    @cached_property
    def sms(self) -> SmsFarEnd:
        server = SmsFarEnd()
        self.start(server)
        return server

    @cached_property
    def mail(self) -> MailFarEnd:
        """A mail server that offers PIPELINING."""
        server = MailFarEnd(pipelining=True)
        self.start(server)
        return server

    @cached_property
    def plain_mail(self) -> MailFarEnd:
        """A mail server that does not."""
        server = MailFarEnd(pipelining=False)
        self.start(server)
        return server

    @property
    def texts(self) -> FarEnd:
        return FarEnd(Channel.SMS, lambda: self.sms.taken)

    @property
    def mails(self) -> FarEnd:
        return FarEnd(Channel.EMAIL, lambda: self.mail.taken)

    def database(self, template: str = "template1") -> str:
        """The address of a new database, a copy of `template`."""
        return self.postgres.url(self.postgres.create_database(template))

    def start(self, server: Server) -> None:
        """Start a server that ends with the stage."""
        self._servers.append(server)
        server.start()

    def distributed(self, *schools: School, **changes: object) -> Installation:
        """An installation on PostgreSQL and Redis with these schools. `changes`: to its surroundings."""
        if schools not in self._filled:
            self._filled[schools] = self._fill(schools)
        template, first = self._filled[schools]
        surroundings = replace(self._surroundings(self.database(template)), **changes)  # type: ignore[arg-type]
        made = Installation(self._new_folder(), surroundings)
        # The same key file: it belongs to the store that was copied.
        shutil.copytree(first.data, made.data)
        return made

    def embedded(self, *schools: School) -> Installation:
        """An installation on SQLite with these schools."""
        made = Installation(self._new_folder(), replace(self._surroundings(""), redis_url=""))
        made.run("init")
        fill(made.database, schools)
        return made

    def copy_of(self, *schools: School) -> str:
        """The address of a new database with these schools and nothing else."""
        self.distributed(*schools)
        return self.database(self._filled[schools][0])

    def _fill(self, schools: tuple[School, ...]) -> tuple[str, Installation]:
        url = self.database("template1")
        with Installation(self._new_folder(), self._surroundings(url)) as first:
            first.run("init")
            fill(first.database, schools)
        return url.rpartition("/")[2], first

    def _new_folder(self) -> Path:
        self._count += 1
        return self.folder / f"installation-{self._count}"

    def _surroundings(self, database_url: str) -> Surroundings:
        return Surroundings(
            database_url=database_url,
            redis_url=self.redis.url,
            sms_url=self.sms.url,
            smtp_port=self.mail.port,
            smtp_connections=self.sizes.smtp_connections,
        )
