"""Alerts of growing size: the time per delivery, the workers' memory, and what it takes to look at the largest."""

from __future__ import annotations

import statistics
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass

from sqlalchemy import func, select

from bench.cpu import each_message, used_by
from bench.fill import School
from bench.installation import Installation, command, environment
from bench.memory import MemoryWatch, Use
from bench.one_alert import Sent, send
from bench.stage import Stage
from bench.table import Row, at_most, under
from config.database import Database
from dispatcher.reports.watching import watch_figures, watch_students

_SCHOOL = "Eksempel vgs"
_REFRESHES = 11


@dataclass(frozen=True, slots=True)
class _Run:
    """`cpu`: seconds of processor time, of the workers and of PostgreSQL. `grown`: bytes more in the database."""

    sent: Sent
    memory: Use
    cpu: dict[str, float]
    grown: int

    @property
    def figures(self) -> dict[str, float]:
        """Of one delivery: seconds of processor time by part, and bytes. What `bench/country.py` reckons with."""
        count = self.sent.deliveries
        of_parts = {f"{part}, {count}": used / count for part, used in self.cpu.items()}
        return {**of_parts, f"bytes, {count}": self.grown / count}

    @property
    def seconds_each(self) -> float:
        return self.sent.seconds / self.sent.deliveries


def growth(stage: Stage) -> list[Row]:
    """Each size on a store of its own. The smaller ones are measured before and after the largest: best of both."""
    *smaller, largest = sorted(stage.sizes.growth)
    runs: dict[int, list[_Run]] = {}
    with ExitStack() as open_stores:
        stores = {
            size: open_stores.enter_context(stage.distributed(School(_SCHOOL, size // 2)))
            for size in (*smaller, largest)
        }
        for size in (*smaller, largest, *reversed(smaller)):
            runs.setdefault(size, []).append(_send(stage, stores[size], size))
            if size == largest:
                looking = _looking(stores[size], runs[size][0].sent)
    best = {size: min(of_size, key=lambda run: run.seconds_each) for size, of_size in sorted(runs.items())}
    first, last = next(iter(best.values())), best[largest]
    return [
        Row(f"time per delivery, {largest:,} against {first.sent.deliveries:,}",
            last.seconds_each / first.seconds_each, at_most(1.15),
            detail="; ".join(_in_words(run) for run in best.values()),
            figures={name: figure for run in best.values() for name, figure in run.figures.items()}),
        *_memory_rows(last.memory, largest),
        *looking,
    ]  # fmt: skip


def _in_words(run: _Run) -> str:
    return f"{run.sent.deliveries:,}: {1e6 * run.seconds_each:,.0f} µs ({each_message(run.cpu, run.sent.deliveries)})"


def _send(stage: Stage, installation: Installation, size: int) -> _Run:
    school = School(_SCHOOL, size // 2)
    workers = installation.start_workers(stage.sizes.processes)
    expected = {stage.texts: school.guardians, stage.mails: school.guardians}
    parts = {"workers": workers, "PostgreSQL": [stage.postgres.pid]}
    before = _stored(installation)
    with MemoryWatch(workers) as watch:
        sent, used = used_by(parts, lambda: send(installation, school.name, expected))
    installation.stop_workers()
    return _Run(sent, watch.use, used, _stored(installation) - before)


def _stored(installation: Installation) -> int:
    with installation.database.read() as connection:
        return int(connection.execute(select(func.pg_database_size(func.current_database()))).scalar_one())


def _memory_rows(use: Use, size: int) -> list[Row]:
    growth = use.at_the_end / use.after_a_quarter
    return [
        Row(f"memory of a worker over {size:,} deliveries, its peak", use.peak, under(200), "MB"),
        Row("its memory at the end against a quarter of the way", growth, at_most(1.1),
            detail=f"{use.after_a_quarter:.0f} MB, {use.at_the_end:.0f} MB at the end, "
            f"{use.slope_per_minute:+.1f} MB a minute"),
    ]  # fmt: skip


def _looking(installation: Installation, sent: Sent) -> list[Row]:
    what = f"an alert of {sent.deliveries:,} deliveries"
    reports = [_report_seconds(installation, sent.number) for _ in range(3)]
    refresh, students = _refresh_seconds(installation.database, sent.alert_id)
    return [
        Row(f"report of {what}", min(reports), under(2.0), "s", "`report --format json`, its process included"),
        Row(f"one refresh of `alert watch`, {what}", 1000 * refresh, under(20), "ms",
            f"the median of {_REFRESHES}; the students' classes, read at most a fifth of the time, {students:.2f} s"),
    ]  # fmt: skip


def _report_seconds(installation: Installation, number: str) -> float:
    began = time.monotonic()
    subprocess.run(
        command("report", number, "--format", "json"),
        cwd=installation.folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.monotonic() - began


def _refresh_seconds(database: Database, alert_id: int) -> tuple[float, float]:
    """The figures of one refresh, and the classes of the students."""
    took = []
    for _ in range(_REFRESHES):
        began = time.monotonic()
        with database.read() as connection:
            watch_figures(connection, alert_id)
        took.append(time.monotonic() - began)
    began = time.monotonic()
    with database.read() as connection:
        watch_students(connection, alert_id)
    return statistics.median(took), time.monotonic() - began
