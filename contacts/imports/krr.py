"""Answers of the contact and reservation register (Kontakt- og reservasjonsregisteret, KRR): files, folders, live.

Source: Digdir, Oppslagstjenesten REST v2 (`POST /rest/v2/personer`) and its table of attributes; an answer is
`{"personer": [{"personidentifikator": …, "status": …, "kontaktinformasjon": {…}}]}`, about those who were asked for.
What is kept of it, and what is not, stands in docs/decisions/0028-the-contact-register.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, TypeVar

from config.clock import oslo_date
from contacts.addresses import AddressError, parse_email, parse_phone
from contacts.codes import CONTACT_REGISTER, AddressChannel, RegisterStatus
from contacts.imports.json_answers import Answers, json_files
from contacts.imports.languages import language
from contacts.imports.records import (
    NIN,
    ContactAddress,
    Identifier,
    Lost,
    PersonRecord,
    Place,
    Reading,
    Record,
    Refusal,
    RegisterEntry,
    Unknown,
)
from contacts.national_id import NationalId

FORMAT: Final = "krr"
SOURCE: Final = CONTACT_REGISTER
LIST: Final = "personer"
_NUMBER = "personidentifikator"
_CONTACTS = "kontaktinformasjon"
_CHANNELS = {AddressChannel.SMS: "mobiltelefonnummer", AddressChannel.EMAIL: "epostadresse"}
_STATUSES = {
    "AKTIV": RegisterStatus.ACTIVE,
    "SLETTET": RegisterStatus.DELETED,
    "IKKE_REGISTRERT": RegisterStatus.NOT_REGISTERED,
}
_YES_NO = {"JA": True, "NEI": False}
_EXPIRED = {"KAN_VARSLES": False, "KAN_IKKE_VARSLES": True}
# With an offset, which Digdir also writes without minutes ("+02"): without one it could be two moments.
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}(:?[0-9]{2})?)")
_EARLIEST = 2000  # the register began in 2014: a year long before that is a mistake

_Item = dict[str, object]
_Word = TypeVar("_Word")


def open_krr(paths: tuple[Path, ...], today: date) -> Reading:
    """The answers in `paths`, each a file or a folder of .json files. `today`: the day in Oslo.

    In a folder a file that cannot be used is refused as a record is; named by itself it stops the import: UsageError.
    """
    files = json_files(paths, "the register's answers")
    names = tuple(file.name for file, _ in files)
    return Reading(FORMAT, SOURCE, False, _answers(today).read(files), names, contact_register=True)


def read_krr(answers: Iterable[tuple[str, Iterable[object]]], server: str, today: date) -> Reading:
    """Answers that `server` has just given: of each, what it is called, and its persons. `today`: the day in Oslo."""
    return Reading(FORMAT, SOURCE, False, _answers(today).live(answers), (server,), contact_register=True)


def _answers(today: date) -> Answers:
    return Answers(
        LIST,
        is_one=lambda item: _NUMBER in item,
        records=lambda item, place: _person_records(item, place, today),
        one="person of the contact register",
        remedy="Give the JSON answer of KRR's REST API, version 2.",
    )


@dataclass(frozen=True, slots=True)
class _About:
    """Whom a record is about, and how the parts of it that do not enter are told."""

    place: Place
    identifiers: tuple[Identifier, ...]

    def left_out(self, why: str, lost: Lost = Lost.FACT) -> Refusal:
        return Refusal(self.place, f"left out: {why}", self.identifiers, lost)


def _person_records(item: _Item, place: Place, today: date) -> Iterator[Record]:
    number = item.get(_NUMBER)
    if not isinstance(number, str):
        yield Refusal(place, f"its {_NUMBER} is no text")
        return
    try:
        about = _About(place, (Identifier(NIN, NationalId.parse(number).number),))
    except ValueError as error:
        yield Refusal(place, str(error))
        return
    told = item.get("status")
    status = _STATUSES.get(told) if isinstance(told, str) else None
    if status is None:
        # Whether such a person is registered at all cannot be known; what the store has of them stays.
        yield Refusal(place, f"its status is none of {', '.join(_STATUSES)}", about.identifiers)
        return
    reserved, unknown_reserved = _word(item, "reservasjon", _YES_NO, about)
    silent, unknown_expired = _word(item, "varslingsstatus", _EXPIRED, about)
    spoken, unknown_language = _language(item, about)
    yield from (*unknown_reserved, *unknown_expired, *unknown_language)
    addresses = _Addresses(None, (), ())
    if status is not RegisterStatus.ACTIVE:
        addresses = _Addresses((), (), ())
    elif _CONTACTS in item:
        addresses = _addresses(item[_CONTACTS], about, today, may_be_withheld=silent is not False)
    yield from addresses.faults
    # KAN_IKKE_VARSLES means one of four things; it is only told apart where the other three are not the case.
    expired = silent if status is RegisterStatus.ACTIVE and reserved is False else None
    yield PersonRecord(
        place,
        about.identifiers,
        language=spoken,
        contacts=addresses.told,
        contacts_spared=addresses.spared,
        unknown=Unknown.COUNT,
        register_entry=RegisterEntry(status, reserved, expired),
    )


def _word(
    item: _Item, name: str, words: Mapping[str, _Word], about: _About, lost: Lost = Lost.FACT
) -> tuple[_Word | None, tuple[Refusal, ...]]:
    """What a coded field says; None where it says nothing that is known."""
    told = item.get(name)
    if told is None:
        return None, ()
    if isinstance(told, str) and told in words:
        return words[told], ()
    return None, (about.left_out(f"{name} is none of {', '.join(words)}", lost),)


def _language(item: _Item, about: _About) -> tuple[str | None, tuple[Refusal, ...]]:
    told = item.get("spraak")
    if told is None or told == "":
        return None, ()
    spoken = language(told) if isinstance(told, str) else None
    return spoken, () if spoken else (about.left_out("spraak is none of nb, nn, se, en"),)


@dataclass(frozen=True, slots=True)
class _Addresses:
    """What the register has for a person. `told` None: it does not say. `spared`: channels that could not be read."""

    told: tuple[ContactAddress, ...] | None
    spared: tuple[AddressChannel, ...]
    faults: tuple[Refusal, ...]


def _addresses(contacts: object, about: _About, today: date, *, may_be_withheld: bool) -> _Addresses:
    """`may_be_withheld`: of a person who cannot be notified the register may keep its addresses to itself."""
    if contacts is None:
        return _Addresses(None, (), ())
    if not isinstance(contacts, dict):
        return _Addresses(None, (), (about.left_out(f"{_CONTACTS} is no object"),))
    found: list[ContactAddress] = []
    spared: list[AddressChannel] = []
    faults: list[Refusal] = []
    for channel, name in _CHANNELS.items():
        told = contacts.get(name)
        if told is None or told == "":
            continue
        if not isinstance(told, str):
            spared.append(channel)
            faults.append(about.left_out(f"{name} is no text", Lost.ADDRESS))
            continue
        try:
            value, takes_messages = _address(channel, told)
        except AddressError as error:
            spared.append(channel)
            faults.append(about.left_out(f"{name}: {error.words}", Lost.ADDRESS))
            continue
        confirmed_at, wrong_times = _confirmed_at(contacts, name, about, today)
        faults.extend(wrong_times)
        if confirmed_at is None:
            faults.append(
                Refusal(
                    about.place,
                    f"{name} comes without a time at which it was confirmed: it is not verified by this",
                    about.identifiers,
                    Lost.ADDRESS,
                )
            )
        shared, unknown_shared = _word(contacts, f"{name}_duplisert", _YES_NO, about, Lost.ADDRESS)
        faults.extend(unknown_shared)
        found.append(ContactAddress(channel, value, takes_messages, confirmed_at, shared))
    nothing = not found and not spared
    return _Addresses(None if nothing and may_be_withheld else tuple(found), tuple(spared), tuple(faults))


def _address(channel: AddressChannel, text: str) -> tuple[str, bool]:
    """The address as it is stored, and whether it takes messages. Raises AddressError."""
    if channel is AddressChannel.SMS:
        phone = parse_phone(text)
        return phone.e164, phone.can_take_sms
    return parse_email(text).key, True


def _confirmed_at(
    contacts: _Item, name: str, about: _About, today: date
) -> tuple[datetime | None, tuple[Refusal, ...]]:
    """The newer of the times at which the person gave or confirmed the address."""
    times: list[datetime] = []
    faults: list[Refusal] = []
    for field in (f"{name}_oppdatert", f"{name}_sist_verifisert"):
        told = contacts.get(field)
        if told is None or told == "":
            continue
        moment = _moment(told)
        if moment is None:
            faults.append(about.left_out(f"{field} is no moment with its offset from UTC", Lost.ADDRESS))
        elif oslo_date(moment) > today:
            # Believed, it would keep the address from ever becoming stale.
            faults.append(about.left_out(f"{field} is a time to come", Lost.ADDRESS))
        else:
            times.append(moment)
    return max(times, default=None), tuple(faults)


def _moment(told: object) -> datetime | None:
    if not isinstance(told, str) or not _TIME.fullmatch(told):
        return None
    try:
        moment = datetime.fromisoformat(told)
    except ValueError:
        return None
    return moment.astimezone(UTC) if _EARLIEST <= moment.year < 9999 else None
