"""Doctor's check of backups: how long ago the backup script last said that it was done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from config.clock import OSLO
from config.errors import UsageError
from config.set_aside import usable
from config.settings import Settings
from dispatcher.running.doctor import Check, CheckResult, fail, ok, warn
from dispatcher.running.doctor_self_test import ago

_REMEDY: Final = "Look at the backup script and its log (docs/running.md, Backups); it must touch that file when done."
# A clock may be wrong by as much; a file from further ahead says nothing of when the backup was made.
_AHEAD: Final = timedelta(minutes=10)


def backup_result(settings: Settings) -> CheckResult:
    """What the marker file says. Whether the backup can be restored, only a person can find out."""
    try:
        section = usable(settings.backup)
    except UsageError as error:
        return fail(Check.BACKUP, error.what, error.remedy)
    if not section.marker:
        return ok(Check.BACKUP, "not watched: name a file that your backup script touches in backup.marker")
    try:
        made = datetime.fromtimestamp(Path(section.marker).expanduser().stat().st_mtime, UTC)
    except FileNotFoundError:
        return fail(Check.BACKUP, f"none was made yet: there is no file {section.marker}", _REMEDY)
    except OSError as error:
        return fail(
            Check.BACKUP, f"{section.marker} cannot be looked at: {error.strerror or 'no reason given'}", _REMEDY
        )
    age = datetime.now(UTC) - made
    at = f"{made.astimezone(OSLO):%Y-%m-%d %H:%M}"
    if age < -_AHEAD:
        return warn(Check.BACKUP, f"{section.marker} is from the future ({at})", _REMEDY)
    what = f"the last one was made {ago(age)} ({at})"
    return (
        warn(Check.BACKUP, what, _REMEDY) if age > timedelta(hours=section.warn_after_hours) else ok(Check.BACKUP, what)
    )
