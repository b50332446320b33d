"""The leader's card: one page in Norwegian with what to type for each scenario, and whom to call (pure).

It hangs where no program runs: it holds no persons, and nothing that goes out of date with the contacts.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from config.catalogue import MsgType, Scenario, Severity
from dispatcher.alerts.text import placeholders_of
from dispatcher.paper.document import Block, Document, Heading, Paragraph, Table

if TYPE_CHECKING:
    from config.sections import Language

# The words of the preview that a leader must understand, in the order in which they stand there.
_PREVIEW = (
    (
        "… cannot be reached",
        "Elever der ingen får meldingen. Sett noen til å ringe om dem når varselet er sendt.",
    ),
    ("held for a decision", "Elever der et menneske må avgjøre om noen kan varsles, for eksempel ved adressesperre."),
    ("… adult students without consent", "Myndige elever som ikke har samtykket. Ingen varsles om dem."),
    ("Messages, Text", "Hvor mange SMS og e-poster som går ut, og hva som står i dem. Les teksten."),
    ("Time, Cost", "Hvor lang tid det tar, og hva det koster."),
)


@dataclass(frozen=True, slots=True)
class Step:
    """What has happened, or is to be done; and what is typed for it."""

    when: str
    command: str


@dataclass(frozen=True, slots=True)
class Card:
    """`call`: whom to call when the program fails, as the settings have it. `hold_seconds`: the cancel window."""

    school: str
    scenarios: tuple[Step, ...]
    afterwards: tuple[Step, ...]
    call: tuple[str, ...]
    hold_seconds: float
    made_on: date


def card_of(school: str, scenarios: Sequence[Scenario], call: Sequence[str], hold_seconds: float, on: date) -> Card:
    """The card of a school, for the scenarios of its catalogue; first alerts in the order of their severity."""
    return Card(
        school=school,
        scenarios=tuple(Step(headline_of(one, "nb"), _send(school, one)) for one in first_alerts(scenarios)),
        afterwards=(
            Step("Stanse det som ikke er sendt", "beredskap alert stop latest"),
            Step("Se hvordan det går", "beredskap alert watch latest"),
            Step("Skrive ut hvem som må ringes", _PRINT_CALLS),
            Step("Gi en ny melding", 'beredskap alert update latest --text "…"'),
            Step("Si at faren er over", "beredskap alert all-clear latest"),
            Step("Si at varselet var en feil", "beredskap alert cancel latest"),
            Step("Skrive ut rapporten", "beredskap report latest --format pdf --output rapport.pdf"),
        ),
        call=tuple(call),
        hold_seconds=hold_seconds,
        made_on=on,
    )


_PRINT_CALLS = "beredskap report latest --call-list --format pdf --output ringeliste.pdf"


def first_alerts(scenarios: Iterable[Scenario]) -> list[Scenario]:
    """Those that tell of something new, the most severe first; not what follows an alert."""
    severities = list(Severity)
    return sorted(
        (one for one in scenarios if one.msg_type is MsgType.ALERT and one.response_type is None),
        key=lambda one: (severities.index(one.severity), one.name),
    )


def headline_of(scenario: Scenario, language: Language) -> str:
    """ "Skolen er låst": what the message says, without the school's name before it."""
    return without_school(scenario.texts[language].headline)


def without_school(text: str) -> str:
    """A text of the catalogue without the school's name before it, and "…" for what is filled in."""
    return re.sub(r"\{\w+\}", "…", re.sub(r"^\{(school|skole)\}\s*:\s*", "", text))


def _send(school: str, scenario: Scenario) -> str:
    filled = "".join(f' --set {name}="…"' for name in placeholders_of(scenario.texts["nb"]))
    return f"beredskap alert send --school {_quoted(school)} --scenario {scenario.name} --status actual{filled}"


def _quoted(words: str) -> str:
    """As it is typed: in double quotes, where a shell would take nothing of it for its own."""
    return f'"{words}"' if not re.search(r'["$`\\!]', words) else shlex.quote(words)


def card_paper(card: Card) -> Document:
    """The card as a page."""
    return Document(
        "Varsle foresatte: tiltakskort",
        card.school,
        tuple(_blocks(card)),
        f"Skrevet ut av Beredskap {card.made_on:%d.%m.%Y}. Skriv ut på nytt når innstillinger eller meldinger endres.",
    )


def _blocks(card: Card) -> Iterator[Block]:
    yield Paragraph("Er liv i fare: ring 110 (brann), 112 (politi) eller 113 (ambulanse) først.", strong=True)
    yield Heading("1. Velg hva som har skjedd, og skriv det som står til høyre")
    yield _steps("Hva som har skjedd, og hva du skriver", card.scenarios)
    yield Paragraph(
        "Øvelse: skriv exercise i stedet for actual. Skriv bindestreken to ganger der det står to. Sett inn egne ord "
        'for …, og behold anførselstegnene. Egen tekst: legg til --text "…".'
    )
    yield Heading("2. Les forhåndsvisningen. Ingenting er sendt ennå")
    yield Table("Forhåndsvisningen", (), _PREVIEW, (2.6, 7.4))
    yield Heading("3. Bekreft, eller la være")
    hold = f"Meldingene går ut etter {card.hold_seconds:g} sekunder. " if card.hold_seconds else ""
    yield Paragraph(
        f"Skriv skolens navn og trykk Enter for å sende (ved øvelse: skriv øvelse). Ctrl-C avbryter. {hold}Etter det "
        "går varselet sin gang selv om du lukker vinduet."
    )
    yield Heading("4. Etterpå")
    yield _steps("Hva du vil gjøre, og hva du skriver", card.afterwards)
    yield Heading("Når det ikke virker")
    for line in card.call:
        yield Paragraph(line, strong=True)
    if not card.call:
        yield Paragraph(
            "Ingen telefonnumre er satt opp. Skriv dem inn for hånd her, eller i innstillingene under [card].",
            strong=True,
        )
    yield Paragraph(
        "Skriv beredskap doctor: der det står fail, står det også hva som må gjøres. Sier programmet at du mangler "
        'rollen, legg til --break-glass "grunn": da sendes varselet, og fylket får beskjed med en gang.'
    )


def _steps(caption: str, steps: Sequence[Step]) -> Table:
    return Table(caption, (), tuple((step.when, step.command) for step in steps), (2.8, 7.2), typed=frozenset({1}))
