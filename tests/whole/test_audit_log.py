"""What was done in a day, by the commands that people type: one entry an act, a chain that holds, and nobody's name."""

from __future__ import annotations

from datetime import date, timedelta

from config.audit import current_operator
from tests.whole.conftest import SEND, Installation
from tests.whole.school import fill
from tests.whole.test_no_persons import leaks, secrets_of
from tests.whole.test_verification import EMAIL


def test_a_day_of_acts(installation: Installation) -> None:
    school = fill(installation.database, 2, special=True)
    if installation.distributed:
        installation.workers("alerts", "routine")
    child, protected, guardian = "2B-001", school.refs["protected"], f"G-{school.unverified_guardian}"
    tomorrow = str(date.today() + timedelta(days=2))
    file = installation.data_dir.parent / "foresatte.csv"
    file.write_text(
        f"student;guardian_ref;given_name;family_name;basis;decision_ref\n{child};verge-7;Berit;Foster;foster;2026/113\n",
        encoding="utf-8",
    )
    commands = [
        ("import", "guardians", str(file), "--apply"),
        ("contacts", "explain", child),
        ("contacts", "release", protected, "--reason", "agreed, case 2026/88", "--until", tomorrow),
        ("contacts", "hold", protected, "--reason", "released by mistake"),
        ("contacts", "block", guardian, "--decision", "2026/113"),
        ("contacts", "unblock", guardian, "--decision", "2026/113"),
        ("contacts", "add", guardian, "--email", EMAIL),
        ("contacts", "verify", guardian, "--email", EMAIL),
        (*SEND, "--yes", "--hold", "60", "--no-watch"),
        ("alert", "stop", "latest", "--yes"),
    ]
    for command in commands:
        done = installation.run(*command)
        assert done.status == 0, (command, done.err)
    # Neither of these is an act.
    assert installation.run("contacts", "explain", "9Z-999").status != 0
    assert installation.run("contacts", "held").status == 0

    shown = installation.run("audit-log", "show", "--json").json["entries"]
    number = installation.run("alert", "list", "--json").json["alerts"][0]["number"]
    assert [(one["act"], one["subject"]) for one in reversed(shown)] == [
        ("contacts.import", "source manual"),
        ("student.look_up", f"student {child}"),
        ("student.release", f"student {protected}"),
        ("student.hold", f"student {protected}"),
        ("guardian.block", f"guardian {guardian}"),
        ("guardian.unblock", f"guardian {guardian}"),
        ("contact.add", f"guardian {guardian}"),
        ("contact.verify", f"guardian {guardian}"),
        ("alert.send", f"alert {number}"),
        ("alert.stop", f"alert {number}"),
    ]
    assert {one["operator"] for one in shown} == {current_operator()}
    assert leaks(str(shown), {*secrets_of(installation), "Berit", "Foster"}) == set()

    verified = installation.run("audit-log", "verify")
    assert (verified.status, verified.err) == (0, "")
    assert verified.out.startswith("The audit log is whole: 10 entries.")
    if not installation.distributed:
        # Whoever verifies needs no key.
        (installation.data_dir / "beredskap.key").unlink()
        assert installation.run("audit-log", "verify", "--expect", shown[3]["hash"]).status == 0
        installation.drained()
