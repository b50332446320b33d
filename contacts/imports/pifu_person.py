"""One <person> of a PIFU-IMS export: identifiers, name, birth date, language, addresses, guardians."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final
from xml.etree.ElementTree import Element

from contacts.addresses import AddressError, parse_email, parse_phone
from contacts.codes import AddressChannel, Basis
from contacts.imports.languages import language
from contacts.imports.records import (
    NIN,
    ContactAddress,
    GuardianshipRecord,
    Identifier,
    Lost,
    PersonRecord,
    Place,
    Record,
    Refusal,
)
from contacts.imports.xml_stream import local
from contacts.national_id import NationalId

_LONGEST_ID: Final = 256
# What a guardian is reached by; the school's own numbers for its staff are none of them.
_PRIVATE_PHONES = ("personMobilePrivate", "personTelephonePrivate")
_PRIVATE_EMAILS = ("personEmailPrivate",)
_VOICE_OR_MOBILE = ("1", "3", "voice", "mobile")
_BASES = {"guardian": Basis.SCHOOL_REGISTER, "nextofkin": Basis.RELATIVE}


@dataclass(frozen=True, slots=True)
class Source:
    """Who speaks: the label of the source, the data source's own name, and whether it tells all it knows."""

    label: str
    datasource: str
    full: bool

    def key(self, sourcedid: Element) -> str | None:
        """A sourcedid as one text: the id, with its origin before it when that is not the data source itself."""
        told = {local(child.tag): (child.text or "").strip() for child in sourcedid}
        value, origin = told.get("id", ""), told.get("source", "")
        if not value:
            return None
        # <source> holds 32 characters, <datasource> 256.
        own = not origin or (self.datasource == origin or (len(origin) == 32 and self.datasource.startswith(origin)))
        return value if own else f"{origin}|{value}"

    def identifier(self, sourcedid: Element) -> Identifier | None:
        key = self.key(sourcedid)
        if key is None or len(key) > _LONGEST_ID:
            return None
        return Identifier(self.label, key, current=sourcedid.get("sourcedidtype") not in ("Old", "Duplicate"))


class _Person:
    """What the children of one <person> say, gathered."""

    def __init__(self, element: Element, source: Source) -> None:
        self.identifiers: list[Identifier] = []
        self.userids: dict[str, str] = {}
        self.given = self.family = self.formatted = ""
        self.birth = ""
        self.language: str | None = None
        self.phones: list[str] = []
        self.emails: list[str] = []
        self.contacts: list[tuple[str, Element]] = []
        self.bad_sourcedid = False
        readers: dict[str, Callable[[Element], None]] = {
            "userid": self._userid,
            "name": self._name,
            "demographics": self._demographics,
            "email": self._email,
            "tel": self._tel,
            "extension": self._extension,
        }
        for child in element:
            tag = local(child.tag)
            if tag == "sourcedid":
                identifier = source.identifier(child)
                if identifier is None:
                    self.bad_sourcedid = True
                else:
                    self.identifiers.append(identifier)
            elif tag in readers:
                readers[tag](child)

    def _userid(self, element: Element) -> None:
        self.userids.setdefault(element.get("useridtype", ""), (element.text or "").strip())

    def _name(self, element: Element) -> None:
        for child in element.iter():
            tag = local(child.tag)
            if tag == "given":
                self.given = (child.text or "").strip()
            elif tag == "family":
                self.family = (child.text or "").strip()
            elif tag == "fn":
                self.formatted = (child.text or "").strip()

    def _demographics(self, element: Element) -> None:
        for child in element:
            if local(child.tag) == "bday":
                self.birth = (child.text or "").strip()

    def _email(self, element: Element) -> None:
        self._add(self.emails, element)

    def _tel(self, element: Element) -> None:
        if element.get("teltype", "").strip().lower() in _VOICE_OR_MOBILE:
            self._add(self.phones, element)

    def _extension(self, element: Element) -> None:
        for child in element:
            tag, kind = local(child.tag), child.get("type", "")
            if tag == "pifu_tel" and kind in _PRIVATE_PHONES:
                self._add(self.phones, child)
            elif tag == "pifu_email" and kind in _PRIVATE_EMAILS:
                self._add(self.emails, child)
            elif tag == "pifu_preferredLanguage":
                self.language = language(child.text)
            elif tag == "pifu_hasContactPerson":
                self.contacts.extend((kind, each) for each in child if local(each.tag) == "sourcedid")

    @staticmethod
    def _add(found: list[str], element: Element) -> None:
        text = (element.text or "").strip()
        if text and text not in found:
            found.append(text)


