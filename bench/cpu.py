"""The processor time of servers and workers: it tells what a message costs, however busy the machine is otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import psutil

T = TypeVar("T")


def cpu_seconds(processes: Sequence[int]) -> float:
    """What these processes and all their children have used up to now, ended children included."""
    total = 0.0
    for number in processes:
        parent = psutil.Process(number)
        for process in (parent, *parent.children(recursive=True)):
            try:
                total += sum(process.cpu_times()[:4])
            except psutil.NoSuchProcess:
                continue  # its parent has its time now
    return total


def used_by(parts: Mapping[str, Sequence[int]], work: Callable[[], T]) -> tuple[T, dict[str, float]]:
    """Do the work: its answer, and the seconds of processor time that each part used meanwhile."""
    before = {name: cpu_seconds(processes) for name, processes in parts.items()}
    answer = work()
    return answer, {name: cpu_seconds(processes) - before[name] for name, processes in parts.items()}


def each_message(used: Mapping[str, float], messages: int) -> str:
    """In words: microseconds for each message."""
    parts = ", ".join(f"{name} {1e6 * seconds / messages:,.0f}" for name, seconds in used.items())
    return f"µs of processor time a message: {parts}"
