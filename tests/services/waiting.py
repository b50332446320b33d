"""Waiting for something that can be observed, with a deadline; never for time to pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T], seconds: float = 20.0, *, what: str = "", every: float = 0.02) -> T:
    """The first truthy answer of `condition`. Raises AssertionError with the last one after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            name = what or getattr(condition, "__name__", "the condition")
            raise AssertionError(f"after {seconds:g} s still not: {name} (last answer: {answer!r})")
        time.sleep(every)
