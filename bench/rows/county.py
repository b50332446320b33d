"""A county of 100,000 students: how soon the first message leaves, and how fast the rest is planned."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg
from sqlalchemy import func, select

from bench.fill import School, school_of_students
from bench.installation import Installation, environment
from bench.one_alert import Confirmed, confirm
from bench.stage import Stage
from bench.table import Row, at_least, at_most, under
from dispatcher.tables import ALERT, DECISION, DELIVERY, RECIPIENT
from tests.services.waiting import eventually

_BARE = Path(__file__).resolve().parent.parent / "bare_planning.py"
_SMALL_STUDENTS = 1000
_FIRST_SECONDS = 120.0
_PLANNING_SECONDS = 900.0
_LOOK_SECONDS = 0.005
# Longer than any benchmark: what is planned shall not leave.
_HOLD_SECONDS = 20_000.0


def first_hand_over(stage: Stage) -> list[Row]:
    """From the confirmation to the first SMS at the far end, for a school and for a county, in turn."""
    small = school_of_students("Liten vgs", min(_SMALL_STUDENTS, stage.sizes.students))
    large = school_of_students("Stort fylke", stage.sizes.students)
    seconds: dict[School, list[float]] = {small: [], large: []}
    with stage.distributed(small, large) as installation:
        installation.start_workers(stage.sizes.processes)
        for _ in range(max(3, stage.sizes.rounds)):
            for school, measured in seconds.items():
                measured.append(_to_first(stage, installation, school))
    quick, slow = min(seconds[small]), min(seconds[large])
    detail = f"{quick:.3f} s for {small.students:,} students, {slow:.3f} s for {large.students:,}; best of each"
    return [
        Row("first hand-over after confirmation, the large alert against the small", slow / quick, at_most(1.5),
            detail=detail),
        Row("first hand-over of the large alert", slow, under(0.5), "s"),
    ]  # fmt: skip


def planning(stage: Stage) -> list[Row]:
    """Planning the county while it is held back, against the bare inserts of the rows that planning stored."""
    school = school_of_students("Stort fylke", stage.sizes.students)
    plans: list[_Planned] = []
    bare: list[float] = []
    with stage.distributed(school) as installation:
        for _ in range(stage.sizes.rounds):
            installation.start_workers(stage.sizes.processes)
            plans.append(_plan(installation, school))
            installation.stop_workers()
            bare.append(_bare_inserts(installation, stage.copy_of(school), plans[-1].alert_id))
    best = min(plans, key=lambda plan: plan.seconds)
    chunk = min(plan.first_chunk for plan in plans)
    detail = (
        f"{school.students:,} students, {best.rows:,} decisions, deliveries and recipients in {best.seconds:.1f} s; "
        f"the bare inserts of all rows {min(bare):.1f} s"
    )
    return [
        Row(
            "planning, against bare inserts of the same rows",
            min(bare) / best.seconds,
            at_least(0.4),
            detail=detail,
            figures={"seconds a student": best.seconds / school.students},
        ),
        Row("first chunk planned after confirmation", chunk, under(0.3), "s"),
    ]


@dataclass(frozen=True, slots=True)
class _Planned:
    alert_id: int
    seconds: float
    first_chunk: float
    rows: int


def _to_first(stage: Stage, installation: Installation, school: School) -> float:
    before = stage.texts.at_rest()
    alert = confirm(installation, school.name)
    eventually(lambda: stage.sms.taken > before, _FIRST_SECONDS, what="the first SMS arrived")
    installation.run("alert", "stop", alert.number, "--yes")
    # What was handed over before the stop arrives first.
    stage.mails.at_rest()
    return stage.sms.moment(before) - alert.at.timestamp()


def _plan(installation: Installation, school: School) -> _Planned:
    alert, first_chunk = _confirm_and_look(installation, school)

    def planned_at() -> timedelta | None:
        with installation.database.read() as connection:
            statement = select(ALERT.c.planned_at - ALERT.c.confirmed_at).where(ALERT.c.id == alert.alert_id)
            took: timedelta | None = connection.execute(statement).scalar_one()
            return took

    took = eventually(planned_at, _PLANNING_SECONDS, what="the alert is planned", every=0.2)
    assert took is not None
    with installation.database.read() as connection:
        of_alert = select(DELIVERY.c.id).where(DELIVERY.c.alert_id == alert.alert_id)
        counts = [
            select(func.count()).select_from(DECISION).where(DECISION.c.alert_id == alert.alert_id),
            select(func.count()).select_from(DELIVERY).where(DELIVERY.c.alert_id == alert.alert_id),
            select(func.count()).select_from(RECIPIENT).where(RECIPIENT.c.delivery_id.in_(of_alert)),
        ]
        rows = sum(connection.execute(count).scalar_one() for count in counts)
    return _Planned(alert.alert_id, took.total_seconds(), first_chunk, rows)


def _confirm_and_look(installation: Installation, school: School) -> tuple[Confirmed, float]:
    """Confirm the alert, and see when its first chunk stands in the database: seconds after the confirmation."""
    with installation.database.read() as connection:
        before = connection.execute(select(func.coalesce(func.max(ALERT.c.id), 0))).scalar_one()

    def first_chunk_seen() -> float:
        url = installation.surroundings.database_url.replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as looking:
            look = "SELECT 1 FROM alert WHERE id > %s AND cursor > 0"
            eventually(lambda: looking.execute(look, [before]).fetchone(), _PLANNING_SECONDS, every=_LOOK_SECONDS)
        return time.time()

    with ThreadPoolExecutor(1) as beside:
        seen = beside.submit(first_chunk_seen)
        alert = confirm(installation, school.name, hold=_HOLD_SECONDS)
        return alert, seen.result() - alert.at.timestamp()


def _bare_inserts(installation: Installation, target: str, alert_id: int) -> float:
    command = [sys.executable, str(_BARE), installation.surroundings.database_url, target, str(alert_id)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    return float(json.loads(ended.stdout)["seconds"])
