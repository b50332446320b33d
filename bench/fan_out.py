"""Measure the fan-out against its goals, everything side by side in one run: machines are noisy, ratios count.

    python bench/fan_out.py                              the whole table, some 40 minutes
    python bench/fan_out.py --quick                      everything, at sizes for five minutes
    python bench/fan_out.py --rows sms --sms 20000       one row alone

Real PostgreSQL and Redis, worker processes as a user starts them, far ends that are faster than any client (nginx with
a canned answer, Postfix's smtp-sink). A figure counts only when far end and database agree on the number of messages.
Prints the table and writes it to bench/out/ as JSON, Markdown and a picture.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.installation import MeasurementError
from bench.picture import as_svg
from bench.rows import county, embedded, growth, peers, sending, slow
from bench.servers import MissingToolError, check_tools
from bench.stage import Sizes, Stage
from bench.table import Row, as_markdown, as_text

_ROWS: dict[str, Callable[[Stage], list[Row]]] = {
    "sms": sending.sms,
    "email": sending.email,
    "both": sending.both,
    "peers": peers.peers,
    "embedded": embedded.embedded,
    "first": county.first_hand_over,
    "planning": county.planning,
    "growth": growth.growth,
    "limited": slow.limited,
    "linear": slow.linear,
}
# Messages where nothing else is said.
_SIZES = {
    "sms": (50_000, "SMS end to end"),
    "emails": (50_000, "e-mails end to end"),
    "both": (100_000, "on both channels at once"),
    "peers": (5_000, "through each of the peers"),
    "embedded": (20_000, "through the embedded store"),
    "students": (100_000, "students of the county that is planned"),
    "slow": (3_200, "to the slow provider, for each worker"),
}
_QUICK_PART = 10
# A deadline that passed is an AssertionError of the tests' `eventually`. One row that fails keeps no other back.
_INVALID = (MeasurementError, AssertionError, subprocess.CalledProcessError)
_OUT = Path(__file__).resolve().parent / "out"


def main() -> int:
    given = _arguments()
    try:
        check_tools()
    except MissingToolError as missing:
        print(missing, file=sys.stderr)
        return 2
    rows: list[Row] = []
    failed = False
    try:
        with Stage(_sizes(given)) as stage:
            for name in given.rows:
                began = time.monotonic()
                try:
                    measured = _ROWS[name](stage)
                except _INVALID as error:
                    measured, failed = [Row(name, None, detail=f"FAILED: {error}")], True
                print(f"{as_text(measured)}\n    ({name}: {time.monotonic() - began:.0f} s)\n", flush=True)
                rows += measured
                _write(rows, given.out)
    except KeyboardInterrupt:
        print("Stopped. What is measured so far stands in the folder of the results.", file=sys.stderr)
        return 130
    print(as_text(rows))
    return 1 if failed else 0


def _write(rows: Sequence[Row], folder: Path) -> None:
    at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    asked = " ".join(["bench/fan_out.py", *sys.argv[1:]])
    folder.mkdir(parents=True, exist_ok=True)
    written = {"at": at, "command": asked, "rows": [row.as_json() for row in rows]}
    (folder / "fan_out.json").write_text(json.dumps(written, indent=1, ensure_ascii=False), "utf-8")
    (folder / "fan_out.md").write_text(f"{at}, `{asked}`\n\n{as_markdown(rows)}\n", "utf-8")
    (folder / "fan_out.svg").write_text(as_svg(rows, f"Fan-out, {at}"), "utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of every size")
    parser.add_argument("--rows", type=_names, default=list(_ROWS), help=f"only these: {','.join(_ROWS)}")
    for name, (size, meaning) in _SIZES.items():
        parser.add_argument(f"--{name}", type=int, default=size, help=f"{meaning}; default {size:,}")
    parser.add_argument("--growth", type=_numbers, default=(10_000, 100_000, 1_000_000), help="deliveries of alerts")
    parser.add_argument("--rounds", type=int, default=2, help="each figure is the best of so many; default 2")
    parser.add_argument("--processes", type=int, default=2, help="workers, and processes of a bare client; default 2")
    parser.add_argument("--smtp-connections", type=int, default=8, help="in each process; default 8")
    parser.add_argument("--out", type=Path, default=_OUT, help="folder of the results; default bench/out")
    return parser.parse_args()


def _names(text: str) -> Sequence[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in _ROWS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no such row: {', '.join(unknown)} (there are {', '.join(_ROWS)})")
    return names


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(","))


def _sizes(given: argparse.Namespace) -> Sizes:
    part = _QUICK_PART if given.quick else 1
    return Sizes(
        **{name: getattr(given, name) // part for name in _SIZES},
        growth=tuple(size // part for size in given.growth),
        rounds=1 if given.quick else given.rounds,
        processes=given.processes,
        smtp_connections=given.smtp_connections,
    )


if __name__ == "__main__":
    sys.exit(main())
