"""The report on paper: its tables hold the recounted numbers to the last row, in HTML and in PDF."""

from __future__ import annotations

import csv
import io
import json
import re
import stat
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pypdf
import pytest
from sqlalchemy import insert, select
from typer.testing import CliRunner

from config.clock import bound_db_now
from config.errors import ExitStatus
from config.operators import Operator
from config.roles import Reach, Right
from config.settings import load_settings
from config.shell import Store
from contacts.tables import ENROLMENT, SCHOOL
from dispatcher.codes import DeliveryState
from dispatcher.commands import report as module
from dispatcher.paper.html import as_html
from dispatcher.reports.call_list import call_list
from dispatcher.reports.comparing import FAILED
from dispatcher.reports.counting import report as count
from dispatcher.reports.norwegian import CHANNELS, share, state_words
from dispatcher.reports.paper_report import report_paper
from dispatcher.tables import ALERT
from providers.base import Channel
from tests.dispatcher.reports.conftest import Case, add_calls
from tests.dispatcher.reports.recount import Rows
from tests.dispatcher.reports.world import NOW

OPERATOR = Operator("k.leder", Right.SEE_ALERTS, Reach.EVERYTHING)
run = CliRunner()


@pytest.fixture
def number(case: Case, monkeypatch: pytest.MonkeyPatch) -> str:
    """The alert of the case; the commands open its database."""
    monkeypatch.setenv("BEREDSKAP_SMS__PRICE_PER_SEGMENT", "0.83")
    monkeypatch.setenv("BEREDSKAP_VOICE__PRICE_PER_CALL", "2.25")
    monkeypatch.setattr(module, "open_store", lambda need_keys: Store(load_settings(), case.database, OPERATOR))
    with case.database.read() as connection:
        return str(connection.execute(select(ALERT.c.number).where(ALERT.c.id == case.alert)).scalar_one())


