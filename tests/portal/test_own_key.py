"""This installation proves itself at ID-porten by a key of its own: through a provider that checks the assertion."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from structlog.testing import capture_logs

from tests.portal.town import GUARDIAN, Town
from tests.services.openid import Provider, claims_of_guardian

KEY_ID = "beredskap-2026"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def file(key: rsa.RSAPrivateKey, tmp_path: Path) -> Path:
    path = tmp_path / "id-porten.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    return path


@pytest.fixture
def proving(town: Town, provider: Provider, key: rsa.RSAPrivateKey, file: Path) -> Town:
    """The portal, with the key in the secret's place, at a provider that knows it."""
    provider.client_key = (KEY_ID, key.public_key())
    provider.person("ola", **claims_of_guardian(GUARDIAN))
    serve(town, provider, file)
    return town


def serve(town: Town, provider: Provider, file: Path, key_id: str = KEY_ID) -> None:
    own = {"ID_PORTEN__PRIVATE_KEY_FILE": str(file), "ID_PORTEN__KEY_ID": key_id, "ID_PORTEN__CLIENT_SECRET": ""}
    town.serve(provider, **own)


def test_guardians_log_in(proving: Town, provider: Provider) -> None:
    for _ in range(2):
        assert proving.log_in("ola").page.status_code == 200
    assert proving.visits() == 2
    first, second = provider.proofs
    assert first["jti"] != second["jti"] and first["aud"] == provider.issuer
    assert first.keys() == {"iss", "sub", "aud", "iat", "exp", "jti"}


def test_a_key_or_a_name_that_the_provider_does_not_know(proving: Town, provider: Provider, file: Path) -> None:
    serve(proving, provider, file, key_id="another")
    assert proving.log_in("ola").page.status_code == 403
    serve(proving, provider, file)
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    provider.client_key = (KEY_ID, other.public_key())
    assert proving.log_in("ola").page.status_code == 403
    assert proving.visits() == 0


def test_a_secret_is_no_proof_there(proving: Town, provider: Provider) -> None:
    proving.serve(provider, ID_PORTEN__PRIVATE_KEY_FILE="", ID_PORTEN__KEY_ID="")
    assert proving.log_in("ola").page.status_code == 403


def test_a_key_that_cannot_be_used_is_told_at_the_start_and_can_be_mended(
    proving: Town, provider: Provider, file: Path
) -> None:
    file.chmod(0o644)
    serve(proving, provider, file)
    app = proving.portal.app

    async def started() -> None:
        async with app.router.lifespan_context(app):
            pass

    with capture_logs() as told:
        asyncio.run(started())
    assert [entry["why"] for entry in told] == [
        f"The key for ID-porten, {file}, can be opened by other users of this machine (mode 0644)."
    ]
    assert "chmod 600" in told[0]["remedy"]
    serve(proving, provider, file)
    browser = proving.portal.browser()
    path = f"/log-in/id_porten/{proving.school}"
    browser.get(path)
    assert browser.page.status_code == 503 and "Try again in a few minutes" in browser.text
    assert str(file) not in browser.page.text
    file.chmod(0o600)
    assert proving.log_in("ola", browser=browser).page.status_code == 200