def person_records(element: Element, place: Place, source: Source) -> Iterator[Record]:
    """The person, their links to guardians, and what of them cannot be used.

    A bad address or identity number is left out and listed; the person enters all the same, for a student must not be
    lost for a mistyped digit. A birth date that cannot be read is listed, too, and leaves the student held.
    """
    told = _Person(element, source)
    identifiers = told.identifiers
    if not identifiers:
        yield Refusal(place, "it has no sourcedid that can be used")
        return
    about = tuple(identifiers)
    if told.bad_sourcedid:
        yield Refusal(place, f"one of its sourcedids is empty or longer than {_LONGEST_ID} characters", about)
        return
    removed = not source.full and element.get("recstatus") == "3"
    if number := told.userids.get("personNIN"):
        try:
            identifiers.append(Identifier(NIN, NationalId.parse(number).number))
        except ValueError as error:
            yield Refusal(place, f"left out: {error}", about, Lost.FACT)
    birth_date = None
    if told.birth:
        try:
            birth_date = date.fromisoformat(told.birth)
        except ValueError:
            yield Refusal(place, "left out: a birth date not of the form 2009-05-17", about, Lost.FACT)
    if told.given or told.family:
        given, family = told.given, told.family
    else:
        given, _, family = told.formatted.rpartition(" ")
    contacts: list[ContactAddress] = []
    spared: list[AddressChannel] = []
    for channel, texts in ((AddressChannel.SMS, told.phones), (AddressChannel.EMAIL, told.emails)):
        for text in texts:
            try:
                contact = _address(channel, text)
            except AddressError as error:
                spared.append(channel)
                yield Refusal(place, f"left out: {error.words}", about, Lost.ADDRESS)
            else:
                if contact not in contacts:
                    contacts.append(contact)
    yield PersonRecord(
        place,
        tuple(dict.fromkeys(identifiers)),
        ref=_ref(told, identifiers),
        given_name=given[:256],
        family_name=family[:256],
        birth_date=birth_date,
        language=told.language,
        contacts=tuple(contacts),
        contacts_spared=tuple(dict.fromkeys(spared)),
        removed=removed,
    )
    if not removed:
        yield from _links(told, place, source)


def _address(channel: AddressChannel, text: str) -> ContactAddress:
    if channel is AddressChannel.EMAIL:
        return ContactAddress(channel, parse_email(text).key)
    phone = parse_phone(text)
    return ContactAddress(channel, phone.e164, phone.can_take_sms)


def _ref(told: _Person, identifiers: list[Identifier]) -> str:
    """What people type for a student: the student number, else the administrative system's number, else its id."""
    current = next((each for each in identifiers if each.current), identifiers[0])
    return (told.userids.get("studentID") or told.userids.get("sisID") or current.value)[:256]


def _links(told: _Person, place: Place, source: Source) -> Iterator[Record]:
    student = next((each for each in told.identifiers if each.current), told.identifiers[0])
    for kind, sourcedid in told.contacts:
        guardian = source.identifier(sourcedid)
        basis = _BASES.get(kind.strip().lower())
        if guardian is None:
            yield Refusal(place, "a contact person without a sourcedid that can be used", (student,), Lost.FACT)
        elif basis is None:
            yield Refusal(place, "a contact person of an unknown type", (student,), Lost.FACT)
        else:
            yield GuardianshipRecord(place, student, guardian, basis)
