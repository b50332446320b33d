"""Every command says what right its operator must have: one that declares nothing opens no store, and fails here."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import typer

from cli import app
from config.roles import Right
from config.shell import declared_right


def commands(tree: typer.Typer, path: str = "") -> Iterator[tuple[str, Callable[..., object]]]:
    for command in tree.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__.replace("_", "-")
        yield f"{path}{name}", command.callback
    for group in tree.registered_groups:
        assert group.typer_instance is not None
        name = group.name or group.typer_instance.info.name
        yield from commands(group.typer_instance, f"{path}{name} ")


COMMANDS = dict(commands(app))
# What anybody may run, operator or not: nothing here shows a person or changes who is told.
ANYBODY = {
    "audit",
    "audit-log verify",
    "bounces read",
    "card",
    "doctor",
    "drain",
    "init",
    "run",
    "sandbox",
    "scheduler",
    "self-test",
    "web",
    "worker",
}
DECLARED = {
    "alert all-clear": Right.SEND,
    "alert cap": Right.SEE_ALERTS,
    "alert cancel": Right.SEND,
    "alert list": Right.SEE_ALERTS,
    "alert reached": Right.STEER,
    "alert resend-failed": Right.STEER,
    "alert send": Right.SEND,
    "alert show": Right.SEE_ALERTS,
    "alert stop": Right.STEER,
    "alert update": Right.SEND,
    "alert watch": Right.SEE_ALERTS,
    "answers list": Right.SEE_ALERTS,
    "audit-log show": Right.SEE_LOG,
    "contacts add": Right.CHANGE_CONTACTS,
    "contacts block": Right.CHANGE_CONTACTS,
    "contacts confirm": Right.CHANGE_CONTACTS,
    "contacts consent give": Right.CHANGE_CONTACTS,
    "contacts consent withdraw": Right.CHANGE_CONTACTS,
    "contacts explain": Right.SEE_CONTACTS,
    "contacts held": Right.SEE_CONTACTS,
    "contacts hold": Right.RELEASE,
    "contacts invitations confirm": Right.CHANGE_CONTACTS,
    "contacts invitations list": Right.SEE_CONTACTS,
    "contacts release": Right.RELEASE,
    "contacts remove": Right.CHANGE_CONTACTS,
    "contacts unblock": Right.CHANGE_CONTACTS,
    "contacts verify": Right.CHANGE_CONTACTS,
    "drill next": Right.SEE_ALERTS,
    "drill plan": Right.SEE_ALERTS,
    "import fint": Right.IMPORT,
    "import freg": Right.IMPORT,
    "import guardians": Right.IMPORT,
    "import krr": Right.IMPORT,
    "import oneroster": Right.IMPORT,
    "import pifu": Right.IMPORT,
    "operator list": Right.SEE_LOG,
    "operator revoke": Right.HAND_OUT,
    "operator token": Right.HAND_OUT,
    "remind preview": Right.SEE_CONTACTS,
    "remind run": Right.REMIND,
    "remind status": Right.SEE_CONTACTS,
    "report alert": Right.SEE_ALERTS,
    "report compare": Right.SEE_ALERTS,
    "report school": Right.SEE_ALERTS,
}


@pytest.mark.parametrize("path", COMMANDS)
def test_a_command_declares_its_right(path: str) -> None:
    assert declared_right(COMMANDS[path]) is not None, f"beredskap {path}: @command_errors(Right.…) on the command"


def test_what_anybody_may_run() -> None:
    assert {path for path, command in COMMANDS.items() if declared_right(command) is Right.RUN} == ANYBODY


@pytest.mark.parametrize(("path", "right"), DECLARED.items())
def test_the_right_of_a_command(path: str, right: Right) -> None:
    assert declared_right(COMMANDS[path]) is right
