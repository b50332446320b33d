"""Roles, as operators with different ones meet them: who is refused what, in one sentence, and on record."""

from __future__ import annotations

from typing import Any

import pytest

from config.audit import os_user
from tests.contacts.store import ContactStore
from tests.services.processes import Finished
from tests.services.waiting import eventually
from tests.whole.conftest import SEND, Installation
from tests.whole.school import NAME, fill

OTHER = "Nabodal vgs"
NOT_PERMITTED = 6


def give(installation: Installation, *roles: str, schools: tuple[str, ...] = (), to: str = "") -> None:
    """The roles of the user who runs the tests, or of another."""
    values: dict[str, Any] = {"roles": list(roles)}
    if schools:
        values["schools"] = list(schools)
    installation.set(f'operators."{to or os_user()}"', **values)


def fill_two(installation: Installation) -> None:
    fill(installation.database, 2)
    with installation.database.write() as connection:
        store = ContactStore(connection)
        store.student("9X-001", school=store.school("S2", OTHER), grade="VG2")


def refused(done: Finished, what: str) -> None:
    assert (done.status, done.out) == (NOT_PERMITTED, ""), done.err
    assert done.err.startswith(what), done.err
    assert "Traceback" not in done.err


def on_record(installation: Installation) -> list[tuple[str, str]]:
    with installation.database.read() as connection:
        rows = connection.exec_driver_sql(
            "SELECT operator, subject FROM audit_entry WHERE act = 'operator.refused' ORDER BY id"
        ).all()
    return [(row[0], row[1]) for row in rows]


def test_a_school_leader_has_their_own_school_and_nothing_else(installation: Installation) -> None:
    fill_two(installation)
    give(installation, "school_leader", schools=(NAME,))
    if installation.distributed:
        installation.workers("alerts")
    refused(installation.run("import", "freg", "beredskap.toml", "--apply"), "As school leader you may not import.")
    refused(installation.run("contacts", "block", "G-5", "--decision", "1"), "As school leader you may not change")
    elsewhere = ("alert", "send", "--scenario", "lockdown", "--status", "actual", "--yes", "--no-watch")
    for audience in (("--school", OTHER), ("--grade", "VG2"), ("--student", "9X-001")):
        refused(installation.run(*elsewhere, *audience), "Not all students of that audience go to your school")
    assert installation.alerts() == 0
    refused(installation.run("contacts", "explain", "9X-001"), "Student 9X-001 does not go to your school.")
    refused(installation.run("contacts", "held", "--school", OTHER), "This is not your school.")
    assert installation.run("contacts", "held", "--json").json["held"] == []
    rights = ["import", "change_contacts", "send", "send", "send", "see_contacts", "see_contacts"]
    assert on_record(installation) == [(os_user(), f"right {one}") for one in rights]

    sent = installation.send("--no-watch")
    assert sent.status == 0, sent.err
    assert installation.run("contacts", "explain", "2B-001").status == 0
    assert installation.run("report", "latest").status == 0
    installation.closed()


def test_a_clerk_sends_nothing_and_an_auditor_only_reads(embedded: Installation) -> None:
    fill_two(embedded)
    assert embedded.send("--no-watch").status == 0  # while nobody is named, as before
    give(embedded, "contact_clerk")
    refused(embedded.send("--no-watch"), "As contact clerk you may not send alerts.")
    assert embedded.run("contacts", "add", "G-4", "--email", "ny@heime.example").status == 0
    # What one sent oneself one may still see through.
    assert embedded.run("report", "latest").status == 0
    with embedded.database.write() as connection:
        connection.exec_driver_sql("UPDATE alert SET operator = 'k.leder'")
    refused(embedded.run("report", "latest"), "As contact clerk you may not see alerts and their reports.")
    refused(embedded.run("alert", "list"), "As contact clerk you may not see alerts")

    give(embedded, "auditor")
    assert embedded.run("report", "latest", "--call-list").status == 0
    assert embedded.run("contacts", "explain", "9X-001").status == 0
    assert embedded.run("audit-log", "show").status == 0
    refused(
        embedded.run("alert", "stop", "latest", "--yes"),
        "As auditor you may not stop or repeat alerts, or mark who was reached.",
    )
    refused(embedded.run("contacts", "add", "G-4", "--email", "to@heime.example"), "As auditor you may not change")
    embedded.drained()


def test_who_is_no_operator_may_only_look_after_the_machine(embedded: Installation) -> None:
    fill_two(embedded)
    give(embedded, "county_leader", to="somebody-else")
    for command in (
        ("contacts", "explain", "2B-001"),
        ("contacts", "held"),
        ("alert", "list"),
        (*SEND, "--yes", "--no-watch"),
        ("import", "pifu", "beredskap.toml", "--dry-run"),
    ):
        refused(embedded.run(*command), "You are no operator in these settings, and may not")
    for command in (("--help",), ("audit",), ("audit-log", "verify"), ("init",)):
        assert embedded.run(*command).status == 0, command
    assert embedded.run("doctor").status in (0, 1)
    document = embedded.run("report", "latest", "--format", "json")
    assert (document.status, document.json["exit_status"]) == (NOT_PERMITTED, NOT_PERMITTED)
    assert document.json["error"]["unchanged"] == "Nothing was changed."
    embedded.drained()


