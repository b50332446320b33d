"""Doctor's check of the self-test: how the last one went, and whether it is too long ago (its rule is pure)."""

from __future__ import annotations

from datetime import datetime, timedelta

from config.clock import OSLO
from config.errors import UsageError
from config.set_aside import usable
from config.settings import Settings
from dispatcher.auditing.findings import several
from dispatcher.codes import SelfTestResult
from dispatcher.routine.self_test import SelfTestNow
from dispatcher.routine.self_test_rules import OLD, next_moment, what_to_do, why_not
from dispatcher.routine.self_test_staff import parts_of, untested
from dispatcher.running.doctor import Check, CheckResult, fail, ok, warn
from dispatcher.running.doctor_reminders import in_oslo

_RUN = "Run beredskap self-test."


def self_test_result(settings: Settings, last: SelfTestNow | None, now: datetime) -> CheckResult:
    """`last`: the newest that no actual alert has interrupted."""
    try:
        section = usable(settings.self_test)
        if not section.configured:
            return ok(Check.SELF_TEST, "none is set up: name staff in self_test.phones and self_test.emails")
        parts_of(settings)
    except UsageError as error:
        return fail(Check.SELF_TEST, error.what, error.remedy)
    if last is None:
        return warn(Check.SELF_TEST, "none was made yet", _RUN)
    at = f"{ago(now - last.begun_at)} ({last.begun_at.astimezone(OSLO):%Y-%m-%d %H:%M})"
    if last.result is SelfTestResult.FAILED:
        first, *others = last.failed
        more = f"; and {len(others)} more" if others else ""
        return fail(
            Check.SELF_TEST,
            f"failed {at}: {first.way}: {why_not(first)}{more}",
            f"{what_to_do(first)} Then run beredskap self-test.",
        )
    if section.weekday and now - last.begun_at > OLD:
        remedy = f"Is a scheduler running (beredskap scheduler or run)? {_RUN}"
        return warn(Check.SELF_TEST, f"the last one was made {at}, and one is due each week", remedy)
    if last.result is None:
        return ok(Check.SELF_TEST, "one is going on")
    words = [f"passed {at}"]
    if section.weekday:
        words.append(f"the next one {in_oslo(next_moment(now, section.weekday, section.time))}")
    if left_out := untested(settings):
        words.append(f"not tested: {', '.join(left_out)}")
    return ok(Check.SELF_TEST, "; ".join(words))


def ago(age: timedelta) -> str:
    """How long ago, as people say it: "3 days ago"."""
    hours = int(age.total_seconds() // 3600)
    if hours >= 48:
        return f"{hours // 24} days ago"
    if hours >= 1:
        return f"{several(hours, 'hour', 'hours')} ago"
    return f"{several(max(0, int(age.total_seconds() // 60)), 'minute', 'minutes')} ago"
