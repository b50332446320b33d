"""STOP, START and HELP as the first and only word, in two languages; everything else is for a person to read."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.answers.words import LONGEST_TEXT, kept_text, read_answer
from dispatcher.codes import AnswerKind

STOP, START, HELP, OTHER = AnswerKind.STOP, AnswerKind.START, AnswerKind.HELP, AnswerKind.OTHER
# The words that Twilio obeys and answers by itself; those of our own that it does not know.
BY_TWILIO = {
    "STOP": STOP,
    "STOPALL": STOP,
    "UNSUBSCRIBE": STOP,
    "END": STOP,
    "QUIT": STOP,
    "CANCEL": STOP,
    "REVOKE": STOP,
    "OPTOUT": STOP,
    "START": START,
    "UNSTOP": START,
    "HELP": HELP,
    "INFO": HELP,
}
BY_US = {"STOPP": STOP, "SLUTT": STOP, "AVSLUTT": STOP, "AVMELD": STOP, "HJELP": HELP}
words = st.sampled_from(sorted(BY_TWILIO | BY_US))
around = st.text(st.sampled_from(" \t\n.!?,;:\"'«»()-–…\u00a0\u200b\ufeff"), max_size=4)


@pytest.mark.parametrize("word", BY_TWILIO)
def test_what_twilio_answers_by_itself_is_not_answered_again(word: str) -> None:
    reading = read_answer(word)
    assert (reading.kind, reading.text, reading.provider_answers) == (BY_TWILIO[word], "", True)


@pytest.mark.parametrize("word", BY_US)
def test_our_own_words_are_answered_by_us(word: str) -> None:
    reading = read_answer(word)
    assert (reading.kind, reading.text, reading.provider_answers) == (BY_US[word], "", False)


@given(words, around, around, st.sampled_from([str.upper, str.lower, str.title, str.swapcase]))
def test_capitals_and_what_stands_around_a_word_do_not_matter(
    word: str, before: str, after: str, spelt: object
) -> None:
    assert callable(spelt)
    assert read_answer(before + spelt(word) + after).kind is (BY_TWILIO | BY_US)[word]


@given(words, words)
def test_two_words_are_no_command(word: str, other: str) -> None:
    for body in (f"{word} {other}", f"{word}\n{other}", f"ikke {word}", f"{word} med dette"):
        assert read_answer(body).kind is OTHER


@pytest.mark.parametrize(
    "body",
    [
        "ja",
        "JA",
        "yes",
        "Yes!",
        "ok",
        "nei",
        "2",
        "11",
        "1 1",
        "nr 1",
        "stoppen",
        "nonstop",
        "st op",
        "s t o p",
        "",
        " ",
        "...",
        "👍",
        "stopp takk",
    ],
)
def test_what_may_be_meant_otherwise_is_left_to_a_person(body: str) -> None:
    assert read_answer(body).kind is OTHER


@pytest.mark.parametrize("body", ["1", " 1. ", "«1»", "1\ufe0f\u20e3", "１", "1)\n"])
def test_a_one_confirms(body: str) -> None:
    reading = read_answer(body)
    assert (reading.kind, reading.text, reading.provider_answers) == (AnswerKind.CONFIRMATION, "1", False)


@pytest.mark.parametrize("judged", ["STOP", "START", "HELP", "stop", " Start "])
@pytest.mark.parametrize("body", ["ja", "yes", "1", "Stopp", "bæsj"])
def test_twilios_own_judgement_counts_where_it_gives_one(judged: str, body: str) -> None:
    reading = read_answer(body, judged)
    assert (reading.kind, reading.provider_answers) == (AnswerKind(judged.strip().lower()), True)


def test_a_judgement_that_is_none_changes_nothing() -> None:
    assert read_answer("STOPP", "UNKNOWN") == read_answer("STOPP")


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ("Kari er hos meg", "Kari er hos meg"),
        ("  to\n\nlinjer\there ", "to linjer here"),
        ("a\x00b\x1b[31mc\u202ed", "ab[31mcd"),
        ("x" * 160, "x" * 160),
        ("x" * 161, "x" * 159 + "…"),
        ("å " * 200, "å " * 79 + "å…"),
    ],
)
def test_what_is_kept_of_the_words(body: str, kept: str) -> None:
    assert kept_text(body) == kept


@given(st.text(max_size=400), st.text(max_size=10))
def test_any_answer_can_be_read_and_kept(body: str, judged: str) -> None:
    reading = read_answer(body, judged)
    assert len(reading.text) <= LONGEST_TEXT
    assert not any(unicodedata.category(letter).startswith("C") for letter in reading.text)
    assert reading.text == reading.text.strip()
    assert (reading.kind is OTHER) or reading.text == ("1" if reading.kind is AnswerKind.CONFIRMATION else "")
    reading.text.encode()


def test_an_answers_words_are_in_no_traceback() -> None:
    assert "Kari" not in repr(read_answer("Kari er hos meg"))
