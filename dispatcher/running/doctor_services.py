"""Doctor's checks of servers outside: Redis, Twilio, the mail server, and our own callback address."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Final
from urllib.parse import SplitResult, urlsplit

from config.sections import TwilioAccount
from config.settings import Settings
from dispatcher.running.doctor import CHECK_SECONDS, Check, CheckResult, Status, fail, ok, warn
from providers.base import LookupFailed, Provider
from providers.errors import in_plain_words

# Deliveries count from 1: a callback for this one is checked by the web process as any other, and stored nowhere.
_PROBE_PATH: Final = "/callbacks/{provider}/status/0/0"
_PROBE: Final = {"MessageSid": "SM" + "0" * 32, "MessageStatus": "delivered", "ErrorCode": ""}


async def redis_answers(settings: Settings) -> bool | None:
    """None when the settings name none."""
    if not settings.store.redis_url:
        return None
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError

    try:
        async with asyncio.timeout(CHECK_SECONDS):
            # By default the client tries again for seconds: here an absent server is an answer.
            client = Redis.from_url(settings.store.redis_url, retry=Retry(NoBackoff(), 0))
            try:
                await client.ping()
            finally:
                await client.aclose()
    except (RedisError, OSError, TimeoutError, ValueError):
        return False
    return True


def redis_result(settings: Settings, answers: bool | None, workers_alive: int | None) -> CheckResult:
    """`workers_alive`: None when the database could not be asked."""
    if answers is None:
        reason = "this installation is embedded" if settings.embedded else "workers look at the database every second"
        return ok(Check.REDIS, f"not used: {reason}")
    place = _place(settings.store.redis_url)
    if answers:
        return ok(Check.REDIS, f"answers at {place}")
    what = f"Redis does not answer at {place}."
    remedy = "Restart Redis when you can, or mend store.redis_url."
    if workers_alive:
        alive = "1 worker is alive and reads" if workers_alive == 1 else f"{workers_alive} workers are alive and read"
        themselves = "itself" if workers_alive == 1 else "themselves"
        return warn(Check.REDIS, f"{what} {alive} the database {themselves}: alerts go out.", remedy)
    if settings.embedded:
        return warn(Check.REDIS, f"{what} The alert command reads the database itself: alerts go out.", remedy)
    return fail(Check.REDIS, f"{what} No living worker is known that would read the database.", remedy)


def _place(url: str) -> str:
    """Host and port; never the password."""
    try:
        parts = urlsplit(url)
        return f"{parts.hostname or 'the address in the settings'}:{parts.port or 6379}"
    except ValueError:
        return "the address in the settings"


async def twilio_result(settings: Settings) -> CheckResult:
    """Reads the account; sends nothing."""
    sms = settings.sms
    if not sms.account_sid or not sms.auth_token.get_secret_value():
        return _not_set_up(
            Check.TWILIO, "SMS", other=bool(settings.smtp.host), remedy="sms.account_sid, sms.auth_token"
        )
    from providers.twilio_sms import TwilioSms

    # The sender has a check of its own, and no part in this one.
    return await _asked(
        Check.TWILIO,
        TwilioSms.from_settings(sms, sms.sender or "none"),
        "the account is active and the credentials are right",
        "Mend sms.account_sid and sms.auth_token, or look at https://status.twilio.com.",
    )


async def sms_backup_result(settings: Settings) -> CheckResult:
    """Reads the second account, and whether the address of the last resort can be used; sends nothing."""
    account, last_resort = settings.sms_backup, settings.sms_last_resort
    if not account.account_sid and not last_resort.url.get_secret_value():
        return ok(Check.SMS_BACKUP, "none set: while Twilio does not work, SMS wait for it")
    words = []
    if account.account_sid:
        from providers.twilio_sms import TwilioSms

        second = TwilioSms.from_settings(account, account.sender or settings.sms.sender or "none")
        result = await _asked(
            Check.SMS_BACKUP,
            second,
            "the second account is active",
            "Mend the section [sms_backup] of the settings, or look at https://status.twilio.com.",
        )
        if result.status is not Status.OK:
            return result
        words.append(result.what)
    if last_resort.url.get_secret_value():
        from providers.apprise_sms import AppriseSms

        # Only a message would tell whether the service takes any.
        result = await _asked(
            Check.SMS_BACKUP,
            AppriseSms.from_settings(last_resort),
            "the last resort has an address that Apprise knows",
            "Mend sms_last_resort.url: https://appriseit.com/services/ tells how addresses are written.",
        )
        if result.status is not Status.OK:
            return result
        words.append(result.what)
    return ok(Check.SMS_BACKUP, "; ".join(words))


async def smtp_result(settings: Settings) -> CheckResult:
    """Connects and logs in; sends nothing."""
    smtp = settings.smtp
    if not smtp.host or not smtp.from_address:
        return _not_set_up(
            Check.SMTP, "e-mail", other=bool(settings.sms.account_sid), remedy="smtp.host, smtp.from_address"
        )
    from providers.smtp_email import SmtpEmail

    login = "the log-in is right" if smtp.username else "no log-in is set"
    result = await _asked(
        Check.SMTP,
        SmtpEmail.from_settings(smtp),
        f"{smtp.host}:{smtp.port} answers, {login}",
        "Mend the section [smtp] of the settings, or ask whoever runs the mail server.",
    )
    if result.status is Status.OK and smtp.security == "none" and not _is_loopback(smtp.host):
        return warn(
            Check.SMTP,
            f"{smtp.host}:{smtp.port} answers, and everything goes to it unencrypted",
            'Set smtp.security to "starttls" or "tls".',
        )
    return result


def _not_set_up(name: Check, channel: str, *, other: bool, remedy: str) -> CheckResult:
    """One channel may be missing on purpose; without both, nobody can be told anything."""
    return (warn if other else fail)(name, f"not set up: no {channel} can be sent", f"Fill in {remedy}.")


async def _asked(name: Check, provider: Provider, well: str, remedy: str) -> CheckResult:
    try:
        await provider.check()
    except LookupFailed as failed:
        return fail(name, f"{in_plain_words(failed.code)} ({failed.code})", remedy)
    finally:
        await provider.close()
    return ok(name, well)


async def callback_result(settings: Settings) -> CheckResult:
    """Calls our own public address as Twilio would: signed right, which must be taken, and wrong, which must not."""
    base = settings.sms.callback_base_url.rstrip("/")
    if not base:
        return ok(Check.CALLBACK, "none set: receipts are polled")
    parts = _split(base)
    if parts is None:
        return fail(
            Check.CALLBACK,
            "sms.callback_base_url is no web address",
            "Give the public address of beredskap web, for example https://varsling.eksempel.no.",
        )
    first = await _callback_of("sms", settings.sms, base + _PROBE_PATH.format(provider="twilio"), parts)
    if first.status is Status.FAIL or not settings.sms_backup.account_sid:
        return first
    path = _PROBE_PATH.format(provider="twilio_backup")
    second = await _callback_of("sms_backup", settings.sms_backup, base + path, parts)
    return first if second.status is Status.OK else second


async def _callback_of(section: str, account: TwilioAccount, url: str, parts: SplitResult) -> CheckResult:
    token = account.auth_token.get_secret_value()
    if not token:
        what = f"without {section}.auth_token every callback is refused"
        return fail(Check.CALLBACK, what, f"Fill in {section}.auth_token.")
    try:
        right, wrong = await _probe(url, token)
    except (OSError, ValueError) as error:
        return fail(
            Check.CALLBACK,
            f"{_host(parts)} cannot be reached from here ({type(error).__name__})",
            "Start beredskap web, and look at the proxy before it, its certificate, and the name.",
        )
    if wrong == 204:
        return fail(
            Check.CALLBACK,
            f"{_host(parts)} takes callbacks with a wrong signature",
            "What answers there is not beredskap web, or a proxy answers in its place: mend the proxy.",
        )
    if (right, wrong) == (204, 403):
        if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
            return warn(
                Check.CALLBACK,
                f"{_host(parts)} takes what is signed right, and nothing is encrypted",
                "Put a proxy with TLS before beredskap web, and https into sms.callback_base_url.",
            )
        return ok(Check.CALLBACK, f"{_host(parts)} takes what is signed right, and nothing else")
    if right == 403:
        return fail(
            Check.CALLBACK,
            f"{_host(parts)} refuses what is signed right",
            f"beredskap web has another {section}.auth_token or sms.callback_base_url than these settings: "
            "mend them, and restart it.",
        )
    return fail(
        Check.CALLBACK,
        f"{_host(parts)} answers {right} instead of 204",
        "Let the proxy hand /callbacks/ on to beredskap web, with its path, query and body unchanged.",
    )


async def _probe(url: str, token: str) -> tuple[int, int]:
    """The statuses of a call signed right and of one signed wrong. Raises OSError or ValueError."""
    import aiohttp
    from twilio.request_validator import RequestValidator

    signature = RequestValidator(token).compute_signature(url, _PROBE)
    statuses: list[int] = []
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CHECK_SECONDS)) as session:
            for given in (signature, signature[::-1]):
                headers = {"X-Twilio-Signature": given}
                async with session.post(url, data=_PROBE, headers=headers, allow_redirects=False) as answer:
                    statuses.append(answer.status)
    except aiohttp.ClientError as error:
        raise ConnectionError(type(error).__name__) from None
    return statuses[0], statuses[1]


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    return parts if usable else None


def _host(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
