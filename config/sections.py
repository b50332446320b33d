"""The sections of the settings that an alert rests on: what each value must be."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

Language = Literal["nb", "nn", "se", "en"]
Seconds = Annotated[float, Field(gt=0)]
PositiveInt = Annotated[int, Field(gt=0)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StoreSettings(Section):
    data_dir: str
    database_url: str
    redis_url: str
    key_file: str
    pool_size: PositiveInt
    idle_transaction_seconds: Seconds


class OrganisationSettings(Section):
    name: str
    default_language: Language
    trusted_sources: tuple[str, ...]
    stale_after_months: PositiveInt
    failing_after: PositiveInt
    messages_dir: str


class TwilioAccount(Section):
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


class LastResortSettings(Section):
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


class SmtpSettings(Section):
    host: str
    port: Annotated[int, Field(ge=1, le=65535)]
    security: Literal["none", "starttls", "tls"]
    username: str
    password: SecretStr
    from_address: str
    from_name: str
    bounce_address: str
    timeout_seconds: Seconds
    connections: PositiveInt
    pipelining: bool
    messages_per_second: Seconds

    @field_validator("bounce_address")
    @classmethod
    def _is_an_address(cls, address: str) -> str:
        if address and not re.fullmatch(r"[!#-;=?-~]{1,64}@[A-Za-z0-9.-]{1,255}", address):
            raise ValueError("it must be one plain e-mail address, or empty")
        return address


class DispatchSettings(Section):
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
