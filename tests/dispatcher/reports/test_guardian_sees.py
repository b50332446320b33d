"""One table says what a guardian may see: what pages are given has no other field, and the docs say the same."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from contacts.guardian_sees import FOR_THE_PROGRAM, NEVER, NOT_HELD, SEEN, Of
from contacts.guardian_view import GuardianView, StudentPage, ToldAbout
from contacts.own_points import OwnPoint
from dispatcher.reports.received import ReceivedAlert, ReceivedMessage

GIVEN = (GuardianView, StudentPage, ToldAbout, OwnPoint, ReceivedAlert, ReceivedMessage)
PAGE = Path(__file__).parents[3] / "docs" / "portal-guardian.md"


def test_what_pages_are_given_is_what_the_table_lets_be_seen() -> None:
    given = {f"{one.__name__}.{field.name}" for one in GIVEN for field in fields(one)}
    seen = [field for line in SEEN for field in line.fields]
    assert len(seen) == len(set(seen))
    assert given == set(seen) | FOR_THE_PROGRAM
    assert not set(seen) & FOR_THE_PROGRAM


def test_the_docs_hold_the_table() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    of: Of | None = None
    for line in SEEN:
        assert f"| {'' if line.of is of else line.of.value + ' '}| {line.what} |" in lines
        of = line.of
    assert [f"| {what} | {why} |" for what, why in NEVER.items()] == [
        line for line in lines if line in {f"| {what} | {why} |" for what, why in NEVER.items()}
    ]
    assert [f"- {one}" for one in NOT_HELD] == [line for line in lines if line.startswith("- ")]
