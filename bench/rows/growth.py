"""Alerts of growing size: the time per delivery, the workers' memory, and what it takes to look at the largest."""

from __future__ import annotations

import statistics
import subprocess
import time
from contextlib import ExitStack

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


def growth(stage: Stage) -> list[Row]:
    """Each size on a store of its own. The smaller ones are measured before and after the largest: best of both."""
    *smaller, largest = sorted(stage.sizes.growth)
    runs: dict[int, list[Sent]] = {}
    with ExitStack() as open_stores:
        stores = {
            size: open_stores.enter_context(stage.distributed(School(_SCHOOL, size // 2)))
            for size in (*smaller, largest)
        }
        for size in (*smaller, largest, *reversed(smaller)):
            sent, use = _send(stage, stores[size], size)
            runs.setdefault(size, []).append(sent)
            if size == largest:
                memory = use
                looking = _looking(stores[size], sent)
    costs = {size: min(sent.seconds / sent.deliveries for sent in of_size) for size, of_size in runs.items()}
    first, last = costs[min(costs)], costs[largest]
    detail = ", ".join(f"{size:,}: {1e6 * cost:,.0f} µs" for size, cost in sorted(costs.items()))
    return [
        Row(f"time per delivery, {largest:,} against {min(costs):,}", last / first, at_most(1.15), detail=detail),
        *_memory_rows(memory, largest),
        *looking,
    ]


def _send(stage: Stage, installation: Installation, size: int) -> tuple[Sent, Use]:
    school = School(_SCHOOL, size // 2)
    workers = installation.start_workers(stage.sizes.processes)
    with MemoryWatch(workers) as watch:
        sent = send(installation, school.name, {stage.texts: school.guardians, stage.mails: school.guardians})
    installation.stop_workers()
    return sent, watch.use


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
