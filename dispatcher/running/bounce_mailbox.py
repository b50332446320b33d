"""A mailbox to which bounces go, a Maildir or an mbox file: read, and what was a bounce marked as seen.

Each mail is recorded before it is marked: whatever stops it in between, the next run finds it again, to no effect.
"""

from __future__ import annotations

import mailbox
from collections import Counter
from pathlib import Path
from typing import NoReturn

from config.database import Database
from config.errors import ExitStatus, UsageError
from dispatcher.outbox.bounces import Told, take_bounce


def read_mailbox(database: Database, path: Path, domain: str) -> Counter[Told]:
    """Read every mail that is not marked as seen; how many there were, by what became of them.

    What is no bounce stays as it is, for whoever reads that mailbox. `domain`: that of our Message-IDs.

    Raises UsageError when there is no mailbox at `path`, or it cannot be read and marked.
    """
    try:
        if path.is_dir():
            return _read_maildir(database, path, domain)
        return _read_mbox(database, path, domain)
    except mailbox.ExternalClashError:
        _unusable(path, "another program is writing into it", "Run the command again in a minute.")
    except OSError as error:
        _unusable(path, error.strerror or "it cannot be opened")


def _read_maildir(database: Database, path: Path, domain: str) -> Counter[Told]:
    if not all((path / part).is_dir() for part in ("cur", "new", "tmp")):
        _unusable(path, "a Maildir has the folders cur, new and tmp")
    box = mailbox.Maildir(path, create=False)
    counts: Counter[Told] = Counter()
    for key in list(box.keys()):
        try:
            mail = box.get_message(key)
        except (KeyError, FileNotFoundError):
            continue  # whoever reads the mailbox has moved it meanwhile
        if "S" in mail.get_flags():
            continue
        told = _take(database, mail.as_bytes(), domain)
        counts[told] += 1
        if told is not Told.NO_BOUNCE:
            mail.set_subdir("cur")
            mail.add_flag("S")
            box[key] = mail
    return counts


def _read_mbox(database: Database, path: Path, domain: str) -> Counter[Told]:
    with path.open("rb") as file:
        if file.read(5) not in (b"", b"From "):
            _unusable(path, "it is neither an mbox file nor a Maildir")
    box = mailbox.mbox(path, create=False)
    counts: Counter[Told] = Counter()
    box.lock()
    try:
        for key, mail in box.items():
            if "R" in mail.get_flags():
                continue
            told = _take(database, mail.as_bytes(), domain)
            counts[told] += 1
            if told is not Told.NO_BOUNCE:
                mail.add_flag("R")
                box[key] = mail
        box.flush()
    finally:
        box.close()
    return counts


def _take(database: Database, data: bytes, domain: str) -> Told:
    with database.write() as connection:
        return take_bounce(connection, data, domain)


def _unusable(path: Path, reason: str, remedy: str = "") -> NoReturn:
    raise UsageError(
        f"The mailbox {path} cannot be used: {reason}.",
        remedy=remedy or "Give the Maildir or the mbox file to which smtp.bounce_address is delivered.",
        status=ExitStatus.UNUSABLE,
    ) from None
