"""Every code has one meaning, and words that fit on the screen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base import Deferred, Rejected, Unknown
from providers.error_codes import OWN, TWILIO
from providers.errors import (
    Failure,
    counts_against_address,
    in_plain_words,
    is_fault_of_provider,
    is_passing_address_failure,
    is_permanent_address_failure,
    own_outcome,
    smtp_outcome,
    twilio_outcome,
)


@pytest.mark.parametrize(
    ("status", "code", "retry_after", "outcome"),
    [
        (429, 20429, 2.5, Deferred("20429", 2.5)),
        (429, None, None, Deferred("http_429")),
        (500, 20500, None, Unknown("20500")),
        (503, 20503, 3.0, Unknown("20503")),
        (502, 502, None, Unknown("http_502")),
        # A 5xx may have been processed, whatever code comes with it.
        (500, 21610, None, Unknown("21610")),
        (401, 20003, None, Deferred("20003")),
        (403, None, None, Deferred("http_403")),
        (404, 20404, None, Deferred("20404")),
        (400, 21211, None, Rejected("21211")),
        (400, 21614, None, Rejected("21614")),
        (403, 21408, None, Rejected("21408")),
        (400, 21610, None, Rejected("21610", opted_out=True)),
        (400, 21612, None, Rejected("21612")),
        (400, 21617, None, Rejected("21617")),
        (400, 21606, None, Deferred("21606")),
        (400, 21611, None, Deferred("21611")),
        (400, 21609, None, Deferred("21609")),
        (400, 99999, None, Rejected("99999")),
        (400, None, None, Rejected("http_400")),
        (408, None, None, Unknown("http_408")),
        (302, 302, None, Unknown("http_302")),
    ],
)
def test_twilio_answers(status: int, code: int | None, retry_after: float | None, outcome: Failure) -> None:
    assert twilio_outcome(status, code, retry_after) == outcome


@pytest.mark.parametrize(
    ("reply", "text", "our_sender", "outcome"),
    [
        (550, "5.1.1 <ola@skole.example> unknown", False, Rejected("550 5.1.1")),
        (550, "no such user", False, Rejected("550")),
        (452, "4.3.1 no room", False, Deferred("452 4.3.1")),
        (421, "going down", False, Deferred("421")),
        (530, "5.7.0 log in first", True, Deferred("sender 530 5.7.0")),
        (535, "5.7.8 wrong", False, Deferred("535 5.7.8")),
        (550, "5.7.1 not your address", True, Deferred("sender 550 5.7.1")),
        (250, "what", False, Unknown("250")),
    ],
)
def test_smtp_replies(reply: int, text: str, our_sender: bool, outcome: Failure) -> None:
    assert smtp_outcome(reply, text, our_sender=our_sender) == outcome


@pytest.mark.parametrize(
    ("code", "permanent"),
    [
        ("21211", True),
        ("21614", True),
        ("30005", True),
        ("30006", True),
        ("30003", False),
        ("30008", False),
        ("21610", False),
        ("20429", False),
        ("550 5.1.1", True),
        ("551", True),
        ("550", False),
        ("550 5.7.1", False),
        ("550 5.2.2", False),
        ("450 5.1.1", False),
        ("sender 553", False),
        ("sender 550 5.1.1", False),
        ("bad_address", True),
        ("connect_refused", False),
        ("", False),
        ("http_400", False),
    ],
)
def test_only_what_is_wrong_for_good_condemns_an_address(code: str, permanent: bool) -> None:
    assert is_permanent_address_failure(code) is permanent


@pytest.mark.parametrize(
    ("code", "counts", "passing"),
    [("30003", True, True), ("30005", True, False), ("30006", True, False), ("550 5.1.1", True, False),
     ("30007", False, False), ("550", False, False), ("", False, False)],
)  # fmt: skip
def test_what_counts_against_an_address(code: str, counts: bool, passing: bool) -> None:
    assert (counts_against_address(code), is_passing_address_failure(code)) == (counts, passing)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("30005", "the number is not in use"),
        ("21610", "the owner of the number answered STOP"),
        ("550 5.1.1", "the mailbox does not exist"),
        ("552 5.2.2", "the mailbox is full"),
        ("450 4.9.9", "the mailbox cannot be reached just now"),
        ("599", "the mail server refuses it"),
        ("499", "the mail server cannot take it yet"),
        ("sender 550 5.7.1", "the mail server does not accept our own address as the sender"),
        ("greeting 554", "the mail server does not let this program in just now"),
        ("sender 530 5.7.0", "the mail server does not accept the user name or password in the settings"),
        ("http_503", "the provider failed"),
        ("http_403", "the provider forbids the account to send"),
        ("http_418", "the provider refused the request"),
        ("connect_refused", "no connection to the provider"),
        ("", "no reason was given"),
        ("31337", "the provider gave a reason this program does not know"),
    ],
)
def test_words(code: str, words: str) -> None:
    assert in_plain_words(code) == words


@pytest.mark.parametrize("code", sorted(TWILIO) + sorted(OWN))
def test_every_entry_can_be_said_in_the_middle_of_a_sentence(code: str) -> None:
    words = in_plain_words(code)
    assert words and not words.endswith(".") and len(words) < 100
    assert words[0].islower() or words.startswith("Twilio")


@pytest.mark.parametrize("code", sorted(OWN))
def test_our_own_codes_make_outcomes_that_keep_the_code(code: str) -> None:
    assert own_outcome(code).code == code


@given(st.text())
def test_any_text_is_answered_and_never_repeated(code: str) -> None:
    words = in_plain_words(f"x {code}")
    assert words == "the provider gave a reason this program does not know"


@given(st.integers(min_value=200, max_value=599), st.text())
def test_the_servers_words_never_enter_the_code(reply: int, text: str) -> None:
    code = smtp_outcome(reply, text).code
    assert set(code) <= set("0123456789. ")
    assert len(code) <= 14


@pytest.mark.parametrize(
    ("code", "strikes_all"),
    [
        ("connect_refused", True),
        ("read_timeout", True),
        ("login_failed", True),
        ("20429", True),
        ("20003", True),
        ("http_503", True),
        ("99999", True),  # Twilio's, and not in the catalogue: with a 429 or a 5xx
        ("421", True),
        ("greeting 450", True),
        ("sender 550 5.7.1", True),
        ("535 5.7.8", True),
        ("450 4.2.0", False),
        ("451", False),
        ("too_busy", False),
        ("21606", False),
        ("21211", False),
        ("21610", False),
        ("crashed", False),
        ("interrupted", False),
    ],
)
def test_what_strikes_every_message_to_a_provider(code: str, strikes_all: bool) -> None:
    assert is_fault_of_provider(code) is strikes_all
