"""Letters on A4 for envelopes with a window on the left, folded once for C5 or twice for DL.

What stands in the window is the address alone: it begins 25 mm from the left and 50 mm from the top, and ends before
86 mm. The window of a Norwegian envelope (35 × 90 mm, 20 mm from the left) shows it with either fold, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, Protocol
from xml.sax.saxutils import escape

from contacts.postal import PostalAddress
from dispatcher.paper.font import NAME, drawable, make_known

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

_MM: Final = 72 / 25.4
_WIDTH, _HEIGHT = 210 * _MM, 297 * _MM
_LEFT, _RIGHT = 25 * _MM, 25 * _MM
_ADDRESS_TOP, _ADDRESS_BOTTOM = 50 * _MM, 86 * _MM
_TEXT_TOP, _TEXT_BOTTOM = 110 * _MM, 25 * _MM
# From the top: folded in three it fits into DL, folded in two into C5.
_FOLDS = (105 * _MM, 148.5 * _MM)
_WORDS: Final = {
    "nb": ("Vår ref.", "{day}.{month}.{year}"),
    "nn": ("Vår ref.", "{day}.{month}.{year}"),
    "se": ("Min ref.", "{day}.{month}.{year}"),
    "en": ("Our ref.", "{year}-{month:02}-{day:02}"),
}


class OnPaper(Protocol):
    """What a letter is made of."""

    @property
    def ref(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def address(self) -> PostalAddress: ...
    @property
    def language(self) -> str: ...
    @property
    def headline(self) -> str: ...
    @property
    def paragraphs(self) -> tuple[str, ...]: ...


def as_pdf(letters: Sequence[OnPaper], sender: Sequence[str], on: date) -> bytes:
    """One PDF with all letters, in their order; a letter that needs more pages than one goes on below the window."""
    from reportlab.pdfgen.canvas import Canvas

    make_known()
    paper = _Paper(sender, on)
    written = BytesIO()
    canvas = Canvas(written, pagesize=(_WIDTH, _HEIGHT), lang="nb")
    canvas.setTitle("Brev til foresatte")
    for letter in letters:
        paper.draw(canvas, letter)
    canvas.save()
    return written.getvalue()


class _Paper:
    def __init__(self, sender: Sequence[str], on: date) -> None:
        self._sender = sender
        self._on = on

    def draw(self, canvas: Canvas, letter: OnPaper) -> None:
        self._head(canvas, letter)
        self._address(canvas, (letter.name, *letter.address.on_envelope))
        self._text(canvas, letter)
        canvas.showPage()

    def _head(self, canvas: Canvas, letter: OnPaper) -> None:
        canvas.setFont(NAME, 9)
        for number, line in enumerate(self._sender):
            canvas.drawString(_LEFT, _HEIGHT - (18 + 4.5 * number) * _MM, drawable(line))
        ref, day = _WORDS[letter.language]
        told = day.format(day=self._on.day, month=self._on.month, year=self._on.year)
        canvas.drawRightString(_WIDTH - _RIGHT, _HEIGHT - 18 * _MM, told)
        canvas.drawRightString(_WIDTH - _RIGHT, _HEIGHT - 22.5 * _MM, f"{ref} {letter.ref}")
        canvas.setLineWidth(0.3)
        for fold in _FOLDS:
            canvas.line(4 * _MM, _HEIGHT - fold, 8 * _MM, _HEIGHT - fold)

    def _address(self, canvas: Canvas, lines: Sequence[str]) -> None:
        """All of it, however many lines it has: closer together where they are many, smaller where one is long."""
        from reportlab.pdfbase.pdfmetrics import stringWidth

        leading = min(5 * _MM, (_ADDRESS_BOTTOM - _ADDRESS_TOP) / len(lines))
        room = 85 * _MM
        for number, line in enumerate(lines):
            shown = drawable(line)
            size = min(11.0, leading * 0.85)
            size *= min(1.0, room / max(1.0, stringWidth(shown, NAME, size)))
            canvas.setFont(NAME, size)
            canvas.drawString(_LEFT, _HEIGHT - _ADDRESS_TOP - leading * number - size, shown)

    def _text(self, canvas: Canvas, letter: OnPaper) -> None:
        from reportlab.platypus import Frame

        story: list[Any] = [self._paragraph(letter.headline, 15, 10)]
        story += [self._paragraph(one, 11, 8) for one in letter.paragraphs]
        width = _WIDTH - _LEFT - _RIGHT
        while story:
            height = _HEIGHT - _TEXT_TOP - _TEXT_BOTTOM
            frame = Frame(_LEFT, _TEXT_BOTTOM, width, height, leftPadding=0, rightPadding=0, showBoundary=0)
            frame.addFromList(story, canvas)
            if story:
                canvas.showPage()

    def _paragraph(self, text: str, size: int, after: int) -> Any:
        from reportlab.lib.styles import ParagraphStyle
        from reportlab.platypus import Paragraph

        style = ParagraphStyle(
            name=f"size{size}", fontName=NAME, fontSize=size, leading=size * 1.4, spaceAfter=after, splitLongWords=1
        )
        return Paragraph(escape(drawable(text)), style)
