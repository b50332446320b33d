"""Processes whose clock is wrong: libfaketime, preloaded into them. Time that is measured (monotonic) stays right."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest


def clock_off_by(seconds: float) -> dict[str, str]:
    """The environment of a process, and of those that it starts, whose clock is so far ahead (or behind: negative).

    Skips the test on a machine for which the package brings no library.
    """
    environment = {
        "LD_PRELOAD": str(_library()),
        "FAKETIME": f"{seconds:+f}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }
    clocks = [sys.executable, "-c", "import time; print(time.time(), time.monotonic())"]
    told, right = (
        tuple(map(float, subprocess.run(clocks, env=env, capture_output=True, check=True, text=True).stdout.split()))
        for env in (environment, {})
    )
    if abs(told[0] + right[1] - right[0] - told[1] - seconds) > 1:
        pytest.skip("libfaketime does not work on this machine")
    return environment


def _library() -> Path:
    spec = find_spec("libfaketime")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
