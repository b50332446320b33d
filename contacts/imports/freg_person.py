"""One person document of the population register: what it says of the person, and who has custody of them.

The traps of the format: every part is a list but the death; parts hold ended elements beside current ones; codes
differ in case; `foreldreansvar` runs both ways, so that only elements whose `ansvarssubjekt` is one of the person's
own numbers count; `felles` gives one element per parent; an `ansvarlig` without a number is nobody we could know.
Family relations are never read: they say nothing of custody.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from config.clock import oslo_date
from contacts.codes import Basis, Protection
from contacts.entitlement import eighteenth_birthday
from contacts.imports.freg_address import postal_address
from contacts.imports.records import (
    NIN,
    GuardianshipRecord,
    Identifier,
    Lost,
    PersonRecord,
    Place,
    Record,
    Refusal,
    Unknown,
)
from contacts.imports.register_names import family_name, given_name
from contacts.national_id import NationalId

_CUSTODY: Final = "foreldreansvar"
_ADDRESSES = ("bostedsadresse", "oppholdsadresse", "deltBosted", "postadresse", "postadresseIUtlandet")
_GRADINGS = {
    "ugradert": Protection.NONE,
    "klientadresse": Protection.CLIENT,
    "fortrolig": Protection.CONFIDENTIAL,
    "strengtfortrolig": Protection.STRICTLY_CONFIDENTIAL,
}
_STRICTNESS = tuple(Protection)

_Element = dict[str, object]


def document_records(
    document: _Element, place: Place, today: date, *, asked: str | None, custody_asked: bool = True
) -> Iterator[Record]:
    """The person and their custody, or the reason why not. `asked`: the number the register was asked about.

    `custody_asked`: whether silence about parental responsibility is worth a word.
    """
    identifiers, faults = _identifiers(document, asked)
    if not any(identifier.current for identifier in identifiers):
        yield Refusal(place, "it holds no identity number in use", tuple(identifiers))
        return
    about = tuple(identifiers)
    for fault in faults:
        yield Refusal(place, f"left out: {fault}", about, Lost.FACT)
    births = {_day(each.get("foedselsdato")) for each in _current(document, "foedsel", today)} - {None}
    if len(births) > 1:
        yield Refusal(place, "it holds two birth dates in force", about)
        return
    birth_date = next(iter(births), None)
    adult = birth_date is not None and eighteenth_birthday(birth_date) <= today
    minor = birth_date is not None and not adult
    protection, unknown_grading = _protection(document, today)
    if unknown_grading:
        yield Refusal(place, "its address has a grading of an unknown kind: taken as fortrolig", about, Lost.FACT)
    tells_custody = isinstance(document.get(_CUSTODY), list)
    if minor and not tells_custody and custody_asked:
        yield Refusal(
            place, "it says nothing of parental responsibility: guardians stay as they were", about, Lost.FACT
        )
    given, family = _name(document, today)
    yield PersonRecord(
        place,
        about,
        given_name=given,
        family_name=family,
        birth_date=birth_date,
        deceased=_deceased(document, today),
        protection=protection,
        from_register=True,
        register_document=tells_custody or adult,
        all_guardians=tells_custody and not adult,
        unknown=Unknown.STUDENT if minor else Unknown.REFUSE,
        # Not read of anybody who is graded, in whatever part of the document that stands.
        postal_address=None
        if protection not in (None, Protection.NONE)
        else postal_address(lambda part: _current(document, part, today)),
    )
    # Of adult students the register must not be asked, and what it says is not used.
    if tells_custody and not adult:
        yield from _custody(document, place, about, today)


def _elements(document: _Element, part: str) -> list[_Element]:
    value = document.get(part)
    if isinstance(value, dict):
        return [value]
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _current(document: _Element, part: str, today: date) -> list[_Element]:
    return [each for each in _elements(document, part) if _in_force(each, today)]


def _in_force(element: _Element, today: date) -> bool:
    ended_on = _day(element.get("opphoerstidspunkt"))
    return element.get("erGjeldende") is not False and (ended_on is None or ended_on > today)


def _day(value: object) -> date | None:
    """The day in Oslo of a date or a moment; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        if len(value) == 10:
            return date.fromisoformat(value)
        moment = datetime.fromisoformat(value)
        return moment.date() if moment.tzinfo is None else oslo_date(moment)
    except (ValueError, OverflowError):
        return None


def _text(element: _Element, name: str) -> str:
    value = element.get(name)
    if not isinstance(value, str):
        return ""
    # JSON can hold characters that no database takes as text: NUL, halves of surrogate pairs.
    return "".join(letter for letter in value if unicodedata.category(letter) not in ("Cc", "Cs")).strip()


