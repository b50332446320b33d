"""Doctor's check of drills: has every school had one lately, and can the plan be used?"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from config.clock import months_before, oslo_date
from config.errors import UsageError
from config.set_aside import usable
from config.settings import Settings
from dispatcher.alerts.drill_plan import DrillStatus, school_year
from dispatcher.auditing.findings import several
from dispatcher.reports.drills import held_at, school_drills, schools_with_students
from dispatcher.running.doctor import Check, CheckResult, fail, ok, warn

# So many schools are named; of more, their number is told.
_NAMED: Final = 3
_REMEDY: Final = "beredskap drill next types the command for you; beredskap drill plan shows the year."


def drills_result(settings: Settings, connection: Connection, now: datetime) -> CheckResult:
    """Alerts go out whatever this says: nothing here but settings is a failure."""
    today = oslo_date(now)
    schools = schools_with_students(connection, today)
    try:
        section = usable(settings.drills)
        years = school_drills(connection, section, schools, school_year(today), today)
    except UsageError as error:
        return fail(Check.DRILLS, error.what, error.remedy)
    months = section.warn_after_months
    held = held_at(connection, months_before(today, months), today + timedelta(days=1))
    without = [school.name for school in schools if school.ref not in held]
    if without:
        what = f"no exercise in {several(months, 'month', 'months')}: {_names(without)}"
        return warn(Check.DRILLS, what, _REMEDY)
    overdue = [one.school.name for one in years if any(drill.status is DrillStatus.OVERDUE for drill in one.drills)]
    if overdue:
        return warn(Check.DRILLS, f"a drill of the plan is overdue: {_names(overdue)}", _REMEDY)
    if not schools:
        return ok(Check.DRILLS, "no school has students")
    return ok(Check.DRILLS, f"each school has had an exercise within {several(months, 'month', 'months')}")


def _names(schools: list[str]) -> str:
    more = len(schools) - _NAMED
    return ", ".join(schools[:_NAMED]) + (f" and {several(more, 'other school', 'other schools')}" if more > 0 else "")
