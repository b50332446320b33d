"""The embedded store and its one process against the distributed one."""

from __future__ import annotations

import psutil

from bench.fill import School
from bench.installation import Installation
from bench.one_alert import Sent, send
from bench.stage import Stage
from bench.table import Row, at_least

_SCHOOL = "Eksempel vgs"


def embedded(stage: Stage) -> list[Row]:
    """The same SMS through SQLite and the drainer that `alert send` starts, and through PostgreSQL and workers."""
    school = School(_SCHOOL, stage.sizes.embedded)
    expected = {stage.texts: school.guardians}
    alone: list[Sent] = []
    distributed: list[Sent] = []
    with stage.embedded(school) as small, stage.distributed(school) as large:
        for _ in range(stage.sizes.rounds):
            try:
                alone.append(send(small, school.name, expected))
            finally:
                _end_drainers(small)
            large.start_workers(stage.sizes.processes)
            distributed.append(send(large, school.name, expected))
            large.stop_workers()
    ours, theirs = max(run.rate for run in alone), max(run.rate for run in distributed)
    what = f"embedded, {school.guardians:,} SMS in one process, against {stage.sizes.processes} workers on PostgreSQL"
    detail = f"{ours:,.0f}/s, the start of its process included, against {theirs:,.0f}/s"
    return [Row(what, ours / theirs, at_least(0.5), detail=detail)]


def _end_drainers(installation: Installation) -> None:
    """End the drainers of this installation: they would wait two hours for receipts that never come."""
    ours = [
        process
        for process in psutil.process_iter(["cwd", "cmdline"])
        if process.info["cwd"] == str(installation.folder) and "drain" in (process.info["cmdline"] or ())
    ]
    for process in ours:
        process.terminate()
    _ended, living = psutil.wait_procs(ours, timeout=30)
    for process in living:
        process.kill()
