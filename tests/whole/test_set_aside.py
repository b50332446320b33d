"""Wrong settings that no alert needs, and what each command makes of them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import structlog

from config.audit import os_user
from config.errors import ExitStatus
from config.settings import load_settings
from dispatcher.codes import Lane
from dispatcher.running.register_rounds import RegisterRounds
from dispatcher.running.runtime import Runtime
from tests.services.inside import Inside

SEND = ("alert", "send", "--school", "Eksempel vgs", "--scenario", "lockdown", "--status", "actual")
YES = ("--yes", "--no-watch")
# Per section: what is wrong in it, the setting that is named, and the commands that need it.
WRONG: dict[str, tuple[str, str, tuple[tuple[str, ...], ...]]] = {
    "krr": ('[krr]\nbase_url = "x-secret"\n', "krr.base_url", (("sync", "krr"),)),
    "freg": ('[freg]\nbase = "x-secret"\n', "freg.base", (("sync", "freg"), ("sync", "freg", "--events"))),
    "retention": (
        '[retention]\nalerts_months = "x-secret"\n',
        "retention.alerts_months",
        (("contacts", "purge", "--dry-run"), ("contacts", "purge", "--apply")),
    ),
    "coming_of_age": ('[coming_of_age]\nask = "x-secret"\n', "coming_of_age.ask", (("contacts", "turning-18"),)),
    "reminders": (
        '[reminders]\nschedule = "x-secret"\n',
        "reminders.schedule",
        (("remind", "preview"), ("remind", "run", "--yes"), ("remind", "status")),
    ),
    "audit": ('[audit]\nping_url = "x-secret"\n', "audit.ping_url", (("audit",),)),
    "self_test": ('[self_test]\ntime = "x-secret"\n', "self_test.time", (("self-test",),)),
    "drills": (
        '[drills]\nwarn_after_months = "x-secret"\n',
        "drills.warn_after_months",
        (("drill", "plan"), ("drill", "next")),
    ),
    "backup": ('[backup]\nmarker = ["x-secret"]\n', "backup.marker", ()),
    "web": ('web = "x-secret"\n', "web", (("web",), ("run",))),
    "county": ('[county]\nemail = "x-secret"\n', "county.email", ()),
    "log": ('[log]\nlevel = "x-secret"\n', "log.level", ()),
    "operators": (
        f'[operators]\nclerk = "x-secret"\n[operators."{os_user()}"]\nroles = ["county_leader", "contact_clerk"]\n',
        "operators.clerk",
        (("operator", "token", "clerk"),),
    ),
}


def wrong(section: str) -> str:
    content, setting, _ = WRONG[section]
    Path("beredskap.toml").write_text(content, encoding="utf-8")
    return setting


@pytest.fixture
def family(inside: Inside) -> Inside:
    inside.world.family()
    return inside


@pytest.mark.parametrize("section", WRONG)
def test_an_alert_goes_out_with_one_line_of_warning(section: str, family: Inside) -> None:
    setting = wrong(section)
    asked = family.run(*SEND)
    assert "1 student can be reached" in asked.stdout
    assert f"set aside ({setting})" in asked.stderr.splitlines()[0]
    sent = family.run(*SEND, *YES, "--json")
    assert sent.exit_code == ExitStatus.OK, sent.output
    assert f'"settings_set_aside": [\n    "{setting}"\n  ]' in sent.stdout
    assert "secret" not in asked.output + sent.output


@pytest.mark.parametrize(("section", "command"), [(name, one) for name, (_, _, some) in WRONG.items() for one in some])
def test_a_command_that_needs_them_refuses(section: str, command: tuple[str, ...], family: Inside) -> None:
    setting = wrong(section)
    before = family.contents()
    refused = family.run(*command)
    assert refused.exit_code == ExitStatus.UNUSABLE, refused.output
    assert refused.stderr.startswith(f"The setting {setting} cannot be used: ")
    assert "Mend it in beredskap.toml" in refused.stderr
    assert "secret" not in refused.output
    assert family.contents() == before


@pytest.mark.parametrize("section", WRONG)
def test_doctor_fails_with_the_same_sentence(section: str, family: Inside) -> None:
    setting = wrong(section)
    checks: dict[str, Any] = {one["name"]: one for one in family.json("doctor")["checks"]}
    own = {
        "audit": "audit",
        "backup": "backup",
        "county": "operators",
        "drills": "drills",
        "freg": "registers",
        "krr": "registers",
        "operators": "operators",
        "self_test": "self-test",
    }
    for check in {"settings", own.get(section, "settings")}:
        assert checks[check]["status"] == "fail"
        assert checks[check]["what"].startswith(f"The setting {setting} cannot be used: ")
        assert "Mend it in beredskap.toml" in checks[check]["remedy"]
    assert checks["database"]["status"] == "ok"
    told = family.run("doctor")
    assert told.exit_code == 2
    assert "secret" not in told.output


def test_who_has_a_wrong_entry_has_no_role_and_may_break_the_glass(
    family: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.operators._keeps_settings", lambda: False)
    Path("beredskap.toml").write_text(f'[operators."{os_user()}"]\nroles = ["county_leadr"]\n', encoding="utf-8")
    for command in ((*SEND, *YES), ("contacts", "held"), ("contacts", "turning-18"), ("audit-log", "show")):
        refused = family.run(*command)
        assert refused.exit_code == ExitStatus.NOT_PERMITTED
        assert "What the settings say of you under [operators] cannot be used" in refused.output
    sent = family.json(*SEND, *YES, "--break-glass", "rektor svarer ikke")
    assert sent["preview"]["break_glass"]["reason"] == "rektor svarer ikke"


def test_the_list_of_operators_says_whose_entry_is_wrong(family: Inside) -> None:
    setting = wrong("operators")
    told = family.run("operator", "list")
    assert f"No role until it is mended: the setting {setting} cannot be used" in told.stdout
    assert f"{os_user()}   county_leader, contact_clerk" in told.stdout
    assert family.json("operator", "list")["set_aside"]["clerk"]["setting"] == setting


@pytest.mark.parametrize(
    ("section", "missing"), [("audit", "audit"), ("retention", "purge"), ("coming_of_age", "questions"), ("krr", None)]
)
def test_a_scheduler_leaves_that_round_out(
    section: str, missing: str | None, family: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEREDSKAP_RETENTION__NIGHTLY", "true")
    wrong(section)
    if section != "coming_of_age":
        monkeypatch.setenv("BEREDSKAP_COMING_OF_AGE__ASK", "true")
    threads: list[str] = []
    monkeypatch.setattr(Runtime, "_thread", lambda _self, name, _step, _seconds: threads.append(name))
    settings = load_settings()
    scheduler = Runtime(
        settings, family.world.database, family.keys, kind="scheduler", process_id="s", lanes=tuple(Lane), sends=False
    )
    scheduler._start_rounds()
    assert set(threads) == {"audit", "purge", "questions", "registers"} - {missing}


def test_rounds_ask_no_register_whose_settings_are_wrong(family: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEREDSKAP_KRR__CLIENT_ID", "x")
    wrong("krr")
    rounds = RegisterRounds(load_settings(), family.world.database, family.keys, "s", threading.Event())
    with structlog.testing.capture_logs() as logged, family.world.clock():
        rounds.run()
    assert logged == []
    assert family.contents()["register_sync"] == []
