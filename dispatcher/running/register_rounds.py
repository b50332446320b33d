"""The live calls of the public registers, by themselves: a full round each night, FREG's events every few minutes.

Only one process does it at a time, by a lease that each call renews. Nothing of it may stand in the way of an alert: no
round begins while one is under way, and one that has begun gives up with its next call. A round that fails is logged,
written down for doctor, and tried again later; nothing else notices.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Row, exists, select

from config.clock import db_now, oslo_date, oslo_midnight
from config.database import Database
from config.errors import BeredskapError
from config.keys import Keys
from config.set_aside import SetAside
from config.settings import Settings
from config.spare_sections import RegisterSettings
from contacts.registers.calls import LiveRegister
from contacts.registers.events import read_events
from contacts.registers.register import FREG, KRR, Register
from contacts.registers.state import EVENTS, states
from contacts.registers.sync import Result, Round, sync_freg, sync_krr
from dispatcher.outbox.claim import ALIVE
from dispatcher.running.presence import take_lease
from dispatcher.tables import ALERT

log = structlog.get_logger(__name__)

# How often to look whether something is due.
LOOK_SECONDS: Final = 30.0
# After midnight in Oslo, when the registers have taken in the day and nobody is at school.
_NIGHTLY: Final = timedelta(hours=3)
_EVENTS_EVERY: Final = timedelta(minutes=5)
_AFTER_A_FAULT: Final = timedelta(hours=1)
_OPERATOR: Final = "scheduler"
_LEASE: Final = "registers"
# Longer than one call with all its repeats, and than applying what was answered.
_LEASE_SECONDS: Final = 300.0


class Postponed(Exception):  # noqa: N818 (nothing is wrong)
    """This is not the moment for calls of registers, or no longer this process's business."""


def round_due(now: datetime, state: Row[Any] | None) -> bool:
    """Whether a register's full round is due: none was done since three o'clock at night, and none failed just now."""
    if state is None:
        return True
    if state.fault is not None and now - state.tried_at < _AFTER_A_FAULT:
        return False
    return state.done_at is None or state.done_at < _last_night(now)


def events_due(now: datetime, state: Row[Any] | None) -> bool:
    """Whether to look for events: the place in them is known, and nobody has looked within five minutes."""
    return state is not None and state.position is not None and now - state.tried_at >= _EVENTS_EVERY


def _last_night(now: datetime) -> datetime:
    day = oslo_date(now)
    night = oslo_midnight(day) + _NIGHTLY
    return night if night <= now else oslo_midnight(day - timedelta(days=1)) + _NIGHTLY


class RegisterRounds:
    """The rounds of one process. `stopping`: set when it is to end."""

    def __init__(
        self, settings: Settings, database: Database, keys: Keys, holder: str, stopping: threading.Event
    ) -> None:
        self._database = database
        self._holder = holder
        self._stopping = stopping
        reminders = settings.reminders
        self._round = Round(
            database,
            keys,
            _OPERATOR,
            trusted_sources=settings.organisation.trusted_sources,
            # Where they may not be wanted, none is kept: a later round brings them again.
            postal_addresses=not isinstance(reminders, SetAside) and reminders.takes_postal_addresses,
        )
        self._krr = self._live(KRR, settings.krr)
        self._freg = self._live(FREG, settings.freg)

    def run(self) -> None:
        """Do what is due; nothing when no register is set, another process does it, or an alert is under way.

        Raises what the database raises.
        """
        if self._krr is None and self._freg is None:
            return
        try:
            self._go_on()
        except Postponed:
            return
        for name, register, due, work in (
            ("freg", self._freg, self._freg_due, self._full_freg),
            ("krr", self._krr, self._krr_due, self._full_krr),
            ("freg events", self._freg, self._events_due, self._events),
        ):
            if register is not None and due():
                try:
                    work(register)
                except BeredskapError as error:
                    log.error("register_round_failed", register=name, what=error.what)
                except Postponed:
                    log.info("register_round_postponed", register=name)
                    return

    def _live(self, register: Register, settings: RegisterSettings | SetAside) -> LiveRegister | None:
        """None for one that is not set, and for one whose settings cannot be used: doctor and the log tell."""
        if isinstance(settings, SetAside) or not settings.configured:
            return None
        return LiveRegister(register, settings, before_call=self._go_on)

    def _go_on(self) -> None:
        if self._stopping.is_set():
            raise Postponed
        with self._database.write() as connection:
            if not take_lease(connection, _LEASE, self._holder, _LEASE_SECONDS) or _alert_under_way(connection):
                raise Postponed

    def _look(self, name: str) -> tuple[datetime, Row[Any] | None]:
        with self._database.read() as connection:
            return connection.execute(select(db_now())).scalar_one(), states(connection).get(name)

    def _krr_due(self) -> bool:
        return round_due(*self._look("krr"))

    def _freg_due(self) -> bool:
        now, state = self._look("freg")
        place = self._look(EVENTS)[1]
        if state is not None and state.done_at is not None and (place is None or place.position is None):
            # The events from our place on are gone: what they told is in the documents.
            return state.fault is None or now - state.tried_at >= _AFTER_A_FAULT
        return round_due(now, state)

    def _events_due(self) -> bool:
        return events_due(*self._look(EVENTS))

    def _full_freg(self, freg: LiveRegister) -> None:
        _say("freg", sync_freg(self._round, freg))

    def _full_krr(self, krr: LiveRegister) -> None:
        _say("krr", sync_krr(self._round, krr))

    def _events(self, freg: LiveRegister) -> None:
        for result in read_events(self._round, freg).results:
            _say("freg events", result)


def _say(register: str, result: Result) -> None:
    changed = result.plan.changes if result.applied else 0
    log.info("register_round_done", register=register, asked=result.asked, rows=changed, refused=result.plan.refused)


def _alert_under_way(connection: Connection) -> bool:
    return bool(connection.execute(select(exists().where(ALERT.c.state.in_(ALIVE)))).scalar())
