"""No room for the database: nothing is confirmed by halves, and what is under way waits until there is room again."""

from __future__ import annotations

import resource
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from config.database import Database
from dispatcher.tables import ALERT
from tests.faults.conftest import Trial
from tests.services.waiting import eventually
from tests.whole.conftest import Installation

# Less than the log of the database holds, more than anything else that a command writes.
_LEAST_LOG = 100_000


class _Disk(ABC):
    """Where the database lies, and a way to take all the room that is left to it."""

    # What a person is told.
    words = ""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    @contextmanager
    def full(self) -> Iterator[None]:
        """Meanwhile nothing more can be stored, by those that live and those that are started."""
        self._take_all()
        try:
            yield
        finally:
            self._give_back()

    @abstractmethod
    def _take_all(self) -> None: ...

    @abstractmethod
    def _give_back(self) -> None: ...

    @abstractmethod
    def close(self) -> None:
        """Leave nothing behind."""


class _SmallDisk(_Disk):
    """A file system of its own, that a filler fills."""

    words = "The disk of the database file {file} is full."

    def __init__(self, installation: Installation) -> None:
        super().__init__(installation)
        self._place = installation.processes.directory / "small"
        self._place.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(self._place)]
        mounted = subprocess.run(mount, capture_output=True, check=False)
        if mounted.returncode:
            pytest.skip("no file system may be mounted here: make test-faults-long tries a limit on the size of files")
        file = shutil.move(installation.data_dir / "beredskap.db", self._place)
        installation.database.dispose()
        installation.database = Database(f"sqlite:///{file}")
        installation.set("store", database_url=f"sqlite:///{file}")

    def _take_all(self) -> None:
        with (self._place / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError, match="No space left"):
            while True:
                filler.write(bytes(4096))

    def _give_back(self) -> None:
        (self._place / "filler").unlink()

    def close(self) -> None:
        self._installation.processes.end_all()
        self._installation.database.dispose()
        subprocess.run(["umount", str(self._place)], check=True)


class _Limit(_Disk):
    """The limit on the size of files (`ulimit -f`): the log of the database may not grow. Any user may set it."""

    words = "The database file {file} cannot be written or read: a quota or a limit is used up, or the disk fails."

    def __init__(self, installation: Installation) -> None:
        super().__init__(installation)
        if not hasattr(resource, "prlimit"):
            pytest.skip("only Linux lets another process's limits be set")

    def _take_all(self) -> None:
        self._set(file_of(self._installation).with_name("beredskap.db-wal").stat().st_size)

    def _give_back(self) -> None:
        self._set(resource.RLIM_INFINITY)

    def close(self) -> None:
        self._give_back()

    def _set(self, size: int) -> None:
        _soft, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        # This process's own is what commands begin with.
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, most))
        for process in self._installation.processes.living():
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, most))


def file_of(installation: Installation) -> Path:
    return Path(installation.database.engine.url.database or "")


@pytest.fixture(params=[_SmallDisk, pytest.param(_Limit, marks=pytest.mark.by_hand)], ids=["small disk", "limit"])
def disk(request: pytest.FixtureRequest, embedded_trial: Trial) -> Iterator[_Disk]:
    disk: _Disk = request.param(embedded_trial.installation)
    yield disk
    disk.close()


def test_no_room_for_the_database(embedded_trial: Trial, disk: _Disk) -> None:
    """Neither when an alert is to be confirmed, nor in the middle of one."""
    trial, installation = embedded_trial, embedded_trial.installation
    with installation.database.read() as reading:
        # As long as somebody reads what was, the log of the database only grows.
        reading.execute(select(ALERT.c.id)).all()
        trial.school_of(400)
        assert file_of(installation).with_name("beredskap.db-wal").stat().st_size > _LEAST_LOG
        words = disk.words.format(file=file_of(installation))
        with disk.full():
            refused = installation.send()
        assert (refused.status, installation.far_end.taken(), installation.alerts()) == (1, 0, 0)
        what, rest = refused.err.splitlines()
        assert what == words
        assert rest.startswith("Nothing was changed. ")
        installation.drained()
        installation.set("dispatch", lease_seconds=2.0)
        installation.set("sms", segments_per_second=30.0, timeout_seconds=0.5)
        installation.set("smtp", messages_per_second=30.0, timeout_seconds=0.5)
        assert installation.send("--json", "--no-watch").status == 0
        eventually(lambda: installation.far_end.taken() >= 40, what="some have left")
        log = installation.data_dir / "logs" / "drainer.log"
        with disk.full():
            eventually(lambda: words in log.read_text(encoding="utf-8"), what="the drainer says what ails it")
            # Longer than a lease: what became of some that were handed over is known to the provider alone.
            eventually(lambda: "outcomes_not_written" in log.read_text(encoding="utf-8"), what="a lease runs out")
            taken = installation.far_end.taken()
    trial.struck()
    assert taken < 400
    trial.all_told_once()
