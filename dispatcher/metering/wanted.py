"""Whether a process counts at all: its settings say so. One that nobody asks does not even load what counts."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from config.database import Database
from config.set_aside import SetAside
from config.settings import Settings

if TYPE_CHECKING:
    from dispatcher.metering.exposed import Metrics


def metrics_of(settings: Settings, database: Database | None) -> Metrics | None:
    """The metrics of this process; None where the settings want none, or those for it cannot be used.

    `database`: the figures of the whole installation are among them, asked there.
    """
    wanted = settings.metrics
    if isinstance(wanted, SetAside) or not wanted.wanted:
        return None
    from dispatcher.metering.exposed import Metrics

    return Metrics(database, wanted.token.get_secret_value())


def listening(metrics: Metrics | None, settings: Settings) -> contextlib.AbstractContextManager[int]:
    """Answer at metrics.host and metrics.port meanwhile; gives the port, or 0 where nothing listens."""
    wanted = settings.metrics
    if metrics is None or isinstance(wanted, SetAside) or not wanted.port:
        return contextlib.nullcontext(0)
    from dispatcher.metering.exposed import listen

    return listen(metrics, wanted.host, wanted.port)
