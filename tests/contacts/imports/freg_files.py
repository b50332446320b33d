"""Documents of the population register in tests, of fictional people with synthetic numbers."""

from __future__ import annotations

from typing import Any

NOW = {"erGjeldende": True, "kilde": "Fiksjon"}
ENDED = {"erGjeldende": False, "kilde": "Fiksjon", "opphoerstidspunkt": "2025-06-30T22:00:00Z"}


def document(
    *numbers: str,
    name: tuple[str, str] = ("NORA", "EKSEMPEL"),
    born: str | None = "2010-03-02",
    custody: list[dict[str, Any]] | None = None,
    **parts: Any,
) -> dict[str, Any]:
    """The first number is in use, the others have ended. `custody`: elements of foreldreansvar; None: not told."""
    made: dict[str, Any] = {
        "identifikasjonsnummer": [
            {**NOW, "foedselsEllerDNummer": number, "status": "iBruk"}
            if number == numbers[0]
            else {**ENDED, "foedselsEllerDNummer": number, "status": "opphoert"}
            for number in numbers
        ],
        "status": [{**NOW, "status": "bosatt"}],
        "navn": [{**NOW, "fornavn": name[0], "etternavn": name[1]}],
    }
    if born:
        made["foedsel"] = [{**NOW, "foedselsdato": born, "foedselsaar": born[:4]}]
    if custody is not None:
        made["foreldreansvar"] = custody
    return made | parts


def responsible(subject: str, guardian: str | None, **parts: Any) -> dict[str, Any]:
    """One element of foreldreansvar."""
    made = {**NOW, "ansvar": "felles", "ansvarssubjekt": subject, "ansvarlig": guardian}
    return {name: value for name, value in (made | parts).items() if value is not None}
