"""How well guardians can be reached, counted beside the pages that show it: a county's students take many seconds."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from config.clock import oslo_date
from config.database import Database
from contacts.audience import AudienceSchool
from contacts.quality import Quality, store_quality

log = structlog.stdlib.get_logger(__name__)

_OLD: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Counted:
    quality: Quality
    at: datetime


class QualityFigures:
    """The figures of the schools that somebody asked for lately; counted by one thread, one after the other."""

    def __init__(self, database: Database, stale_after_months: int) -> None:
        self._database = database
        self._months = stale_after_months
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="quality")
        self._lock = Lock()
        self._counted: dict[tuple[int, ...], Counted] = {}
        self._counting: set[tuple[int, ...]] = set()

    def of(self, schools: Sequence[AudienceSchool]) -> Counted | None:
        """The figures of these schools, ten minutes old at most or being counted anew; no schools: of all.

        None: they are being counted for the first time.
        """
        key = tuple(sorted(school.id for school in schools))
        now = self._database.now()
        with self._lock:
            known = self._counted.get(key)
            if (known is None or now - known.at > _OLD) and key not in self._counting:
                self._counting.add(key)
                self._thread.submit(self._count, key, tuple(schools))
        return known

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _count(self, key: tuple[int, ...], schools: Sequence[AudienceSchool]) -> None:
        try:
            at = self._database.now()
            with self._database.read() as connection:
                quality = store_quality(connection, schools, oslo_date(at), stale_after_months=self._months)
        except SQLAlchemyError as error:  # asked for again, it is counted again
            log.warning("quality_not_counted", kind=type(error).__name__)
        else:
            with self._lock:
                self._counted[key] = Counted(quality, at)
        finally:
            with self._lock:
                self._counting.discard(key)
