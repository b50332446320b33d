"""Doctor's check of the portal: whether there are pages, and whether those whom they are for can log in."""

from __future__ import annotations

from typing import Final

from config.errors import UsageError
from config.private_key import id_porten_key
from config.set_aside import usable
from config.settings import Settings
from dispatcher.running.doctor import Check, CheckResult, fail, ok, warn

_DOCS: Final = "docs/portal.md"


def portal_result(settings: Settings) -> CheckResult:
    """What the settings make of the portal. Whether ID-porten and Feide know this client, only a log-in can show."""
    try:
        portal, id_porten, feide = usable(settings.portal), usable(settings.id_porten), usable(settings.feide)
    except UsageError as error:
        return fail(Check.PORTAL, f"some or all cannot log in: {error.what}", error.remedy)
    if not portal.on:
        return ok(Check.PORTAL, "none: no portal.public_url is set")
    if not id_porten.configured:
        return warn(
            Check.PORTAL, "guardians cannot log in", f"Set id_porten.client_id, and its secret or key ({_DOCS})."
        )
    try:
        if id_porten.private_key_file:
            id_porten_key(id_porten)
    except UsageError as error:
        return fail(Check.PORTAL, f"guardians cannot log in: {error.what}", error.remedy)
    if not feide.configured:
        return warn(Check.PORTAL, "students and staff cannot log in", f"Set feide.client_id and its secret ({_DOCS}).")
    if not feide.realm and not feide.school_realms:
        what = "students and staff cannot log in: no Feide name is one of the schools'"
        return warn(Check.PORTAL, what, f"Set feide.realm ({_DOCS}).")
    staff = sum(bool(entry.feide) for entry in settings.operators.named.values())
    if not staff:
        what = "no member of staff can log in: no operator has a Feide name"
        return warn(Check.PORTAL, what, f"Set feide in the entries under [operators] ({_DOCS}).")
    people = "one member" if staff == 1 else f"{staff} members"
    return ok(Check.PORTAL, f"{portal.public_url}, for guardians, students and {people} of staff")
