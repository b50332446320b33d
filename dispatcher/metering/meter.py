"""What a process counts while it works. This one counts nothing: for processes that nobody asks for their metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dispatcher.codes import AttemptOutcome, Lane
from providers.base import ReceiptStatus

if TYPE_CHECKING:
    from dispatcher.running.senders import Sender


class SenderMeter:
    """Counts what one sender hands over. Called once a message, in the event loop: an implementation must be cheap."""

    def handed_over(self, waited_seconds: float) -> None:
        """A message leaves, so long after it was due and might leave."""

    def ended(self, outcome: AttemptOutcome, seconds: float) -> None:
        """The provider's call ended, after so long."""


class Meter:
    """Counts what one process does. Raises nothing, and holds nothing of a person or of a single alert."""

    def sender(self, lane: Lane, sender: Sender) -> SenderMeter:
        """What counts for this sender; from now on it is also told whether its provider works."""
        return _SILENT

    def receipts(self, provider: str, way: str, statuses: Sequence[ReceiptStatus]) -> None:
        """Receipts were taken. `way`: how they came, as "callback" or "poll"."""

    def audited(self, findings: Mapping[str, int] | None) -> None:
        """An audit ended with so many findings of each code; None: another process audits now."""


_SILENT = SenderMeter()
SILENT = Meter()
