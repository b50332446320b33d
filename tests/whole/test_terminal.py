"""Sending from a terminal: the preview, the typed confirmation, the live page; and leaving at any moment."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from config.errors import ExitStatus
from dispatcher.codes import AlertState
from tests.services.terminal import CTRL_C, Terminal
from tests.services.waiting import eventually
from tests.whole.conftest import SEND, Installation
from tests.whole.school import NAME, fill

RunOnTerminal = Callable[..., Terminal]
QUESTION = "Type the school's name to send, Ctrl-C to stop:"
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def test_the_preview_fits_the_screen_and_what_cannot_be_reached_comes_first(
    embedded: Installation, terminal: RunOnTerminal
) -> None:
    school = fill(embedded.database, 3, special=True)
    sending = terminal(*SEND, "--hold", "0")
    page = CONTROL.sub("", sending.wait_for(QUESTION)).replace("\r", "")
    lines = page.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert re.search(r"\d+", page.split("\n", 1)[1])
    first_number = next(line for line in lines[1:] if re.search(r"\d", line))
    assert "3 students cannot be reached" in first_number
    assert "2 held for a decision" in first_number
    assert "add --include-unverified" in page

    # The school's name, as people type it.
    sending.type(f" {NAME.upper()} \n")
    sending.wait_for("confirmed")
    assert sending.wait() == 0
    embedded.closed()
    assert embedded.far_end.taken() == school.messages
    # The last page that stays on the screen counts all students.
    assert f"of {school.students}" in CONTROL.sub("", sending.screen)


@pytest.mark.parametrize(
    ("keys", "status", "said"),
    [
        ("Prøvedal\n", ExitStatus.NOT_CONFIRMED, "Not confirmed"),
        ("\x04", ExitStatus.NOT_CONFIRMED, "Not confirmed"),
        (None, ExitStatus.INTERRUPTED, "Stopped."),
    ],
    ids=["another answer", "end of input", "Ctrl-C"],
)
def test_whoever_does_not_confirm_sends_nothing(
    embedded: Installation, terminal: RunOnTerminal, keys: str | None, status: int, said: str
) -> None:
    fill(embedded.database, 2)
    sending = terminal(*SEND)
    sending.wait_for(QUESTION)
    if keys is None:
        assert sending.interrupt() == status
    else:
        sending.type(keys)
        assert sending.wait() == status
    assert said in sending.screen
    assert "Nothing was sent." in sending.screen
    assert "Traceback" not in sending.screen
    assert embedded.alerts() == 0
    embedded.drained()
    assert embedded.far_end.taken() == 0


def test_an_exercise_asks_for_its_own_word_and_says_so_in_every_text(
    embedded: Installation, terminal: RunOnTerminal
) -> None:
    fill(embedded.database, 2)
    sending = terminal(
        "alert", "send", "--school", NAME, "--scenario", "lockdown", "--status", "exercise", "--hold", "0"
    )
    sending.wait_for("Type øvelse to send")
    assert "EXERCISE (ØVELSE)" in sending.screen
    sending.type("øvelse\n")
    sending.wait_for("confirmed")
    embedded.closed()
    bodies = {one["body"] for one in embedded.far_end.sms()}
    assert all(re.search("ØVELSE|ØVING", body) for body in bodies)


def test_an_alert_stopped_in_its_cancel_window_never_leaves(embedded: Installation, terminal: RunOnTerminal) -> None:
    school = fill(embedded.database, 2)
    sending = terminal(*SEND, "--hold", "60")
    sending.wait_for(QUESTION)
    sending.type(f"{NAME}\n")
    sending.wait_for("It leaves in 60 s; to stop it: beredskap alert stop A-")
    sending.wait_for("Nothing leaves before")
    eventually(lambda: embedded.alert_state() is AlertState.OPEN, what="the alert is planned during its hold")
    stopping = terminal("alert", "stop", "latest")
    stopping.wait_for("Type stop to hold back A-")
    stopping.type("stop\n")
    assert stopping.wait() == 0
    assert f"{school.messages} messages held back, 0 had left" in stopping.screen
    # Who watches sees it, and the command ends.
    assert sending.wait() == 0
    assert "STOPPED" in sending.screen
    embedded.drained()
    assert embedded.far_end.taken() == 0


@pytest.mark.parametrize("leaving", ["Ctrl-C", "closed window"])
def test_leaving_while_watching_stops_nothing(embedded: Installation, terminal: RunOnTerminal, leaving: str) -> None:
    school = fill(embedded.database, 16)
    embedded.set("sms", segments_per_second=4.0)
    sending = terminal(*SEND, "--hold", "0")
    sending.wait_for(QUESTION)
    sending.type(f"{NAME}\n")
    sending.wait_for("Ctrl-C leaves, the alert goes on")
    eventually(lambda: embedded.far_end.taken() > 0, what="the first message leaves")
    if leaving == "Ctrl-C":
        sending.type(CTRL_C)
        assert sending.wait() == ExitStatus.INTERRUPTED
        assert "You left. Alert A-" in sending.screen
        assert "goes on: beredskap alert watch A-" in sending.screen
        assert "Traceback" not in sending.screen
    else:
        sending.close_window()
        eventually(lambda: sending.process.poll() is not None, what="the command ends with its window")
    assert embedded.alert_state() in (AlertState.OPEN, AlertState.PLANNING)
    embedded.closed()
    assert embedded.far_end.taken() == school.messages
    embedded.drained()
