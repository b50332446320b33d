"""A document for people to read on paper: blocks of words, tables and charts, which HTML and PDF draw alike (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

# Colours that differ in lightness, too; nothing is told by colour alone.
INK = "#1b1f24"
FAINT = "#57606a"
LINE = "#c4ccd4"
BLUE = "#1f4e79"
GREEN = "#2f9e68"
ORANGE = "#b35900"
RED = "#b3261e"
GREY = "#8b949e"


@dataclass(frozen=True, slots=True)
class Heading:
    words: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """`strong`: it must not be overlooked."""

    words: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Quote:
    """Words that were sent, exactly so."""

    words: str


@dataclass(frozen=True, slots=True)
class Table:
    """`widths`: shares of the width, one for each column. `numbers`: columns that stand to the right.

    `strong`: rows that stand out, the sum for instance. `typed`: columns of what is to be typed, sign by sign. Without
    a `head` no row stands above the others.
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    widths: tuple[float, ...]
    numbers: frozenset[int] = frozenset()
    strong: frozenset[int] = frozenset()
    typed: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Bar:
    """A filled rectangle; places and sizes in points, from the upper left corner, here and below."""

    x: float
    y: float
    width: float
    height: float
    colour: str


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line through the points. `dash`: lengths of dash and gap; none for a line without gaps."""

    points: tuple[tuple[float, float], ...]
    colour: str
    width: float = 1.0
    dash: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Label:
    """One line of words, whose baseline is at `y`. `anchor`: start, middle or end stands at `x`."""

    x: float
    y: float
    words: str
    anchor: str = "start"
    colour: str = INK


Shape: TypeAlias = Bar | Stroke | Label
LABEL_SIZE = 9.0


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture with a title, and with a description that says all of it in words."""

    title: str
    description: str
    width: float
    height: float
    shapes: tuple[Shape, ...]


Block: TypeAlias = Heading | Paragraph | Quote | Table | Chart


@dataclass(frozen=True, slots=True)
class Document:
    """`subtitle`: the line under the title. `footer`: stands on every page of a PDF file, with the page's number."""

    title: str
    subtitle: str
    blocks: tuple[Block, ...]
    footer: str
