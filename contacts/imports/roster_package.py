"""The files of a roster, in a folder or in a zip, and what a zip must not be. Everything is judged before any reading.

A zip says of each member how large it is; no more than that is ever unpacked, and nothing is unpacked to disk.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Final

from config.errors import UsageError
from contacts.imports.xml_stream import stopped

MOST_MEMBERS: Final = 200  # OneRoster has 15 files, School Data Sync 10
LARGEST_MEMBER: Final = 2 * 1024**3  # bytes unpacked; a row of a million is some 200
LARGEST_TOTAL: Final = 4 * 1024**3
# CSV packs to a fifth, and rows that hardly differ to a fiftieth; a bomb to a thousandth.
HIGHEST_RATIO: Final = 250
RATIO_MATTERS_FROM: Final = 1024**2  # bytes unpacked

_KINDS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_REMEDY = "Export the roster again, or unpack the zip and give the folder."


class Package:
    """The .csv files of one roster by their names in lower case. Made by `open_package`."""

    def __init__(self, path: Path, files: dict[str, Path | zipfile.ZipInfo]) -> None:
        self._path = path
        self._files = files

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._files)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """The bytes of one file, as a stream. Raises UsageError when it, or the zip around it, cannot be read."""
        file = self._files[name]
        try:
            if isinstance(file, Path):
                with file.open("rb") as opened:
                    yield opened
            else:
                with zipfile.ZipFile(self._path) as archive, archive.open(file) as member:
                    yield member
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            raise _damaged(self._path, error) from None
        except OSError as error:
            raise stopped(Path(name), f"cannot be read: {error.strerror}", "Check the path and its rights.") from None


def open_package(path: Path) -> Package:
    """The roster at `path`. Raises UsageError, before anything is read, for what is none or may do harm."""
    try:
        if path.is_dir():
            return Package(path, _in_folder(path))
        with path.open("rb") as file:
            if not file.read(1):
                raise stopped(path, "is empty (0 bytes)", _REMEDY)
        with zipfile.ZipFile(path) as archive:
            return Package(path, _in_zip(path, archive.infolist()))
    except OSError as error:
        raise stopped(path, f"cannot be read: {error.strerror}", "Check the path and its rights.") from None
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        raise stopped(
            path,
            "is neither a folder nor a whole zip",
            "Give the folder of the roster's .csv files or their zip, and check that the copy was not cut off.",
        ) from None


def _in_folder(folder: Path) -> dict[str, Path | zipfile.ZipInfo]:
    files: dict[str, Path | zipfile.ZipInfo] = {}
    for file in sorted(folder.iterdir()):
        name = file.name.lower()
        if file.is_file() and name.endswith(".csv"):
            if name in files:
                raise _twice(folder, name)
            files[name] = file
    if not files:
        raise stopped(folder, "holds no .csv file", "Give the folder that the roster's files are in.")
    return files


def _in_zip(path: Path, members: list[zipfile.ZipInfo]) -> dict[str, Path | zipfile.ZipInfo]:
    if len(members) > MOST_MEMBERS:
        raise _refused(path, f"holds {len(members)} members; a roster has no more than {MOST_MEMBERS}")
    total = 0
    files: dict[str, Path | zipfile.ZipInfo] = {}
    folders: set[PurePosixPath] = set()
    for number, member in enumerate(members, 1):
        total += member.file_size
        _check(path, number, member, total)
        place = PurePosixPath(member.filename)
        name = place.name.lower()
        # Archives made on a Mac hold a shadow of each file.
        if member.is_dir() or place.parts[:1] == ("__MACOSX",) or not name.endswith(".csv"):
            continue
        if name in files:
            raise _twice(path, name)
        files[name] = member
        folders.add(place.parent)
    if not files:
        raise stopped(path, "holds no .csv file", "Give the zip that the roster's files are in.")
    if len(folders) > 1:
        raise _refused(path, "has its .csv files in more than one folder")
    return files


def _check(path: Path, number: int, member: zipfile.ZipInfo, total: int) -> None:
    # The name as it stands in the archive: ZipInfo has turned the backslashes of some systems into slashes.
    told = member.orig_filename
    parts = told.replace("\\", "/").split("/")
    what = f"member {number}"
    if ".." in parts or told.startswith(("/", "\\")) or ":" in parts[0] or "\x00" in told or not told:
        raise _refused(path, f"is unsafe: {what} has a path that leads out of it")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise _refused(path, f"is unsafe: {what} is a link")
    if member.flag_bits & 0x1:
        raise _refused(path, f"cannot be read: {what} is encrypted")
    if member.compress_type not in _KINDS:
        raise _refused(path, f"cannot be read: {what} is packed in an unusual way")
    if member.file_size > LARGEST_MEMBER or total > LARGEST_TOTAL:
        raise _refused(path, f"is too large: with {what} it unpacks to more than a roster holds")
    if member.file_size >= RATIO_MATTERS_FROM and member.file_size > member.compress_size * HIGHEST_RATIO:
        raise _refused(path, f"is unsafe: {what} unpacks to more than {HIGHEST_RATIO} times its size")


def _refused(path: Path, why: str) -> UsageError:
    return stopped(path, why, _REMEDY)


def _twice(path: Path, name: str) -> UsageError:
    return _refused(path, f"holds {name} twice")


def _damaged(path: Path, error: Exception) -> UsageError:
    why = "is packed in a way that cannot be read" if isinstance(error, NotImplementedError) else "is damaged"
    return stopped(path, why, "Export the roster again, or check that the copy was not cut off.")
