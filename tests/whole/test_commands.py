"""What an alert's commands say, as text and as JSON, with their exit statuses; and what they say when they cannot."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from config.errors import ExitStatus
from dispatcher.codes import AlertState, DeliveryState
from tests.services.processes import Finished, Processes
from tests.services.waiting import eventually
from tests.whole import school as schools
from tests.whole.conftest import SEND, Installation
from tests.whole.school import NAME, fill


def test_an_alert_is_listed_shown_watched_stopped_and_resent(embedded: Installation) -> None:
    school = fill(embedded.database, 4, endings=[schools.NOT_IN_USE])
    nothing = embedded.run("alert", "list")
    assert (nothing.status, nothing.out) == (0, "No alert has been sent from here.\n")
    assert embedded.run("alert", "list", "--json").json == {"alerts": []}

    sent = embedded.send("--expires", "30m")
    assert sent.status == 0, sent.err
    assert "4 students can be reached" in sent.out
    # Without a terminal, watching prints a line a change, and ends when every outcome is in.
    assert "confirmed." in sent.out
    last = sent.out.splitlines()[-1]
    assert f"SMS: {len(school.numbers)}/{len(school.numbers)}" in last
    embedded.closed()

    number = embedded.run("alert", "list", "--json").json["alerts"][0]["number"]
    listed = embedded.run("alert", "list")
    assert number in listed.out
    assert NAME in listed.out
    assert "closed" in listed.out
    shown = embedded.run("alert", "show", number)
    assert f"{NAME}: 4 students, 4 planned" in shown.out
    for language in ("nb", "nn", "se", "en"):
        assert f"\n{language}  " in shown.out
    facts = embedded.run("alert", "show", number.lower(), "--json").json
    assert (facts["number"], facts["state"], facts["status"], facts["students"]) == (number, "closed", "actual", 4)
    assert set(facts["texts"]) == {"nb", "nn", "se", "en"}
    watched = embedded.run("alert", "watch", number)
    assert watched.status == 0
    assert number in watched.out

    resent = embedded.run("alert", "resend-failed", number, "--yes", "--json")
    assert resent.json == {"alert": number, "messages": 1}
    embedded.closed()
    assert len(embedded.far_end.sms(school.number(schools.NOT_IN_USE))) == 2
    assert embedded.states()[DeliveryState.UNDELIVERED] == 2

    late = embedded.run("alert", "stop", number, "--yes")
    assert late.status == ExitStatus.UNUSABLE
    assert "cannot be stopped: it is closed already" in late.err


def test_a_stopped_alert_sends_nothing_that_had_not_left(installation: Installation) -> None:
    school = fill(installation.database, 4)
    if installation.distributed:
        installation.workers("alerts")
    sent = installation.run(*SEND, "--yes", "--hold", "60", "--json")
    assert sent.status == 0, sent.err
    number = sent.json["alert"]
    # Planning runs during the hold.
    eventually(lambda: installation.alert_state() is AlertState.OPEN, what="the alert is planned during its hold")
    stopped = installation.run("alert", "stop", number, "--yes", "--json")
    assert stopped.json == {"number": number, "held_back": school.messages, "left": 0}
    eventually(
        lambda: installation.states() == {DeliveryState.CANCELLED: school.messages},
        what="all messages of the stopped alert are cancelled",
    )
    assert installation.far_end.taken() == 0
    again = installation.run("alert", "stop", number, "--yes", "--json")
    assert again.status == ExitStatus.UNUSABLE
    assert "stopped already" in again.json["error"]["what"]
    if not installation.distributed:
        installation.drained()


def test_the_same_request_within_ten_minutes_shows_the_first_alert(embedded: Installation) -> None:
    school = fill(embedded.database, 3)
    first = embedded.send("--json").json
    again = embedded.send("--json").json
    assert (again["alert"], again["already_sent"]) == (first["alert"], True)
    told = embedded.send()
    assert "Nothing more was sent" in told.out
    assert told.status == 0
    embedded.closed()
    assert embedded.alerts() == 1
    assert embedded.far_end.taken() == school.messages
    another = embedded.send("--again", "--json").json
    assert another["alert"] != first["alert"]
    embedded.closed()
    assert embedded.far_end.taken() == 2 * school.messages


# What the texts refuse and how lists and times are read have tests of their own; here is what a user sees of them.
REFUSED = [
    (["--school", "Ukjent vgs"], "No school here has the name that was given"),
    ([], "The alert has no audience"),
    (["--school", NAME, "--scenario", "evacuation"], "{sted}"),
    (["--school", NAME, "--expires", "soon"], "--expires takes a time"),
]


@pytest.mark.parametrize(("options", "said"), REFUSED, ids=[" ".join(options) or "nobody" for options, _ in REFUSED])
def test_what_cannot_be_sent_is_refused_in_a_sentence_and_leaves_nothing_behind(
    embedded: Installation, options: list[str], said: str
) -> None:
    fill(embedded.database, 2)
    scenario = [] if "--scenario" in options else ["--scenario", "lockdown"]
    refused = embedded.run("alert", "send", "--status", "actual", *scenario, *options, "--yes", "--hold", "0")
    assert_refused(refused, said)
    assert "Nothing was sent" in refused.err
    assert embedded.alerts() == 0
    embedded.drained()


def test_settings_that_let_nothing_leave_are_named(embedded: Installation) -> None:
    fill(embedded.database, 2)
    for section, name in (("sms", "sender"), ("sms", "account_sid"), ("smtp", "host"), ("smtp", "from_address")):
        before = embedded.settings[section][name]
        embedded.set(section, **{name: ""})
        assert_refused(embedded.send(), f"{section}.{name} is not set")
        embedded.set(section, **{name: before})
    embedded.set("smtp", host="")
    only_sms = embedded.send("--channels", "sms", "--json")
    assert only_sms.json["preview"]["messages"] == {"sms": 4, "email": 0}
    embedded.closed()
    assert embedded.alerts() == 1


def test_an_installation_that_is_not_ready_says_what_to_do(embedded: Installation, tmp_path: Path) -> None:
    fill(embedded.database, 2)
    key = embedded.data_dir / "beredskap.key"
    shutil.move(key, tmp_path / "elsewhere")
    missing = embedded.send()
    assert_refused(missing, "key file")
    assert embedded.alerts() == 0
    # Looking needs no key.
    assert embedded.run("alert", "list").status == 0
    embedded.set("store", data_dir=str(tmp_path / "another"))
    assert_refused(embedded.send(), "not initialised")
    assert not (tmp_path / "another").exists()


def test_a_database_that_is_away_is_said_so(processes: Processes, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    away = {
        "BEREDSKAP_STORE__DATA_DIR": str(tmp_path / "data"),
        "BEREDSKAP_STORE__DATABASE_URL": "postgresql+psycopg://someone:hemmelig@127.0.0.1:1/beredskap",
    }
    refused = processes.run("alert", "list", environment=away)
    assert_refused(refused, "PostgreSQL at 127.0.0.1:1 does not answer", status=ExitStatus.FAILED)
    assert "hemmelig" not in refused.err


def test_a_file_named_like_ours_where_the_user_stands_is_never_run(embedded: Installation, tmp_path: Path) -> None:
    school = fill(embedded.database, 2)
    for name in ("cli", "config", "structlog"):
        (embedded.processes.directory / f"{name}.py").write_text("raise SystemExit('the wrong file was run')\n")
    sent = embedded.send("--json")
    assert sent.status == 0, sent.err
    embedded.closed()
    assert embedded.far_end.taken() == school.messages


def test_a_log_that_cannot_be_written_keeps_no_alert_back(embedded: Installation) -> None:
    school = fill(embedded.database, 2)
    (embedded.data_dir / "logs").write_text("not a directory")
    assert embedded.send("--json").status == 0
    embedded.closed()
    assert embedded.far_end.taken() == school.messages


def assert_refused(refused: Finished, said: str, *, status: ExitStatus = ExitStatus.UNUSABLE) -> None:
    """One clear sentence, what was not changed and what to do; never a traceback, and nothing on stdout."""
    assert refused.status == status, (refused.status, refused.err)
    assert said in refused.err
    assert "Traceback" not in refused.err
    assert "fault of Beredskap" not in refused.err
    assert len(refused.err.strip().splitlines()) == 2, refused.err
    assert refused.out == ""
