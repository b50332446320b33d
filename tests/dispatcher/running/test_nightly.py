"""The purge of each night: at its hour, once, and never beside an alert."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from config.database import Database
from config.keys import create_key_file, load_keys
from config.spare_sections import RetentionSettings
from contacts import tables
from dispatcher.codes import AlertState
from dispatcher.running.nightly import NightlyPurge
from dispatcher.tables import ALERT, LEASE
from tests.dispatcher.retention.town import LAST_YEAR, Town

POLICY = RetentionSettings(students_months=12, guardians_months=12, alerts_months=24, nightly=True)
EVENING = datetime(2026, 11, 23, 22, 30, tzinfo=UTC)
NIGHT = datetime(2026, 11, 24, 2, 5, tzinfo=UTC)  # 03:05 in Oslo
NEXT_NIGHT = datetime(2026, 11, 25, 2, 5, tzinfo=UTC)
# In the night in which summer time begins there is no 02:30 in Oslo; 03:30 there is.
SPRING_NIGHT = datetime(2027, 3, 28, 1, 30, tzinfo=UTC)


def students(town: Town) -> int:
    return len(town.world.rows(tables.STUDENT))


def test_at_its_hour_and_once_a_night(database: Database, tmp_path: Path) -> None:
    create_key_file(tmp_path / "town.key")
    town = Town(database, load_keys(tmp_path / "town.key"))
    nightly = NightlyPurge(database, POLICY, "scheduler-1", lambda: False)

    def look(moment: datetime) -> None:
        with town.at(moment):
            nightly.look()

    town.family(left_on=LAST_YEAR)
    look(EVENING)
    assert students(town) == 1
    alert = town.world.alert([])
    look(NIGHT)
    assert students(town) == 1
    town.world.change(ALERT, alert, state=AlertState.STOPPED)
    look(NIGHT)
    assert students(town) == 0
    assert town.world.rows(LEASE) == []
    town.family(left_on=LAST_YEAR)
    look(NIGHT)
    assert students(town) == 1
    look(NEXT_NIGHT)
    assert students(town) == 0
    town.family(left_on=LAST_YEAR)
    look(SPRING_NIGHT)
    assert students(town) == 0


def test_it_ends_with_its_process_and_goes_on_with_the_next(database: Database, tmp_path: Path) -> None:
    create_key_file(tmp_path / "town.key")
    town = Town(database, load_keys(tmp_path / "town.key"))
    town.family(left_on=LAST_YEAR)
    with town.at(NIGHT):
        NightlyPurge(database, POLICY, "scheduler-1", lambda: True).look()
        assert students(town) == 1
        NightlyPurge(database, POLICY, "scheduler-2", lambda: False).look()
        assert students(town) == 0
