"""Doctor on calls: whether anybody is called, and whether a call can be confirmed."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import load_settings
from dispatcher.running.doctor import Status
from dispatcher.running.doctor_calls import calls_result

CALLER = '[voice]\ncaller = "+4722000000"\n'
ADDRESS = '[sms]\ncallback_base_url = "https://varsling.example"\n'
NO_STEP = '[fallback]\nsteps = [{ channel = "sms", wait_minutes = 5.0 }]\n'


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        ("", Status.OK, "nobody is called"),
        (CALLER + ADDRESS, Status.OK, "are called"),
        (CALLER, Status.WARN, "nobody can confirm a call"),
        (CALLER + ADDRESS + NO_STEP, Status.WARN, "no step of fallback.steps"),
        ('[voice]\ncaller = "rektor"\n', Status.FAIL, "voice.caller"),
        (CALLER + ADDRESS + "[fallback]\nat_once = []\n", Status.FAIL, "fallback.at_once"),
    ],
    ids=["none", "all set", "no address", "no step", "a wrong caller", "a wrong chain"],
)
def test_what_the_settings_make_of_calls(content: str, status: Status, says: str) -> None:
    Path("beredskap.toml").write_text(content, encoding="utf-8")
    found = calls_result(load_settings())
    assert found.status is status
    assert says in found.what
    assert bool(found.remedy) is (status is not Status.OK)
