"""Answers of registers, as files or live: what of them is a record, and what is told of the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from config.errors import UsageError
from contacts.imports.json_stream import json_items
from contacts.imports.records import Place, Record, Refusal
from contacts.imports.xml_stream import stopped

# So many items in a row that are nothing of the register's: the file is another one.
_STRANGE = 1000


@dataclass(frozen=True, slots=True)
class Answers:
    """What one register's answers look like.

    `list_name`: under what an answer holds its items. `one`: what an item is called ("document of the population
    register"); its first word counts the items in places. `remedy`: what to give instead of a file that holds none.
    """

    list_name: str
    is_one: Callable[[dict[str, object]], bool]
    records: Callable[[dict[str, object], Place], Iterator[Record]]
    one: str
    remedy: str

    def read(self, files: list[tuple[Path, bool]]) -> Iterator[Record]:
        """The records of `files`, as `json_files` found them. Raises UsageError for one that was named by itself."""
        for file, in_folder in files:
            try:
                yield from self._file(file)
            except UsageError as error:
                if not in_folder:
                    raise
                reason = error.what.removeprefix(f"Import stopped: {file.name} ").rstrip(".")
                yield Refusal(Place(file.name, "file"), f"the file {reason}")

    def live(self, answers: Iterable[tuple[str, Iterable[object]]]) -> Iterator[Record]:
        """The records of answers that were just given: of each, what it is called in places, and its items."""
        for name, items in answers:
            for number, item in enumerate(items, 1):
                place = self._place(name, number)
                if isinstance(item, dict) and self.is_one(item):
                    yield from self.records(item, place)
                else:
                    yield Refusal(place, f"it is no {self.one}")

    def _place(self, name: str, number: int) -> Place:
        return Place(name, f"{self.one.split()[0]} {number}")

    def _file(self, file: Path) -> Iterator[Record]:
        numbers = 0
        recognised = False
        pending: list[Record] = []
        for item in json_items(file, self.list_name):
            numbers += 1
            place = self._place(file.name, numbers)
            if isinstance(item, dict) and self.is_one(item):
                recognised = True
                yield from pending
                pending = []
                yield from self.records(item, place)
            else:
                refusal = Refusal(place, f"it is no {self.one}")
                if recognised:
                    yield refusal
                else:
                    pending.append(refusal)
                    if len(pending) > _STRANGE:
                        break
        if not recognised and numbers:
            raise stopped(file, f"holds no {self.one}", self.remedy)


def json_files(paths: tuple[Path, ...], what: str) -> list[tuple[Path, bool]]:
    """The files of `paths`, with the .json files of its folders; whether each was found in a folder.

    Raises UsageError for a folder without any; `what`: what it ought to hold.
    """
    return [(file, path.is_dir()) for path in paths for file in (_inside(path, what) if path.is_dir() else [path])]


def _inside(folder: Path, what: str) -> list[Path]:
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() == ".json" and file.is_file())
    if not files:
        raise UsageError(
            f"Import stopped: the folder {folder.name} holds no .json file.", remedy=f"Give the folder of {what}."
        )
    return files
