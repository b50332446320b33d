"""What is printed of each fault: deliveries, what the far end took, duplicates, losses, and how long it took."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import pytest

# The property of a test's report that holds its entry, in whatever process the test ran.
FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Entry:
    """One fault on one kind of installation. `repeats`: e-mails that came again under the Message-ID they had.
    `unclear`: e-mails of which nobody knows, and that are shown so. `untold`: messages that ended as rejected or
    expired, with their reason, as it had to be."""

    fault: str
    deliveries: int
    taken: int
    repeats: int
    unclear: int
    duplicates: int
    lost: int
    seconds: float
    untold: int = 0

    def as_json(self) -> str:
        return json.dumps(asdict(self))


@dataclass(slots=True, eq=False)
class LedgerOfSession:
    """A plugin that gathers the entries of all tests, and prints them at the end."""

    entries: list[Entry] = field(default_factory=list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self.entries += [Entry(**json.loads(str(text))) for name, text in report.user_properties if name == FAULT]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.entries:
            terminalreporter.section("faults")
            for line in lines(sorted(self.entries, key=lambda entry: entry.fault)):
                terminalreporter.write_line(line)


def lines(entries: Sequence[Entry]) -> list[str]:
    """The table."""
    head = ("fault", "deliveries", "taken", "repeats", "unclear", "untold", "doubled", "lost", "seconds")
    rows = [
        (e.fault, f"{e.deliveries:,}", f"{e.taken:,}", str(e.repeats), str(e.unclear), str(e.untold),
         str(e.duplicates), str(e.lost), f"{e.seconds:.1f}")
        for e in entries
    ]  # fmt: skip
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)]
