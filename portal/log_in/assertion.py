"""How this installation proves itself at a provider by a key of its own (`private_key_jwt`; RFC 7523, 2.2).

ID-porten (Digdir, docs/idporten, "/token endpoint") wants its issuer as the one audience, and not the address of the
token endpoint, which Authlib puts there by itself; RS256; and each assertion once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from authlib.oauth2.rfc7523 import PrivateKeyJWT, private_key_jwt_sign
from joserfc.jwk import RSAKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

# It is used at once. The most that Digdir takes is two minutes.
_LIFE_SECONDS: Final = 100


class OwnKey(PrivateKeyJWT):  # type: ignore[misc]
    """Signs the requests for tokens with `key`, which the provider knows as `key_id`."""

    def __init__(self, key: RSAPrivateKey, key_id: str, issuer: str) -> None:
        super().__init__(issuer)
        self._key = RSAKey.import_key(key)
        self._key_id = key_id

    def sign(self, auth: Any, token_endpoint: str) -> str:
        """`token_endpoint`: what was given as such, the issuer."""
        assertion: str = private_key_jwt_sign(
            self._key,
            client_id=auth.client_id,
            token_endpoint=token_endpoint,
            header={"kid": self._key_id},
            expires_in=_LIFE_SECONDS,
        )
        return assertion
