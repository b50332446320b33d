"""The resident memory of processes while they work, read from /proc."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

_EVERY_SECONDS = 0.5
_MB = 1024 * 1024
# The connections and buffers of the first part are not growth.
_WARM_PART = 0.25


@dataclass(frozen=True, slots=True)
class Use:
    """Of the largest process, in MB. `slope_per_minute` is fitted over all but the first quarter of the time."""

    peak: float
    after_a_quarter: float
    at_the_end: float
    slope_per_minute: float


class MemoryWatch:
    """Reads the memory of these processes from entering the `with` block to leaving it."""

    def __init__(self, processes: Sequence[int]) -> None:
        self._processes = processes
        self._samples: list[tuple[float, float]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    @property
    def use(self) -> Use:
        return summed_up(self._samples)

    def _watch(self) -> None:
        while True:
            self._samples.append((time.monotonic(), max(resident(process) for process in self._processes)))
            if self._over.wait(_EVERY_SECONDS):
                return


def resident(process: int) -> float:
    """The resident memory of a process, in MB."""
    pages = int(Path(f"/proc/{process}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / _MB


def summed_up(samples: Sequence[tuple[float, float]]) -> Use:
    """Peak, and growth by least squares over all but the first quarter. `samples`: seconds and MB, at least one."""
    warm = samples[int(len(samples) * _WARM_PART) :]
    return Use(
        peak=max(size for _at, size in samples),
        after_a_quarter=warm[0][1],
        at_the_end=warm[-1][1],
        slope_per_minute=60 * _slope(warm),
    )


def _slope(samples: Sequence[tuple[float, float]]) -> float:
    middle_x = sum(x for x, _y in samples) / len(samples)
    middle_y = sum(y for _x, y in samples) / len(samples)
    spread = sum((x - middle_x) ** 2 for x, _y in samples)
    return sum((x - middle_x) * (y - middle_y) for x, y in samples) / spread if spread else 0.0
