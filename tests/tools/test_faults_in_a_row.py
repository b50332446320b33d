"""Only runs that passed one after the other count, and the table is taken as it was printed."""

from __future__ import annotations

import json

import pytest

from tests.faults.ledger import Entry, lines
from tools.faults_in_a_row import column_sum, in_a_row, table_of


@pytest.mark.parametrize(
    ("passed", "count"), [([], 0), ([True] * 3, 3), ([True, False], 0), ([True, False, True, True], 2)]
)
def test_what_counts(passed: list[bool], count: int) -> None:
    assert in_a_row([json.dumps({"passed": one}) for one in passed]) == count


def test_the_table_is_found_in_the_output() -> None:
    table = lines(
        [Entry("redis flushed", 10_000, 10_000, 0, 0, 0, 0, 2.25), Entry("a worker [x]", 40, 44, 4, 1, 0, 0, 1.0)]
    )
    output = ["fault injected", "==== faults ====", *table, "======== 2 passed in 9.00s ========"]
    assert table_of("\n".join(output)) == table
    assert [column_sum(table, name) for name in ("deliveries", "taken", "lost")] == [10_040, 10_044, 0]
    assert table_of("nothing of the kind") == []
