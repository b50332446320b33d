"""Files for people: whole or not at all, and never over another one unasked."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from config.errors import UsageError
from config.new_file import new_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "reports"
    made.mkdir()
    return made


@pytest.mark.parametrize("before", [None, "mine"])
def test_what_fails_halfway_leaves_everything_as_it_was(before: str | None, folder: Path) -> None:
    file = folder / "report.pdf"
    if before is not None:
        file.write_text(before)
    with pytest.raises(ValueError, match="broken"), new_file(file, replace=True) as stream:
        stream.write(b"half")
        raise ValueError("broken")
    assert [one.read_text() for one in folder.iterdir()] == ([] if before is None else [before])


def test_a_file_is_its_owners_alone_and_replaces_another_when_asked(folder: Path) -> None:
    file = folder / "report.pdf"
    for content in (b"one", b"two"):
        with new_file(file, replace=True) as stream:
            stream.write(content)
        assert file.read_bytes() == content
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_one_that_came_meanwhile_is_kept(folder: Path) -> None:
    file = folder / "report.pdf"
    with pytest.raises(UsageError, match="there already"), new_file(file) as stream:
        stream.write(b"mine")
        file.write_text("somebody else's")
    assert [one.read_text() for one in folder.iterdir()] == ["somebody else's"]


def test_a_place_that_cannot_be_written_is_told(folder: Path) -> None:
    with pytest.raises(UsageError) as told, new_file(folder / "nowhere" / "report.pdf"):
        pass
    assert "cannot be written: No such file or directory" in str(told.value)
    assert "There is no such file now. Choose another place" in str(told.value)
