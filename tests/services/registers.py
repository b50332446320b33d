"""The public registers on loopback: Maskinporten's token endpoint, KRR's look-up, FREG's bulk look-up and event feed.

Shapes as Digdir (docs/Kontaktregisteret, docs/Maskinporten) and Skatteetaten (folkeregisteret-api-dokumentasjon) tell
them. What is asked is checked as the real ones check it, and kept for the test to look at.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

CLIENT, KEY_ID = "beredskap-test", "key-2026"
SCOPES = {"krr": "krr:global/kontaktinformasjon.read", "freg": "folkeregister:deling/offentligmedhjemmel"}
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_BASIS = (
    "identifikasjonsnummer",
    "status",
    "doedsfall",
    "foedsel",
    "navn",
    "bostedsadresse",
    "oppholdsadresse",
    "deltBosted",
    "postadresse",
    "postadresseIUtlandet",
    "adressebeskyttelse",
)
_PARTS = {"person-basis": _BASIS, "relasjon-utvidet": ("familierelasjon", "foreldreansvar")}


@dataclass(frozen=True, slots=True)
class Answered:
    """Another answer than the usual one, to the next call of an API."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: object = None


@dataclass(slots=True)
class PublicRegisters:
    """What they hold, how they behave, and what they were asked."""

    url: str
    key: rsa.RSAPrivateKey
    krr: dict[str, dict[str, Any]] = field(default_factory=dict)
    freg: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[tuple[int, str]] = field(default_factory=list)
    oldest: int = 1
    page: int = 1000
    token_seconds: int = 600
    # "token", "krr", "freg", "feed" → what the next calls get instead
    next: dict[str, list[Answered]] = field(default_factory=dict)
    # (API, numbers, parts) of each look-up that was answered
    asked: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = field(default_factory=list)
    feed_asked: list[tuple[int, int]] = field(default_factory=list)  # (seq, status)
    paths: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    grants: list[dict[str, Any]] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)  # token → scope

    def numbers(self, api: str) -> set[str]:
        """All whom an API was asked about."""
        return {number for name, numbers, _ in self.asked if name == api for number in numbers}

    def write_key(self, path: Path, mode: int = 0o600) -> Path:
        path.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        path.chmod(mode)
        return path

    def settings(self, key_file: Path) -> dict[str, dict[str, str]]:
        """The sections of the settings with which these registers can be asked."""
        paths = {"krr": "", "freg": "/folkeregisteret/offentlig-med-hjemmel/api"}
        return {
            name: {
                "base_url": self.url + path,
                "token_url": f"{self.url}/token",
                "client_id": CLIENT,
                "key_file": str(key_file),
                "key_id": KEY_ID,
            }
            for name, path in paths.items()
        }


class _Refused(Exception):  # noqa: N818
    def __init__(self, status: int, body: object) -> None:
        super().__init__()
        self.answered = Answered(status, body=body)


