"""One register asked over HTTP: the token before it, what is repeated, and what is said when it does not go."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from config.errors import BeredskapError, ExitStatus, UsageError
from config.spare_sections import RegisterSettings
from contacts.registers.calls import Calls, LiveRegister, Reply
from contacts.registers.register import FREG, KRR, Register, RegisterError
from tests.services.registers import CLIENT, SCOPES, Answered, PublicRegisters
from tests.services.server import free_port

NUMBER = "29885596338"
Made = Callable[..., LiveRegister]
_PATHS = {
    "krr": ("/rest/v2/personer", "personidentifikatorer"),
    "freg": ("/v1/personer/bulkoppslag", "foedselsEllerDNummer"),
}


@pytest.fixture
def made(registers: PublicRegisters, tmp_path: Path) -> Made:
    """A register as the settings name it; keywords change single settings."""

    def make(register: Register = KRR, **changed: Any) -> LiveRegister:
        section = registers.settings(registers.write_key(tmp_path / "maskinporten.pem"))[register.section]
        values = {"scope": SCOPES[register.section], "timeout_seconds": 5.0, **section, **changed}
        return LiveRegister(register, RegisterSettings.model_validate(values))

    return make


def asked(live: LiveRegister, times: int = 1) -> list[Reply]:
    replies: list[Reply] = []
    path, name = _PATHS[live.register.section]

    async def ask(calls: Calls) -> None:
        for _ in range(times):
            replies.append(await calls.post(path, {name: [NUMBER]}, query=[("part", "person-basis")]))

    live.ask(ask)
    return replies


def refused(live: LiveRegister) -> BeredskapError:
    with pytest.raises(BeredskapError) as caught:
        asked(live)
    told = caught.value
    assert NUMBER not in f"{told}{told!r}"
    assert told.__cause__ is None and (told.__context__ is None or told.__suppress_context__)
    return told


def test_a_token_is_fetched_with_a_signed_grant_and_kept(registers: PublicRegisters, made: Made) -> None:
    live = made()
    (reply, _) = asked(live, times=2)
    assert json.loads(reply.body)["personer"][0]["status"] == "IKKE_REGISTRERT"
    asked(live)
    (grant,) = registers.grants
    assert (grant["iss"], grant["scope"]) == (CLIENT, SCOPES["krr"])
    assert abs(grant["iat"] - time.time()) < 10
    assert [name for name, _, _ in registers.asked] == ["krr"] * 3
    assert not any(NUMBER in path for path in registers.paths)


def test_a_token_that_is_about_to_end_is_not_used_again(registers: PublicRegisters, made: Made) -> None:
    registers.token_seconds = 30
    asked(made(), times=2)
    assert len(registers.grants) == 2


def test_a_token_that_ended_before_its_time_is_fetched_anew_once(registers: PublicRegisters, made: Made) -> None:
    live = made()
    asked(live)
    registers.tokens.clear()
    asked(live)
    assert len(registers.grants) == 2
    registers.next["krr"] = [Answered(401)] * 3
    told = refused(live)
    assert told.what == "The contact register (KRR) does not let us in (status 401)."
    assert len(registers.next["krr"]) == 1


def test_too_many_calls_freg_counts_in_milliseconds(registers: PublicRegisters, made: Made) -> None:
    registers.next["freg"] = [Answered(429, {"Retry-After": "300"})]
    asked(made(FREG))
    _token, first, second = registers.times
    assert 0.3 <= second - first < 30


@pytest.mark.parametrize(
    ("register", "header", "told"),
    [(KRR, "90", "The contact register (KRR) is asked too often and wants to be left alone for 90 s."),
     (FREG, "90000", "The population register (FREG) is asked too often and wants to be left alone for 90 s.")],
)  # fmt: skip
def test_who_wants_to_be_left_alone_for_long_is(
    register: Register, header: str, told: str, registers: PublicRegisters, made: Made
) -> None:
    registers.next[register.section] = [Answered(429, {"Retry-After": header})]
    assert refused(made(register)).what == told
    assert registers.asked == []


def test_a_passing_fault_is_asked_again(registers: PublicRegisters, made: Made) -> None:
    registers.next["freg"] = [Answered(500, body={"kode": "FREG-001", "melding": f"Feil for {NUMBER}"})]
    asked(made(FREG))
    assert len(registers.asked) == 1


def test_a_lasting_fault_is_told_with_its_code_alone(registers: PublicRegisters, made: Made) -> None:
    registers.next["freg"] = [Answered(400, body={"kode": "FREG-009", "melding": f"Feil for {NUMBER}"})]
    told = refused(made(FREG))
    assert told.what == "The population register (FREG) did not answer what it was asked (status 400, FREG-009)."
    assert told.exit_status is ExitStatus.FAILED


def test_a_dead_server(made: Made) -> None:
    told = refused(made(base_url=f"http://127.0.0.1:{free_port()}"))
    assert isinstance(told, RegisterError)
    assert told.what == "The contact register (KRR) does not answer (ClientConnectorError)."
    told = refused(made(token_url=f"http://127.0.0.1:{free_port()}/token"))
    assert told.what == "Maskinporten does not answer (ClientConnectorError)."


def test_a_server_that_never_answers(made: Made, registers: PublicRegisters) -> None:
    told = refused(made(timeout_seconds=0.000001))
    assert "does not answer" in told.what


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answered(400, body={"error": "invalid_grant", "error_description": NUMBER}), "(status 400, invalid_grant)."),
        (Answered(403, body="no"), "(status 403)."),
        (Answered(302, {"Location": "http://127.0.0.1:1/"}, {}), "(status 302)."),
    ],
)
def test_a_refused_token(answer: Answered, told: str, registers: PublicRegisters, made: Made) -> None:
    registers.next["token"] = [answer]
    error = refused(made(FREG))
    assert error.what == f"Maskinporten refused access to the population register (FREG) {told}"
    assert "freg.client_id" in error.remedy
    assert registers.asked == []


@pytest.mark.parametrize("status", [429, 503])
def test_maskinporten_has_no_time(status: int, registers: PublicRegisters, made: Made) -> None:
    registers.next["token"] = [Answered(status)]
    told = f"Maskinporten gives no access to the contact register (KRR) at the moment (status {status})."
    assert refused(made()).what == told


def test_a_grant_of_another_key_is_refused(registers: PublicRegisters, made: Made) -> None:
    assert "invalid_grant" in refused(made(key_id="another")).what
    assert registers.grants == []


def test_an_answer_without_a_token(registers: PublicRegisters, made: Made) -> None:
    registers.next["token"] = [Answered(200, body=["no token"])]
    assert refused(made()).what == "The answer of 127.0.0.1 holds no token."


def test_settings_that_are_missing(made: Made, registers: PublicRegisters) -> None:
    told = refused(made(key_id="", key_file=""))
    assert told.what == "The contact register (KRR) cannot be asked: krr.key_file, krr.key_id are not set."
    assert told.exit_status is ExitStatus.UNUSABLE
    assert registers.paths == []


def test_key_files_that_cannot_be_used(made: Made, registers: PublicRegisters, tmp_path: Path) -> None:
    missing, open_to_all, text, curve = (tmp_path / name for name in ("none.pem", "open.pem", "text.pem", "ec.pem"))
    registers.write_key(open_to_all, 0o644)
    text.write_text("-----BEGIN PRIVATE KEY-----\nnothing\n-----END PRIVATE KEY-----\n", encoding="ascii")
    curve.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    text.chmod(0o600)
    curve.chmod(0o600)
    for path, why in (
        (missing, "cannot be read: No such file or directory."),
        (open_to_all, "can be opened by other users of this machine (mode 0644)."),
        (text, "is no RSA key in PEM without a password."),
        (curve, "is no RSA key in PEM without a password."),
    ):
        told = refused(made(key_file=str(path)))
        assert isinstance(told, UsageError)
        assert told.what == f"The key for the contact register (KRR), {path}, {why}"
    assert registers.paths == []


@pytest.mark.parametrize("url", ["http://register.example", "ftp://127.0.0.1", "register.example", "https://"])
def test_an_address_without_encryption_is_no_setting(url: str, made: Made) -> None:
    with pytest.raises(ValueError, match="https address"):
        made(base_url=url)
