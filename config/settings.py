"""The settings: defaults.toml, overridden by a file, overridden by the environment (BEREDSKAP_SECTION__NAME)."""

from __future__ import annotations

import os
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from config.errors import ExitStatus, UsageError
from config.sections import (
    AuditSettings,
    BounceSettings,
    CountySettings,
    DispatchSettings,
    LastResortSettings,
    LogSettings,
    OperatorSettings,
    OrganisationSettings,
    RegisterSettings,
    RetentionSettings,
    SmsSettings,
    SmtpSettings,
    StoreSettings,
    TwilioAccount,
    WebSettings,
)

DEFAULTS_FILE = Path(__file__).with_name("defaults.toml")
DEFAULT_SETTINGS_FILE = "beredskap.toml"
_OPERATORS = "BEREDSKAP_OPERATORS"


class Settings(BaseSettings):
    """All settings of one process. Frozen; read once by `load_settings` and handed on."""

    model_config = SettingsConfigDict(
        env_prefix="BEREDSKAP_",
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
    )

    store: StoreSettings
    organisation: OrganisationSettings
    sms: SmsSettings
    sms_backup: TwilioAccount
    sms_last_resort: LastResortSettings
    smtp: SmtpSettings
    bounces: BounceSettings
    dispatch: DispatchSettings
    web: WebSettings
    audit: AuditSettings
    retention: RetentionSettings
    krr: RegisterSettings
    freg: RegisterSettings
    log: LogSettings
    county: CountySettings
    operators: dict[Annotated[str, Field(min_length=1, max_length=64)], OperatorSettings]

    @model_validator(mode="after")
    def _calls_fit_into_half_a_lease(self) -> Settings:
        # A call takes up to twice its time-out, short retries included; a claim is sent in the first half of its lease.
        timeouts = [self.sms.timeout_seconds, self.smtp.timeout_seconds]
        if self.sms_backup.account_sid:
            timeouts.append(self.sms_backup.timeout_seconds)
        if self.sms_last_resort.url.get_secret_value():
            timeouts.append(self.sms_last_resort.timeout_seconds)
        longest = 2 * max(timeouts)
        if longest > self.dispatch.lease_seconds / 2:
            raise ValueError("dispatch.lease_seconds must be at least four times the longest timeout_seconds")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings

    @cached_property
    def data_dir(self) -> Path:
        """The directory of the embedded store, the key file and the logs."""
        if self.store.data_dir:
            return Path(self.store.data_dir).expanduser()
        import platformdirs

        return Path(platformdirs.user_data_dir("beredskap"))

    @property
    def key_file(self) -> Path:
        return Path(self.store.key_file).expanduser() if self.store.key_file else self.data_dir / "beredskap.key"

    @property
    def embedded(self) -> bool:
        """True when the store is SQLite and everything runs without servers."""
        return not self.store.database_url or self.store.database_url.startswith("sqlite")

    @property
    def database_url(self) -> str:
        return self.store.database_url or f"sqlite:///{self.data_dir / 'beredskap.db'}"


def settings_file() -> Path | None:
    """The settings file in force: BEREDSKAP_CONFIG, else beredskap.toml in the working directory, else none."""
    named = os.environ.get("BEREDSKAP_CONFIG")
    if named:
        return Path(named)
    here = Path(DEFAULT_SETTINGS_FILE)
    return here if here.exists() else None


def load_settings() -> Settings:
    """Read and check the settings.

    Raises UsageError naming the file and the setting (never its value) when one cannot be used.
    """
    if any(name.upper().startswith(_OPERATORS) for name in os.environ):
        raise UsageError(
            f"Operators cannot be named in the environment ({_OPERATORS}), where everybody may write what they like.",
            remedy="Write them into the settings file, under [operators].",
        )
    values = tomllib.loads(DEFAULTS_FILE.read_text(encoding="utf-8"))
    file = settings_file()
    if file is not None:
        _merge(values, _read(file))
    # BEREDSKAP_CONFIG names the file and is no setting itself.
    try:
        return Settings(**values)
    except SettingsError:
        # pydantic-settings names the section only, and in words of its own.
        raise UsageError(
            "A setting in the environment cannot be read: a list is written as JSON.",
            remedy='For example: BEREDSKAP_ORGANISATION__TRUSTED_SOURCES=\'["krr", "pifu"]\'.',
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise UsageError(
            f"{f'The setting {name} cannot be used' if name else 'The settings do not fit together'}: {reason}.",
            remedy=f"Mend it in {file or DEFAULT_SETTINGS_FILE} or in the environment (BEREDSKAP_SECTION__NAME); "
            "config/defaults.toml lists all settings.",
        ) from None


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or "it cannot be opened"
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        reason = str(error)
    raise UsageError(
        f"The settings file {file} cannot be read: {reason}.",
        remedy="Mend the file, or name another one in BEREDSKAP_CONFIG.",
        status=ExitStatus.UNUSABLE,
    )


def _merge(base: dict[str, Any], over: dict[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value
