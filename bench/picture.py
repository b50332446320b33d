"""The table as a picture: for each row with a goal, a bar of what was measured against a line at the goal. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bench.table import Bound, Row, Verdict

_WIDTH, _LABEL, _LINE, _BAR, _MARGIN = 1120, 540, 30, 16, 20
# The goal stands at half of the bars' width; what is more than twice the goal is cut off there.
_MOST = 2.0
_COLOURS = {Verdict.MET: "#2e7d4f", Verdict.MISSED: "#b3402e"}


def as_svg(rows: Sequence[Row], title: str) -> str:
    """An SVG of the rows that have a goal and were measured; the text beside each bar says the number."""
    drawn = [row for row in rows if row.goal is not None and row.measured is not None]
    height = 2 * _MARGIN + _LINE * (len(drawn) + 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" font-family="sans-serif" '
        'font-size="13">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(_MARGIN, _MARGIN + 10, title, size=16),
        _text(_goal_x(), _MARGIN + _LINE + 8, "goal", anchor="middle", colour="#555555"),
    ]
    for number, row in enumerate(drawn, 2):
        parts += _row(row, _MARGIN + _LINE * number)
    bottom = _MARGIN + _LINE * (len(drawn) + 2) - 6
    parts.append(
        f'<line x1="{_goal_x()}" y1="{_MARGIN + _LINE + 14}" x2="{_goal_x()}" y2="{bottom}" stroke="#222222" '
        'stroke-dasharray="4 3"/>'
    )
    return "\n".join([*parts, "</svg>"]) + "\n"


def part_of_goal(row: Row) -> float:
    """How long the bar is, with the goal at 1: between 0 and 2. A goal of zero is met by nothing, or far exceeded."""
    assert row.goal is not None and row.measured is not None
    if row.goal.number == 0:
        return _MOST if row.measured else 0.0
    return max(0.0, min(_MOST, row.measured / row.goal.number))


def _row(row: Row, top: int) -> list[str]:
    assert row.goal is not None
    length = _bars() * part_of_goal(row) / _MOST
    better = "more is better" if row.goal.bound is Bound.AT_LEAST else "less is better"
    return [
        f"<g><title>{escape(f'{row.what}: goal {row.goal_words}, {better}')}</title>",
        _text(_LABEL - 10, top + 13, row.what, anchor="end"),
        f'<rect x="{_LABEL}" y="{top}" width="{length:.1f}" height="{_BAR}" fill="{_COLOURS[row.verdict]}"/>',
        _text(_LABEL + _bars() + 10, top + 13, f"{row.measured_words} ({row.goal_words})"),
        "</g>",
    ]


def _bars() -> int:
    return _WIDTH - _LABEL - 220


def _goal_x() -> int:
    return _LABEL + int(_bars() / _MOST)


def _text(x: int, y: int, words: str, *, anchor: str = "start", size: int = 13, colour: str = "#222222") -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">{escape(words)}</text>'
