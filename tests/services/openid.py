"""An OpenID provider on loopback, for ID-porten and Feide: `oidc-provider-mock`, with PKCE checked at its door.

The provider ignores code challenges. Here a code is given out only against the verifier of the challenge that it was
asked for with, as RFC 7636 demands; and what a provider does wrong, or does not do, can be asked for.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import jwt
import oidc_provider_mock
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from werkzeug.serving import make_server

_Environ = dict[str, Any]
_Start = Callable[..., Any]


@dataclass
class Provider:
    """One provider that runs. `asked`: the parameters of the last authorization request.

    `audience`: the client that tokens are made out to, in place of the one that asks. `unchecked`: codes that were
    given out without a challenge. `logs_out`: whether its document names a place to log out at; `left`: the parameters
    of those who came there. `client_key`: the client's public key, by the name that it has here; set, tokens are given
    against an assertion signed with it alone, as ID-porten checks those. `proofs`: what such assertions said.
    """

    issuer: str
    asked: dict[str, str] = field(default_factory=dict)
    audience: str | None = None
    unchecked: int = 0
    logs_out: bool = True
    left: list[dict[str, str]] = field(default_factory=list)
    client_key: tuple[str, RSAPublicKey] | None = None
    proofs: list[dict[str, Any]] = field(default_factory=list)
    _claims: dict[str, dict[str, Any]] = field(default_factory=dict)

    def person(self, subject: str, **claims: Any) -> str:
        """Somebody who can log in here, with these claims; what to log in as."""
        import urllib.request

        body = json.dumps(claims).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.issuer}/users/{subject}", data=body, headers=headers, method="PUT")
        urllib.request.urlopen(request, timeout=10).close()
        return subject


@contextmanager
def openid_provider(*, token_seconds: int = 3600) -> Iterator[Provider]:
    """A provider whose tokens end after so many seconds; negative: before they are made."""
    app = oidc_provider_mock.app(require_nonce=True, access_token_max_age=timedelta(seconds=token_seconds))
    provider = Provider("")
    server = make_server("127.0.0.1", 0, _Checked(app, provider), threaded=True)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class _Checked:
    def __init__(self, app: Any, provider: Provider) -> None:
        self._app = app
        self._provider = provider
        # By code: the challenge that it was asked for with.
        self._challenges: dict[str, str] = {}

    def __call__(self, environ: _Environ, start: _Start) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/oauth2/authorize":
            return self._authorize(environ, start)
        if path == "/oauth2/token":
            return self._token(environ, start)
        if path == "/oauth2/end_session":
            self._provider.left.append(dict(parse_qsl(environ.get("QUERY_STRING", ""))))
        if path == "/.well-known/openid-configuration" and not self._provider.logs_out:
            return self._document(environ, start)
        return self._app(environ, start)  # type: ignore[no-any-return]

    def _document(self, environ: _Environ, start: _Start) -> Iterable[bytes]:
        told = json.loads(b"".join(self._app(environ, lambda *_: None)))
        del told["end_session_endpoint"]
        start("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(told).encode()]

    def _authorize(self, environ: _Environ, start: _Start) -> Iterable[bytes]:
        asked = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        self._provider.asked = asked
        if self._provider.audience is not None:
            asked = asked | {"client_id": self._provider.audience}
            environ["QUERY_STRING"] = urlencode(asked)

        def noting(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            for name, value in headers:
                code = parse_qs(urlsplit(value).query).get("code") if name.lower() == "location" else None
                if code and asked.get("code_challenge_method") == "S256":
                    self._challenges[code[0]] = asked["code_challenge"]
                elif code:
                    self._provider.unchecked += 1
            return start(status, headers, *rest)

        return self._app(environ, noting)  # type: ignore[no-any-return]

    def _token(self, environ: _Environ, start: _Start) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        form = dict(parse_qsl(body.decode()))
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proof = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if self._challenges.pop(form.get("code", ""), None) != proof:
            start("400 Bad Request", [("Content-Type", "application/json")])
            return [b'{"error": "invalid_grant"}']
        if self._provider.client_key is not None:
            if not self._proven(environ, form):
                start("401 Unauthorized", [("Content-Type", "application/json")])
                return [b'{"error": "invalid_client"}']
            # The provider itself knows nothing of assertions.
            environ["HTTP_AUTHORIZATION"] = _basic("beredskap")
        if self._provider.audience is not None:
            environ["HTTP_AUTHORIZATION"] = _basic(self._provider.audience)
        environ["wsgi.input"] = io.BytesIO(body)
        return self._app(environ, start)  # type: ignore[no-any-return]

    def _proven(self, environ: _Environ, form: dict[str, str]) -> bool:
        """Digdir, docs/idporten, "/token endpoint": RS256; the issuer as the one audience; two minutes at the most."""
        assert self._provider.client_key is not None
        key_id, key = self._provider.client_key
        assertion = form.get("client_assertion", "")
        try:
            if jwt.get_unverified_header(assertion).get("kid") != key_id:
                return False
            said: dict[str, Any] = jwt.decode(
                assertion,
                key,
                algorithms=["RS256"],
                audience=self._provider.issuer,
                issuer="beredskap",
                options={"require": ["exp", "iat", "jti", "sub", "aud"]},
            )
        except jwt.InvalidTokenError:
            return False
        used_before = said["jti"] in [one["jti"] for one in self._provider.proofs]
        self._provider.proofs.append(said)
        return (
            form.get("client_assertion_type") == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            and "HTTP_AUTHORIZATION" not in environ
            and said["sub"] == "beredskap"
            and said["aud"] == self._provider.issuer
            and said["exp"] - said["iat"] <= 120
            and not used_before
        )


def _basic(client: str) -> str:
    return "Basic " + base64.b64encode(f"{client}:secret".encode()).decode()


def chosen(address: str, subject: str) -> tuple[str, bytes]:
    """The request by which a visitor logs in at the provider as `subject`, once sent to `address`: (address, form)."""
    return address, urlencode({"sub": subject}).encode()


def claims_of_guardian(pid: str, acr: str = "idporten-loa-high", **more: Any) -> Mapping[str, Any]:
    return {"pid": pid, "acr": acr, **more}