@pytest.mark.parametrize("missing", ["table", "key"])
def test_a_refusal_needs_neither_log_nor_keys(embedded: Installation, missing: str) -> None:
    fill_two(embedded)
    give(embedded, "auditor")
    if missing == "key":
        (embedded.data_dir / "beredskap.key").unlink()
    else:
        with embedded.database.write() as connection:
            connection.exec_driver_sql("DROP TABLE audit_entry")
    done = embedded.run(*SEND, "--yes", "--no-watch", "--hold", "0")
    refused(done, "As auditor you may not send alerts.")
    assert ("could not be put into the audit log" in done.err) is (missing == "table")
    # Nothing was started for it.
    assert embedded.processes.living() == []


def test_who_breaks_the_glass_is_let_through_and_the_county_is_told(installation: Installation) -> None:
    fill_two(installation)
    give(installation, "auditor")
    installation.set("county", email="vakt@fylket.example")
    if installation.distributed:
        installation.workers("alerts", "routine")
    refused(installation.send("--no-watch"), "As auditor you may not send alerts.")
    glass = ("--break-glass", "rektor svarer ikke")
    drill = installation.run(*SEND[:-1], "exercise", "--yes", *glass)
    assert (drill.status, drill.err.split("\n")[0]) == (2, "--break-glass is for actual alerts alone.")
    assert installation.send("--break-glass", "brann").status == 2
    assert installation.alerts() == 0

    sent = installation.send("--no-watch", *glass)
    assert sent.status == 0, sent.err
    assert "Break glass: you send this without the role for it" in sent.out
    assert "The county is told at once, by e-mail" in sent.out
    installation.closed()
    told = eventually(
        lambda: [one for one in installation.far_end.emails() if "fylket.example" in str(one["to"])],
        30,
        what="the county is told",
    )
    assert len(told) == 1
    # Each of two students' two guardians, by SMS and e-mail, and the county.
    assert installation.far_end.taken() == 9
    number = installation.run("alert", "list", "--json").json["alerts"][0]["number"]
    entries = installation.run("audit-log", "show", "--act", "alert.break_glass", "--json").json["entries"]
    assert [(one["subject"], one["details"]["reason"]) for one in entries] == [(f"alert {number}", glass[1])]
    done = {one["act"]: one["details"] for one in installation.run("report", number, "--json").json["acts"]}
    assert done["county.told"]["e-mail"] == "accepted"
    assert done["alert.break_glass"]["reason"] == glass[1]
    # What one sent one may stop, so far as anything is left of it.
    assert "cannot be stopped" in installation.run("alert", "stop", number, "--yes").err


def test_the_alert_goes_out_though_the_county_cannot_be_told(embedded: Installation) -> None:
    fill_two(embedded)
    give(embedded, "county_leader", to="somebody-else")
    embedded.set("county", email="fylket+refuse@heime.example")
    sent = embedded.send("--no-watch", "--break-glass", "rektor svarer ikke")
    assert sent.status == 0, sent.err
    embedded.closed()
    assert embedded.far_end.counts()["sms"] == 4
    embedded.drained()
    with embedded.database.read() as connection:
        state, code = connection.exec_driver_sql("SELECT state, code FROM delivery WHERE notice_id IS NOT NULL").one()
    assert state == "rejected"
    done = embedded.run("report", "latest", "--json").json["acts"]
    assert {"e-mail": "rejected", "code": code} in [one["details"] for one in done if one["act"] == "county.told"]


def test_a_token_is_its_operator(embedded: Installation) -> None:
    fill_two(embedded)
    give(embedded, "school_leader", schools=(NAME,), to="k.leder")
    made = embedded.run("operator", "token", "k.leder")
    assert made.status == 0, made.err
    token = made.out.strip()
    assert embedded.run("operator", "token", "innom").status == 2
    by_token = {"BEREDSKAP_TOKEN": token}
    refused(embedded.run("contacts", "explain", "2B-001"), "You are no operator in these settings")
    assert embedded.run("contacts", "explain", "2B-001", environment=by_token).status == 0
    refused(embedded.run("contacts", "explain", "9X-001", environment=by_token), "Student 9X-001 does not go to")
    log = embedded.run("audit-log", "show", "--json").json["entries"]
    assert [(one["operator"], one["act"]) for one in log] == [
        ("k.leder", "operator.refused"),
        ("k.leder", "student.look_up"),
        (os_user(), "operator.refused"),
        (os_user(), "operator.token"),
    ]
    file = embedded.data_dir / "token"
    file.write_text(token, encoding="ascii")
    file.chmod(0o644)
    loose = embedded.run("contacts", "held", environment={"BEREDSKAP_TOKEN_FILE": str(file)})
    assert (loose.status, "chmod 600" in loose.err) == (2, True)
    (listed,) = embedded.run("operator", "list", "--json").json["tokens"]
    assert embedded.run("operator", "revoke", listed["handle"]).status == 0
    refused(embedded.run("contacts", "held", environment=by_token), "The token is not in force")
    assert token.split("-", 2)[2] not in embedded.logs().replace(made.out, "")
