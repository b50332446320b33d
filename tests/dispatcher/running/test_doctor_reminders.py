"""Doctor, and a scheduler that starts, on the schedule of reminders: wrong ones are named, right ones dated in Oslo."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from config.settings import load_settings
from dispatcher.running.doctor import Status
from dispatcher.running.doctor_reminders import reminders_result
from dispatcher.running.reminding import say_schedule

SATURDAY = datetime(2026, 11, 28, 9, 0, tzinfo=UTC)
ON = "[reminders]\non = true\n"
# Each is a cron expression of five fields that nobody can keep.
WRONG = ("0 25 * * mon-fri", "0 10 * * man-fre", "0 10 32 * *", "0 10 * * fri-mon", "x 10 * * mon")


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        ("", Status.OK, "off (reminders.on)"),
        (ON, Status.OK, "the next round 2026-11-30 10:00 in Oslo"),
        (ON + 'schedule = "30 9 1 7 *"\n', Status.OK, "the next round 2027-07-01 09:30 in Oslo"),
        (ON + 'schedule = ""\n', Status.OK, "without a schedule"),
        (ON + 'schedule = "0 10 30 2 *"\n', Status.WARN, "never comes"),
        (ON + 'schedule = "0 10 * * 1-5"\n', Status.FAIL, "The setting reminders.schedule cannot be used"),
        (ON + 'schedule = "every morning"\n', Status.FAIL, "The setting reminders.schedule cannot be used"),
        *(
            (f'[reminders]\nschedule = "{one}"\n', Status.FAIL, "The setting reminders.schedule cannot")
            for one in WRONG
        ),
    ],
)
def test_what_doctor_says_of_the_schedule(content: str, status: Status, says: str) -> None:
    Path("beredskap.toml").write_text(content, encoding="utf-8")
    found = reminders_result(load_settings(), SATURDAY)
    assert found.status is status
    assert says in found.what
    assert bool(found.remedy) is (status is not Status.OK)


@pytest.mark.parametrize("schedule", WRONG)
def test_a_scheduler_that_starts_names_the_setting_and_makes_no_rounds(schedule: str) -> None:
    with capture_logs() as lines:
        assert say_schedule(schedule) is False
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("reminders_not_scheduled", "error")
    assert line["what"].startswith("The setting reminders.schedule cannot be used: ")
    assert "\n" not in line["what"]


def test_a_scheduler_that_starts_says_when_the_next_round_is() -> None:
    with capture_logs() as lines:
        assert say_schedule("0 10 * * *") is True
        assert say_schedule("") is False
    assert lines[0]["next_round"].endswith(" 10:00 in Oslo")
    assert [line["log_level"] for line in lines] == ["info", "info"]
