"""The leader's card: what is typed from it works, it is one page, and names nobody."""

from __future__ import annotations

import io
import re
import shlex
from datetime import date
from pathlib import Path

import pypdf
import pytest

from config.catalogue import MsgType, load_catalogue
from dispatcher.alerts.card import Card, card_of, card_paper
from dispatcher.paper.pdf import as_pdf
from tests.services.inside import Inside

ON = date(2026, 11, 26)


def card(school: str = "Eksempel vgs", calls: int = 2) -> Card:
    return card_of(school, load_catalogue().scenarios(), [f"IT-vakt {n}: 62 00 00 00" for n in range(calls)], 5.0, ON)


def test_every_first_alert_stands_on_it_once_the_gravest_first() -> None:
    scenarios = load_catalogue().scenarios()
    typed = [shlex.split(step.command) for step in card().scenarios]
    names = [words[words.index("--scenario") + 1] for words in typed]
    assert sorted(names) == [one.name for one in scenarios if one.msg_type is MsgType.ALERT]
    assert names[0] == "lockdown"
    assert card().scenarios[0].when == "Skolen er låst"


@pytest.mark.parametrize("school", ["Eksempel vgs", 'Skolen "på berget"', "Ikkje $HOME", "Kárášjoga joatkkaskuvla"])
def test_what_is_typed_names_the_school_whatever_it_is_called(school: str) -> None:
    for step in card(school).scenarios:
        words = shlex.split(step.command)
        assert words[words.index("--school") + 1] == school


@pytest.mark.parametrize(("school", "calls"), [("Eksempel vgs", 0), ("En skole med et svært langt navn " * 3, 6)])
def test_it_is_one_page(school: str, calls: int) -> None:
    file = pypdf.PdfReader(io.BytesIO(as_pdf(card_paper(card(school.strip(), calls)), one_page=True)))
    (page,) = file.pages
    text = " ".join(page.extract_text().split())
    assert ("IT-vakt 0: 62 00 00 00" in text) is bool(calls)
    assert ("Ingen telefonnumre er satt opp" in text) is not calls
    assert "beredskap doctor" in text


def test_the_command_writes_it_and_what_stands_on_it_is_taken(
    inside: Inside, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside.world.family()
    monkeypatch.setenv("BEREDSKAP_CARD__CALL", '["IT-vakt: 62 00 00 00"]')
    file = tmp_path / "card.pdf"
    assert inside.run("card", "Eksempel vgs", "--output", file).exit_code == 0
    assert "IT-vakt: 62 00 00 00" in pypdf.PdfReader(file).pages[0].extract_text()
    assert inside.run("card", "Eksempel vgs", "--output", file).exit_code == 2
    facts = inside.json("card", "Eksempel vgs")
    assert facts["call"] == ["IT-vakt: 62 00 00 00"]
    # One of each form: as it stands in the catalogue, with a placeholder, with nothing but one.
    forms = [step for step in facts["scenarios"] if re.search("scenario (lockdown|evacuation|info) ", step["command"])]
    assert len(forms) == 3
    for step in forms:
        _beredskap, *words = shlex.split(step["command"])
        sent = inside.run(*words, "--yes", "--no-watch", "--hold", "0")
        assert sent.exit_code == 0, (step, sent.output)
    # Each form of the commands for afterwards is known to the program.
    for step in facts["afterwards"]:
        _beredskap, *words = shlex.split(step["command"])
        said = inside.run(*words, "--help")
        assert said.exit_code == 0, (step, said.output)


def test_a_wrong_setting_refuses_the_card_and_no_alert(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    inside.world.family()
    monkeypatch.setenv("BEREDSKAP_CARD__CALL", '["1","2","3","4","5","6","7"]')
    refused = inside.run("card", "Eksempel vgs", "--json")
    assert (refused.exit_code, "card.call" in refused.output) == (2, True)
    assert inside.run("alert", "list").exit_code == 0
