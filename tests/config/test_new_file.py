"""Files for people: whole or not at all, and never over another one unasked."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from config.errors import UsageError
from config.new_file import new_file


@pytest.mark.parametrize("before", [None, "mine"])
def test_what_fails_halfway_leaves_everything_as_it_was(before: str | None, tmp_path: Path) -> None:
    file = tmp_path / "report.pdf"
    if before is not None:
        file.write_text(before)
    with pytest.raises(ValueError, match="broken"), new_file(file, replace=True) as stream:
        stream.write(b"half")
        raise ValueError("broken")
    assert [one.read_text() for one in tmp_path.iterdir()] == ([] if before is None else [before])


def test_a_file_is_its_owners_alone_and_replaces_another_when_asked(tmp_path: Path) -> None:
    file = tmp_path / "report.pdf"
    for content in (b"one", b"two"):
        with new_file(file, replace=True) as stream:
            stream.write(content)
        assert file.read_bytes() == content
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_one_that_came_meanwhile_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "report.pdf"
    with pytest.raises(UsageError, match="there already"), new_file(file) as stream:
        stream.write(b"mine")
        file.write_text("somebody else's")
    assert [one.read_text() for one in tmp_path.iterdir()] == ["somebody else's"]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as told, new_file(tmp_path / "nowhere" / "report.pdf"):
        pass
    assert "cannot be written: No such file or directory" in str(told.value)
    assert "There is no such file now. Choose another place" in str(told.value)