def typed(*arguments: str | Path) -> str:
    with bound_db_now(NOW):
        result = run.invoke(module.app, [str(one) for one in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


class Page(HTMLParser):
    """What an HTML page says: its tables by caption, its words, and the tags and addresses in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.tags: set[str] = set()
        self.loads: list[str] = []
        self.described: dict[str, str] = {}
        self._open: list[str] = []
        self._caption = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.loads += [name for name, _value in attrs if name in ("src", "href", "xlink:href", "onload", "onclick")]
        if tag in ("br", "col", "meta", "rect", "polyline"):
            if tag == "br":
                self.tables[self._caption][-1][-1] += "\n"
            return
        self._open.append(tag)
        if tag == "tr":
            self.tables[self._caption].append([])
        if tag in ("td", "th"):
            self.tables[self._caption][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        tag = self._open[-1] if self._open else ""
        if tag == "caption":
            self._caption = data
            self.tables[data] = []
        elif tag in ("td", "th"):
            self.tables[self._caption][-1][-1] += data
        elif tag in ("title", "desc"):
            self.described[f"{tag} {len(self.described)}"] = data


def words_of(pdf: Path) -> str:
    """All words of the file, without the spaces between them."""
    return re.sub(r"\s", "", "".join(page.extract_text() for page in pypdf.PdfReader(pdf).pages))


def test_html_and_pdf_hold_the_recounted_numbers_to_the_last_row(case: Case, number: str, tmp_path: Path) -> None:
    rows = Rows(case)
    html, pdf = tmp_path / "r.html", tmp_path / "r.pdf"
    typed(number, "--format", "html", "--output", html)
    typed(number, "--format", "pdf", "--output", pdf)
    page = Page(html.read_text())

    classes = Counter(rows.class_of(student) for student in rows.students)
    names = ("unreached", "held", "handed_over", "confirmed", "nobody_may_be_told")
    nobody = classes["unreached"] + classes["held"]
    _head, *students = page.tables["Elevene"]
    expected = [nobody, *(classes[name] for name in names), len(rows.students)]
    assert [int(row[0]) for row in students] == expected

    homes = rows.home_classes()
    _head, *home_rows = page.tables["Elevene i hver klasse"]
    for name in ("1A", "2B", "3C", None):
        of_class = Counter({key[1]: count for key, count in homes.items() if key[0] == name})
        told = [sum(of_class.values()), of_class["unreached"] + of_class["held"]]
        told += [of_class[one] for one in ("handed_over", "confirmed", "nobody_may_be_told")]
        assert [name or "skjermede elever", *map(str, told)] in home_rows
    assert [int(cell) for cell in home_rows[-1][1:]] == [
        sum(int(row[column]) for row in home_rows[:-1]) for column in range(1, 6)
    ]
    assert len(home_rows) == 5

    states = Counter((row.channel, row.state) for row in rows.deliveries)
    bars = next(text for text in page.described.values() if "uten kvittering" in text)
    assert sorted(bars.removesuffix(".").split(". ")) == sorted(
        f"{state_words(channel, state)}: {count}" for (channel, state), count in states.items()
    )
    _head, *reasons = page.tables["Grunner"]
    assert sum(int(row[0]) for row in reasons) == sum(
        count for (_channel, state), count in states.items() if state not in ("delivered", "accepted")
    )
    _head, *unreachable = page.tables["Foresatte uten melding"]
    assert sum(int(row[0]) for row in unreachable) == sum(row.unreachable is not None for row in rows.decisions)
    others = {row[1].split(" (")[0]: int(row[0]) for row in page.tables["Andre tall"]}
    assert others["avgjørelser om en foresatt kan varsles om en elev"] == len(rows.decisions)
    assert others["forsøk på å sende"] == len(rows.attempts)
    assert "3,32 kr (4 SMS-deler" in html.read_text()

    # The PDF says every cell of it.
    said = words_of(pdf)
    for caption, table in page.tables.items():
        for row in table:
            for cell in row:
                assert re.sub(r"\s", "", cell) in said, (caption, cell)


def test_a_call_begins_and_is_confirmed_and_is_never_delivered(case: Case, number: str, tmp_path: Path) -> None:
    add_calls(case)
    pdf = tmp_path / "r.pdf"
    page = typed(number, "--format", "html")
    typed(number, "--format", "pdf", "--output", pdf)
    for words in ("Anrop bekreftet: 1.", "Anrop ikke bekreftet: 1.", "det var opptatt</td>", "Anrop begynt"):
        assert words in page
    assert "Anrop levert" not in page
    assert "Anropikkebekreftet" in words_of(pdf)


def test_in_the_pdf_two_hyphens_of_an_option_are_two(number: str, tmp_path: Path) -> None:
    pdf = tmp_path / "r.pdf"
    typed(number, "--format", "pdf", "--output", pdf)
    fonts: dict[str, str] = {}

    def note(text: str, _cm: object, _tm: object, font: dict[str, str] | None, _size: float) -> None:
        if text.strip():
            fonts[text.strip()] = font["/BaseFont"] if font else ""

    pypdf.PdfReader(pdf).pages[0].extract_text(visitor_text=note)
    assert fonts["--call-list"] == "/Courier"


def test_the_first_thing_said_is_the_students_with_nobody_reached_and_whom_to_call(number: str) -> None:
    page = typed(number, "--format", "html")
    places = [page.index(words) for words in ("Elever der ingen er nådd: 4 av 8", "Ring disse først (4)", "<svg")]
    assert places == sorted(places)
    assert "+47 9xx xx x03" in page
    assert "SMS kom ikke fram: nummeret er ikke i bruk (30005)" in page


def test_the_html_file_stands_alone_and_its_charts_are_told_in_words(number: str) -> None:
    html = typed(number, "--format", "html")
    page = Page(html)
    assert page.tags.isdisjoint({"script", "img", "link", "iframe", "object", "image", "use"})
    assert page.loads == []
    assert "url(" not in html
    assert html.count("<svg") == html.count("<desc ") == html.count('role="img"') == 2


@pytest.mark.parametrize("alone", [False, True])
def test_of_a_protected_student_the_paper_says_the_ref_alone(number: str, alone: bool) -> None:
    page = typed(number, "--format", "html", *(["--call-list"] if alone else []))
    assert "1A-004" in page
    page = page.replace("\u00a0", "")
    for secret in ("Fredrik", "Hemmelig", "90000005", "Finn"):
        assert secret not in page
    assert ("+4790000003" in page) is alone


def test_json_and_csv_hold_the_breakdown_when_it_is_asked_for(number: str) -> None:
    assert "breakdown" not in json.loads(typed(number, "--json"))
    document = json.loads(typed(number, "--json", "--breakdown"))["breakdown"]
    rows = list(csv.reader(io.StringIO(typed(number, "--format", "csv", "--breakdown"))))
    for home in document["home_classes"]:
        name = "protected, or may be" if home["hidden"] else f"{home['school']} {home['home_class']}"
        for what, students in home["classes"].items():
            assert ["students of one home class", name, what, str(students)] in rows
    for curve in document["curves"]:
        last = curve["points"][-1]
        what = f"{curve['channel']} {curve['milestone']}"
        assert ["messages so far", what, f"{last['seconds']} s", str(last["messages"])] in rows
    assert ["cost", "nok", "", "3.32"] in rows


def test_every_format_says_the_cost_with_its_calls(case: Case, number: str, monkeypatch: pytest.MonkeyPatch) -> None:
    add_calls(case)
    rows = Rows(case)
    segments, calls = rows.paid("sms"), rows.paid("voice")
    nok = round(segments * 0.83 + calls * 2.25, 2)
    document = json.loads(typed(number, "--json", "--breakdown"))["breakdown"]["cost"]
    assert document == {"sms_segments": segments, "calls": calls, "calls_priced": True, "nok": nok}
    table = csv.reader(io.StringIO(typed(number, "--format", "csv", "--breakdown")))
    assert {row[1]: row[3] for row in table if row[0] == "cost"} == {name: str(one) for name, one in document.items()}
    words = f"{nok:.2f} kr".replace(".", ",")
    page = typed(number, "--format", "html").replace("\u00a0", " ")
    assert f"omtrent {words} ({segments} SMS-deler og {calls} anrop, etter" in page
    assert f"Cost about {nok:.2f} kr ({segments} SMS segments and {calls} calls)" in typed(number)

    monkeypatch.setenv("BEREDSKAP_VOICE__CALLER", "nobody")
    assert f"{calls} anrop uten kjent pris og e-post er ikke regnet med" in typed(number, "--format", "html")
    assert f"Cost about {segments * 0.83:.2f} kr ({segments} SMS segments and {calls} calls, calls not " in typed(
        number
    )


def test_a_file_is_for_its_owner_alone_and_is_not_replaced_unasked(number: str, tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    file = folder / "r.pdf"
    file.write_text("mine")
    result = run.invoke(module.app, [number, "--format", "pdf", "--output", str(file)])
    assert result.exit_code == ExitStatus.UNUSABLE
    assert "--force" in result.stderr
    assert file.read_text() == "mine"
    typed(number, "--format", "pdf", "--output", file, "--force")
    assert file.read_bytes().startswith(b"%PDF")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(folder.iterdir()) == [file]


def test_the_other_reports_count_the_same(case: Case, number: str) -> None:
    one, two = json.loads(typed("compare", number, number, "--json"))["alerts"]
    whole = json.loads(typed(number, "--json"))
    assert one == two == {name: whole[name] for name in one}
    table = typed("compare", number, number)
    assert re.search(r"nobody reached +4 \(50\.0 %\) +4 \(50\.0 %\)", table)
    assert run.invoke(module.app, ["compare", number]).exit_code == ExitStatus.UNUSABLE


def test_alerts_beside_each_other_on_paper_hold_the_recounted_numbers(case: Case, number: str, tmp_path: Path) -> None:
    add_calls(case)
    rows = Rows(case)
    pdf = tmp_path / "c.pdf"
    page = Page(typed("compare", number, "latest", "--format", "html"))
    typed("compare", number, "latest", "--format", "pdf", "--output", pdf)
    tables = {name: {row[0]: row[1:] for row in table} for name, table in page.tables.items()}
    classes = Counter(rows.class_of(student) for student in rows.students)
    nobody, whole = classes["unreached"] + classes["held"], len(rows.students)
    for words, students in (
        ("ingen er nådd", nobody),
        ("overlevert, ikke bekreftet", classes["handed_over"]),
        ("bekreftet", classes["confirmed"]),
        ("ingen kan varsles", classes["nobody_may_be_told"]),
    ):
        assert tables["Elevene"][words][0] == f"{students} ({share(students, whole)})"
    assert tables["Elevene"]["elever i alt"] == [str(whole), "2"]
    for channel, done in ((Channel.SMS, "levert"), (Channel.VOICE, "bekreftet"), (Channel.EMAIL, None)):
        of = [row.state for row in rows.deliveries if row.channel is channel]
        found = tables[CHANNELS[channel]]
        failed = sum(state in FAILED for state in of)
        assert found["i alt"][0] == str(len(of))
        assert found["mislykket"][0] == f"{failed} ({share(failed, len(of))})"
        if done is not None:
            delivered = of.count(DeliveryState.DELIVERED)
            assert found[done][0] == f"{delivered} ({share(delivered, len(of))})"
    assert tables["SMS"]["overlevert, den siste etter"] == ["61\u00a0sekunder", "1,0\u00a0sekunder"]
    assert tables["Anrop"]["begynt, den siste etter"] == ["121\u00a0sekunder", "–"]
    said = words_of(pdf)
    assert all(re.sub(r"\s", "", cell) in said for table in page.tables.values() for row in table for cell in row)


def test_a_term_on_paper(case: Case, number: str, tmp_path: Path) -> None:
    with case.database.write() as connection:
        school = connection.execute(select(SCHOOL.c.id)).scalar_one()
        enrolled = {"school_id": school, "source": "test", "main": True}
        connection.execute(insert(ENROLMENT), [{**enrolled, "student_id": one} for one in case.students.values()])
    file = tmp_path / "term.html"
    written = typed("school", "Eksempel vgs", "--since", "2026-08-01", "--format", "html", "--output", file)
    assert written == f"Written: {file}. Only you can read it.\n"
    html = file.read_text(encoding="utf-8")
    (_head, *found) = Page(html).tables["Varslene"]
    assert next((row[0], row[3], row[4]) for row in found) == (number, "8", "4 (50,0\u00a0%)")
    assert len(found) == len(json.loads(typed("school", "Eksempel vgs", "--json"))["alerts"]) == 2
    assert "Virkelige varsler 2, øvelser 0, tester 0." in html
    assert "Ingen øvelse siden da." in html
    pdf = typed("school", "Eksempel vgs", "--format", "pdf", "--output", tmp_path / "term.pdf", "--json")
    assert json.loads(pdf) == {"school": "Eksempel vgs", "file": str(tmp_path / "term.pdf")}


def test_a_call_list_that_goes_on_and_a_row_of_follow_ups_are_told(case: Case) -> None:
    with bound_db_now(NOW), case.database.read() as connection:
        found = count(connection, case.alert)
        first = list(call_list(connection, case.alert))
    many = replace(
        found,
        classes=replace(found.classes, nobody_reached=1045),
        alert=replace(found.alert, refers_to="A-2611-0007", followed_by="A-2611-0009", planned_students=3),
        unmatched_answers=2,
    )
    page = as_html(report_paper(many, None, first, made_at=NOW)).replace("\u00a0", " ")
    for words in (
        "Ring disse først (1 045)",
        "1 041 til står på ringelisten.",
        "Følger opp varsel A-2611-0007.",
        "Er fulgt opp av varsel A-2611-0009.",
        "Meldingene er laget for 3 av 8 elever.",
        "2 svar på SMS må leses",
    ):
        assert words in page
    assert "har kostet" not in page
    nobody = replace(many, classes=replace(found.classes, nobody_reached=0))
    page = as_html(report_paper(nobody, None, [], made_at=NOW))
    assert "Ingen: noen er nådd for hver elev" in page
    assert "2 svar på SMS må leses" in page
