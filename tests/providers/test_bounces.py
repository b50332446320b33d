"""Bounces are read in the forms of common servers; what is none, and what proves nothing, is told from them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.bounces import Bounce, read_bounce
from providers.errors import bounce_code, counts_against_address, in_plain_words
from tests.providers.bounce_mails import (
    DOMAIN,
    EXCHANGE,
    EXIM,
    GMAIL,
    GUARDIAN,
    HEADERS,
    OURS,
    POSTFIX_NO_DOMAIN,
    QMAIL,
    dsn,
    letter,
    report,
)

QUOTED = frozenset({(17, DOMAIN)})


@pytest.mark.parametrize(
    ("mail", "code"),
    [
        (dsn(), "550 5.1.1"),
        (dsn("failed (gave up)", "5.7.1", diagnostic="smtp; 550 5.7.1 Blocked"), "550 5.7.1"),
        (dsn(diagnostic="X-Unix; 67"), "554 5.1.1"),
        (POSTFIX_NO_DOMAIN, "554 5.4.4"),
        (EXCHANGE, "550 5.1.10"),
        (GMAIL, "550 5.1.1"),
        (EXIM, "550 5.2.1"),
        (QMAIL, "554 5.1.1"),
    ],
    ids=["postfix", "policy", "no smtp", "no domain", "exchange", "gmail", "exim", "qmail"],
)
def test_what_came_back_for_good(mail: bytes, code: str) -> None:
    assert read_bounce(mail) == Bounce(QUOTED, frozenset({GUARDIAN}), code)
    assert in_plain_words(code)
    assert counts_against_address(code) is (code != "550 5.7.1")


def test_a_server_that_gave_up_is_no_proof_against_the_address() -> None:
    bounce = read_bounce(
        dsn("failed", "4.4.1", diagnostic="X-Postfix; connect to mail.example.com: Connection refused")
    )
    assert bounce is not None and (bounce.failed, bounce.code) == ({GUARDIAN}, "450 4.4.1")
    assert not counts_against_address(bounce.code)


def test_one_that_is_only_late_has_nobody_who_failed() -> None:
    assert read_bounce(dsn("delayed", "4.4.1")) == Bounce(QUOTED, frozenset(), "")


@pytest.mark.parametrize(
    "mail",
    [
        letter("Takk, jeg henter henne. Kari"),
        letter("Jeg er på ferie til 1. desember.", Auto_Submitted="auto-replied", X_Autoreply="yes"),
        dsn("delivered", "2.0.0"),
        dsn("relayed", "2.0.0"),
        b"",
        b"\x00\xff" * 100,
        b"Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: message/delivery-status\n\n",
    ],
    ids=["a person", "absence", "delivered", "relayed", "empty", "binary", "cut off"],
)
def test_what_is_no_bounce(mail: bytes) -> None:
    assert read_bounce(mail) is None


def test_the_returned_message_counts_before_what_the_bounce_refers_to_and_that_before_its_words() -> None:
    other = f"<delivery-99@{DOMAIN}>"
    status = f"Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; {GUARDIAN}\nAction: failed\nStatus: 5.1.1"

    def quoted(returned: str = "", **more: str) -> frozenset[tuple[int, str]]:
        bounce = read_bounce(report(status, returned, **more))
        assert bounce is not None
        return bounce.delivery_ids

    assert quoted(HEADERS, head=f"References: {other}\n", words=other) == QUOTED
    assert quoted(head=f"References: {OURS}\n", words=other) == QUOTED
    assert quoted(head=f"References: {OURS} {other}\n") == {(17, DOMAIN), (99, DOMAIN)}
    assert quoted(words=f"It said {OURS}.") == QUOTED
    assert quoted() == frozenset()


@pytest.mark.parametrize("no_id", ["<delivery-0@x.no>", "<delivery-017@x.no>", "delivery-17@x.no", "<delivery-x@y.no>"])
def test_what_is_no_message_id_of_ours(no_id: str) -> None:
    bounce = read_bounce(dsn(message_id=no_id))
    assert bounce is not None and bounce.delivery_ids == frozenset()


def test_an_address_is_in_no_traceback() -> None:
    assert GUARDIAN not in repr(read_bounce(dsn()))


@pytest.mark.parametrize(
    ("status", "diagnostic", "code"),
    [
        ("5.1.1", "smtp; 550 5.1.1 no", "550 5.1.1"),
        ("5.1.1 (bad mailbox)", "smtp;550-5.1.1 no", "550 5.1.1"),
        ("5.2.2", "smtp; 452 4.2.2 full", "554 5.2.2"),
        ("4.4.1", "", "450 4.4.1"),
        ("", "smtp; 551 moved", "551"),
        ("", "", "554"),
        ("2.0.0", "smtp; 250 ok", "554"),
        ("x", "550", "550"),
    ],
)
def test_the_code_of_a_bounce(status: str, diagnostic: str, code: str) -> None:
    assert bounce_code(status, diagnostic) == code


@given(st.binary(max_size=300), st.integers(0, 1500))
def test_no_mail_can_stop_the_reading(noise: bytes, place: int) -> None:
    mail = dsn()
    place %= len(mail)
    read_bounce(noise)
    bounce = read_bounce(mail[:place] + noise + mail[place:])
    assert bounce is None or isinstance(bounce.code, str)
