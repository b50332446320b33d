"""What was drilled at which school, read from the alerts of status `exercise`, beside the plan in the settings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import Connection, exists, literal, or_, select

from config.catalogue import MsgType
from config.clock import UtcDateTime, oslo_date, oslo_midnight
from config.errors import UsageError
from config.spare_sections import DrillSettings
from contacts.audience import AudienceSchool
from contacts.audience_names import find_school
from contacts.tables import ENROLMENT, SCHOOL
from dispatcher.alerts.drill_plan import Drill, HeldDrill, drills_of, first_day
from dispatcher.codes import AlertState, AlertStatus
from dispatcher.tables import ALERT

if TYPE_CHECKING:
    from config.catalogue import Catalogue

# One that was stopped was not held.
_HELD = (AlertState.PLANNING, AlertState.OPEN, AlertState.CLOSED, AlertState.EXPIRED)


@dataclass(frozen=True, slots=True)
class SchoolDrills:
    """The drills of one school in one school year, by their day."""

    school: AudienceSchool
    drills: tuple[Drill, ...]


def school_drills(
    connection: Connection, settings: DrillSettings, schools: Sequence[AudienceSchool], year: int, today: date
) -> list[SchoolDrills]:
    """The drills of these schools in the school year that begins in `year`.

    Raises UsageError when the plan names a school that is not in the store, or is the name of several.
    """
    names = dict.fromkeys(one.school for one in settings.plan if one.school)
    named = {name: _planned_school(connection, name).id for name in names}
    held = held_at(connection, first_day(year), first_day(year + 1))
    return [
        SchoolDrills(
            school,
            tuple(
                drills_of(
                    (one for one in settings.plan if not one.school or named[one.school] == school.id),
                    held.get(school.ref, ()),
                    year,
                    today,
                )
            ),
        )
        for school in schools
    ]


def held_at(connection: Connection, since: date, before: date) -> Mapping[str, Sequence[HeldDrill]]:
    """The exercises that were sent to schools by their name, by the ref of the school.

    Those to a class or a grade alone are nobody's drill; those to a part of a named school count for it.
    """
    rows = connection.execute(
        select(ALERT.c.number, ALERT.c.scenario, ALERT.c.confirmed_at, ALERT.c.audience)
        .where(
            ALERT.c.status == AlertStatus.EXERCISE,
            ALERT.c.msg_type == MsgType.ALERT,
            ALERT.c.state.in_(_HELD),
            ALERT.c.confirmed_at >= literal(oslo_midnight(since), UtcDateTime()),
            ALERT.c.confirmed_at < literal(oslo_midnight(before), UtcDateTime()),
        )
        .order_by(ALERT.c.confirmed_at, ALERT.c.id)
    )
    held: dict[str, list[HeldDrill]] = defaultdict(list)
    for row in rows:
        drill = HeldDrill(row.number, row.scenario, oslo_date(row.confirmed_at))
        for school in row.audience.get("schools", ()):
            held[school["ref"]].append(drill)
    return held


def schools_with_students(connection: Connection, today: date) -> list[AudienceSchool]:
    """The schools that somebody goes to, by name."""
    goes_on = or_(ENROLMENT.c.ended_on.is_(None), ENROLMENT.c.ended_on > today)
    rows = connection.execute(
        select(SCHOOL.c.id, SCHOOL.c.ref, SCHOOL.c.name, SCHOOL.c.default_language)
        .where(exists().where(ENROLMENT.c.school_id == SCHOOL.c.id, goes_on))
        .order_by(SCHOOL.c.name, SCHOOL.c.id)
    )
    return [AudienceSchool(*row) for row in rows]


def check_scenarios(settings: DrillSettings, catalogue: Catalogue) -> None:
    """Raises UsageError when the plan names a scenario that is not there, or that is no first alert."""
    first = [one.name for one in catalogue.scenarios() if one.msg_type is MsgType.ALERT]
    unknown = next((one.scenario for one in settings.plan if one.scenario not in first), None)
    if unknown is not None:
        raise UsageError(
            f'The plan of drills (drills.plan) names the scenario "{unknown}", which no drill can have.',
            remedy=f"Known scenarios: {', '.join(first)}.",
        )


def _planned_school(connection: Connection, name: str) -> AudienceSchool:
    try:
        return find_school(connection, name)
    except UsageError as error:
        raise UsageError(
            f'The plan of drills (drills.plan) names the school "{name}", which is not in the store, or is the name '
            "of several.",
            remedy=error.remedy,
        ) from None
