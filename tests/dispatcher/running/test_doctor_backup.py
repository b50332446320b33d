"""Doctor on backups: by the age of the file that the backup script touches."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from config.settings import load_settings
from dispatcher.running.doctor import Status
from dispatcher.running.doctor_backup import backup_result

HOUR = 3600.0


def look() -> tuple[Status, str]:
    result = backup_result(load_settings())
    return result.status, result.what


def test_without_a_marker_nothing_is_watched() -> None:
    assert look()[0] is Status.OK


@pytest.mark.parametrize(
    ("hours", "status", "words"),
    [
        (0.5, Status.OK, "30 minutes ago"),
        (25.9, Status.OK, "25 hours ago"),
        (26.1, Status.WARN, "26 hours ago"),
        (24 * 9, Status.WARN, "9 days ago"),
        (-2, Status.WARN, "from the future"),
        (None, Status.FAIL, "none was made yet"),
    ],
)
def test_the_age_of_the_marker(
    hours: float | None, status: Status, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "backup.done"
    monkeypatch.setenv("BEREDSKAP_BACKUP__MARKER", str(marker))
    if hours is not None:
        marker.touch()
        then = time.time() - hours * HOUR
        os.utime(marker, (then, then))
    found, what = look()
    assert (found, words in what) == (status, True), what


def test_a_marker_that_cannot_be_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BEREDSKAP_BACKUP__MARKER", str(tmp_path / "file" / "backup.done"))
    assert look()[0] is Status.FAIL
