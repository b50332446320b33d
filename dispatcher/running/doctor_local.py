"""Doctor's checks of this machine: settings, key file, sender, disk. They ask nobody."""

from __future__ import annotations

import re
import shutil
import stat
import tomllib
from pathlib import Path
from typing import Final

from config.errors import BeredskapError
from config.keys import load_keys
from config.set_aside import wrong_setting
from config.settings import Settings
from config.settings_file import settings_file
from dispatcher.running.doctor import Check, CheckResult, fail, ok, warn

# Sender IDs: https://www.twilio.com/docs/glossary/what-alphanumeric-sender-id (at least one letter).
_NAME: Final = re.compile(r"(?=[0-9]*[A-Za-z])[A-Za-z0-9]{1,11}")
_NUMBER: Final = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,6}")
_SECRETS: Final = (
    ("sms", "auth_token"),
    ("sms_backup", "auth_token"),
    ("sms_last_resort", "url"),
    ("smtp", "password"),
    ("id_porten", "client_secret"),
    ("feide", "client_secret"),
    ("audit", "ping_url"),
    ("self_test", "ping_url"),
)
_GIGABYTE: Final = 1_000_000_000
_ENOUGH: Final = _GIGABYTE
_TOO_LITTLE: Final = _GIGABYTE // 10


def settings_result(settings: Settings) -> CheckResult:
    """For settings that could be read. Those that were set aside refuse no alert, but what they are for."""
    if settings.set_aside:
        told = [wrong_setting(one.setting, one.reason) for one in settings.set_aside]
        return fail(Check.SETTINGS, " ".join(error.what for error in told), told[0].remedy)
    file = settings_file()
    if file is None:
        return ok(Check.SETTINGS, "the defaults and the environment (no beredskap.toml here)")
    if _holds_secret(file) and file.stat().st_mode & stat.S_IROTH:
        return warn(
            Check.SETTINGS,
            f"{file} holds a secret, and every user of this machine can read it",
            f"chmod 600 '{file}', or give the secret in the environment. Think about who may have read it.",
        )
    return ok(Check.SETTINGS, f"{file} and the environment")


def _holds_secret(file: Path) -> bool:
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    return any(content.get(section, {}).get(name) for section, name in _SECRETS)


def key_file_result(settings: Settings) -> CheckResult:
    try:
        load_keys(settings.key_file)
    except BeredskapError as error:
        return fail(Check.KEY_FILE, error.what, error.remedy)
    return ok(Check.KEY_FILE, f"{settings.key_file}, for its owner alone")


def sender_result(settings: Settings) -> CheckResult:
    """The form of the senders. Whether they are registered, only the operators know."""
    sms, backup = settings.sms, settings.sms_backup
    if not sms.sender:
        return warn(
            Check.SENDER, "none: no SMS can be sent", "Set sms.sender: at most 11 letters and digits, or a number."
        )
    for name, value in (
        ("sms.sender", sms.sender),
        ("sms.routine_sender", sms.routine_sender),
        ("sms_backup.sender", backup.sender),
        ("sms_backup.routine_sender", backup.routine_sender),
    ):
        if value and not _NAME.fullmatch(value) and not _NUMBER.fullmatch(value):
            return fail(
                Check.SENDER,
                f"{name} is no sender: at most 11 ASCII letters and digits with a letter among them, or a number",
                f"Mend {name}; æ, ø, å and spaces cannot be used.",
            )
    words = [f"alerts from {_shown(sms.sender)}"]
    if sms.routine_sender and sms.routine_sender != sms.sender:
        words.append(f"routine from {_shown(sms.routine_sender)}")
    else:
        words.append("routine messages share it, with half its rate at most")
    if any(_NAME.fullmatch(value) for value in (sms.sender, sms.routine_sender)):
        words.append("names must be registered with the operators in advance")
    return ok(Check.SENDER, "; ".join(words))


def _shown(sender: str) -> str:
    return sender if _NAME.fullmatch(sender) else "a number"


def disk_result(settings: Settings) -> CheckResult:
    """Room where the embedded database, the key file and the logs are (or will be)."""
    place = settings.data_dir
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free
    what = f"{free / _GIGABYTE:.1f} GB free at {place}"
    remedy = "Make room: an alert to 100,000 students needs about half a gigabyte."
    if free < _TOO_LITTLE:
        return fail(Check.DISK, what, remedy)
    return ok(Check.DISK, what) if free >= _ENOUGH else warn(Check.DISK, what, remedy)