class _Handler(BaseHTTPRequestHandler):
    registers: PublicRegisters
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self._serve(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def do_GET(self) -> None:
        self._serve(b"")

    def log_message(self, *_args: object) -> None:
        return

    def _serve(self, body: bytes) -> None:
        at = urlsplit(self.path)
        self.registers.paths.append(self.path)
        self.registers.times.append(time.monotonic())
        api = {
            "/token": "token",
            "/rest/v2/personer": "krr",
            "/folkeregisteret/offentlig-med-hjemmel/api/v1/personer/bulkoppslag": "freg",
            "/folkeregisteret/offentlig-med-hjemmel/api/v1/hendelser/feed": "feed",
            "/folkeregisteret/offentlig-med-hjemmel/api/v1/hendelser/siste/sekvensnummer": "last",
        }.get(at.path)
        try:
            if api is None:
                raise _Refused(404, {"kode": "FREG-404"})
            waiting = self.registers.next.get(api)
            answered = waiting.pop(0) if waiting else getattr(self, f"_{api}")(body, at.query)
        except _Refused as refused:
            answered = refused.answered
        content = b"" if answered.status == 304 else json.dumps(answered.body).encode()
        self.send_response(answered.status)
        for name, value in {"Content-Type": "application/json", **answered.headers}.items():
            self.send_header(name, value)
        if answered.status != 304:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _token(self, body: bytes, _query: str) -> Answered:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        own = self.registers
        try:
            assert form["grant_type"] == _GRANT
            assert jwt.get_unverified_header(form["assertion"]) == {"alg": "RS256", "kid": KEY_ID, "typ": "JWT"}
            claims = jwt.decode(form["assertion"], own.key.public_key(), algorithms=["RS256"], audience=f"{own.url}/")
            assert claims["exp"] - claims["iat"] <= 120
            assert claims["jti"] not in {each["jti"] for each in own.grants}
            assert (claims["iss"], claims["scope"] in SCOPES.values()) == (CLIENT, True)
        except (AssertionError, KeyError, jwt.InvalidTokenError):
            raise _Refused(400, {"error": "invalid_grant", "error_description": "not for you"}) from None
        own.grants.append(claims)
        token = f"token-{len(own.grants)}"
        own.tokens[token] = claims["scope"]
        return Answered(200, body={"access_token": token, "token_type": "Bearer", "expires_in": own.token_seconds})

    def _let_in(self, register: str) -> None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.registers.tokens.get(token) != SCOPES[register]:
            raise _Refused(401, {"kode": "FREG-401"})

    def _numbers(self, body: bytes, name: str) -> tuple[str, ...]:
        if self.headers.get("Content-Type") != "application/json":
            raise _Refused(415, None)
        numbers = tuple(json.loads(body)[name])
        if not 1 <= len(numbers) <= 1000 or len(set(numbers)) < len(numbers):
            raise _Refused(400, {"kode": "FREG-400"})
        return numbers

    def _krr(self, body: bytes, _query: str) -> Answered:
        self._let_in("krr")
        numbers = self._numbers(body, "personidentifikatorer")
        self.registers.asked.append(("krr", numbers, ()))
        held = self.registers.krr
        missing = {"status": "IKKE_REGISTRERT", "varslingsstatus": "KAN_IKKE_VARSLES"}
        return Answered(
            200, body={"personer": [held.get(one) or {"personidentifikator": one, **missing} for one in numbers]}
        )

    def _freg(self, body: bytes, query: str) -> Answered:
        self._let_in("freg")
        numbers = self._numbers(body, "foedselsEllerDNummer")
        parts = tuple(value for name, value in parse_qsl(query) if name == "part")
        self.registers.asked.append(("freg", numbers, parts))
        kept = {name for part in parts for name in _PARTS[part]}
        found = [
            {
                "foedselsEllerDNummer": one,
                "folkeregisterperson": {name: value for name, value in held.items() if name in kept},
            }
            for one in numbers
            if (held := self.registers.freg.get(one)) is not None
        ]
        return Answered(200, body={"oppslag": found})

    def _last(self, _body: bytes, _query: str) -> Answered:
        self._let_in("freg")
        return Answered(200, body=max((number for number, _ in self.registers.events), default=0))

    def _feed(self, _body: bytes, query: str) -> Answered:
        self._let_in("freg")
        own = self.registers
        seq = int(dict(parse_qsl(query))["seq"])
        if seq < own.oldest:
            own.feed_asked.append((seq, 406))
            raise _Refused(406, {"kode": "FREG-406", "melding": "Det er oppgitt ulovlig sekvensnummer."})
        page = [
            {"sekvensnummer": number, "hendelse": {"folkeregisteridentifikator": who, "hendelsetype": "endringINavn"}}
            for number, who in own.events
            if number >= seq
        ][: own.page]
        etag = hashlib.sha256(json.dumps(page).encode()).hexdigest()[:16]
        status = 304 if self.headers.get("If-None-Match") == f'"{etag}"' else 200
        own.feed_asked.append((seq, status))
        return Answered(status, {"ETag": f'"{etag}"'}, page)


@cache
def _key() -> rsa.RSAPrivateKey:
    """Made once: it takes half a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@contextmanager
def served_registers() -> Iterator[PublicRegisters]:
    """Empty registers, for as long as the context lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {}))
    server.daemon_threads = True
    registers = PublicRegisters(f"http://127.0.0.1:{server.server_port}", _key())
    server.RequestHandlerClass.registers = registers  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield registers
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
