"""Doctor's check of operators and roles: whether there are any, and whether what the settings say of them holds."""

from __future__ import annotations

from sqlalchemy import Connection

from config.errors import UsageError
from config.roles import Role
from config.set_aside import SetAside, wrong_setting
from config.settings import Settings
from contacts.audience_names import find_school
from dispatcher.auditing.findings import several
from dispatcher.routine.county import county_address
from dispatcher.running.doctor import Check, CheckResult, fail, ok, warn


def operators_result(settings: Settings, connection: Connection) -> CheckResult:
    wrong = [*settings.operators.set_aside.values()]
    if isinstance(settings.county, SetAside):
        wrong.append(settings.county)
    if wrong:
        first = wrong_setting(wrong[0].setting, wrong[0].reason)
        more = f" And {len(wrong) - 1} more." if wrong[1:] else ""
        return fail(Check.OPERATORS, f"{first.what}{more}", first.remedy)
    operators = settings.operators.named
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
    if not settings.smtp.host or county_address(settings) is None:
        return warn(
            Check.OPERATORS,
            "nobody is told when somebody sends an alert without the role for it (--break-glass)",
            "Set county.email to an address that somebody reads.",
        )
    named = several(len(operators), "operator is named", "operators are named")
    return ok(Check.OPERATORS, f"{named}; the county is told of a broken glass")
