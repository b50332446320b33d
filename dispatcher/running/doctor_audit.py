"""Doctor's check of alerts under way and of the last day: what the auditor finds, in one line."""

from __future__ import annotations

from config.database import Database
from config.errors import UsageError
from config.set_aside import SetAside, usable
from config.spare_sections import AuditSettings
from dispatcher.auditing.audit import audit
from dispatcher.auditing.findings import several
from dispatcher.running.doctor import Check, CheckResult, fail, ok, warn


def audit_result(section: AuditSettings | SetAside, database: Database, *, unattended: bool) -> CheckResult:
    """`unattended`: nobody sends what an embedded store has left, and doctor is about to see to that."""
    try:
        settings = usable(section)
    except UsageError as error:
        return fail(Check.AUDIT, error.what, error.remedy)
    result = audit(database, settings.grace_seconds)
    switch = "is set" if settings.ping_url.get_secret_value() else "is not set (audit.ping_url)"
    if result.content:
        looked = several(len(result.alerts), "alert", "alerts")
        return ok(Check.AUDIT, f"nothing is wrong with {looked}; the dead man's switch {switch}")
    first, *others = result.findings
    what = f"{first.alert or 'routine messages'}: {first.what[0].lower()}{first.what[1:]}"
    more = f" And {len(others)} more." if others else ""
    judged = warn if unattended else fail
    return judged(Check.AUDIT, f"{what}{more} The dead man's switch {switch}.", "beredskap audit shows what to do.")
