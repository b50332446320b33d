"""The detached drainer: what sends an alert when no worker does, without anything installed and with nobody's help.

`alert send` starts one before it confirms, and only watches. A drainer keeps its lease in the database, so that one
works at a time; it lives while its parent is there or anything is due, looked up or awaited, and then ends.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time
from collections.abc import Iterator

import structlog
from sqlalchemy.exc import SQLAlchemyError

from config.database import Database
from config.keys import Keys
from config.settings import Settings
from dispatcher.codes import Lane
from dispatcher.outbox.sweep import anything_left
from dispatcher.running.presence import give_back, new_process_id, take_lease
from dispatcher.running.runtime import Runtime

log = structlog.get_logger(__name__)

LEASE = "drainer"
# One more waits to succeed it when it is killed; without this, each command would leave another one waiting.
SUCCESSOR_LEASE = "drainer-successor"
_LEASE_SECONDS = 15.0
# How often the lease is renewed; and, once the parent is gone, whether anything is left to stay for.
_RENEW_SECONDS = 3.0
_LAST_LOOK_SECONDS = 1.0
# How often a successor looks whether the lease is free.
_STEP_SECONDS = 0.25


def run_drainer(settings: Settings, database: Database, keys: Keys) -> None:
    """Work as the drainer until nothing is left to do. Returns at once when another one works and nobody waits."""
    parent = _Parent()
    holder = new_process_id("drainer")
    with _lease_keeper(database, holder, parent) as is_ours:
        if not is_ours:
            return
        lanes = (Lane.ALERTS, Lane.ROUTINE)
        runtime = Runtime(settings, database, keys, kind="drainer", process_id=holder, lanes=lanes)
        runtime.start()
        try:
            while _needed(database, parent) and _keep(database, holder):
                renew = time.monotonic() + _RENEW_SECONDS
                while time.monotonic() < renew:
                    if parent.rang(renew - time.monotonic()):
                        runtime.look(Lane.ALERTS)
                        runtime.look(Lane.ROUTINE)
                    elif not parent.there:
                        renew = min(renew, time.monotonic() + _LAST_LOOK_SECONDS)
        finally:
            runtime.stop()


@contextlib.contextmanager
def _lease_keeper(database: Database, holder: str, parent: _Parent) -> Iterator[bool]:
    """Wait for the lease while it may be ours to work; give it back at the end."""
    ours = _keep(database, holder)
    while not ours and _may_wait(database, holder, parent):
        # A successor that nobody waits for looks as seldom as the lease is renewed: each look writes.
        parent.rang(_STEP_SECONDS if parent.there else _RENEW_SECONDS)
        ours = _keep(database, holder)
    try:
        yield ours
    finally:
        with contextlib.suppress(SQLAlchemyError), database.write() as connection:
            give_back(connection, SUCCESSOR_LEASE, holder)
            give_back(connection, LEASE, holder)


def _may_wait(database: Database, holder: str, parent: _Parent) -> bool:
    return parent.there or (_needed(database, parent) and _keep(database, holder, SUCCESSOR_LEASE))


def _keep(database: Database, holder: str, lease: str = LEASE) -> bool:
    try:
        with database.write() as connection:
            return take_lease(connection, lease, holder, _LEASE_SECONDS)
    except SQLAlchemyError as error:
        log.warning("lease_not_renewed", error=type(error).__name__)
        return True  # nobody else can take it either while the database is away


def _needed(database: Database, parent: _Parent) -> bool:
    if parent.there:
        return True
    try:
        with database.read() as connection:
            return anything_left(connection)
    except SQLAlchemyError:
        return True


class _Parent:
    """The pipe from the command that started us: a byte rings, its end says that the command is gone."""

    def __init__(self) -> None:
        self.there = True

    def rang(self, seconds: float) -> bool:
        """Wait so long for a ring; true when one came. Without a parent, just the time passes."""
        if not self.there:
            time.sleep(seconds)
            return False
        readable, _w, _x = select.select([sys.stdin.fileno()], [], [], seconds)
        if not readable:
            return False
        if not os.read(sys.stdin.fileno(), 4096):
            self.there = False
            return False
        return True
