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
import sys
import time
from collections.abc import Callable, Sequence

from bench.one_alert import DisagreementError
from bench.rows import sending
from bench.servers import MissingToolError, check_tools
from bench.stage import Sizes, Stage
from bench.table import Row, as_text

_ROWS: dict[str, Callable[[Stage], list[Row]]] = {
    "sms": sending.sms,
    "email": sending.email,
    "both": sending.both,
}


def main() -> int:
    given = _arguments()
    try:
        check_tools()
    except MissingToolError as missing:
        print(missing, file=sys.stderr)
        return 2
    rows: list[Row] = []
    failed = False
    with Stage(_sizes(given)) as stage:
        for name in given.rows:
            began = time.monotonic()
            try:
                measured = _ROWS[name](stage)
            except DisagreementError as error:
                measured, failed = [Row(name, None, detail=str(error))], True
            print(f"{as_text(measured)}\n    ({name}: {time.monotonic() - began:.0f} s)\n", flush=True)
            rows += measured
    print(as_text(rows))
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of every size")
    parser.add_argument("--rows", type=_names, default=list(_ROWS), help=f"only these: {','.join(_ROWS)}")
    parser.add_argument("--sms", type=int, default=50_000)
    parser.add_argument("--emails", type=int, default=50_000)
    parser.add_argument("--both", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=2, help="each figure is the best of so many")
    parser.add_argument("--processes", type=int, default=2, help="workers, and processes of a bare client")
    parser.add_argument("--smtp-connections", type=int, default=8, help="in each process")
    return parser.parse_args()


def _names(text: str) -> Sequence[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in _ROWS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no such row: {', '.join(unknown)} (there are {', '.join(_ROWS)})")
    return names


def _sizes(given: argparse.Namespace) -> Sizes:
    part = 10 if given.quick else 1
    return Sizes(
        sms=given.sms // part,
        emails=given.emails // part,
        both=given.both // part,
        rounds=given.rounds,
        processes=given.processes,
        smtp_connections=given.smtp_connections,
    )


if __name__ == "__main__":
    sys.exit(main())
