"""The export on paper: every part of the document, in letters that every Norwegian name needs."""

from __future__ import annotations

import re
import stat
import zlib
from base64 import a85decode
from pathlib import Path

from config.database import Database
from config.errors import ExitStatus
from contacts.people import find_person
from dispatcher.retention.export import export
from dispatcher.retention.pdf import HEADINGS, as_pdf
from tests.dispatcher.retention.conftest import Run
from tests.dispatcher.retention.town import TODAY, Town


def letters_of(pdf: bytes) -> str:
    """All letters that the file can show, by the tables with which its fonts tell which they are."""
    found = set()
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        body = stream.strip()
        try:
            content = zlib.decompress(a85decode(body, adobe=True) if body.endswith(b"~>") else body)
        except (ValueError, zlib.error):
            continue
        if b"begincmap" in content:
            found |= {chr(int(code, 16)) for code in re.findall(rb"<[0-9A-F]{2}> <([0-9A-F]{4})>", content)}
    return "".join(sorted(found))


def test_every_part_has_a_heading(sqlite_town: Town) -> None:
    one = sqlite_town.family()
    with sqlite_town.world.clock(), sqlite_town.database.read() as connection:
        document = export(connection, sqlite_town.keys, find_person(connection, one.student.ref), TODAY)
    assert set(document) - {"person", "on"} == set(HEADINGS)


def document_about(name: str) -> dict[str, object]:
    return {"person": "G-1", "on": TODAY} | {part: [] for part in HEADINGS} | {"persons": [{"given_name": name}]}


def test_norwegian_and_sami_letters() -> None:
    wanted = "æøåÆØÅáčđŋšŧžÁČĐŊŠŦŽ«»–é"
    pdf = as_pdf(document_about(wanted))
    assert pdf.startswith(b"%PDF-") and b"/FontFile2" in pdf  # the font is in the file
    assert set(wanted) <= set(letters_of(pdf))


def test_what_the_font_lacks_is_marked_and_what_looks_like_markup_is_not() -> None:
    for name in ("\u4e2d", "Kari\x1b[31m"):
        assert "\ufffd" in letters_of(as_pdf(document_about(name)))
    assert "\ufffd" not in letters_of(as_pdf(document_about("Kari <b>& Ola\n")))


def test_the_command(run: Run, installed: Town, database: Database, tmp_path: Path) -> None:
    one = installed.family()
    installed.alert(one)
    file, other = tmp_path / "innsyn.pdf", tmp_path / "innsyn.json"
    done = run("contacts", "export", one.student.ref, "--pdf", str(file), "--out", str(other))
    assert done.exit_code == ExitStatus.OK, done.output
    assert file.read_bytes().startswith(b"%PDF-") and other.read_bytes().startswith(b"{")
    assert {stat.S_IMODE(each.stat().st_mode) for each in (file, other)} == {0o600}
    assert run("contacts", "export", one.student.ref, "--pdf", str(file)).exit_code == ExitStatus.UNUSABLE
    same = tmp_path / "same"
    assert run("contacts", "export", one.student.ref, "--pdf", str(same), "--out", str(same)).exit_code == 2
    assert not same.exists()
