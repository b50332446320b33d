"""How `contacts explain` and `contacts held` look on a terminal; the facts and their order are those of the screens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING

from contacts.codes import AddressChannel, RegisterStatus, VerifiedBy
from contacts.explain import (
    ExplainedGuardian,
    ExplainedLink,
    ExplainedPoint,
    ExplainedRegisterEntry,
    Explanation,
    ProtectedExplanation,
)
from contacts.reach import Unreachable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from contacts.holds import HeldStudent

_UNUSED = {
    Unreachable.UNVERIFIED_ONLY: "not verified: only with --include-unverified",
    Unreachable.STALE_ONLY: "not confirmed for long",
    Unreachable.CHANNEL_NOT_ASKED: "channel not asked for",
    Unreachable.OPTED_OUT: "has answered STOP",
    Unreachable.FAILING: "failing: must be verified anew",
    Unreachable.FIXED_LINE_ONLY: "fixed line: can be called",
    Unreachable.SHARED_WITH_BLOCKED: "held: a blocked guardian shares it",
    Unreachable.REPLACED: "not used: the guardian has confirmed another with us",
    Unreachable.NO_CONTACT_POINT: "no contact point",
}


def draw(explanation: Explanation | ProtectedExplanation, console: Console) -> None:
    if isinstance(explanation, ProtectedExplanation):
        _draw_protected(explanation, console)
        return
    console.print(_headline(explanation), markup=False, soft_wrap=True)
    console.print()
    if not explanation.guardians:
        console.print("No guardian is registered: nobody can be told.")
        return
    for line in _guardian_lines(explanation.guardians, console.width):
        console.print(line, markup=False, soft_wrap=True)


def _guardian_lines(guardians: Sequence[ExplainedGuardian], width: int) -> Iterator[str]:
    """A table; where it is too wide for the terminal, what stands in the last column goes below its row."""
    rows = [(["guardian"], ["basis"], ["verdict"], ["reason"], ["would be told by"])]
    for guardian in guardians:
        rows.append(
            (
                [f"{guardian.name or '(no name)'} {guardian.guardian}"],
                [_link(link) for link in guardian.links] or ["none"],
                [guardian.verdict.value],
                [guardian.reason.value],
                _told_by(guardian),
            )
        )
    widths = [max(len(line) for row in rows for line in row[column]) for column in range(4)]
    left = sum(widths) + 2 * len(widths)
    beside = left + max(len(line) for row in rows for line in row[4] or [""]) <= width
    for row in rows:
        for *cells, told in zip_longest(*row[:4], row[4] if beside else [], fillvalue=""):
            padded = [cell.ljust(size) for cell, size in zip(cells, widths, strict=True)]
            yield "  ".join([*padded, told]).rstrip()
        if not beside:
            yield from (f"    {line}" for line in row[4])


def draw_held(held: Sequence[HeldStudent], console: Console) -> None:
    if not held:
        console.print("Nobody is held.")
        return
    table = _table("student", "held because")
    for one in held:
        table.add_row(one.student, one.reason)
    console.print(table)
    console.print()
    console.print(
        f"{len(held)} held. Whoever is or may be protected is released by: beredskap contacts release STUDENT …"
    )


def _draw_protected(explanation: ProtectedExplanation, console: Console) -> None:
    released = "" if explanation.released_until is None else f", released to {explanation.released_until}"
    protected = "protection not known" if explanation.protection_unknown else "protected"
    console.print(f"Student {explanation.student}  {protected}{released}  {explanation.on}", markup=False)
    console.print()
    table = _table("verdict", "reason", "guardians")
    for answer in explanation.answers:
        table.add_row(answer.verdict.value, answer.reason.value, str(answer.guardians))
    console.print(table)
    console.print()
    who = "student who may be protected" if explanation.protection_unknown else "protected student"
    console.print(f"Nothing else is shown of a {who}.")


def _headline(explanation: Explanation) -> str:
    age = "birth date unknown"
    if explanation.age is not None and explanation.adult_on is not None:
        past = "since" if explanation.adult_on <= explanation.on else "on"
        age = f"{explanation.age} years (18 {past} {explanation.adult_on})"
    school = explanation.school or "no school today"
    classes = f"   class {', '.join(explanation.classes)}" if explanation.classes else ""
    return f"Student {explanation.student}  {explanation.name}  {age}   {school}{classes}\nAs of {explanation.on}"


def _link(link: ExplainedLink) -> str:
    days = f" {_days(link.since, link.until)}" if link.since or link.until else ""
    return f"{link.basis.value} ({_source(link.source)}){days}"


def _told_by(guardian: ExplainedGuardian) -> list[str]:
    if guardian.blocks:
        return [f"decision {one.decision}, {_days(one.since, one.until)}" for one in guardian.blocks]
    lines = [_point(point) for point in guardian.points]
    if guardian.unreachable is not None:
        lines.insert(0, f"nobody: {_UNUSED[guardian.unreachable]}")
    if guardian.contact_register is not None:
        lines.extend(f"KRR: {fact}" for fact in _register_facts(guardian.contact_register))
    return lines


def _register_facts(entry: ExplainedRegisterEntry) -> Iterator[str]:
    """What the contact register says that is out of the ordinary."""
    if entry.status is RegisterStatus.DELETED:
        yield "deleted"
    if entry.status is RegisterStatus.NOT_REGISTERED:
        yield "never registered"
    if entry.reserved:
        yield "reserved against digital letters (alerts are none)"
    if entry.expired:
        yield "contact information expired"


def _point(point: ExplainedPoint) -> str:
    name = f"{'SMS' if point.channel is AddressChannel.SMS else 'e-mail'} {point.masked}"
    notes = []
    if point.verified_on is not None:
        by = "code" if point.verified_by is VerifiedBy.CODE else _source(point.verified_source or "")
        notes.append(f"verified {by} {point.verified_on}")
        if point.stale:
            notes.append("stale")
    if point.shared_in_register:
        notes.append("shared in KRR")
    if point.unused is not None:
        return f"({name}: {', '.join([*notes, _UNUSED[point.unused]])})"
    return f"{name} ({', '.join(notes)})"


def _days(since: date | None, until: date | None) -> str:
    last = "" if until is None else str(until - timedelta(days=1))
    return f"{since or ''} → {last}".strip()


def _source(source: str) -> str:
    # "pifu:NO:…" is one export of a format; registers are known by their capitals.
    return source.split(":", 1)[0].upper()


def _table(*headings: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
