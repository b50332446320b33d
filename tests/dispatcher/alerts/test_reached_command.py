"""`beredskap alert reached`: what it says, and that the call list follows."""

from __future__ import annotations

import pytest

from contacts.people import guardian_ref
from providers.base import Rejected
from tests.dispatcher.world import Family
from tests.services.inside import Inside


@pytest.fixture
def families(inside: Inside) -> tuple[Family, Family]:
    """Two families whom no message has reached."""
    world = inside.world
    one, other = world.family(), world.family()
    world.sent(one, other)
    for message in world.claim():
        world.record((message, Rejected("21211")))
    return one, other


def to_call(inside: Inside) -> list[str]:
    return [one["ref"] for one in inside.json("report", "latest", "--call-list")["call_list"]]


def test_the_call_list_says_what_to_type_and_it_is_done(inside: Inside, families: tuple[Family, Family]) -> None:
    guardian = guardian_ref(families[0].guardian)
    page = inside.run("report", "latest", "--call-list").output
    assert "Reached: beredskap alert reached A-2611-0003 STUDENT --guardian G-…" in page
    assert guardian in page and to_call(inside) == ["1-0", "2-0"]
    done = inside.run("alert", "reached", "A-2611-0003", "1-0", "--guardian", guardian, "--note", "henter Nora")
    assert (done.exit_code, done.output) == (
        0,
        f"Marked as reached: {guardian} about student 1-0. The student counts as confirmed.\n",
    )
    assert to_call(inside) == ["2-0"]
    again = inside.json("alert", "reached", "latest", "1-0", "--guardian", guardian)
    assert (again["alert"], again["changed"], again["mark"]["guardian"]) == ("A-2611-0003", False, guardian)
    # The words of a note are for the board, and for whoever is shown what is held of them.
    shown = (str(again), inside.run("report", "latest").output, inside.run("audit-log", "show").output)
    assert not any("henter" in one for one in shown)
    log = (inside.directory / "data" / "logs" / "commands.log").read_text(encoding="utf-8")
    assert "reached_by_telephone" in log and guardian not in log and "henter" not in log
    back = inside.json("alert", "reached", "latest", "1-0", "--guardian", guardian, "--take-back")
    assert (back["changed"], back["mark"]["taken_back_by"]) == (True, again["mark"]["marked_by"])
    assert to_call(inside) == ["1-0", "2-0"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("A-2611-0099", "1-0"), "There is no alert with that number."),
        (("latest", "9Z-001"), 'No student has the ref "9Z-001".'),
        (("latest", "1-0", "--guardian", "G-999"), "No guardian has the ref"),
        (("latest", "1-0", "--note", "x", "--take-back"), "--note goes with a mark, not with --take-back."),
        (("latest", "1-0", "--note", "x" * 201), "The note is longer than 200 characters."),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    inside: Inside, families: tuple[Family, Family], arguments: tuple[str, ...], said: str
) -> None:
    done = inside.run("alert", "reached", *arguments)
    assert (done.exit_code, said in done.output) == (2, True), done.output
    assert inside.json("report", "latest")["reached_by_telephone"] == 0
