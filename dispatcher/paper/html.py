"""A document as one HTML file that loads nothing, runs nothing, and prints on A4."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from dispatcher.paper.document import (
    LABEL_SIZE,
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

# No script, no picture, nothing from elsewhere: what a name or a text might smuggle in does nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
:root { color-scheme: light; }
body { background: #fff; color: #1b1f24; font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 50rem;
  padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 1.6rem 0 .3rem; break-after: avoid; }
p { margin: .3rem 0; } p.sub { font-size: 1.1rem; } p.strong { font-weight: 600; }
footer { color: #57606a; font-size: .85rem; margin-top: 2rem; }
blockquote { border-left: 3px solid #c4ccd4; margin: .3rem 0 .8rem; padding: .1rem 0 .1rem .7rem;
  white-space: pre-wrap; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .3rem 0 .6rem; width: 100%; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th, td { border-bottom: 1px solid #c4ccd4; padding: .2rem .6rem .2rem 0; text-align: left; vertical-align: top; }
th { color: #57606a; font-weight: normal; } tr.strong td { font-weight: 600; }
.number { text-align: right; } .typed { font-family: monospace; }
thead { display: table-header-group; } tr { break-inside: avoid; }
figure { margin: .5rem 0 1rem; break-inside: avoid; } svg { width: 100%; height: auto; }
figcaption { font-weight: 600; }
@page { size: A4; margin: 15mm; }
@media print { body { font-size: 10pt; margin: 0; max-width: none; padding: 0; }
  svg { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""


def as_html(document: Document) -> str:
    """The whole document, in Norwegian bokmål."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Document) -> Iterator[str]:
    yield "<!DOCTYPE html>"
    yield '<html lang="nb"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(document.title)}</title><style>{_STYLE}</style></head><body><main>"
    yield f'<h1>{escape(document.title)}</h1><p class="sub">{escape(document.subtitle)}</p>'
    for number, block in enumerate(document.blocks):
        yield from _block(number, block)
    yield f"</main><footer>{escape(document.footer)}</footer></body></html>"


def _block(number: int, block: Block) -> Iterator[str]:
    match block:
        case Heading(words):
            yield f"<h2>{escape(words)}</h2>"
        case Paragraph(words, strong):
            yield f'<p class="strong">{escape(words)}</p>' if strong else f"<p>{escape(words)}</p>"
        case Quote(words):
            yield f"<blockquote>{escape(words)}</blockquote>"
        case Table():
            yield from _table(block)
        case Chart():
            yield from _chart(number, block)


def _table(table: Table) -> Iterator[str]:
    def cells(row: tuple[str, ...], opening: str, closing: str) -> str:
        of_column = (_NUMBER if at in table.numbers else _TYPED if at in table.typed else "" for at in range(len(row)))
        return "".join(f"<{opening}{name}>{_cell(cell)}</{closing}>" for name, cell in zip(of_column, row, strict=True))

    yield f'<div class="wide"><table><caption>{escape(table.caption)}</caption>'
    total = sum(table.widths)
    columns = "".join(f'<col style="width:{100 * width / total:.1f}%">' for width in table.widths)
    yield f"<colgroup>{columns}</colgroup>"
    if table.head:
        yield f"<thead><tr>{cells(table.head, _HEAD, 'th')}</tr></thead>"
    yield "<tbody>"
    for number, row in enumerate(table.rows):
        yield f"<tr{_STRONG if number in table.strong else ''}>{cells(row, 'td', 'td')}</tr>"
    yield "</tbody></table></div>"


_HEAD = 'th scope="col"'
_NUMBER = ' class="number"'
_TYPED = ' class="typed"'
_STRONG = ' class="strong"'


def _cell(words: str) -> str:
    return "<br>".join(escape(line) for line in words.split("\n"))


def _chart(number: int, chart: Chart) -> Iterator[str]:
    names = f"title-{number} desc-{number}"
    yield f"<figure><figcaption>{escape(chart.title)}</figcaption>"
    yield f'<svg role="img" aria-labelledby="{names}" viewBox="0 0 {chart.width:g} {chart.height:g}">'
    yield f'<title id="title-{number}">{escape(chart.title)}</title>'
    yield f'<desc id="desc-{number}">{escape(chart.description)}</desc>'
    yield from (_shape(shape) for shape in chart.shapes)
    yield "</svg></figure>"


def _shape(shape: Shape) -> str:
    match shape:
        case Bar(x, y, width, height, colour):
            return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'
        case Stroke(points, colour, width, dash):
            places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            gaps = f' stroke-dasharray="{" ".join(f"{length:g}" for length in dash)}"' if dash else ""
            return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="{width:g}"{gaps}/>'
        case Label(x, y, words, anchor, colour):
            place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{LABEL_SIZE:g}" fill="{colour}"'
            return f"<text {place}>{escape(words)}</text>"
