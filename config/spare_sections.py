"""The sections of the settings that an alert does not need: a wrong value costs what uses it, and no more."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, time
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from config.roles import Role
from config.sections import PositiveInt, Seconds, Section


def _http_address(url: SecretStr) -> SecretStr:
    address = url.get_secret_value()
    if address and not re.fullmatch(r"https?://[^/\s]+\S*", address):
        raise ValueError("it must be an http or https address, or empty")
    return url


class VoiceSettings(Section):
    caller: str
    calls_per_second: Seconds
    price_per_call: Annotated[float, Field(ge=0)]
    ring_seconds: Annotated[int, Field(ge=5, le=600)]
    detect_machines: bool

    @field_validator("caller")
    @classmethod
    def _is_a_number(cls, caller: str) -> str:
        if caller and not re.fullmatch(r"\+[1-9][0-9]{6,14}", caller):
            raise ValueError("it must be a phone number, as +4722000000, or empty")
        return caller


class BounceSettings(Section):
    lmtp_host: str
    lmtp_port: Annotated[int, Field(ge=0, le=65535)]


class FallbackStepSettings(Section):
    """One step of the chain; of every severity, and of drills and tests, too, where it says nothing else."""

    channel: Literal["sms", "email", "voice"]
    wait_minutes: Annotated[float, Field(gt=0, le=24 * 60)]
    severities: tuple[Literal["extreme", "severe", "moderate", "minor"], ...] = (
        "extreme",
        "severe",
        "moderate",
        "minor",
    )
    in_drills: bool = True


class FallbackSettings(Section):
    at_once: tuple[Literal["sms", "email"], ...]
    steps: tuple[FallbackStepSettings, ...]

    @field_validator("at_once")
    @classmethod
    def _something_goes(cls, at_once: tuple[str, ...]) -> tuple[str, ...]:
        if not at_once:
            raise ValueError("it must name sms, email, or both")
        return at_once

    @field_validator("steps")
    @classmethod
    def _each_channel_once(cls, steps: tuple[FallbackStepSettings, ...]) -> tuple[FallbackStepSettings, ...]:
        if len({step.channel for step in steps}) < len(steps):
            raise ValueError("a channel can be one step only")
        return steps


class WebSettings(Section):
    host: str
    port: Annotated[int, Field(ge=0, le=65535)]


class MetricsSettings(Section):
    host: str
    port: Annotated[int, Field(ge=0, le=65535)]
    token: SecretStr

    @model_validator(mode="after")
    def _strangers_need_the_token(self) -> MetricsSettings:
        if self.port and not self.token.get_secret_value() and self.host not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError("it needs metrics.token, because others than this machine can reach metrics.host")
        return self

    @property
    def wanted(self) -> bool:
        """Whether anybody can ask for them: at the port, or with the token at the web server."""
        return bool(self.port or self.token.get_secret_value())


class AuditSettings(Section):
    ping_url: SecretStr
    grace_seconds: Seconds

    @field_validator("ping_url")
    @classmethod
    def _is_an_address(cls, url: SecretStr) -> SecretStr:
        return _http_address(url)


class SelfTestSettings(Section):
    """Whom a self-test is sent to, and when. Addresses of staff: as little to be printed as a password."""

    phones: Annotated[tuple[SecretStr, ...], Field(max_length=10)]
    emails: Annotated[tuple[SecretStr, ...], Field(max_length=10)]
    weekday: Literal["", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    time: str
    wait_seconds: Annotated[float, Field(ge=1, le=3600)]
    ping_url: SecretStr
    alarm_emails: Annotated[tuple[SecretStr, ...], Field(max_length=10)]

    @field_validator("time")
    @classmethod
    def _is_a_time(cls, value: str) -> str:
        if not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
            raise ValueError("it must be a time of the day in Oslo, as 10:30")
        return value

    @field_validator("ping_url")
    @classmethod
    def _is_an_address(cls, url: SecretStr) -> SecretStr:
        return _http_address(url)

    @property
    def configured(self) -> bool:
        return bool(self.phones or self.emails)


class PlannedDrillSettings(Section):
    """One drill of each school year: of one school, or with an empty name, of each. No day: in the course of the
    month."""

    school: str = ""
    scenario: Annotated[str, Field(min_length=1)]
    month: Annotated[int, Field(ge=1, le=12)]
    day: Annotated[int, Field(ge=1, le=31)] | None = None

    @model_validator(mode="after")
    def _there_is_such_a_day(self) -> PlannedDrillSettings:
        if self.day is not None and self.day > monthrange(2024, self.month)[1]:
            raise ValueError("there is no such day in that month")
        return self


class DrillSettings(Section):
    warn_after_months: PositiveInt
    plan: tuple[PlannedDrillSettings, ...]


class BackupSettings(Section):
    marker: str
    warn_after_hours: PositiveInt


class RetentionSettings(Section):
    students_months: PositiveInt
    guardians_months: PositiveInt
    alerts_months: PositiveInt
    nightly: bool


class ComingOfAgeSettings(Section):
    ask: bool
    days_before: Annotated[int, Field(ge=1, le=366)]


class RemindersSettings(Section):
    """How guardians are reminded of what is missing. `hours_from` and `hours_to` are in Oslo; `holidays` are days, or
    the first and the last day of several ("2026-12-21/2027-01-03").

    `web_address` is told only where `sender_domain_registered`: operators stop SMS with web addresses of others.
    """

    on: bool
    schedule: str
    hours_from: time
    hours_to: time
    holidays: tuple[str, ...]
    days_between: Annotated[int, Field(ge=8)]
    at_most: Annotated[int, Field(ge=1, le=9)]
    letters: bool
    return_address: tuple[str, ...]
    web_address: str
    sender_domain_registered: bool

    @field_validator("schedule")
    @classmethod
    def _names_its_days(cls, schedule: str) -> str:
        fields = schedule.split()
        if not fields:
            return ""
        if len(fields) != 5:
            raise ValueError("a cron expression has five fields: minute, hour, day, month, day of the week")
        # Some count them from Sunday, some from Monday, some from 0 and some from 1.
        if re.search("[0-9]", fields[4]):
            raise ValueError("days of the week are written as names, as in mon-fri")
        return " ".join(fields)

    @field_validator("holidays")
    @classmethod
    def _are_days(cls, holidays: tuple[str, ...]) -> tuple[str, ...]:
        for one in holidays:
            first, _, last = one.partition("/")
            if date.fromisoformat(first) > date.fromisoformat(last or first):
                raise ValueError("the last day of a holiday comes before its first")
        return holidays

    @model_validator(mode="after")
    def _there_are_hours(self) -> RemindersSettings:
        if self.hours_from >= self.hours_to:
            raise ValueError("hours_from must come before hours_to")
        if len(self.return_address) > 4:
            raise ValueError("return_address has at most four lines: the window of an envelope shows no more")
        return self

    @property
    def takes_postal_addresses(self) -> bool:
        return self.on and self.letters

    @property
    def web(self) -> str:
        """The web address that may be told; empty when there is none."""
        return self.web_address if self.sender_domain_registered else ""


class RegisterSettings(Section):
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


class CountySettings(Section):
    email: str

    @field_validator("email")
    @classmethod
    def _is_an_address(cls, email: str) -> str:
        if email and not re.fullmatch(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+", email):
            raise ValueError("it must be one e-mail address, or empty")
        return email


class CardSettings(Section):
    call: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=60)], ...], Field(max_length=6)]


class OperatorSettings(Section):
    """What one operator may do; the name it stands under is that of the operating-system user. `feide`: the Feide name
    by which they log in to the portal; empty: they do not."""

    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    schools: tuple[str, ...] = ()
    feide: str = ""

    @field_validator("feide")
    @classmethod
    def _is_a_feide_name(cls, feide: str) -> str:
        if feide and not re.fullmatch(r"[^@\s]+@[^@\s]+", feide):
            raise ValueError("it must be a Feide name, as k.leder@provedal.no, or empty")
        return feide.casefold()

    @model_validator(mode="after")
    def _schools_go_with_a_school_leader(self) -> OperatorSettings:
        if (Role.SCHOOL_LEADER in self.roles) != bool(self.schools):
            raise ValueError("a school_leader needs schools, and the other roles have none")
        return self


class LogSettings(Section):
    level: Literal["debug", "info", "warning", "error"]
    format: Literal["json", "text"]
