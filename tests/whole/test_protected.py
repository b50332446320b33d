"""Of a student who is protected, or may be, no command shows where they go to school, their class, name, address or
guardians: every command of the tree is run, and looked through."""

from __future__ import annotations

import inspect
import logging
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.contacts.imports.fint_files import roster
from tests.contacts.imports.freg_files import document, responsible
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.krr_files import active, contacts
from tests.contacts.imports.oneroster_files import folder, small_roster
from tests.contacts.imports.pifu_files import KARI_NIN, NORA_NIN, OLE_NIN, small_school
from tests.contacts.imports.sds_files import small_sds
from tests.services.inside import Inside
from tests.services.registers import served_registers
from tests.test_every_command import COMMANDS
from tests.whole.hidden_students import HiddenSchool, Mark, found_in


@dataclass(frozen=True)
class Case:
    """What is typed, with words of `HiddenSchool.words` in braces. `shows`: what it may show all the same, and `why`.

    `status`: its exit status; `again`: that of the second time, with --json, when it differs. `before`: what is typed
    first.
    """

    typed: str
    status: int = 0
    shows: tuple[Mark, ...] = ()
    why: str = ""
    before: tuple[str, ...] = ()
    again: int | None = None


_SEND: Final = "alert send --scenario lockdown --status actual --yes --no-watch --hold 0"
_ABOUT_THEM: Final = f"{_SEND} --student {{held}} --student {{released}} --student {{unknown}}"
_THEIR_SCHOOL: Final = f"{_SEND} --school '{{school}}'"
_NAMED: Final = "the operator named the school, or the class, and it is a school's alert: of whom it is about, nothing"
_OWN: Final = "it is the person's own right (GDPR art. 15): their own data, and nothing of the others"
_FIGURES: Final = "schools with figures, and no persons"

