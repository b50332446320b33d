"""The portal's words: each in four languages, with the same places to fill."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from portal.texts import DEFAULT, LANGUAGES, moment_words, preferred, translator
from tools.translations import lacking, read, said

OTHERS = [language for language in LANGUAGES if language != "en"]


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated_and_none_is_left_over(language: str) -> None:
    catalogue = read(language)
    texts = {one.id for one in said() if one.id}
    assert {one.id for one in catalogue if one.id} == texts, "run python tools/translations.py"
    assert lacking(catalogue) == []


@pytest.mark.parametrize("language", OTHERS)
def test_translations_fill_in_the_same(language: str) -> None:
    for one in read(language):
        strings = one.string if isinstance(one.string, (tuple, list)) else [one.string]
        ids = one.id if isinstance(one.id, (tuple, list)) else [one.id]
        asked = {place for text in ids for place in re.findall(r"%\((\w+)\)s|\{(\w+)\}", text)}
        for string in strings:
            assert set(re.findall(r"%\((\w+)\)s|\{(\w+)\}", string)) <= asked, one.id
        assert asked == {place for text in strings for place in re.findall(r"%\((\w+)\)s|\{(\w+)\}", text)}, one.id


def test_the_words_are_those_of_the_catalogue() -> None:
    assert [translator(language)("Log out") for language in LANGUAGES] == [
        "Logg ut",
        "Logg ut",
        "Logge olggos",
        "Log out",
    ]


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("", DEFAULT),
        ("nn-NO,nn;q=0.9,nb;q=0.8", "nn"),
        ("no", "nb"),
        ("de-DE,de;q=0.9,en;q=0.5", "en"),
        ("se-NO", "se"),
        ("fr", DEFAULT),
        ("*;q=0.1,,", DEFAULT),
    ],
)
def test_the_language_that_a_browser_asks_for(asked: str, language: str) -> None:
    assert preferred(asked) == language


@pytest.mark.parametrize("language", LANGUAGES)
def test_moments_are_those_of_oslo(language: str) -> None:
    words = moment_words(datetime(2026, 7, 1, 22, 30, tzinfo=UTC), language)
    assert words.startswith("2 ") or words.startswith("2. ")
    assert "00:30" in words or "00.30" in words
