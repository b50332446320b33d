"""Logging in by OpenID Connect, through Authlib: discovery, PKCE, state, nonce, and the checks of the ID token. And
the address at which a visitor logs out there."""

from __future__ import annotations

import contextlib
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import structlog
from starlette.requests import Request

from config.errors import UsageError
from config.portal_sections import IdPortenSettings, LogInSettings
from config.private_key import id_porten_key

if TYPE_CHECKING:
    from authlib.integrations.starlette_client import StarletteOAuth2App

    from portal.log_in.assertion import OwnKey

log = structlog.stdlib.get_logger(__name__)

# Clocks differ by seconds. An ID token that ended earlier is not taken.
LEEWAY_SECONDS: Final = 10
_CALL_SECONDS: Final = 10.0
# Signed with a key that only the provider has; "none" and shared secrets are no proof, whatever a document offers.
_ALGORITHMS: Final = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"})


class ProviderName(StrEnum):
    ID_PORTEN = "id_porten"
    FEIDE = "feide"


class LogInFault(StrEnum):
    """Why nobody was logged in."""

    CANCELLED = "cancelled"  # by the visitor, at the provider
    STALE = "stale"  # the way back does not belong to a way out of this browser, or was gone before, or took too long
    NOT_TAKEN = "not_taken"  # what came back does not prove who it is
    AWAY = "away"  # the provider does not answer


