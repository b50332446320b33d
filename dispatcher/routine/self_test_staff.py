"""Whom a self-test is sent to, and by what: the staff of the settings, and each provider that can be asked (pure)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import SecretStr

from config.errors import UsageError
from config.set_aside import usable
from config.settings import Settings
from config.spare_sections import SelfTestSettings
from contacts.addresses import AddressError, parse_email, parse_phone
from contacts.codes import AddressChannel
from contacts.contact_points import TypedAddress
from providers.base import Channel
from providers.smtp_email import SmtpEmail
from providers.twilio_sms import TWILIO, TWILIO_BACKUP

_UNSENT = "Nothing was sent."


@dataclass(frozen=True, slots=True)
class Part:
    """What one provider is to carry. The last resort has none: it cannot be asked what became of a message."""

    provider: str
    channel: Channel
    staff: tuple[TypedAddress, ...]


def parts_of(settings: Settings) -> list[Part]:
    """The parts of a self-test by these settings.

    Raises UsageError, naming the setting and never an address, when nobody is named, an address cannot be used, or
    there is no provider for a channel that staff are named for.
    """
    section = usable(settings.self_test)
    phones, emails = read_staff(section)
    if not phones and not emails:
        raise UsageError(
            "The settings name no staff to send a self-test to.",
            unchanged=_UNSENT,
            remedy="Set self_test.phones and self_test.emails to phones and mailboxes of people who expect it.",
        )
    accounts = [name for name, one in ((TWILIO, settings.sms), (TWILIO_BACKUP, settings.sms_backup)) if one.account_sid]
    if phones and not accounts:
        raise _no_provider("self_test.phones names staff, and no SMS can be sent", "sms.account_sid")
    if emails and not settings.smtp.host:
        raise _no_provider("self_test.emails names staff, and no e-mail can be sent", "smtp.host")
    parts = [Part(name, Channel.SMS, phones) for name in accounts if phones]
    return [*parts, *([Part(SmtpEmail.name, Channel.EMAIL, emails)] if emails else [])]


def untested(settings: Settings) -> list[str]:
    """What is set up for alerts, and no self-test tests, in words."""
    section = usable(settings.self_test)
    words = []
    if not section.phones and (settings.sms.account_sid or settings.sms_backup.account_sid):
        words.append("SMS (self_test.phones is empty)")
    if not section.emails and settings.smtp.host:
        words.append("e-mail (self_test.emails is empty)")
    if settings.sms_last_resort.url.get_secret_value():
        words.append("sms_last_resort (it cannot be asked for receipts)")
    return words


def read_staff(section: SelfTestSettings) -> tuple[tuple[TypedAddress, ...], tuple[TypedAddress, ...]]:
    """The phones and the e-mail addresses. Raises UsageError for one that cannot be used; it is not repeated."""
    phones = _read("phones", section.phones, _phone)
    return phones, _read("emails", section.emails, _email)


def read_alarm_emails(section: SelfTestSettings) -> tuple[TypedAddress, ...]:
    """Who is told when a self-test has failed. Raises UsageError as `read_staff` does."""
    return _read("alarm_emails", section.alarm_emails, _email)


def _read(name: str, values: Sequence[SecretStr], read: Callable[[str], TypedAddress]) -> tuple[TypedAddress, ...]:
    found: dict[TypedAddress, None] = {}
    for place, value in enumerate(values, start=1):
        try:
            one = read(value.get_secret_value())
            fault = "" if one.takes_messages else "it is a fixed line, which takes no SMS"
            found[one] = None
        except AddressError as error:
            fault = error.words
        if fault:
            raise UsageError(
                f"self_test.{name}, number {place} of {len(values)}, cannot be used: {fault}.",
                unchanged=_UNSENT,
                remedy="Mend it in the settings.",
            )
    return tuple(found)


def _phone(value: str) -> TypedAddress:
    number = parse_phone(value)
    return TypedAddress(AddressChannel.SMS, number.e164, number.can_take_sms)


def _email(value: str) -> TypedAddress:
    return TypedAddress(AddressChannel.EMAIL, parse_email(value).key, takes_messages=True)


def _no_provider(what: str, setting: str) -> UsageError:
    return UsageError(f"{what} ({setting} is empty).", unchanged=_UNSENT, remedy=f"Fill in {setting}.")
