"""Doctor's check of the public registers that are asked live: are they set up, and how did it go the last time?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row

from config.clock import OSLO
from config.errors import UsageError
from config.set_aside import usable
from config.settings import Settings
from contacts.registers.register import FREG, KRR, check_settings
from contacts.registers.state import EVENTS
from dispatcher.running.doctor import Check, CheckResult, fail, ok, warn

# A night may be missed; two are not chance.
_OLD: Final = timedelta(hours=36)


def registers_result(settings: Settings, states: Mapping[str, Row[Any]], now: datetime) -> CheckResult:
    """`states`: as `contacts.registers.state` keeps them. Alerts go out whatever this says: nothing here but settings
    is a failure."""
    words: list[str] = []
    for register, section in ((FREG, settings.freg), (KRR, settings.krr)):
        try:
            own = usable(section)
            if not own.configured:
                continue
            check_settings(register, own)
        except UsageError as error:
            return fail(Check.REGISTERS, error.what, error.remedy)
        remedy = f"beredskap sync {register.section} asks it now; scheduler or run does each night."
        state = states.get(register.section)
        if state is not None and state.fault is not None:
            return warn(Check.REGISTERS, state.fault, remedy)
        if state is None or state.done_at is None:
            return warn(Check.REGISTERS, f"{register.name} was not asked yet", remedy)
        at = f"{state.done_at.astimezone(OSLO):%Y-%m-%d %H:%M}"
        if now - state.done_at > _OLD:
            return warn(Check.REGISTERS, f"{register.name} was asked last {at}", remedy)
        words.append(f"{register.name} was asked {at}")
    events = states.get(EVENTS)
    if usable(settings.freg).configured and events is not None and events.fault is not None:
        return warn(
            Check.REGISTERS, events.fault, "Scheduler or run tries again; beredskap sync freg --events does now."
        )
    return ok(Check.REGISTERS, "; ".join(words) or "none set: what they tell is imported from files")
