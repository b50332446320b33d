"""The settings: defaults.toml, overridden by a file, overridden by the environment (BEREDSKAP_SECTION__NAME)."""

from __future__ import annotations

import os
import re
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from config.errors import ExitStatus, UsageError
from config.roles import Role

DEFAULTS_FILE = Path(__file__).with_name("defaults.toml")
DEFAULT_SETTINGS_FILE = "beredskap.toml"
_OPERATORS = "BEREDSKAP_OPERATORS"
Language = Literal["nb", "nn", "se", "en"]
Seconds = Annotated[float, Field(gt=0)]
PositiveInt = Annotated[int, Field(gt=0)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StoreSettings(_Section):
    data_dir: str
    database_url: str
    redis_url: str
    key_file: str
    pool_size: PositiveInt
    idle_transaction_seconds: Seconds


class OrganisationSettings(_Section):
    name: str
    default_language: Language
    trusted_sources: tuple[str, ...]
    stale_after_months: PositiveInt
    failing_after: PositiveInt
    messages_dir: str


class TwilioAccount(_Section):
    """One account at Twilio, or one in another of its regions."""

    account_sid: str
    auth_token: SecretStr
    api_base_url: str
    sender: str
    routine_sender: str
    segments_per_second: Seconds
    timeout_seconds: Seconds
    connections: PositiveInt


class SmsSettings(TwilioAccount):
    price_per_segment: Annotated[float, Field(ge=0)]
    callback_base_url: str


class LastResortSettings(_Section):
    url: SecretStr
    segments_per_second: Seconds
    timeout_seconds: Seconds
    connections: PositiveInt

    @field_validator("url")
    @classmethod
    def _names_the_recipient(cls, url: SecretStr) -> SecretStr:
        if url.get_secret_value() and "{to}" not in url.get_secret_value():
            raise ValueError("it must hold {to} in the recipient's place")
        return url


class SmtpSettings(_Section):
    host: str
    port: Annotated[int, Field(ge=1, le=65535)]
    security: Literal["none", "starttls", "tls"]
    username: str
    password: SecretStr
    from_address: str
    from_name: str
    timeout_seconds: Seconds
    connections: PositiveInt
    pipelining: bool
    messages_per_second: Seconds


class DispatchSettings(_Section):
    lease_seconds: Seconds
    settle_seconds: Seconds
    hold_seconds: Annotated[float, Field(ge=0)]
    poll_seconds: Seconds
    first_chunk: PositiveInt
    chunk: PositiveInt
    claim_size: PositiveInt
    retry_seconds: Seconds
    retry_max_seconds: Seconds
    expires_minutes: PositiveInt
    receipt_poll_seconds: Seconds


class WebSettings(_Section):
    host: str
    port: Annotated[int, Field(ge=0, le=65535)]


class AuditSettings(_Section):
    ping_url: SecretStr
    grace_seconds: Seconds

    @field_validator("ping_url")
    @classmethod
    def _is_an_address(cls, url: SecretStr) -> SecretStr:
        address = url.get_secret_value()
        if address and not re.fullmatch(r"https?://[^/\s]+\S*", address):
            raise ValueError("it must be an http or https address, or empty")
        return url


class RetentionSettings(_Section):
    students_months: PositiveInt
    guardians_months: PositiveInt
    alerts_months: PositiveInt
    nightly: bool


class RegisterSettings(_Section):
    """How a public register is asked, and with which key Maskinporten is asked for a token. No client_id: not asked."""

    base_url: str
    token_url: str
    client_id: str
    scope: str
    key_file: str
    key_id: str
    timeout_seconds: Seconds

    @field_validator("base_url", "token_url")
    @classmethod
    def _is_safe(cls, url: str) -> str:
        # Identity numbers go there.
        if not re.fullmatch(r"https://[^/\s?#]+[^\s?#]*|http://(127\.0\.0\.1|localhost)(:[0-9]+)?(/[^\s?#]*)?", url):
            raise ValueError("it must be an https address")
        return url.rstrip("/")

    @property
    def configured(self) -> bool:
        return bool(self.client_id)


class CountySettings(_Section):
    email: str

    @field_validator("email")
    @classmethod
    def _is_an_address(cls, email: str) -> str:
        if email and not re.fullmatch(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+", email):
            raise ValueError("it must be one e-mail address, or empty")
        return email


class OperatorSettings(_Section):
    """What one operator may do; the name it stands under is that of the operating-system user."""

    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    schools: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _schools_go_with_a_school_leader(self) -> OperatorSettings:
        if (Role.SCHOOL_LEADER in self.roles) != bool(self.schools):
            raise ValueError("a school_leader needs schools, and the other roles have none")
        return self


class LogSettings(_Section):
    level: Literal["debug", "info", "warning", "error"]
    format: Literal["json", "text"]


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
