"""One process at work in one or both lanes: the event loop, the broker's worker, the look at the database each second.

The same for a distributed worker, the embedded drainer and `beredskap run`: only the settings tell them apart.
"""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import dramatiq
import structlog
from dramatiq.asyncio import EventLoopThread
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from config.database import Database
from config.faults import what_ails
from config.keys import Keys
from config.set_aside import SetAside
from config.settings import Settings
from dispatcher.codes import Lane
from dispatcher.metering.meter import SILENT, Meter
from dispatcher.outbox.messages import Renderer
from dispatcher.reports.watching import OK
from dispatcher.routine.notices import Notices
from dispatcher.running.asking import LOOK_SECONDS as QUESTIONS_LOOK_SECONDS
from dispatcher.running.asking import DailyQuestions
from dispatcher.running.auditor import AUDIT_SECONDS, AUDITING, Auditor
from dispatcher.running.broker import WORKER_TIMEOUT_MS, answers, declare_actors, make_broker
from dispatcher.running.drain import LaneDrain
from dispatcher.running.drain_options import DrainOptions
from dispatcher.running.nightly import LOOK_SECONDS as PURGE_LOOK_SECONDS
from dispatcher.running.nightly import NightlyPurge
from dispatcher.running.presence import ALL_LANES, BEAT_SECONDS, SENDING, alive, beat, leave
from dispatcher.running.register_rounds import LOOK_SECONDS as ROUNDS_LOOK_SECONDS
from dispatcher.running.register_rounds import RegisterRounds
from dispatcher.running.reminding import LOOK_SECONDS as REMINDERS_LOOK_SECONDS
from dispatcher.running.reminding import ScheduledReminders, say_schedule
from dispatcher.running.self_testing import LOOK_SECONDS as SELF_TEST_LOOK_SECONDS
from dispatcher.running.self_testing import WeeklySelfTest
from dispatcher.running.senders import Sender, make_senders
from dispatcher.running.shared_rate import SharedRates
from dispatcher.running.upkeep import Upkeep

log = structlog.get_logger(__name__)

# How long one ring of the doorbell holds a worker thread; the work itself goes on after it.
DRAIN_SECONDS = 60.0
_WORKER_THREADS = 2
# A fault comes again with every look: its place is written this seldom.
_FAULT_PAUSE_SECONDS = 60.0


