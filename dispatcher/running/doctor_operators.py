"""Doctor's check of operators and roles: whether there are any, and whether what the settings say of them holds."""

from __future__ import annotations

from sqlalchemy import Connection

from config.errors import UsageError
from config.roles import Role
from config.settings import Settings
from contacts.audience import find_school
from contacts.contact_points import read_typed
from dispatcher.auditing.findings import several
from dispatcher.running.doctor import Check, CheckResult, ok, warn


def operators_result(settings: Settings, connection: Connection) -> CheckResult:
    operators = settings.operators
    if not operators:
        return ok(Check.OPERATORS, "none are named: whoever may run this and read the key file may do everything")
    for name in dict.fromkeys(school for one in operators.values() for school in one.schools):
        try:
            find_school(connection, name)
        except UsageError:
            return warn(
                Check.OPERATORS,
                f'a school leader has the school "{name}", which is not in the store, or is the name of several',
                "Write its name or its ref under [operators] as the roster has it; until then they can send nothing.",
            )
    if not any({Role.SCHOOL_LEADER, Role.COUNTY_LEADER} & set(one.roles) for one in operators.values()):
        return warn(
            Check.OPERATORS, "nobody may send an alert", "Give somebody the role of a leader, under [operators]."
        )
    if not _county_can_be_told(settings):
        return warn(
            Check.OPERATORS,
            "nobody is told when somebody sends an alert without the role for it (--break-glass)",
            "Set county.email to an address that somebody reads.",
        )
    named = several(len(operators), "operator is named", "operators are named")
    return ok(Check.OPERATORS, f"{named}; the county is told of a broken glass")


def _county_can_be_told(settings: Settings) -> bool:
    try:
        return bool(settings.smtp.host) and read_typed(None, settings.county.email or None) is not None
    except UsageError:
        return False
