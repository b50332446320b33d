"""What a person is told when something cannot be done: one error type, and the exit statuses of every command."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """Exit statuses of `beredskap`, the same for every command; documented in `beredskap --help`."""

    OK = 0
    FAILED = 1  # something is wrong and a person must look: a failed check, a dead server, an alert not sent
    UNUSABLE = 2  # the command line, the settings or a whole file cannot be used; nothing was changed
    PARTLY = 3  # done, but some records were refused; they are listed
    REFUSED = 4  # stopped by a safety limit that an explicit option can lift
    NOT_CONFIRMED = 5  # the question was not answered as asked; nothing was changed
    NOT_PERMITTED = 6  # the operator's role does not allow it; nothing was changed
    INTERRUPTED = 130  # Ctrl-C


class BeredskapError(Exception):
    """A mistake or a fault, told in the order people need it: what happened, what was not changed, what to do.

    The texts must hold no phone number, address, name or identity number.
    """

    exit_status = ExitStatus.FAILED

    def __init__(
        self,
        what: str,
        *,
        unchanged: str = "Nothing was changed.",
        remedy: str,
        status: ExitStatus | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.unchanged = unchanged
        self.remedy = remedy
        if status is not None:
            self.exit_status = status

    def __str__(self) -> str:
        return f"{self.what}\n{self.unchanged} {self.remedy}"


class UsageError(BeredskapError):
    """The command line or the settings ask for something that cannot be."""

    exit_status = ExitStatus.UNUSABLE
