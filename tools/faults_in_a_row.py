"""Run the faults until they have passed so many times in a row: `python tools/faults_in_a_row.py 20`.

Each run appends a line to `docs/faults.jsonl` (when, at which commit, seconds, passed, and the sums of the table). The
last table and the output of a run that failed are left in `.faults/`. Ended at any time, it goes on where it was, on
another day as well: a run that was cut off does not count. After a failure the count begins anew. Ends with 0 when the
goal is reached, and with 1 at the first failure.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACE = ROOT / ".faults"
RUNS = ROOT / "docs" / "faults.jsonl"
_HEAD = "fault  "


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the whole suite of faults."""

    began: str
    commit: str
    seconds: float
    passed: bool
    faults: int
    deliveries: int
    doubled: int
    lost: int


def in_a_row(lines: list[str]) -> int:
    """How many of the last runs passed, without a failure after them."""
    count = 0
    for line in reversed(lines):
        if not json.loads(line)["passed"]:
            break
        count += 1
    return count


def table_of(output: str) -> list[str]:
    """The table that the suite prints at its end."""
    lines = output.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith(_HEAD)]
    if not starts:
        return []
    rows = lines[starts[-1] :]
    end = next((number for number, line in enumerate(rows) if not re.search(r"  \d", line) and number), len(rows))
    return rows[:end]


def column_sum(table: list[str], name: str) -> int:
    """The sum of one column of whole numbers. Columns stand at least two spaces apart."""
    rows = [re.split(r" {2,}", line.strip()) for line in table]
    return sum(int(row[rows[0].index(name)].replace(",", "")) for row in rows[1:])


def run_once() -> Run:
    """One run, its output shown as it comes, and kept when it failed."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    began, clock = time.strftime("%Y-%m-%d %H:%M:%S"), time.monotonic()
    output = ""
    with subprocess.Popen(
        ["make", "test-faults"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(line)
            output += line
    passed = process.returncode == 0
    if not passed:
        (PLACE / f"failed-{began.replace(' ', '-').replace(':', '')}.log").write_text(output, encoding="utf-8")
    table = table_of(output)
    (PLACE / "table.txt").write_text("\n".join(table) + "\n", encoding="utf-8")
    sums = (column_sum(table, name) for name in ("deliveries", "doubled", "lost"))
    return Run(began, commit, round(time.monotonic() - clock, 1), passed, max(0, len(table) - 1), *sums)


def main(goal: int) -> int:
    """Run until `goal` runs have passed in a row, those of earlier calls included."""
    PLACE.mkdir(exist_ok=True)
    count = in_a_row(RUNS.read_text(encoding="utf-8").splitlines()) if RUNS.exists() else 0
    while count < goal:
        run = run_once()
        with RUNS.open("a", encoding="utf-8") as runs:
            runs.write(json.dumps(asdict(run)) + "\n")
        count = count + 1 if run.passed else 0
        print(f"{run.began}: {'passed' if run.passed else 'FAILED'} in {run.seconds:.0f} s; {count} in a row of {goal}")
        if not run.passed:
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20))