def _identifiers(document: _Element, asked: str | None) -> tuple[list[Identifier], list[str]]:
    numbers: dict[str, bool] = {}
    faults: list[str] = []
    for element in _elements(document, "identifikasjonsnummer"):
        try:
            number = NationalId.parse(_text(element, "foedselsEllerDNummer")).number
        except ValueError as error:
            faults.append(str(error))
            continue
        in_use = element.get("erGjeldende") is not False and _text(element, "status").casefold() != "opphoert"
        numbers[number] = numbers.get(number, False) or in_use
    # Asked about an ended number, the register answers with the person who had it.
    if asked is not None and numbers:
        numbers.setdefault(asked, False)
    ordered = sorted(numbers.items(), key=lambda item: not item[1])
    return [Identifier(NIN, number, in_use) for number, in_use in ordered], faults


def _name(document: _Element, today: date) -> tuple[str, str]:
    for element in _current(document, "navn", today):
        given = " ".join(filter(None, (_text(element, "fornavn"), _text(element, "mellomnavn"))))
        family = _text(element, "etternavn")
        if given or family:
            return given_name(given)[:256], family_name(family)[:256]
    return "", ""


def _protection(document: _Element, today: date) -> tuple[Protection | None, bool]:
    """The strictest grading in force, of the person or of one of their addresses; None when nothing is said of it."""
    codes = [_text(each, "graderingsnivaa") for each in _current(document, "adressebeskyttelse", today)]
    for part in _ADDRESSES:
        codes.extend(_text(each, "adressegradering") for each in _current(document, part, today))
    told = [code.casefold().replace("_", "").replace(" ", "") for code in codes if code]
    unknown = any(code not in _GRADINGS for code in told)
    gradings = [_GRADINGS.get(code, Protection.CONFIDENTIAL) for code in told]
    if not gradings:
        # The part was there, and all of it has ended.
        return (Protection.NONE if _elements(document, "adressebeskyttelse") else None), False
    return max(gradings, key=_STRICTNESS.index), unknown


def _deceased(document: _Element, today: date) -> bool | None:
    deaths = _elements(document, "doedsfall")
    if deaths:
        return any(_in_force(each, today) for each in deaths)
    states = [_text(each, "status").casefold() for each in _current(document, "status", today)]
    return "doed" in states if any(states) else None


@dataclass(frozen=True, slots=True)
class _Custody:
    valid_from: date | None
    valid_to: date | None


def _custody(document: _Element, place: Place, own: tuple[Identifier, ...], today: date) -> Iterator[Record]:
    numbers = {identifier.value for identifier in own}
    held: dict[str, _Custody] = {}
    for element in _elements(document, _CUSTODY):
        if _text(element, "ansvarssubjekt") not in numbers:
            continue  # this person is the one responsible, for a child of theirs
        in_force = _in_force(element, today)
        responsible = _text(element, "ansvarlig")
        if not responsible:
            if in_force:
                yield Refusal(
                    place,
                    "parental responsibility held by an organisation, or by a person without an identity number: "
                    "add the guardian by hand",
                    own,
                    Lost.FACT,
                )
            continue
        try:
            guardian = NationalId.parse(responsible).number
        except ValueError as error:
            yield Refusal(place, f"left out, of parental responsibility: {error}", own, Lost.FACT)
            continue
        valid_from = _day(element.get("gyldighetstidspunkt"))
        valid_to = _day(element.get("opphoerstidspunkt"))
        if not in_force and (valid_to is None or valid_to > today):
            valid_to = today
        held[guardian] = _joined(held.get(guardian), _Custody(valid_from, valid_to), today)
    for guardian, custody in held.items():
        over = custody.valid_to is not None and custody.valid_to <= today
        yield GuardianshipRecord(
            place,
            own[0],
            Identifier(NIN, guardian),
            Basis.CUSTODY,
            valid_from=custody.valid_from,
            valid_to=custody.valid_to,
            creates_guardian=not over,
        )


def _joined(one: _Custody | None, other: _Custody, today: date) -> _Custody:
    """Of two elements about one parent the one in force counts; of two in force, the longer."""
    if one is None:
        return other

    def rank(custody: _Custody) -> date:
        return custody.valid_to or date.max

    longer, shorter = (one, other) if rank(one) >= rank(other) else (other, one)
    if rank(shorter) <= today:
        return longer
    first = min((each.valid_from or date.min for each in (one, other)), default=date.min)
    return _Custody(None if first == date.min else first, longer.valid_to)