CASES: Final[dict[str, tuple[Case, ...]]] = {
    "alert all-clear": (
        Case("latest --yes --no-watch --hold 0", before=(_ABOUT_THEM,)),
        Case("latest --yes --no-watch --hold 0 --again", 0, (Mark.SCHOOL,), _NAMED, (_THEIR_SCHOOL,)),
    ),
    "alert cancel": (Case("latest --yes --no-watch --hold 0", before=(_ABOUT_THEM,)),),
    "alert cap": (
        Case("latest", before=(_ABOUT_THEM,)),
        Case("latest", 0, (Mark.SCHOOL,), _NAMED, (_THEIR_SCHOOL,)),
    ),
    "alert list": (Case("", before=(_ABOUT_THEM,)), Case("", 0, (Mark.SCHOOL,), _NAMED, (_THEIR_SCHOOL,))),
    "alert reached": (
        Case("latest {held} --note x", before=(_ABOUT_THEM,)),
        Case("latest {held} --take-back"),
        Case("latest {released}"),
        Case("latest {held} --guardian {guardian_held}", 2),
        Case("latest {unknown} --guardian {guardian_held}", 2),
        Case("latest {adult}", 2),
        Case("latest HX-999", 2),
    ),
    "alert resend-failed": (Case("latest --yes", before=(_ABOUT_THEM,)),),
    "alert send": (
        Case("--scenario lockdown --status actual --student {held} --yes --no-watch"),
        Case("--scenario lockdown --status actual --student {released} --yes --no-watch --again"),
        Case("--scenario info --text x --status test --student {unknown} --student {adult} --yes --no-watch --again"),
        Case("--scenario fire --status actual --school '{elsewhere}' --student {held} --yes --no-watch --again"),
        # Nobody to ask: the preview, and then a refusal.
        Case("--scenario evacuation --set sted=x --status actual --student {released} --no-watch", 2),
        Case("--scenario lockdown --status actual --school '{school}' --yes --no-watch", 0, (Mark.SCHOOL,), _NAMED),
        Case(
            "--scenario lockdown --status actual --group Niksklasse --yes --no-watch --again",
            0,
            (Mark.SCHOOL, Mark.CLASS),
            _NAMED,
        ),
    ),
    "alert show": (
        Case("latest", before=(_ABOUT_THEM,)),
        Case("latest", 0, (Mark.SCHOOL,), _NAMED, (_THEIR_SCHOOL,)),
    ),
    "alert stop": (Case("latest --yes", before=(f"{_ABOUT_THEM} --hold 60",), again=2),),
    "alert update": (Case("latest --text x --yes --no-watch --hold 0", before=(_ABOUT_THEM,)),),
    "alert watch": (
        Case("latest", before=(_ABOUT_THEM,)),
        Case("latest", 0, (Mark.SCHOOL,), _NAMED, (_THEIR_SCHOOL,)),
    ),
    "answers list": (Case("", before=(_ABOUT_THEM,)), Case("--alert latest"), Case("--unmatched")),
    "audit": (Case("", before=(_ABOUT_THEM,)),),
    "audit-log show": (
        Case(
            "--limit 500",
            before=(
                _ABOUT_THEM,
                "contacts explain {held}",
                "contacts release {held} --reason x --until 2026-12-31",
                "contacts block {guardian_held} --decision 2026/1 --student {held}",
                "contacts consent give {adult} {guardian_adult} --evidence x",
                "contacts export {held} --json",
            ),
        ),
    ),
    "audit-log verify": (Case(""),),
    "bounces read": (Case("{out}", 2),),
    "card": (Case("'{elsewhere}' --output {out}/card.pdf"),),
    "contacts add": (Case("{guardian_held} --phone 41999999"), Case("{guardian_held} --email ny@example.no")),
    "contacts block": (
        Case("{guardian_held} --decision 2026/1"),
        Case("{guardian_held} --decision 2 --student {held}"),
    ),
    "contacts confirm": (Case("{guardian_held} 000000", 2), Case("{guardian_held} 000000 --phone 41999999", 2)),
    "contacts consent give": (
        Case("{adult} {guardian_adult} --evidence x"),
        Case("{held} {guardian_held} --evidence x", 2),
        Case("{adult} {guardian_held} --evidence x", 2),
    ),
    "contacts consent withdraw": (
        Case(
            "{adult} {guardian_adult} --evidence x",
            before=("contacts consent give {adult} {guardian_adult} --evidence x",),
        ),
    ),
    "contacts erase": (
        Case("{held} --reason x --apply", 4),
        Case("{held} --reason x --dry-run --even-though-in-attendance"),
        Case("{guardian_held} --reason x --dry-run --even-though-in-attendance"),
    ),
    "contacts explain": (Case("{held}"), Case("{released}"), Case("{unknown}"), Case("{adult}"), Case("HX-999", 2)),
    "contacts export": (
        Case("{guardian_released}", 0, (Mark.GUARDIAN,), _OWN, (_ABOUT_THEM,)),
        Case("{guardian_unknown}", 0, (Mark.GUARDIAN,), _OWN, (_THEIR_SCHOOL,)),
        Case("{released}", 0, (Mark.STUDENT, Mark.SCHOOL, Mark.CLASS, Mark.GUARDIAN, Mark.OTHER_GUARDIAN), _OWN),
        # The documents themselves are the person's, as above; what is printed beside them is looked through.
        Case("{released} --out {out}/a.json"),
        Case("{released} --pdf {out}/a.pdf"),
    ),
    "contacts forget-failures": (
        Case("{guardian_held} --phone 41000002 --evidence x"),
        Case("{guardian_held} --evidence x", 2),
    ),
    "contacts held": (Case(""), Case("--school '{school}'"), Case("--school '{elsewhere}'")),
    "contacts hold": (Case("{released} --reason x"), Case("{held} --reason x")),
    "contacts invitations confirm": (
        Case("{held} {invitation} --evidence x", 2),
        Case("{adult} {invitation} --evidence x", again=2),
    ),
    "contacts invitations list": (
        Case(""),
        Case("--school '{school}'"),
        Case("--school '{elsewhere}'"),
    ),
    "contacts main-school": (
        Case("{held} '{school}'", 2),
        Case("{held} '{elsewhere}'", 2),
        Case("{held} --as-told", 2),
    ),
    "contacts opt-in": (
        Case("{guardian_held} --evidence x", before=("contacts opt-out {guardian_held} --evidence x",), again=2),
    ),
    "contacts opt-out": (Case("{guardian_held} --evidence x", again=2),),
    "contacts purge": (Case("--dry-run"),),
    "contacts quality": (
        Case("", 0, (Mark.SCHOOL,), _FIGURES),
        Case("--html {out}/q.html", 0, (Mark.SCHOOL,), _FIGURES),
    ),
    "contacts release": (Case("{held} --reason x --until 2026-12-31"), Case("{unknown} --reason x --until 2026-12-31")),
    "contacts remove": (Case("{guardian_held} --phone 41000002", again=2),),
    "contacts turning-18": (Case(""), Case("--school '{school}'"), Case("--ask --dry-run")),
    "contacts unblock": (
        Case("{guardian_held} --decision 2026/1", before=("contacts block {guardian_held} --decision 2026/1",)),
    ),
    "contacts verify": (Case("{guardian_held} --phone 41000002"), Case("{guardian_held} --phone 41999998", 2)),
    "doctor": (Case("", 2, (Mark.SCHOOL,), _FIGURES),),
    "drill next": (Case("", 0, (Mark.SCHOOL,), _FIGURES), Case("--school '{school}'", 0, (Mark.SCHOOL,), _FIGURES)),
    "drill plan": (Case("", 0, (Mark.SCHOOL,), _FIGURES), Case("--school '{school}'", 0, (Mark.SCHOOL,), _FIGURES)),
    "import fint": (Case("{files}/fint --dry-run", 3), Case("{files}/fint --apply", 3)),
    "import freg": (Case("{files}/freg.json --dry-run"), Case("{files}/freg.json --apply")),
    "import guardians": (Case("{files}/guardians.csv --dry-run", 3), Case("{files}/guardians.csv --apply", 3)),
    "import krr": (Case("{files}/krr.json --dry-run"), Case("{files}/krr.json --apply")),
    "import oneroster": (Case("{files}/oneroster --dry-run", 3), Case("{files}/oneroster --apply", 3)),
    "import pifu": (Case("{files}/pifu.xml --dry-run", 3), Case("{files}/pifu.xml --apply", 3)),
    "import sds": (Case("{files}/sds --dry-run", 3), Case("{files}/sds --apply", 3)),
    "init": (Case(""),),
    "operator list": (Case(""),),
    "operator revoke": (Case("5f3a90c1", 2),),
    "operator token": (Case("{held}", 2),),
    "remind preview": (Case(""), Case("--school '{school}'")),
    # Switched off, as it is by itself; what it does when it is on: tests/dispatcher/test_reminders.py.
    "remind run": (Case("--yes", 2),),
    "remind status": (Case(""), Case("--school '{school}'")),
    "report alert": (
        Case("latest", before=(_ABOUT_THEM,)),
        Case("latest --call-list", before=(_ABOUT_THEM,)),
        Case("latest --format csv --breakdown", before=(_ABOUT_THEM,)),
        Case("latest --call-list --format csv", before=(_ABOUT_THEM,)),
        # The PDF says what this one does: both are drawn of one document.
        Case("latest --format html", before=(_ABOUT_THEM,)),
        Case("latest --call-list --format html", before=(_ABOUT_THEM,)),
        Case("latest", 0, (Mark.SCHOOL,), _NAMED, (_THEIR_SCHOOL,)),
        Case("latest --call-list", 0, (Mark.SCHOOL,), _NAMED, (_THEIR_SCHOOL,)),
        Case("latest --format html", 0, (Mark.SCHOOL,), _NAMED, (_THEIR_SCHOOL,)),
        Case("latest --format csv --breakdown", 0, (Mark.SCHOOL,), _NAMED, (_THEIR_SCHOOL,)),
    ),
    "report compare": (
        Case("latest latest", before=(_ABOUT_THEM,)),
        Case("latest latest --format html", before=(_ABOUT_THEM,)),
    ),
    "report school": (
        Case("'{school}'", 0, (Mark.SCHOOL,), _NAMED, (_ABOUT_THEM,)),
        Case("'{elsewhere}'", before=(_ABOUT_THEM,)),
        Case("'{elsewhere}' --format html", before=(_ABOUT_THEM,)),
    ),
    "self-test": (Case("", 2),),
    "sync freg": (Case("--dry-run"), Case(""), Case("--events")),
    "sync krr": (Case("--dry-run"), Case("")),
}
# They run until they are stopped, and show nothing but their log: tests/whole/test_no_persons.py.
SERVICES: Final = {"drain", "run", "sandbox", "scheduler", "web", "worker"}


