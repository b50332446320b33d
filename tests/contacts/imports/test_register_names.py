from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts.imports.register_names import family_name, given_name


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("ANNE-LISE  MARI", "Anne-Lise Mari"),
        ("ČÁHPPE", "Čáhppe"),
        ("ØYSTEIN ÅS", "Øystein Ås"),
        ("VAN", "Van"),
        ("MacLeod", "MacLeod"),
        ("", ""),
    ],
)
def test_given_names(written: str, read: str) -> None:
    assert given_name(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("VON DER LIPPE", "von der Lippe"),
        ("AV EKSEMPEL", "av Eksempel"),
        ("O'BRIEN-HANSEN", "O'Brien-Hansen"),
        ("AL", "Al"),
        ("ŠTEFÁNIK", "Štefánik"),
    ],
)
def test_family_names(written: str, read: str) -> None:
    assert family_name(written) == read


@given(st.text())
def test_any_text_is_read_and_read_again_the_same(text: str) -> None:
    once = family_name(text)
    assert family_name(once) == once or once == once.upper()
