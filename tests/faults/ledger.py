"""What is printed of each fault: deliveries, what the far end took, duplicates, losses, and how long it took."""

from __future__ import annotations

from dataclasses import dataclass, field


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


@dataclass(slots=True)
class Ledger:
    """All entries of a session, in the order in which the tests ran."""

    entries: list[Entry] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The table."""
        head = ("fault", "deliveries", "taken", "repeats", "unclear", "untold", "doubled", "lost", "seconds")
        rows = [
            (e.fault, f"{e.deliveries:,}", f"{e.taken:,}", str(e.repeats), str(e.unclear), str(e.untold),
             str(e.duplicates), str(e.lost), f"{e.seconds:.1f}")
            for e in self.entries
        ]  # fmt: skip
        widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
        return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)]