class Runtime:
    """Drains its lanes from `start` to `stop`; owns the threads, the connections to providers and the broker.

    `sends` false: the upkeep alone (a scheduler).
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        keys: Keys,
        *,
        kind: str,
        process_id: str,
        lanes: Sequence[Lane],
        sends: bool = True,
        meter: Meter = SILENT,
    ) -> None:
        self._meter = meter
        self._settings = settings
        self._database = database
        database.limit_idle_transactions(settings.store.idle_transaction_seconds)
        self._kind = kind
        self._id = process_id
        self._lanes = tuple(lanes)
        self._sends = sends
        self._keys = keys
        self._notices = Notices(settings, keys)
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._loop = EventLoopThread(logging.getLogger(__name__))
        self._loop.daemon = True
        self._broker = make_broker(settings)
        self._worker: dramatiq.Worker | None = None
        self._senders: dict[Lane, list[Sender]] = {}
        self._rates: SharedRates | None = None
        self._drains: dict[Lane, LaneDrain] = {}
        self._upkeeps: list[Upkeep] = []
        self._away = False
        self._quiet_until = 0.0

    def start(self) -> None:
        """Begin to work. Connects to Redis and the database in the background: neither need be there yet."""
        self._loop.start(timeout=5.0)
        self._loop.run_coroutine(self._build())
        self._thread("beat", self._beat, BEAT_SECONDS)
        self._thread("upkeep", self._upkeep, self._settings.dispatch.poll_seconds)
        if self._kind in AUDITING:
            self._start_rounds()
        if self._sends:
            self._start_sending()

    def _start_rounds(self) -> None:
        """What one process does for all. A round whose settings were set aside is left out; the log tells of them."""
        audit, policy, coming_of_age = self._settings.audit, self._settings.retention, self._settings.coming_of_age
        if not isinstance(audit, SetAside):
            auditor = Auditor(self._database, audit, self._id, self._meter)
            self._thread("audit", lambda: self._run(auditor.run()), AUDIT_SECONDS)
        if not isinstance(policy, SetAside) and policy.nightly:
            nightly = NightlyPurge(self._database, policy, self._id, self._stopping.is_set)
            self._thread("purge", nightly.look, PURGE_LOOK_SECONDS)
        if not isinstance(coming_of_age, SetAside) and coming_of_age.ask:
            questions = DailyQuestions(
                self._database, coming_of_age, self._settings.organisation, self._stopping.is_set
            )
            self._thread("questions", questions.look, QUESTIONS_LOOK_SECONDS)
        reminders = self._settings.reminders
        if not isinstance(reminders, SetAside) and reminders.on and say_schedule(reminders.schedule):
            scheduled = ScheduledReminders(
                self._database, reminders, self._settings.organisation, self._id, self._stopping.is_set
            )
            self._thread("reminders", scheduled.look, REMINDERS_LOOK_SECONDS)
        self_test = self._settings.self_test
        if not isinstance(self_test, SetAside) and self_test.configured:
            weekly = WeeklySelfTest(self._database, self._settings, self_test, self._id)
            self._thread("self-test", weekly.look, SELF_TEST_LOOK_SECONDS)
        rounds = RegisterRounds(self._settings, self._database, self._keys, self._id, self._stopping)
        self._thread("registers", rounds.run, ROUNDS_LOOK_SECONDS)

    def _start_sending(self) -> None:
        declare_actors(self._broker, self._lanes, self._drain)
        self._worker = dramatiq.Worker(
            self._broker,
            queues={lane.value for lane in self._lanes},
            worker_timeout=WORKER_TIMEOUT_MS,
            worker_threads=_WORKER_THREADS,
        )
        self._worker.start()
        for lane in self._lanes:
            self._thread(f"look-{lane.value}", functools.partial(self.look, lane), self._settings.dispatch.poll_seconds)

    def look(self, lane: Lane) -> None:
        """Look at the database now, as every second: what is due is worked on, whether the doorbell rang or not."""
        self._run(self._drains[lane].run(self._settings.dispatch.poll_seconds))

    def stop(self) -> None:
        """Give back what was not handed over, wait at most ten seconds for answers, and end."""
        self._stopping.set()
        for drain in self._drains.values():
            self._run(drain.stop())
        if self._worker is not None:
            self._worker.stop(timeout=2000)
        for thread in self._threads:
            thread.join(timeout=5.0)
        for senders in self._senders.values():
            for sender in senders:
                self._run(sender.provider.close())
        if self._rates is not None:
            self._run(self._rates.close())
        self._loop.stop()  # type: ignore[no-untyped-call]
        try:
            with self._database.write() as connection:
                leave(connection, self._id)
        except SQLAlchemyError as error:
            log.warning("left_without_a_word", error=type(error).__name__)
        self._broker.close()

    async def _build(self) -> None:
        """Inside the loop: providers and the shared rates keep connections that belong to it."""
        dispatch, organisation = self._settings.dispatch, self._settings.organisation
        options = DrainOptions.from_settings(dispatch, organisation.stale_after_months)
        idle = self._settings.store.idle_transaction_seconds
        renderer = Renderer(self._notices)
        self._rates = SharedRates(self._settings.store.redis_url)
        for lane in self._lanes:
            senders = make_senders(self._settings, lane, self._rates)
            self._senders[lane] = senders
            # Who does not send knows nothing of how the providers are.
            meter = self._meter if self._sends else SILENT
            self._drains[lane] = LaneDrain(self._database, lane, senders, renderer, self._id, options, meter)
            self._upkeeps.append(
                Upkeep(
                    self._database,
                    lane,
                    senders,
                    renderer,
                    self._id,
                    options.patience,
                    idle,
                    organisation.failing_after,
                    organisation.stale_after_months,
                    self._meter,
                )
            )

    def _drain(self, lane: Lane) -> None:
        self._run(self._drains[lane].run(DRAIN_SECONDS))

    def _upkeep(self) -> None:
        for upkeep in self._upkeeps:
            self._run(upkeep.run())

    def _beat(self) -> None:
        lane = ALL_LANES if len(self._lanes) > 1 else self._lanes[0].value
        with self._database.write() as connection:
            beat(connection, self._id, self._kind, lane, self._health())
            for own in self._lanes:
                count = len(alive(connection, SENDING, own.value))
                for sender in self._senders[own]:
                    sender.share(count)

    def _health(self) -> dict[str, str]:
        """How the providers answered last, and whether Redis does; what `alert watch` shows."""
        health: dict[str, str] = {}
        for sender in (sender for own in self._lanes for sender in self._senders[own]):
            # Both lanes may use one: what is wrong in either must be seen.
            if health.get(sender.provider.name, OK) == OK:
                health[sender.provider.name] = sender.condition.word
        redis_answers = answers(self._broker)
        return health if redis_answers is None else {**health, "redis": OK if redis_answers else "away"}

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run on the loop. A database that is away is said once, and tried again by whoever calls next."""
        try:
            self._loop.run_coroutine(work)
        except SQLAlchemyError as error:
            self._say_away(error)
        else:
            self._away = False

    def _say_away(self, error: SQLAlchemyError) -> None:
        if not _is_away(error):
            # The database is there and refuses what we ask: a fault of ours, with the place where it lies.
            if time.monotonic() >= self._quiet_until:
                self._quiet_until = time.monotonic() + _FAULT_PAUSE_SECONDS
                log.error("statement_refused", exc_info=error)
            return
        if not self._away:
            log.error("database_away", error=type(error).__name__, what=what_ails(error))
        self._away = True

    def _thread(self, name: str, step: Callable[[], None], seconds: float) -> None:
        def repeat() -> None:
            while not self._stopping.is_set():
                try:
                    step()
                except SQLAlchemyError as error:
                    self._say_away(error)
                except Exception as error:  # noqa: BLE001 (a thread that died would be missed by nobody)
                    log.error("step_failed", step=name, error=type(error).__name__)
                self._stopping.wait(seconds)

        thread = threading.Thread(target=repeat, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()


def _is_away(error: SQLAlchemyError) -> bool:
    """Whether the database cannot be reached, or ended the session under us (a transaction that stood still)."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, (OperationalError, InterfaceError, PoolTimeout))
