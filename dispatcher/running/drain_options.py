"""How a lane is drained: what of the settings its job and its senders go by."""

from __future__ import annotations

from dataclasses import dataclass

from config.sections import DispatchSettings
from dispatcher.alerts.planner import Chunking
from dispatcher.outbox.record import Patience


@dataclass(frozen=True, slots=True)
class DrainOptions:
    """How a lane is drained; see [dispatch] in config/defaults.toml."""

    claim_size: int
    lease_seconds: float
    patience: Patience
    chunking: Chunking

    @classmethod
    def from_settings(cls, dispatch: DispatchSettings, stale_after_months: int) -> DrainOptions:
        return cls(
            claim_size=dispatch.claim_size,
            lease_seconds=dispatch.lease_seconds,
            patience=Patience(
                retry_first=dispatch.retry_seconds,
                retry_longest=dispatch.retry_max_seconds,
                settle=dispatch.settle_seconds,
                receipt_poll=dispatch.receipt_poll_seconds,
            ),
            chunking=Chunking(dispatch.first_chunk, dispatch.chunk, stale_after_months),
        )
