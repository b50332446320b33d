"""What a person sees of an import before it is applied: counts, what was refused, and what is verified."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.markup import escape
from rich.table import Table

from config.shell import console
from contacts.codes import CONTACT_REGISTER
from contacts.imports.plan import Plan
from contacts.imports.records import shown
from contacts.imports.step import Kind

# Refused records on the screen; a preview fits in one.
_SHOWN = 6


class Ticker:
    """Shows on a terminal how many records have been read, now and then; says nothing elsewhere."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = console(stderr=True)
        self._silent = quiet or not self._console.is_terminal
        self._next = time.monotonic() + 1.0
        self._drawn = False

    def __call__(self, records: int) -> None:
        if not self._silent and time.monotonic() >= self._next:
            self._next = time.monotonic() + 0.5
            self._drawn = True
            self._console.print(f"read {shown(records)} records", end="\r")

    def done(self) -> None:
        if self._drawn:
            self._drawn = False
            self._console.print(" " * 40, end="\r")


@contextmanager
def progress(*, quiet: bool) -> Iterator[Ticker]:
    ticker = Ticker(quiet=quiet)
    try:
        yield ticker
    finally:
        ticker.done()


def draw(plan: Plan) -> None:
    """The preview, within one screen. File names are the user's own; of the records only their places are shown."""
    out = console()
    kind = f"{plan.format} {'full' if plan.full else ''}".strip()
    names = ", ".join(plan.files[:3]) + (f" and {len(plan.files) - 3} more" if len(plan.files) > 3 else "")
    out.print(f"[bold]Import[/bold]   {escape(names)}   {kind}   source {escape(plan.source)}")
    out.print(f"{shown(plan.records)} records read, {shown(plan.refused)} refused\n")
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 1))
    table.add_column("")
    for verb in ("added", "changed", "ended"):
        table.add_column(verb, justify="right")
    for count in plan.counts:
        table.add_row(count.kind.value, *(shown(n) if n else "·" for n in (count.added, count.changed, count.ended)))
    if plan.counts:
        out.print(table)
        out.print()
    if plan.refusals:
        out.print("Refused")
        for refusal in plan.refusals[:_SHOWN]:
            out.print(f"  {escape(refusal.place.file)}, {refusal.place.record}: {refusal.reason}")
        if plan.refused > _SHOWN:
            out.print(f"  and {shown(plan.refused - _SHOWN)} more (--json lists {shown(len(plan.refusals))})")
        out.print()
    if plan.strangers:
        out.print(f"Left out: {shown(plan.strangers)} who {'is' if plan.strangers == 1 else 'are'} not in the store.")
    for note in plan.notes:
        out.print(escape(note))
    if plan.count(Kind.CONTACT_POINTS).added:
        # The contact register says of each address when it was confirmed; one without a time is listed.
        which = " that come with a time" if plan.source == CONTACT_REGISTER else ""
        out.print(
            f"Phone numbers and e-mail addresses{which} count as verified: the settings trust this source."
            if plan.contacts_verified
            else "Phone numbers and e-mail addresses count as not verified yet (organisation.trusted_sources)."
        )
    if plan.endings_suspended:
        out.print("Nothing is ended: some refused records do not say whom they are about.")
    elif plan.guardianships_ending:
        out.print(
            f"Ends {shown(plan.guardianships_ending)} of {shown(plan.guardianships_in_force)} guardianships "
            "of this source: they are absent from the export."
        )
