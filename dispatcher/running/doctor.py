"""`beredskap doctor`: is everything there that an alert needs? One result a check, and what to do about each failure.

Nothing is sent and nothing is stored. A check that cannot be made says so; none of them raises.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar, cast

from config.errors import BeredskapError
from config.settings import Settings, load_settings

T = TypeVar("T")

# Seconds that each server outside has to answer. The database has some more: connecting alone may take five.
CHECK_SECONDS: Final = 5.0
DATABASE_SECONDS: Final = 8.0


class Status(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


_EXIT: Final = {Status.OK: 0, Status.WARN: 1, Status.FAIL: 2}


class Check(StrEnum):
    """The checks, in the order in which they are shown."""

    SETTINGS = "settings"
    KEY_FILE = "key file"
    DATABASE = "database"
    REDIS = "Redis"
    WORKERS = "workers"
    UNFINISHED = "unfinished work"
    SCHEDULER = "scheduler"
    SENDER = "sender ID"
    TWILIO = "Twilio"
    SMS_BACKUP = "SMS backup"
    SMTP = "SMTP"
    CALLBACK = "callback address"
    CALLS = "calls"
    PORTAL = "portal"
    CLOCK = "clock"
    DISK = "disk space"
    UNKNOWN = "unknown messages"
    RECEIPTS = "receipts"
    AUDIT = "audit"
    REGISTERS = "registers"
    OPERATORS = "operators"
    REMINDERS = "reminders"
    SELF_TEST = "self-test"
    DRILLS = "drills"
    BACKUP = "backup"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found, and what to do about it when it is not ok. Names no person, number or address."""

    name: Check
    status: Status
    what: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All results in order. `unattended`: an embedded store has messages that could be sent, and
    nobody is sending them."""

    results: tuple[CheckResult, ...]
    unattended: bool = False

    @property
    def exit_status(self) -> int:
        """0 all is well, 1 something deserves a look, 2 something is broken."""
        return max(_EXIT[result.status] for result in self.results)


def ok(name: Check, what: str) -> CheckResult:
    return CheckResult(name, Status.OK, what)


def warn(name: Check, what: str, remedy: str) -> CheckResult:
    return CheckResult(name, Status.WARN, what, remedy)


def fail(name: Check, what: str, remedy: str) -> CheckResult:
    return CheckResult(name, Status.FAIL, what, remedy)


def examine() -> Diagnosis:
    """Make every check, those of servers concurrently. Never raises for what is wrong with an installation."""
    from dispatcher.running.doctor_local import settings_result

    try:
        settings = load_settings()
    except BeredskapError as error:
        broken = fail(Check.SETTINGS, error.what, error.remedy)
        return Diagnosis(_complete([broken], "the settings"))
    return asyncio.run(_examine(settings, settings_result(settings)))


async def _examine(settings: Settings, first: CheckResult) -> Diagnosis:
    from dispatcher.running import doctor_local as local
    from dispatcher.running import doctor_services as services
    from dispatcher.running.doctor_backup import backup_result
    from dispatcher.running.doctor_calls import calls_result
    from dispatcher.running.doctor_portal import portal_result
    from dispatcher.running.doctor_store import look_into_store, silent_store

    store, redis, *outside = await asyncio.gather(
        _in_thread(lambda: look_into_store(settings), DATABASE_SECONDS, silent_store(settings, DATABASE_SECONDS)),
        services.redis_answers(settings),
        _within(services.twilio_result(settings), Check.TWILIO),
        _within(services.sms_backup_result(settings), Check.SMS_BACKUP),
        _within(services.smtp_result(settings), Check.SMTP),
        _within(services.callback_result(settings), Check.CALLBACK),
    )
    key_file = local.key_file_result(settings)
    results = [
        first,
        key_file,
        local.sender_result(settings),
        local.disk_result(settings),
        backup_result(settings),
        calls_result(settings),
        portal_result(settings),
        services.redis_result(settings, redis, store.workers_alive),
        *store.results,
        *outside,
    ]
    # Without the keys nothing can be sent.
    return Diagnosis(_complete(results, "the database"), store.unattended and key_file.status is Status.OK)


def _complete(results: Iterable[CheckResult], missing: str) -> tuple[CheckResult, ...]:
    """All checks in order; those without a result were not made, because `missing` is not there to be asked."""
    made = {result.name: result for result in results}
    return tuple(
        made.get(name) or CheckResult(name, Status.WARN, f"not checked: mend {missing} first") for name in Check
    )


async def _within(check: Coroutine[object, object, CheckResult], name: Check) -> CheckResult:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check
    except TimeoutError:
        return fail(
            name,
            f"no answer within {CHECK_SECONDS:g} seconds",
            "Look whether the server is up, and whether a firewall stands between.",
        )


async def _in_thread(work: Callable[[], T], seconds: float, otherwise: T) -> T:
    """The result of `work`, or `otherwise` when it takes longer.

    Not a thread of asyncio's: those are waited for at the end, and one that waits for a frozen server never ends.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(cast(T, result))

    def run() -> None:
        result: T | None = None
        failure: Exception | None = None
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 (raised again in the loop)
            failure = error
        # The loop is gone when nobody waits any more.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result, failure)

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(run,), name="doctor", daemon=True).start()
    try:
        async with asyncio.timeout(seconds):
            return await done
    except TimeoutError:
        return otherwise
