"""Maskinporten: a token for a register, against a grant signed with this installation's key (RFC 7523).

Source: Digdir, docs/Maskinporten (JWT grant, /token endpoint): RS256, `aud` is the issuer (the address of the token
endpoint without its path), `exp` at most 120 seconds after `iat`, and a `jti` that is never used twice.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from config.private_key import read_private_key
from config.spare_sections import RegisterSettings
from contacts.registers.register import Register, RegisterError, check_settings

if TYPE_CHECKING:
    from aiohttp import ClientSession

GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_GRANT_SECONDS: Final = 100
# A token is not used in its last seconds: the call must be over before it ends.
_MARGIN_SECONDS: Final = 40.0
_ERROR_CODE: Final = re.compile(r"[a-z_]{1,40}")


class TokenSource:
    """Tokens for one register; each is kept until shortly before it ends."""

    def __init__(self, register: Register, settings: RegisterSettings) -> None:
        self._register = register
        self._settings = settings
        self._token = ""
        self._until = 0.0

    async def token(self, http: ClientSession) -> str:
        """A token that holds for the next call.

        Raises UsageError for settings or a key file that cannot be used, RegisterError when Maskinporten refuses or
        gives something else than a token, and what aiohttp raises when it does not answer.
        """
        if time.monotonic() >= self._until:
            await self._renew(http)
        return self._token

    def forget(self) -> None:
        """The register did not take the token, whatever was promised of it."""
        self._until = 0.0

    async def _renew(self, http: ClientSession) -> None:
        check_settings(self._register, self._settings)
        grant = signed_grant(self._register, self._settings, int(time.time()))
        asked_at = time.monotonic()
        form = {"grant_type": GRANT_TYPE, "assertion": grant}
        async with http.post(self._settings.token_url, data=form, allow_redirects=False) as answer:
            body = await answer.read()
            status = answer.status
        if status == 429 or status >= 500:
            raise RegisterError(
                f"Maskinporten gives no access to {self._register.name} at the moment (status {status}).",
                remedy="Try again later; https://status.digdir.no tells of outages.",
            )
        told = _object(body)
        if status != 200:
            code = told.get("error")
            why = f"status {status}" + (f", {code}" if isinstance(code, str) and _ERROR_CODE.fullmatch(code) else "")
            section = self._register.section
            raise RegisterError(
                f"Maskinporten refused access to {self._register.name} ({why}).",
                remedy=f"Check {section}.client_id, {section}.scope, {section}.key_id and the key file, that the scope "
                "was granted, and that the clock of this machine is right.",
            )
        token, seconds = told.get("access_token"), told.get("expires_in")
        if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
            raise RegisterError(
                f"The answer of {urlsplit(self._settings.token_url).hostname} holds no token.",
                remedy=f"Check {self._register.section}.token_url.",
            )
        life = float(seconds) if isinstance(seconds, int | float) else 0.0
        self._token = token
        # One that lives shorter than the margin is used for the call at hand alone.
        self._until = asked_at + max(0.0, life - _MARGIN_SECONDS)


def signed_grant(register: Register, settings: RegisterSettings, now: int) -> str:
    """The grant that Maskinporten gives a token for. `now`: seconds since 1970. Raises UsageError for the key file."""
    import jwt

    issuer = urlsplit(settings.token_url)
    claims = {
        "aud": f"{issuer.scheme}://{issuer.netloc}/",
        "iss": settings.client_id,
        "scope": settings.scope,
        "iat": now,
        "exp": now + _GRANT_SECONDS,
        "jti": str(uuid.uuid4()),
    }
    key = read_private_key(
        settings.key_file, of=register.name, setting=f"{register.section}.key_file", known_at="Maskinporten"
    )
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": settings.key_id})


def _object(body: bytes) -> dict[str, object]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
