"""The report for other programs: one JSON document, or CSV. Written as it is read, to an open stream."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import TextIO

from dispatcher.reports.breakdown import Breakdown
from dispatcher.reports.call_list import StudentToCallAbout
from dispatcher.reports.figures import AlertHead, Report
from dispatcher.reports.watch_page import why_words
from dispatcher.reports.words import CLASS_WORDS

CALL_COLUMNS = ("class", "home_class", "student_ref", "student", "guardian", "phones", "why", "codes", "guardian_ref")
FIGURE_COLUMNS = ("section", "what", "detail", "value")
# A spreadsheet would run a cell that begins so.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_report_json(
    stream: TextIO, report: Report, students: Iterable[StudentToCallAbout], breakdown: Breakdown | None = None
) -> None:
    """One document: `nobody_reached`, the classes and the alert first, then the call list, then everything else.

    `breakdown`: None where it was not asked for, or cannot be counted any more; then nothing stands for it.
    """
    first: dict[str, object] = {"nobody_reached": report.classes.nobody_reached}
    rest: dict[str, object] = {part.name: getattr(report, part.name) for part in dataclasses.fields(report)}
    first |= {name: rest.pop(name) for name in ("classes", "alert")}
    _write_json(stream, first, students, rest | ({"breakdown": breakdown} if breakdown else {}))


def write_call_list_json(stream: TextIO, alert: AlertHead, students: Iterable[StudentToCallAbout]) -> None:
    """One document: the alert, and its call list."""
    _write_json(stream, {"alert": alert}, students, {})


def _write_json(
    stream: TextIO, first: Mapping[str, object], students: Iterable[StudentToCallAbout], rest: Mapping[str, object]
) -> None:
    stream.write("{\n")
    for name, value in first.items():
        stream.write(f'  "{name}": {_dumped(value)},\n')
    stream.write('  "call_list": [')
    separator = "\n    "
    for student in students:
        stream.write(separator + json.dumps(student, default=_plain, ensure_ascii=False))
        separator = ",\n    "
    stream.write("\n  ]")
    for name, value in rest.items():
        stream.write(f',\n  "{name}": {_dumped(value)}')
    stream.write("\n}\n")


def write_call_list_csv(stream: TextIO, students: Iterable[StudentToCallAbout]) -> None:
    """One row a guardian (a student without one has a row, too); whole numbers, several set apart by "; "."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(CALL_COLUMNS)
    for student in students:
        about = (student.student_class.value, student.home_class or "", student.ref, student.name or "")
        for guardian in student.guardians:
            phones = "; ".join(
                phone.number + (" fixed line" if phone.fixed_line else "") + ("" if phone.verified else " not verified")
                for phone in guardian.phones
            )
            why = "; ".join(why_words(why) for why in guardian.why)
            codes = "; ".join(why.code for why in guardian.why if why.code)
            writer.writerow([*map(_cell, about), _cell(guardian.name), phones, _cell(why), _cell(codes), guardian.ref])
        if not student.guardians:
            writer.writerow([*map(_cell, about), "", "", _cell(student.why or ""), "", ""])


def write_figures_csv(stream: TextIO, report: Report, breakdown: Breakdown | None = None) -> None:
    """Every figure as one row: section, what, detail, value; students with nobody reached first."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(FIGURE_COLUMNS)
    for row in (*_figure_rows(report), *(_breakdown_rows(breakdown) if breakdown else ())):
        writer.writerow([_cell(str(cell)) for cell in row])


def _figure_rows(report: Report) -> Iterator[tuple[object, ...]]:
    classes = report.classes
    yield "students", "nobody_reached", "unreached + held", classes.nobody_reached
    for student_class, words in CLASS_WORDS.items():
        yield "students", student_class.value, words, getattr(classes, student_class.value)
    yield "students", "all", "", classes.students
    for one in report.reduced.schools if report.reduced else ():
        for part in dataclasses.fields(one.classes):
            yield "students of one school", one.school or "", part.name, getattr(one.classes, part.name)
    for state in report.states:
        yield "messages", state.channel.value, state.state.value, state.deliveries
    for times in report.times:
        for what, spread in (("hand_over", times.hand_over), ("delivery", times.delivery)):
            if spread is not None:
                for measure in dataclasses.fields(spread):
                    seconds = "" if measure.name == "count" else " (s)"
                    yield f"times {what}", times.channel.value, measure.name + seconds, getattr(spread, measure.name)
    for reason in report.reasons:
        what = f"{reason.channel.value} {reason.state.value}"
        yield "reasons", what, f"{reason.words} ({reason.code})" if reason.code else reason.words, reason.deliveries
    for unreachable in report.unreachable:
        yield "guardians without a message", unreachable.code, unreachable.words, unreachable.guardians
    for decision in report.decisions:
        yield "decisions", decision.verdict.value, decision.reason, decision.decisions
    for attempt in report.attempts:
        yield "attempts", attempt.outcome.value, "", attempt.attempts
    for name in (
        "unknown",
        "long_unknown",
        "email_repeats",
        "refused_moves",
        "stale",
        "unverified",
        "unmatched_answers",
        "confirmed_by_answer",
        "reached_by_telephone",
    ):
        yield "details", name, "", getattr(report, name)
    for text in report.texts:
        yield "texts", text.language, text.sms, text.deliveries
    if report.reduced:
        yield "details", "reduced_at", "", report.reduced.at.isoformat()
    for act in report.acts:
        yield "acts", act.act, act.operator, act.at.isoformat()


def _breakdown_rows(breakdown: Breakdown) -> Iterator[tuple[object, ...]]:
    for home in breakdown.home_classes:
        name = "protected, or may be" if home.hidden else f"{home.school or ''} {home.home_class or ''}".strip()
        for part in dataclasses.fields(home.classes):
            yield "students of one home class", name, part.name, getattr(home.classes, part.name)
    for curve in breakdown.curves:
        for point in curve.points:
            what = f"{curve.channel.value} {curve.milestone.value}"
            yield "messages so far", what, f"{point.seconds} s", point.messages
    for slow in breakdown.slowest:
        about = "protected, or may be" if slow.hidden else ", ".join(slow.home_classes)
        yield "slowest messages", f"{slow.channel.value} {slow.milestone.value} (s)", about, slow.seconds
    for part in dataclasses.fields(breakdown.cost):
        yield "cost", part.name, "", getattr(breakdown.cost, part.name)


def _cell(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _dumped(value: object) -> str:
    return json.dumps(value, default=_plain, ensure_ascii=False, indent=2).replace("\n", "\n  ")


def _plain(value: object) -> object:
    if isinstance(value, date):  # and datetime, which is a date
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {part.name: getattr(value, part.name) for part in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