def test_every_command_has_a_case() -> None:
    assert CASES.keys() | SERVICES == set(COMMANDS)
    assert [case for cases in CASES.values() for case in cases if case.shows and not case.why] == []


@pytest.fixture
def hidden(inside: Inside) -> HiddenSchool:
    return HiddenSchool(inside)


@pytest.fixture
def registers(hidden: HiddenSchool, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Public registers that know the held student and the guardians."""
    with served_registers() as served:
        served.freg |= {NORA_NIN: _DOCUMENT, KARI_NIN: document(KARI_NIN, name=("VERJULF", "VAKTERSEN"))}
        served.krr[KARI_NIN] = _ANSWER
        served.events = [(1, NORA_NIN)]
        key_file = served.write_key(hidden.inside.directory / "maskinporten.pem")
        for section, values in served.settings(key_file).items():
            for name, value in values.items():
                monkeypatch.setenv(f"BEREDSKAP_{section}__{name}".upper(), value)
        yield


_DOCUMENT: Final = document(
    NORA_NIN,
    name=("HEMMELIN", "SKJULSEN"),
    custody=[responsible(NORA_NIN, KARI_NIN), responsible(NORA_NIN, OLE_NIN)],
    adressebeskyttelse=[{"erGjeldende": True, "graderingsnivaa": "strengtFortrolig"}],
)
_ANSWER: Final = active(KARI_NIN, kontaktinformasjon=contacts("+4741000002", "verjepost@example.no"))


def write_files(hidden: HiddenSchool) -> Path:
    """Files of every format about the held student; a record of each roster cannot be used, and is refused."""
    files = hidden.inside.directory / "files"
    files.mkdir()
    importer = Importer(hidden.inside.world.database, hidden.inside.keys, files)
    importer.file("pifu.xml", _marked(small_school()).replace("2010-03-02", "2010-13-02"))
    importer.file("freg.json", [_DOCUMENT])
    importer.file("krr.json", {"personer": [_ANSWER]})
    head = "student;guardian_ref;given_name;family_name;basis;phone;email\n"
    lines = (
        f"{hidden.held};;Verjulf;Vaktersen;foster;41000002;\nHX-999;;Bortulf;Fjernesen;foster;;bortpost@example.no\n"
    )
    importer.file("guardians.csv", head + lines)
    for name, roster_files in (("oneroster", small_roster()), ("sds", small_sds())):
        marked = {file: _marked(text).replace("2009-05-17", "03/04/2009") for file, text in roster_files.items()}
        folder(files, marked).rename(files / name)
    (files / "fint").mkdir()
    for resource, content in roster().items():
        written = importer.file(f"fint/{resource}.json", content)
        written.write_text(_marked(written.read_text()).replace("2010-05-09", "2010-13-09"))
    return files


def _marked(text: str) -> str:
    for old, new in (
        ("Eksempel vgs", "Skjermheim vgs"),
        ("Nora", "Hemmelin"),
        ("Kari", "Verjulf"),
        ("Ole", "Bortulf"),
        ("91234567", "41000002"),
        ("90000001", "41000002"),
    ):
        text = text.replace(old, new)
    return text


def run(hidden: HiddenSchool, typed: str, words: dict[str, str]) -> tuple[int, str]:
    result = hidden.inside.run(*(one.format_map(words) for one in shlex.split(typed)))
    return result.exit_code, result.output


@pytest.mark.usefixtures("registers")
@pytest.mark.parametrize("path", CASES)
def test_nothing_of_them_is_shown(path: str, hidden: HiddenSchool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    words = dict(hidden.words)
    if path.startswith("import"):
        words["files"] = str(write_files(hidden))
    ways = ("", "--json") if "as_json" in inspect.signature(COMMANDS[path]).parameters else ("",)
    for number, case in enumerate(CASES[path]):
        for typed in case.before:
            status, said = run(hidden, typed, words)
            assert status == 0, said
            hidden.deliver()
        for way in ways:
            out = hidden.inside.directory / f"out{number}{way}"
            out.mkdir()
            status, said = run(hidden, f"{path} {case.typed} {way}", words | {"out": str(out)})
            assert status == (case.again if way and case.again is not None else case.status), said
            assert found_in(said, case.shows) == set(), f"beredskap {path} {case.typed} {way}"
    data = hidden.inside.directory / "data"
    written = [file.read_text(errors="replace") for file in data.rglob("*") if file.is_file()]
    assert found_in("\n".join([caplog.text, *written])) == set()


def test_the_search_finds_what_is_there(hidden: HiddenSchool) -> None:
    status, said = run(hidden, "contacts export {held}", hidden.words)
    assert status == 0
    assert {"Hemmelin", "Skjermheim", "Niksklasse", "41000001", NORA_NIN, "Verjulf"} <= found_in(said)
