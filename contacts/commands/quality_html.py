"""The page of `contacts quality` for a browser: one file that loads nothing, in light and dark. Figures only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from contacts.commands.quality_page import SHARED, cells_of, email_facts, grouped, percent, phone_facts
from contacts.quality import Figures, Quality

# No script, no picture, nothing from elsewhere: what a school's name might smuggle in does nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --faint: #57606a; --line: #d0d7de;
  --two: #1a7f4b; --one: #d4a72c; --none: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0d1117; --faint: #9da7b3; --line: #30363d;
  --two: #3fb27f; --one: #e3b341; --none: #ff7b72; } }
body { background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto;
  max-width: 56rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem; }
p { color: var(--faint); margin: .2rem 0; }
.bar { display: flex; height: 1.4rem; border-radius: .3rem; overflow: hidden; gap: 2px; }
.two { background: var(--two); } .one { background: var(--one); } .none { background: var(--none); }
.key { display: inline-block; width: .8rem; height: .8rem; border-radius: .2rem; margin-right: .3rem; }
section { overflow-x: auto; }
table { border-collapse: collapse; margin-top: .6rem; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { border-bottom: 1px solid var(--line); padding: .2rem .8rem .2rem 0; text-align: right; }
th:first-child { text-align: left; } th { color: var(--faint); font-weight: normal; }
@media print { .bar, .key { print-color-adjust: exact; } }
"""
_CELLS = 1000


def quality_html(quality: Quality) -> str:
    """The whole document."""
    return "\n".join(_document(quality)) + "\n"


def _document(quality: Quality) -> Iterator[str]:
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>Contact information, {quality.on}</title><style>{_STYLE}</style></head><body>"
    yield f"<h1>Contact information as of {quality.on}</h1>"
    yield "<p>Students by the channels on which a real alert reaches somebody who may be told about them.</p>"
    yield (
        "<p>"
        + " ".join(
            f'<span class="key {name}"></span>{words} &nbsp;'
            for name, words in (("two", "two (SMS and e-mail)"), ("one", "one"), ("none", "none"))
        )
        + "</p>"
    )
    for school in quality.schools:
        yield from _school(school.name, school.figures)
    if len(quality.schools) > 1:
        yield from _school(f"All {len(quality.schools)} schools", quality.total)
    if not quality.schools:
        yield "<p>No school has any students.</p>"
    else:
        yield f"<p>{SHARED}</p>"
    yield "</body></html>"


def _school(name: str, figures: Figures) -> Iterator[str]:
    students = figures.students
    yield f"<section><h2>{escape(name)}</h2>"
    shares = (("two", students.two_channels), ("one", students.one_channel), ("none", students.no_channel))
    if students.with_entitled:
        said = ", ".join(
            f"{what} {grouped(count)} ({percent(count, students.with_entitled)})" for what, count in reversed(shares)
        )
        yield f'<div class="bar" role="img" aria-label="{said}">'
        widths = cells_of([count for _what, count in shares], _CELLS)
        yield "".join(
            f'<div class="{what}" style="flex:{width}"></div>'
            for (what, _count), width in zip(shares, widths, strict=True)
            if width
        )
        yield f"</div><p>{said}, of {grouped(students.with_entitled)} students</p>"
    if students.nobody_entitled:
        yield f"<p>Nobody may be told today, or a person must decide: {grouped(students.nobody_entitled)} students</p>"
    facts = phone_facts(figures.phones)
    names = "".join(f'<th scope="col">{what}</th>' for what in ("", "all", *(what for what, _count in facts)))
    yield f"<table><tr>{names}</tr>"
    yield _row("phone numbers", figures.phones.all, facts, len(facts))
    yield _row("e-mail addresses", figures.emails.all, email_facts(figures.emails), len(facts))
    yield "</table></section>"


def _row(name: str, count: int, facts: Sequence[tuple[str, int]], columns: int) -> str:
    """One row; the facts that e-mail addresses lack are the last ones of phone numbers."""
    cells = [grouped(number) for number in (count, *(number for _what, number in facts))]
    cells += ["–"] * (columns - len(facts))
    return f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
