"""The settings: defaults.toml, overridden by a file, overridden by the environment (BEREDSKAP_SECTION__NAME)."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from config.errors import UsageError
from config.portal_sections import FeideSettings, IdPortenSettings, PortalSettings
from config.sections import (
    DispatchSettings,
    LastResortSettings,
    OrganisationSettings,
    SmsSettings,
    SmtpSettings,
    StoreSettings,
    TwilioAccount,
)
from config.set_aside import Operators, SetAside, first_fault, read_operators, read_spare, wrong_setting
from config.settings_file import read_settings_file, settings_file
from config.spare_sections import (
    AuditSettings,
    BackupSettings,
    BounceSettings,
    CardSettings,
    ComingOfAgeSettings,
    CountySettings,
    DrillSettings,
    FallbackSettings,
    LogSettings,
    MetricsSettings,
    RegisterSettings,
    RemindersSettings,
    RetentionSettings,
    SelfTestSettings,
    VoiceSettings,
    WebSettings,
)

DEFAULTS_FILE = Path(__file__).with_name("defaults.toml")
_OPERATORS = "BEREDSKAP_OPERATORS"
# What no alert needs to leave: when it is wrong, it is set aside (decision 0038).
_SPARE: Final[Mapping[str, type[BaseModel]]] = MappingProxyType(
    {
        "bounces": BounceSettings,
        "fallback": FallbackSettings,
        "voice": VoiceSettings,
        "web": WebSettings,
        "portal": PortalSettings,
        "id_porten": IdPortenSettings,
        "feide": FeideSettings,
        "audit": AuditSettings,
        "self_test": SelfTestSettings,
        "drills": DrillSettings,
        "backup": BackupSettings,
        "retention": RetentionSettings,
        "coming_of_age": ComingOfAgeSettings,
        "reminders": RemindersSettings,
        "krr": RegisterSettings,
        "freg": RegisterSettings,
        "log": LogSettings,
        "county": CountySettings,
        "card": CardSettings,
        "metrics": MetricsSettings,
    }
)


class Settings(BaseSettings):
    """All settings of one process. Frozen; read once by `load_settings` and handed on.

    A section that may be set aside is used through `config.set_aside.usable`.
    """

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
    bounces: BounceSettings | SetAside
    dispatch: DispatchSettings
    fallback: FallbackSettings | SetAside
    voice: VoiceSettings | SetAside
    web: WebSettings | SetAside
    portal: PortalSettings | SetAside
    id_porten: IdPortenSettings | SetAside
    feide: FeideSettings | SetAside
    audit: AuditSettings | SetAside
    self_test: SelfTestSettings | SetAside
    drills: DrillSettings | SetAside
    backup: BackupSettings | SetAside
    retention: RetentionSettings | SetAside
    coming_of_age: ComingOfAgeSettings | SetAside
    reminders: RemindersSettings | SetAside
    krr: RegisterSettings | SetAside
    freg: RegisterSettings | SetAside
    log: LogSettings | SetAside
    county: CountySettings | SetAside
    card: CardSettings | SetAside
    metrics: MetricsSettings | SetAside
    operators: Operators

    @field_validator(*_SPARE, mode="plain")
    @classmethod
    def _set_aside_when_wrong(cls, value: Any, info: ValidationInfo) -> BaseModel | SetAside:
        name = info.field_name or ""
        return read_spare(_SPARE[name], name, value)

    @field_validator("operators", mode="plain")
    @classmethod
    def _each_operator_by_themselves(cls, value: Any) -> Operators:
        return read_operators(value)

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

    @property
    def set_aside(self) -> tuple[SetAside, ...]:
        """Everything that was set aside, in the order of the sections."""
        sections = (getattr(self, name) for name in _SPARE)
        return (
            *(section for section in sections if isinstance(section, SetAside)),
            *self.operators.set_aside.values(),
        )

    @property
    def chain(self) -> FallbackSettings | None:
        """What every alert's chain is made of: without calls where nobody can call. None when the section was set
        aside: then nothing follows."""
        if isinstance(self.fallback, SetAside) or self.calls is not None:
            return None if isinstance(self.fallback, SetAside) else self.fallback
        steps = tuple(step for step in self.fallback.steps if step.channel != "voice")
        return self.fallback.model_copy(update={"steps": steps})

    @property
    def calls(self) -> VoiceSettings | None:
        """How guardians are called; None when they are not: there is no caller, no account, or it was set aside."""
        if isinstance(self.voice, SetAside) or not self.voice.caller or not self.sms.account_sid:
            return None
        return self.voice

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


def load_settings() -> Settings:
    """Read and check the settings.

    Raises UsageError naming the file and the setting (never its value) when one cannot be used that an alert needs; of
    the others, `set_aside` tells.
    """
    if any(name.upper().startswith(_OPERATORS) for name in os.environ):
        raise UsageError(
            f"Operators cannot be named in the environment ({_OPERATORS}), where everybody may write what they like.",
            remedy="Write them into the settings file, under [operators].",
        )
    values = tomllib.loads(DEFAULTS_FILE.read_text(encoding="utf-8"))
    file = settings_file()
    if file is not None:
        _merge(values, read_settings_file(file))
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
        wrong = first_fault(error)
        raise wrong_setting(wrong.setting, wrong.reason) from None


def _merge(base: dict[str, Any], over: dict[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value
