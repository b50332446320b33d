"""The list of what becomes of each table is complete: a new table or column that names a person fails here."""

from __future__ import annotations

from sqlalchemy import Table

from contacts.holdings import Fate
from dispatcher.retention.holdings import HOLDINGS
from tests.services.schema import all_tables

# Columns of this name speak of a person, also where the database does not hold the link (docs/decisions/0022).
_NAMES = {"person_id", "student_id", "guardian_id"}


def test_every_table_is_on_the_list_once() -> None:
    listed = [holding.table.name for holding in HOLDINGS]
    assert sorted(listed) == sorted(table.name for table in all_tables().tables.values())


def test_every_column_that_names_a_person_is_known() -> None:
    known = {holding.table.name: {column.name for column in holding.persons} for holding in HOLDINGS}
    for table in all_tables().tables.values():
        assert _naming(table) <= known[table.name], table.name


def test_whatever_is_about_somebody_has_a_fate() -> None:
    for holding in HOLDINGS:
        if holding.persons or holding.through is not None:
            assert holding.fate is not Fate.NOBODY, holding.table.name
        elif holding.table.name != "audit_entry":
            assert holding.fate is Fate.NOBODY, holding.table.name


def _naming(table: Table) -> set[str]:
    linked = {
        key.parent.name for key in table.foreign_keys if key.target_fullname in ("person.id", "student.person_id")
    }
    return linked | (_NAMES & set(table.columns.keys()))
