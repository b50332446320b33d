"""How many rows of each kind go: the table of the previews of purge and erase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def draw_kinds(out: Console, first: Sequence[tuple[int, str]], rows: Mapping[str, int]) -> None:
    """What goes as people count it, and then the rows by their kind."""
    from rich.table import Table

    from dispatcher.reports.words import grouped

    for lines in (first, [(count, kind) for kind, count in sorted(rows.items())]):
        table = Table.grid(padding=(0, 2, 0, 1))
        table.add_column(justify="right")
        table.add_column(overflow="fold")
        for count, words in lines:
            table.add_row(grouped(count), words)
        if lines:
            out.print(table)
            out.print()
