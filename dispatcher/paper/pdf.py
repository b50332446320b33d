"""A document as a PDF file (A4)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape

from dispatcher.paper.document import (
    BLUE,
    FAINT,
    INK,
    LABEL_SIZE,
    LINE,
    Bar,
    Block,
    Chart,
    Document,
    Heading,
    Label,
    Paragraph,
    Quote,
    Shape,
    Stroke,
    Table,
)
from dispatcher.paper.font import NAME, drawable, make_known

if TYPE_CHECKING:
    from reportlab.graphics.shapes import Drawing
    from reportlab.platypus import Flowable

_MARGIN: Final = 42
_OPTION: Final = re.compile(r"--[a-z][a-z-]*")
_PADDING: Final = 6  # reportlab's own, within its frame
# What words shrink to, step by step, when all of a document must stand on one page.
_SCALES: Final = (1.0, 0.92, 0.85, 0.78, 0.7)


def as_pdf(document: Document, *, one_page: bool = False) -> bytes:
    """The file. `one_page`: as small as it takes for one page, within what can be read; pages are then not numbered."""
    content, pages = _drawn(document, _SCALES[0], numbered=not one_page)
    for scale in _SCALES[1:] if one_page else ():
        if pages == 1:
            break
        content, pages = _drawn(document, scale, numbered=False)
    return content


def _drawn(document: Document, scale: float, *, numbered: bool) -> tuple[bytes, int]:
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import SimpleDocTemplate

    make_known()

    def foot(canvas: Any, paper: Any) -> None:
        canvas.setFont(NAME, 8)
        canvas.setFillColor(FAINT)
        canvas.drawString(_MARGIN + _PADDING, 26, drawable(document.footer))
        if numbered:
            canvas.drawRightString(paper.pagesize[0] - _MARGIN - _PADDING, 26, f"side {canvas.getPageNumber()}")

    written = BytesIO()
    margins = dict.fromkeys(("leftMargin", "rightMargin", "topMargin", "bottomMargin"), _MARGIN)
    paper = SimpleDocTemplate(written, pagesize=A4, title=document.title, author="", lang="nb", **margins)
    width = A4[0] - 2 * (_MARGIN + _PADDING)
    paper.build(list(_story(document, width, scale)), onFirstPage=foot, onLaterPages=foot)
    return written.getvalue(), paper.page


def _story(document: Document, width: float, scale: float) -> Iterator[Flowable]:
    from reportlab.platypus import CondPageBreak

    yield _words(document.title, 18 * scale, after=2)
    yield _words(document.subtitle, 12 * scale, after=6)
    for block, following in zip_longest(document.blocks, document.blocks[1:]):
        if isinstance(block, Heading):
            # Room for the heading and the beginning of what it stands over: a table goes on over the page.
            picture = following.height * width / following.width if isinstance(following, Chart) else 0
            yield CondPageBreak(60 * scale + picture)
        yield from _block(block, width, scale)


def _block(block: Block, width: float, scale: float) -> Iterator[Flowable]:
    match block:
        case Heading(words):
            yield _words(words, 13 * scale, before=10 * scale, after=2, colour=BLUE)
        case Paragraph(words, strong):
            yield _words(words, (11.5 if strong else 9.5) * scale, after=2)
        case Quote(words):
            yield _quote(words, scale)
        case Table():
            yield _table(block, width, scale)
        case Chart():
            yield from _chart(block, width, scale)


def _words(
    words: str,
    size: float,
    *,
    before: float = 0,
    after: float = 0,
    colour: str = INK,
    right: bool = False,
    with_next: bool = False,
    font: str = NAME,
) -> Flowable:
    from reportlab.lib.enums import TA_LEFT, TA_RIGHT
    from reportlab.lib.styles import ParagraphStyle
    from reportlab.platypus import Paragraph as Drawn

    style = ParagraphStyle(
        name="words",
        fontName=font,
        fontSize=size,
        leading=size * 1.3,
        spaceBefore=before,
        spaceAfter=after,
        textColor=colour,
        alignment=TA_RIGHT if right else TA_LEFT,
        splitLongWords=1,
        keepWithNext=with_next,
    )
    # In the font of the words two hyphens look like a dash: in one for what is typed, they are two.
    lines = (_OPTION.sub(r'<font name="Courier">\g<0></font>', escape(drawable(line))) for line in words.split("\n"))
    return Drawn("<br/>".join(lines), style)


def _typed(words: str, size: float) -> Flowable:
    """In a font in which two hyphens are two, where it has the letters: it lacks the Sámi ones."""
    try:
        words.encode("cp1252")
    except UnicodeEncodeError:
        return _words(words, size)
    return _words(words, size * 0.86, font="Courier")


def _quote(words: str, scale: float) -> Flowable:
    from reportlab.platypus import Table as Drawn

    quote = Drawn([[_words(words, 9.5 * scale)]], hAlign="LEFT", spaceAfter=4)
    quote.setStyle([("LINEBEFORE", (0, 0), (0, -1), 2, LINE), *_padding(2 * scale, left=8)])
    return quote


def _table(table: Table, width: float, scale: float) -> Flowable:
    from reportlab.platypus import LongTable

    size = 9 * scale
    rows = [
        [
            _typed(cell, size)
            if column in table.typed
            else _words(cell, size * 1.12 if number in table.strong else size, right=column in table.numbers)
            for column, cell in enumerate(row)
        ]
        for number, row in enumerate(table.rows)
    ]
    if table.head:
        head = [_words(cell, size, colour=FAINT, right=at in table.numbers) for at, cell in enumerate(table.head)]
        rows.insert(0, head)
    total = sum(table.widths)
    drawn = LongTable(
        rows,
        colWidths=[width * one / total for one in table.widths],
        repeatRows=1 if table.head else 0,
        spaceAfter=6 * scale,
        hAlign="LEFT",
    )
    drawn.setStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE),
            *_padding(2 * scale, left=0),
        ]
    )
    return drawn


def _padding(vertical: float, *, left: float) -> list[tuple[Any, ...]]:
    sides = {"TOPPADDING": vertical, "BOTTOMPADDING": vertical, "LEFTPADDING": left, "RIGHTPADDING": 8}
    return [(side, (0, 0), (-1, -1), points) for side, points in sides.items()]


def _chart(chart: Chart, width: float, scale: float) -> Iterator[Flowable]:
    yield _words(chart.title, 10.5 * scale, before=6, after=2, with_next=True)
    yield _drawing(chart, width)


def _drawing(chart: Chart, width: float) -> Drawing:
    from reportlab.graphics.shapes import Drawing

    drawing = Drawing(chart.width, chart.height)
    for shape in chart.shapes:
        drawing.add(_shape(shape, chart.height))
    scale = width / chart.width
    drawing.scale(scale, scale)
    drawing.width, drawing.height = width, chart.height * scale
    return drawing


def _shape(shape: Shape, height: float) -> Any:
    """The shape, measured from the lower left corner as in PDF."""
    from reportlab.graphics.shapes import PolyLine, Rect, String
    from reportlab.lib.colors import HexColor

    match shape:
        case Bar(x, y, wide, high, colour):
            return Rect(x, height - y - high, wide, high, fillColor=HexColor(colour), strokeColor=None)
        case Stroke(points, colour, line_width, dash):
            flat = [number for x, y in points for number in (x, height - y)]
            return PolyLine(
                flat,
                strokeColor=HexColor(colour),
                strokeWidth=line_width,
                strokeDashArray=list(dash) or None,
                strokeLineCap=0,
            )
        case Label(x, y, words, anchor, colour):
            return String(
                x,
                height - y,
                drawable(words),
                fontName=NAME,
                fontSize=LABEL_SIZE,
                textAnchor=anchor,
                fillColor=HexColor(colour),
            )
