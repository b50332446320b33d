"""Letters to guardians whom no channel reaches: who is due one, and the files to print and to post.

The files are made first, so that nothing is written down of letters that nobody can print; then each guardian is looked
at again, and who is no longer due one is left out of the files.
"""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import Connection, select

from config.catalogue import Catalogue, load_catalogue
from config.clock import OSLO, db_now, oslo_date
from config.database import Database
from config.errors import UsageError
from config.sections import Language
from contacts.codes import ReminderWay
from contacts.forgetting import in_chunks
from contacts.people import guardian_ref
from contacts.postal import PostalAddress
from contacts.reminders import Standing
from dispatcher.alerts.text import filled
from dispatcher.codes import NoticeKind
from dispatcher.routine.letter_pdf import as_pdf
from dispatcher.routine.reminder_survey import Looked, Policy, Survey, look
from dispatcher.routine.reminder_texts import web_sentence
from dispatcher.routine.reminders import STEP, language_of, look_again, record_reminders, schools_of, speaker, take_down

_COLUMNS = ("page", "ref", "name", *(f"line{n}" for n in range(1, 7)), "postal_code", "place", "country", "language")
# A spreadsheet takes a cell that begins with one of these for a formula.
_FORMULA = "=+-@\t"


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter, ready to be printed. Its repr shows nobody."""

    guardian_id: int
    name: str = field(repr=False)
    address: PostalAddress = field(repr=False)
    language: Language
    headline: str
    paragraphs: tuple[str, ...]

    @property
    def ref(self) -> str:
        return guardian_ref(self.guardian_id)


@dataclass(frozen=True, slots=True)
class Files:
    """What was made. `letters`: how many."""

    pdf: Path
    csv: Path
    letters: int


class LetterFiles:
    """The two files of one run, in a folder; the owner alone may read them."""

    def __init__(self, folder: Path, now: datetime) -> None:
        """Raises UsageError when there is no such folder."""
        if not folder.is_dir():
            raise UsageError("There is no such folder for the letters.", remedy="Make it, or name another one.")
        name = f"letters-{now.astimezone(OSLO):%Y%m%d-%H%M%S}"
        self.pdf, self.csv = folder / f"{name}.pdf", folder / f"{name}.csv"

    def write(self, letters: Sequence[Letter], sender: Sequence[str], on: date) -> None:
        """Write both, or what they are replaced by. Raises UsageError when the folder does not take them."""
        try:
            _write(self.pdf, as_pdf(letters, sender, on))
            _write(self.csv, as_csv(letters))
        except OSError as error:
            self.remove()
            raise UsageError(
                f"The letters cannot be written: {error.strerror}.", remedy="Name a folder that you may write to."
            ) from None

    def remove(self) -> None:
        for file in (self.pdf, self.csv):
            file.unlink(missing_ok=True)


def _write(file: Path, content: bytes) -> None:
    beside = file.with_suffix(f"{file.suffix}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(content)
    beside.replace(file)


def make_letters(database: Database, found: Survey, policy: Policy, folder: Path, *, operator: str) -> Files | None:
    """Make the letters that are due by `found`, and write down to whom; None when there are none.

    Raises UsageError when the folder cannot be used: then nothing is written down.
    """
    due = found.due(Standing.DUE_LETTER)
    with database.read() as connection:
        now = connection.execute(select(db_now())).scalar_one()
        letters = _letters(connection, due, now, policy)
    if not letters:
        return None
    files, on, sender = LetterFiles(folder, now), oslo_date(now), policy.settings.return_address
    files.write(letters, sender, on)
    try:
        recorded = _take_down(database, [one.guardian_id for one in letters], policy, operator)
    except BaseException:
        files.remove()
        raise
    left = [one for one in letters if one.guardian_id in recorded]
    if not left:
        files.remove()
        return None
    if len(left) < len(letters):
        files.write(left, sender, on)
    return Files(files.pdf, files.csv, len(left))


def _letters(connection: Connection, guardian_ids: Collection[int], now: datetime, policy: Policy) -> list[Letter]:
    extra = policy.organisation.messages_dir
    catalogue = load_catalogue(Path(extra) if extra else None)
    return [
        _letter(connection, one, catalogue, policy)
        for chunk in in_chunks(guardian_ids)
        for one in look(connection, chunk, now, policy)
        if one.standing is Standing.DUE_LETTER
    ]


def _letter(connection: Connection, one: Looked, catalogue: Catalogue, policy: Policy) -> Letter:
    facts = one.facts
    assert facts.postal is not None  # the rule has said so
    names, spoken = schools_of(connection, facts)
    language = language_of(facts, spoken, policy.organisation)
    template = catalogue.letter(NoticeKind.CONTACT_REMINDER.value, language)
    school = {"school": speaker(names, policy.organisation)}
    paragraphs = [" ".join(part.split()) for part in filled(template.text, school).split("\n\n")]
    if policy.settings.web:
        paragraphs.append(web_sentence(catalogue, language, policy.settings.web))
    return Letter(
        facts.guardian_id, facts.name, facts.postal, language, filled(template.headline, school), tuple(paragraphs)
    )


def _take_down(database: Database, guardian_ids: Sequence[int], policy: Policy, operator: str) -> set[int]:
    """Write down the letters, in small steps; the guardians who were due one still."""
    recorded: set[int] = set()
    for chunk in in_chunks(guardian_ids, STEP):
        with database.write() as connection:
            now = connection.execute(select(db_now())).scalar_one()
            due = [one for one in look_again(connection, chunk, now, policy) if one.standing is Standing.DUE_LETTER]
            for one in due:
                take_down(connection, one, ReminderWay.LETTER, now)
            record_reminders(connection, Counter({ReminderWay.LETTER: len(due)}), operator)
        recorded |= {one.facts.guardian_id for one in due}
    return recorded


def as_csv(letters: Sequence[Letter]) -> bytes:
    """The addresses for a mail service, one line for each letter, in the order of the pages; UTF-8, semicolons."""
    written = io.StringIO()
    writer = csv.writer(written, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for page, one in enumerate(letters, 1):
        address = one.address
        lines = (*address.lines, *[""] * 6)[:6]
        row = (page, one.ref, one.name, *lines, address.postal_code, address.place, address.country, one.language)
        writer.writerow([str(cell).lstrip(_FORMULA) for cell in row])
    # With a mark at its beginning: spreadsheets here read another alphabet otherwise.
    return written.getvalue().encode("utf-8-sig")
