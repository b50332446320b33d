"""Doctor's check of calls: whether anybody can be called, and whether a call can be confirmed."""

from __future__ import annotations

from typing import Final

from config.errors import UsageError
from config.set_aside import usable
from config.settings import Settings
from dispatcher.running.doctor import Check, CheckResult, fail, ok, warn

_DOCS: Final = "docs/fallback.md"


def calls_result(settings: Settings) -> CheckResult:
    """What the settings make of calls. That the account may call from that number, only a call can show."""
    try:
        caller = bool(usable(settings.voice).caller)
        is_step = any(step.channel == "voice" for step in usable(settings.fallback).steps)
    except UsageError as error:
        return fail(Check.CALLS, f"nobody is called: {error.what}", error.remedy)
    if not caller:
        return ok(Check.CALLS, "none: no voice.caller is set, and nobody is called")
    if not is_step:
        what = "voice.caller is set, and no step of fallback.steps calls anybody"
        return warn(Check.CALLS, what, f"Add a step with channel voice, or empty voice.caller ({_DOCS}).")
    if not settings.sms.callback_base_url:
        what = "nobody can confirm a call: Twilio has no address to tell which key was pressed"
        return warn(Check.CALLS, what, f"Set sms.callback_base_url, and run beredskap web ({_DOCS}).")
    return ok(Check.CALLS, "those who cannot be reached otherwise are called")
