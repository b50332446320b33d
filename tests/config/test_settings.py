"""Settings: defaults < file < environment, and a clear word for each that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import ExitStatus, UsageError
from config.settings import load_settings


def test_without_file_and_environment_the_defaults_hold(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.organisation.stale_after_months == 18
    assert settings.embedded
    assert settings.data_dir.is_relative_to(tmp_path)
    assert settings.key_file == settings.data_dir / "beredskap.key"
    assert settings.database_url == f"sqlite:///{settings.data_dir}/beredskap.db"


def test_the_file_overrides_single_settings_and_the_environment_both(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("beredskap.toml").write_text('[sms]\nsender = "SKOLEN"\nconnections = 7\n', encoding="utf-8")
    assert load_settings().sms.sender == "SKOLEN"
    monkeypatch.setenv("BEREDSKAP_SMS__SENDER", "MILJO")
    settings = load_settings()
    assert (settings.sms.sender, settings.sms.connections, settings.sms.timeout_seconds) == ("MILJO", 7, 10.0)


def test_the_environment_may_name_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("beredskap.toml").write_text('[sms]\nsender = "HER"\n', encoding="utf-8")
    other = tmp_path / "other.toml"
    other.write_text('[sms]\nsender = "DER"\n', encoding="utf-8")
    monkeypatch.setenv("BEREDSKAP_CONFIG", str(other))
    monkeypatch.setenv("BEREDSKAP_DEBUG", "1")
    assert load_settings().sms.sender == "DER"


@pytest.mark.parametrize(
    "content",
    [b"[sms\n", b'[sms]\nsender = "\xe6"\n', None],
    ids=["no TOML", "not UTF-8", "not there"],
)
def test_a_file_that_cannot_be_read_is_named(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "school.toml"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("BEREDSKAP_CONFIG", str(file))
    with pytest.raises(UsageError, match=r"school\.toml cannot be read") as caught:
        load_settings()
    assert caught.value.exit_status is ExitStatus.UNUSABLE


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("BEREDSKAP_SMTP__PORT", "seventy-secret", "smtp.port"),
        ("BEREDSKAP_SMTP__PORT", "65536", "smtp.port"),
        ("BEREDSKAP_DISPATCH__LEASE_SECONDS", "0", "dispatch.lease_seconds"),
        ("BEREDSKAP_SMS__SENDR", "secret", "sms.sendr"),
        ("BEREDSKAP_SMS_LAST_RESORT__URL", "smseagle://secret@host/4799999999", "sms_last_resort.url"),
        ("BEREDSKAP_ORGANISATION__FAILING_AFTER", "0", "organisation.failing_after"),
    ],
)
def test_a_wrong_setting_is_named_and_its_value_is_not_shown(
    name: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError) as caught:
        load_settings()
    assert f"The setting {told} " in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("section", "in_use"),
    [
        ("SMS", {}),
        ("SMTP", {}),
        ("SMS_BACKUP", {"BEREDSKAP_SMS_BACKUP__ACCOUNT_SID": "AC2"}),
        ("SMS_LAST_RESORT", {"BEREDSKAP_SMS_LAST_RESORT__URL": "smseagle://token@host/{to}"}),
    ],
)
def test_calls_of_every_provider_in_use_fit_into_half_a_lease(
    section: str, in_use: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"BEREDSKAP_{section}__TIMEOUT_SECONDS", "15.1")
    if in_use:
        load_settings()
    for name, value in in_use.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match="four times the longest timeout_seconds"):
        load_settings()


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEREDSKAP_SMS__AUTH_TOKEN", "very-secret")
    monkeypatch.setenv("BEREDSKAP_AUDIT__PING_URL", "https://hc.example/very-secret")
    settings = load_settings()
    assert "very-secret" not in repr(settings)
    assert settings.sms.auth_token.get_secret_value() == "very-secret"


def test_a_list_comes_from_the_environment_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEREDSKAP_ORGANISATION__TRUSTED_SOURCES", '["krr", "pifu"]')
    assert load_settings().organisation.trusted_sources == ("krr", "pifu")


def test_a_list_that_is_no_json_is_a_mistake_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEREDSKAP_ORGANISATION__TRUSTED_SOURCES", "krr,pifu")
    with pytest.raises(UsageError, match="a list is written as JSON"):
        load_settings()


def test_settings_of_a_section_that_is_no_table_are_refused() -> None:
    Path("beredskap.toml").write_text('sms = "x"\n', encoding="utf-8")
    with pytest.raises(UsageError, match="The setting sms "):
        load_settings()
