"""One alert to all upper-secondary schools of Norway, reckoned second by second with the costs measured on one machine.

    python bench/country.py                          with the figures of the last `make bench`
    python bench/country.py --figures other.json --students 200000

Reads what planning, a worker and PostgreSQL cost for each delivery, and how that grew from the smallest to the largest
alert that was measured; lets it grow on in the same way to the size asked for; and tells when half, 95 % and all of the
guardians have it, for senders and machines of several sizes.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_FIGURES = Path(__file__).resolve().parent / "out" / "fan_out.json"
_STUDENTS = 700_000
_DELIVERIES = 2_500_000
# Of a core's time, what may be planned with: vacuum, checkpoints and other people's reports need the rest.
_BUSY = 0.7


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds of processor time a delivery, planning included, and the seconds that planning takes for a student."""

    worker: float
    postgresql: float
    planning: float
    bytes_stored: float


@dataclass(frozen=True, slots=True)
class Setup:
    """What is bought. `segments`: SMS a second that the sender may pass; `mails`: the mail server; cores of each."""

    segments: float
    mails: float
    workers: int
    database_cores: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """Seconds after the confirmation, for the SMS; `mail_last` for e-mail. `busy`: of the database's cores, at most."""

    half: float
    most: float
    last: float
    mail_last: float
    busy: float


def extrapolated(points: Mapping[int, float], size: float) -> float:
    """A cost at `size`: by the line through smallest and largest alert over the logarithm of the size, never falling.

    An index over n rows is log n deep, so that is how the cost of finding a row grows.
    """
    (small, low), (large, high) = min(points.items()), max(points.items())
    slope = 0.0 if small == large else max(0.0, (high - low) / math.log(large / small))
    return high + slope * max(0.0, math.log(size / large))


def simulate(costs: Costs, setup: Setup, students: int, deliveries: int) -> Outcome:
    """One alert, second by second: planned in order, half of it SMS; e-mail gets what SMS leaves of the machines."""
    each = deliveries / 2
    handed = [0.0, 0.0]
    limits = (setup.segments, setup.mails)
    capacity = min(setup.workers * _BUSY / costs.worker, setup.database_cores * _BUSY / costs.postgresql)
    reached: dict[tuple[int, float], float] = {}
    busiest = 0.0
    second = 0
    while min(handed) < each:
        second += 1
        planned = min(each, each * second / max(students * costs.planning, 1e-9))
        left = capacity
        for channel, limit in enumerate(limits):
            now = min(limit, left, planned - handed[channel])
            handed[channel] += now
            left -= now
            for part in (0.5, 0.95, 1.0):
                if handed[channel] >= each * part * (1 - 1e-9):
                    reached.setdefault((channel, part), float(second))
        busiest = max(busiest, (capacity - left) * costs.postgresql / setup.database_cores)
    return Outcome(reached[0, 0.5], reached[0, 0.95], reached[0, 1.0], reached[1, 1.0], busiest)


def read_costs(measured: Mapping[str, object], deliveries: int) -> Costs:
    """The costs in a JSON of `bench/fan_out.py`. Raises LookupError when that run did not measure them."""
    figures: dict[str, float] = {}
    rows = measured["rows"]
    assert isinstance(rows, list)
    for row in rows:
        figures.update(row.get("figures", {}))

    def of(name: str) -> float:
        points = {int(key.rpartition(", ")[2]): cost for key, cost in figures.items() if key.startswith(f"{name}, ")}
        if not points:
            raise LookupError(name)
        return extrapolated(points, deliveries)

    return Costs(of("workers"), of("PostgreSQL"), figures["seconds a student"], of("bytes"))


_SETUPS = (
    Setup(30, 50, 2, 2),
    Setup(100, 200, 2, 2),
    Setup(300, 1000, 2, 2),
    Setup(1000, 2000, 2, 2),
    Setup(3000, 5000, 4, 4),
    Setup(10_000, 20_000, 8, 8),
)


def table(costs: Costs, students: int, deliveries: int, setups: Sequence[Setup] = _SETUPS) -> str:
    lines = [
        "| SMS/s | mails/s | workers | database cores | half of the SMS | 95 % | all | all mails | database |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for setup in setups:
        told = simulate(costs, setup, students, deliveries)
        times = " | ".join(in_words(seconds) for seconds in (told.half, told.most, told.last, told.mail_last))
        lines.append(
            f"| {setup.segments:,.0f} | {setup.mails:,.0f} | {setup.workers} | {setup.database_cores} | {times} | "
            f"{told.busy:.0%} |"
        )
    return "\n".join(lines)


def in_words(seconds: float) -> str:
    minutes = seconds / 60
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figures", type=Path, default=_FIGURES, help="JSON of bench/fan_out.py")
    parser.add_argument("--students", type=int, default=_STUDENTS)
    parser.add_argument("--deliveries", type=int, default=_DELIVERIES)
    given = parser.parse_args()
    try:
        costs = read_costs(json.loads(given.figures.read_text("utf-8")), given.deliveries)
    except FileNotFoundError:
        print(f"{given.figures} is not there. Nothing was reckoned. Run `make bench` first.", file=sys.stderr)
        return 2
    except LookupError:
        print(
            f"{given.figures} does not hold the costs. Run `make bench` with the rows planning and growth.",
            file=sys.stderr,
        )
        return 2
    stored = given.deliveries * costs.bytes_stored / 1e9
    print(
        f"{given.students:,} students, {given.deliveries:,} deliveries. One delivery costs {1e6 * costs.worker:.0f} µs "
        f"of a worker's core\nand {1e6 * costs.postgresql:.0f} µs of PostgreSQL's, and takes {costs.bytes_stored:,.0f} "
        f"bytes ({stored:.1f} GB); planning takes {given.students * costs.planning:.0f} s.\n"
    )
    print(table(costs, given.students, given.deliveries))
    return 0


if __name__ == "__main__":
    sys.exit(main())
