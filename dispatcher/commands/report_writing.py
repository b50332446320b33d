"""Writing one alert's report in each format, to standard output or to a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from config.shell import console

if TYPE_CHECKING:
    from datetime import datetime
    from typing import TextIO

    from rich.console import Console
    from sqlalchemy import Connection

    from dispatcher.paper.document import Document
    from dispatcher.reports.breakdown import Breakdown
    from dispatcher.reports.call_list import StudentToCallAbout
    from dispatcher.reports.classes import StudentsByClass
    from dispatcher.reports.cost import Cost, Prices
    from dispatcher.reports.figures import AlertHead, Report

FORCE = "Choose another name, or give --force."


class Format(StrEnum):
    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    HTML = "html"
    PDF = "pdf"


class PageFormat(StrEnum):
    """Those of what is told of several alerts."""

    TABLE = "table"
    JSON = "json"
    HTML = "html"
    PDF = "pdf"


@dataclass(frozen=True, slots=True)
class Counted:
    """What is counted of one alert, when it is asked for. `with_breakdown`: the course and the classes are wanted."""

    connection: Connection
    alert_id: int
    classes: StudentsByClass
    prices: Prices
    with_breakdown: bool
    reduced: bool

    def students(self, limit: int | None = None) -> Iterator[StudentToCallAbout]:
        from dispatcher.reports.call_list import call_list as students_to_call

        return students_to_call(self.connection, self.alert_id, self.classes, limit=limit)

    def figures(self) -> Report:
        from dispatcher.reports.counting import report as count

        return count(self.connection, self.alert_id, self.classes.counts)

    def head(self) -> AlertHead:
        from dispatcher.reports.counting import alert_head

        return alert_head(self.connection, self.alert_id)

    def breakdown(self, confirmed_at: datetime | None) -> Breakdown | None:
        from dispatcher.reports.breakdown import breakdown

        if self.reduced or not self.with_breakdown:
            return None
        return breakdown(self.connection, self.alert_id, confirmed_at, self.prices)

    def cost(self) -> Cost | None:
        from dispatcher.reports.cost import cost

        return None if self.reduced else cost(self.connection, self.alert_id, self.prices)

    def now(self) -> datetime:
        from sqlalchemy import select

        from config.clock import db_now

        return self.connection.execute(select(db_now())).scalar_one()


def draw(counted: Counted, call_list: bool, to: Path | None, force: bool) -> None:
    """The table, on the terminal or in the file."""
    from rich.console import Console

    from dispatcher.reports.call_page import print_call_page
    from dispatcher.reports.report_page import SHOWN, print_report

    with stream_to(to, force) as stream:
        page = console() if to is None else Console(file=stream, width=80, highlight=False)
        if call_list:
            print_call_page(page, counted.head(), counted.classes.counts, counted.students())
        else:
            print_report(page, counted.figures(), list(counted.students(SHOWN)), counted.cost())


def write_call_list(stream: TextIO, form: Format, counted: Counted) -> None:
    """The call list alone, in any format but the table."""
    from dispatcher.reports import report_files
    from dispatcher.reports.paper_calls import call_paper

    match form:
        case Format.JSON:
            report_files.write_call_list_json(stream, counted.head(), counted.students())
        case Format.CSV:
            report_files.write_call_list_csv(stream, counted.students())
        case _:
            nobody = counted.classes.counts.nobody_reached
            paper = call_paper(counted.head(), nobody, counted.students(), made_at=counted.now())
            _write_paper(stream, form, paper)


def write_report(stream: TextIO, form: Format, counted: Counted) -> None:
    """The report, in any format but the table."""
    from dispatcher.reports import report_files
    from dispatcher.reports.paper_report import report_paper
    from dispatcher.reports.report_page import SHOWN

    figures = counted.figures()
    parts = counted.breakdown(figures.alert.confirmed_at)
    match form:
        case Format.JSON:
            report_files.write_report_json(stream, figures, counted.students(), parts)
        case Format.CSV:
            report_files.write_figures_csv(stream, figures, parts)
        case _:
            first = list(counted.students(SHOWN))
            _write_paper(stream, form, report_paper(figures, parts, first, made_at=counted.now()))


def write_page(
    form: PageFormat,
    to: Path | None,
    force: bool,
    *,
    table: Callable[[Console], None],
    document: object,
    paper: Document,
) -> None:
    """What is told of several alerts, as the table, as JSON, or on paper; to standard output, or to a file."""
    import json

    from rich.console import Console

    from config.shell import plain

    with stream_to(to, force) as stream:
        match form:
            case PageFormat.TABLE:
                table(console() if to is None else Console(file=stream, width=80, highlight=False))
            case PageFormat.JSON:
                stream.write(json.dumps(document, default=plain, ensure_ascii=False, indent=2) + "\n")
            case _:
                _write_paper(stream, Format(form), paper)


def check_output(form: Format | PageFormat, to: Path | None, force: bool) -> None:
    """Ask before anything is counted. Raises UsageError when the file is there, or a PDF would go to the terminal."""
    import sys

    from config.errors import UsageError
    from config.new_file import check_free

    if to is not None:
        check_free(to, replace=force, remedy=FORCE)
    elif form == Format.PDF and sys.stdout.isatty():
        raise UsageError(
            "A PDF file is not for the terminal.", unchanged="Nothing was written.", remedy="Name a file with --output."
        )


def _write_paper(stream: TextIO, form: Format, paper: Document) -> None:
    if form is Format.HTML:
        from dispatcher.paper.html import as_html

        stream.write(as_html(paper))
    else:
        from dispatcher.paper.pdf import as_pdf

        stream.flush()
        stream.buffer.write(as_pdf(paper))


@contextmanager
def stream_to(to: Path | None, force: bool) -> Iterator[TextIO]:
    """Standard output, or the file."""
    import io
    import sys

    from config.new_file import new_file

    if to is None:
        yield sys.stdout
        return
    with new_file(to, replace=force, remedy=FORCE) as raw:
        text = io.TextIOWrapper(raw, encoding="utf-8", newline="")
        yield text
        text.detach()