class LogInError(Exception):
    """Nobody was logged in. The text holds nothing that came back."""

    def __init__(self, fault: LogInFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


class OpenIdProvider:
    """One provider, and this installation's client at it."""

    def __init__(self, name: ProviderName, settings: LogInSettings, redirect_uri: str, **asked: str) -> None:
        """`asked`: further parameters of each authorization request."""
        self.name = name
        self._settings = settings
        self._redirect_uri = redirect_uri
        self._asked = asked
        self._loaded: StarletteOAuth2App | None = None

    def check_key(self) -> None:
        """Tell the log what is wrong with the key by which the client proves itself, if anything is."""
        with contextlib.suppress(LogInError):
            self._own_key()

    async def begin(self, **asked: str) -> tuple[str, dict[str, Any]]:
        """The address to send the visitor to, and what must be kept until they come back.

        Raises LogInError: AWAY.
        """
        import httpx2

        client = self._client()
        try:
            await self._load(client)
            made = await client.create_authorization_url(self._redirect_uri, **self._asked, **asked)
        except (httpx2.HTTPError, ValueError, KeyError, RuntimeError) as error:
            raise self._away(error) from None
        address = made.pop("url")
        return address, {**made, "redirect_uri": self._redirect_uri}

    async def finish(self, request: Request, kept: dict[str, Any]) -> dict[str, Any]:
        """The claims about the visitor who has come back with `request`. `kept`: what `begin` gave.

        Raises LogInError.
        """
        import httpx2
        from authlib.integrations.starlette_client import OAuthError
        from joserfc.errors import JoseError

        if request.query_params.get("error"):
            # Its text is the provider's, or anybody's who made the address.
            raise LogInError(LogInFault.CANCELLED)
        client = self._client()
        try:
            await self._load(client)
            # As the library keeps it in a session, of which this is the only use.
            request.scope["session"] = {
                f"_state_{self.name}_{kept.get('state')}": {"data": kept, "exp": float("inf")},
            }
            token = await client.authorize_access_token(
                request,
                leeway=LEEWAY_SECONDS,
                claims_options={
                    "iss": {"essential": True, "values": [self._settings.issuer]},
                    "aud": {"essential": True, "value": self._settings.client_id},
                    "exp": {"essential": True},
                    "nonce": {"essential": True, "value": kept.get("nonce")},
                },
            )
            claims = dict(token.get("userinfo") or {})
            if not claims.get("sub"):
                raise LogInError(LogInFault.NOT_TAKEN)
            return claims | await self._further(client, token, claims)
        except OAuthError as error:
            fault = LogInFault.STALE if error.error == "mismatching_state" else LogInFault.NOT_TAKEN
            log.warning("log_in_refused", provider=self.name.value, fault=fault.value, kind=type(error).__name__)
            raise LogInError(fault) from None
        except (JoseError, ValueError, KeyError, TypeError) as error:
            log.warning("log_in_refused", provider=self.name.value, fault="not_taken", kind=type(error).__name__)
            raise LogInError(LogInFault.NOT_TAKEN) from None
        except (httpx2.HTTPError, RuntimeError) as error:
            raise self._away(error) from None

    async def log_out_address(self) -> str | None:
        """Where the visitor ends their session at the provider; None where it has no such place.

        It names this client and nothing of the visitor: their own browser says there who they are. Raises LogInError:
        AWAY.
        """
        import httpx2

        client = self._client()
        try:
            await self._load(client)
            if not client.server_metadata.get("end_session_endpoint"):
                return None
            made = await client.create_logout_url(client_id=self._settings.client_id)
            address: str = made["url"]
            # It becomes a link in a page of ours.
            if not address.startswith(("https://", "http://")):
                raise ValueError("the place to log out at is no web address")
            return address
        except (httpx2.HTTPError, ValueError, KeyError, RuntimeError) as error:
            raise self._away(error) from None

    async def _further(
        self, client: StarletteOAuth2App, token: dict[str, Any], claims: dict[str, Any]
    ) -> dict[str, Any]:
        """What Feide tells at its userinfo endpoint alone."""
        if self.name is not ProviderName.FEIDE:
            return {}
        told = dict(await client.userinfo(token=token))
        # OpenID Connect Core, 5.3.2: what is told of somebody else must not be used.
        if told.get("sub") != claims["sub"]:
            raise LogInError(LogInFault.NOT_TAKEN)
        return told

    def _client(self) -> StarletteOAuth2App:
        """Raises LogInError: AWAY, when the key by which it proves itself cannot be used."""
        if self._loaded is None:
            from authlib.integrations.starlette_client import OAuth

            own_key = self._own_key()
            self._loaded = OAuth().register(
                self.name.value,
                client_id=self._settings.client_id,
                client_secret=self._settings.client_secret.get_secret_value(),
                client_auth_methods=[own_key] if own_key else [],
                server_metadata_url=f"{self._settings.issuer.rstrip('/')}/.well-known/openid-configuration",
                client_kwargs={
                    "scope": self._settings.scope,
                    "code_challenge_method": "S256",
                    "timeout": _CALL_SECONDS,
                    **({"token_endpoint_auth_method": own_key.name} if own_key else {}),
                },
            )
        return self._loaded

    def _own_key(self) -> OwnKey | None:
        from portal.log_in.assertion import OwnKey

        settings = self._settings
        if not isinstance(settings, IdPortenSettings) or not settings.private_key_file:
            return None
        try:
            return OwnKey(id_porten_key(settings), settings.key_id, settings.issuer)
        except UsageError as error:
            # Whoever keeps the installation reads it; the visitor can do nothing about it.
            log.warning("log_in_key_cannot_be_used", provider=self.name.value, why=error.what, remedy=error.remedy)
            raise LogInError(LogInFault.AWAY) from None

    async def _load(self, client: StarletteOAuth2App) -> None:
        metadata = await client.load_server_metadata()
        # OpenID Connect Discovery, 4.3: a document of somebody else's is not used.
        if metadata.get("issuer") != self._settings.issuer:
            self._loaded = None
            raise ValueError("the discovery document names another issuer")
        offered = metadata.get("id_token_signing_alg_values_supported") or ()
        metadata["id_token_signing_alg_values_supported"] = sorted(_ALGORITHMS.intersection(offered)) or ["RS256"]

    def _away(self, error: Exception) -> LogInError:
        log.warning("log_in_provider_away", provider=self.name.value, kind=type(error).__name__)
        return LogInError(LogInFault.AWAY)
