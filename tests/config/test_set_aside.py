"""Settings that no alert needs: wrong ones are set aside, named without their value, and never taken for defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import ExitStatus, UsageError
from config.set_aside import SetAside, usable, warning_of
from config.settings import Settings, load_settings
from config.spare_sections import RetentionSettings


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("BEREDSKAP_KRR__BASE_URL", "http://hemmelig.example", "krr.base_url"),
        ("BEREDSKAP_KRR__BASE", "hemmelig", "krr.base"),
        ("BEREDSKAP_KRR", "hemmelig", "krr"),
        ("BEREDSKAP_FREG__TIMEOUT_SECONDS", "hemmelig", "freg.timeout_seconds"),
        ("BEREDSKAP_RETENTION__ALERTS_MONTHS", "0", "retention.alerts_months"),
        ("BEREDSKAP_AUDIT__PING_URL", "hc.example/hemmelig", "audit.ping_url"),
        ("BEREDSKAP_AUDIT__PING_URL", "https:///hemmelig", "audit.ping_url"),
        ("BEREDSKAP_AUDIT__GRACE_SECONDS", "0", "audit.grace_seconds"),
        ("BEREDSKAP_COUNTY__EMAIL", "hemmelig", "county.email"),
        ("BEREDSKAP_WEB__PORT", "70000", "web.port"),
        ("BEREDSKAP_LOG__FORMAT", "xml-hemmelig", "log.format"),
        ("BEREDSKAP_METRICS__PORT", "70000", "metrics.port"),
    ],
)
def test_a_wrong_setting_is_set_aside_and_refuses_its_user(
    name: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    settings = load_settings()
    (wrong,) = settings.set_aside
    assert wrong.setting == told
    section = getattr(settings, told.partition(".")[0])
    with pytest.raises(UsageError) as caught:
        usable(section)
    assert f"The setting {told} cannot be used: {wrong.reason}." in str(caught.value)
    assert caught.value.exit_status is ExitStatus.UNUSABLE
    assert warning_of(settings.set_aside).startswith(f"Warning: 1 setting that cannot be used is set aside ({told}).")
    assert "hemmelig" not in f"{caught.value} {settings!r} {warning_of(settings.set_aside)}"


def test_several_sections_and_entries_are_told_together() -> None:
    Path("beredskap.toml").write_text('krr = "x"\n[retention]\nnightly = "perhaps"\n[operators]\nx = 3\n', "utf-8")
    settings = load_settings()
    assert [one.setting for one in settings.set_aside] == ["retention.nightly", "krr", "operators.x"]
    assert warning_of(settings.set_aside).startswith("Warning: 3 settings that cannot be used are set aside")
    assert usable(settings.freg).timeout_seconds == 30.0


def test_without_faults_nothing_is_set_aside() -> None:
    settings = load_settings()
    assert (settings.set_aside, warning_of(settings.set_aside)) == ((), "")
    assert isinstance(usable(settings.retention), RetentionSettings)


def test_every_section_that_may_be_set_aside_is_typed_so() -> None:
    """mypy then asks every user of it for `usable`; and what an alert needs cannot be set aside."""
    fields = Settings.model_fields.items()
    spare = {name for name, field in fields if SetAside in getattr(field.annotation, "__args__", ())}
    rounds = {"audit", "retention", "coming_of_age", "reminders", "krr", "freg", "self_test"}
    others = {
        "backup",
        "bounces",
        "card",
        "county",
        "drills",
        "fallback",
        "feide",
        "id_porten",
        "log",
        "metrics",
        "portal",
        "voice",
        "web",
    }
    assert spare == rounds | others
