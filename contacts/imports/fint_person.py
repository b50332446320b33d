"""Persons of FINT: students, those whom their links name as parents, and contact persons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from contacts.codes import Basis
from contacts.imports.fint_contacts import Contacts, own_contacts, read_contacts, written_contacts
from contacts.imports.fint_index import SOURCE, Index, Pupil, day
from contacts.imports.fint_links import (
    Entry,
    hrefs,
    link,
    links,
    person_identifier,
    person_identifiers,
    text,
)
from contacts.imports.fint_links import Link as Address
from contacts.imports.languages import language
from contacts.imports.records import (
    NIN,
    GuardianshipRecord,
    Identifier,
    Lost,
    PersonRecord,
    Place,
    Record,
    Refusal,
)

# From the student to the parents. foreldreansvar points the other way, from a parent to the children.
_PARENTS: Final = "foreldre"
_CONTACTS: Final = "parorende"


def person_records(entry: Entry, place: Place, own: list[Address], index: Index, today: date) -> Iterator[Record]:
    """A person, with what is known of them as a pupil; their links to parents and contact persons; what is left out."""
    identifier = next((found for each in own if (found := person_identifier(each))), None)
    if identifier is None:
        yield Refusal(place, "it has no fodselsnummer that can be used")
        return
    pupils = index.by_person.get(identifier, [])
    about = (identifier, *(each.own for each in pupils if each.own))
    if identifier.scheme != NIN:
        yield Refusal(
            place, "its fodselsnummer is no identity number: it serves to tell who is who alone", about, Lost.FACT
        )
    try:
        birth_date = day(entry.get("fodselsdato"))
        possible = birth_date is None or birth_date <= today
    except ValueError:
        possible = False
    if not possible:
        birth_date = None
        yield Refusal(place, "left out: a birth date that cannot be read", about, Lost.FACT)
    given, family = _name(entry)
    private = _written_here(entry)
    yield from _faults(private, place, about)
    contacts, spared = own_contacts(
        private, _at_school(pupils), pupil=bool(pupils or hrefs(entry, "elev")), complete=index.complete
    )
    spoken = link(entry, "malform")
    yield PersonRecord(
        place,
        about,
        ref=next((each.number for each in pupils if each.number), None),
        given_name=given,
        family_name=family,
        birth_date=birth_date,
        language=language(spoken.value) if spoken else None,
        contacts=contacts,
        contacts_spared=spared,
        protection_unknown=bool(pupils),
    )
    for parent in person_identifiers(entry, _PARENTS):
        if parent is None:
            yield Refusal(place, "a parent who is not named by fodselsnummer", about, Lost.FACT)
        else:
            yield _guardianship(place, identifier, parent, Basis.SCHOOL_REGISTER)
    yield from contact_links(entry, _CONTACTS, place, identifier, index)


def pupil_records(entry: Entry, place: Place, own: list[Address], index: Index) -> Iterator[Record]:
    """A pupil whose person is not among the files enters by number alone, is listed, and held: no birth date is known.

    What the store has of them is not ended.
    """
    pupil = index.pupils.get(own[0].key) if own else None
    if pupil is None or pupil.identifier is None:
        yield Refusal(place, "it has no systemId and no person, or shares an address with another elev")
        return
    yield from contact_links(entry, "kontaktperson", place, pupil.identifier, index)
    same = index.by_person.get(pupil.person, [pupil]) if pupil.person else [pupil]
    about = tuple(each for each in (pupil.person, *(one.own for one in same)) if each)
    yield from _faults(_written_here(entry), place, about)
    # A person who is two pupils enters once, with the ids of both.
    if pupil.person in index.persons or same[0] != pupil:
        return
    if any(each.key in index.placed for each in own):
        yield Refusal(place, "its person is not among the files", about)
    contacts, spared = own_contacts(None, _at_school(same), pupil=True, complete=False)
    yield PersonRecord(
        place,
        about,
        ref=pupil.number or None,
        contacts=contacts,
        contacts_spared=spared,
        protection_unknown=True,
    )


def contact_records(entry: Entry, place: Place, own: list[Address], index: Index) -> Iterator[Record]:
    """A kontaktperson: the person it is, when it names no other, and its links to students."""
    contact = index.contacts.get(own[0].key) if own else None
    if contact is None:
        yield Refusal(place, "it has no systemId")
        return
    students, persons = index.sides(contact)
    if contact.own in persons:
        given, family = _name(entry)
        private = _written_here(entry)
        yield from _faults(private, place, (contact.own,))
        contacts, spared = own_contacts(private, None, pupil=False, complete=index.complete)
        yield PersonRecord(
            place,
            (contact.own,),
            given_name=given,
            family_name=family,
            contacts=contacts,
            contacts_spared=spared,
        )
    for student in students:
        for person in persons:
            yield _guardianship(place, student, person, Basis.CONTACT_PERSON)


def contact_links(
    entry: Entry, relation: str, place: Place, student: Identifier, index: Index
) -> Iterator[GuardianshipRecord]:
    """The contact persons of a student under `relation`, which names a kontaktperson or the person at once."""
    for address in links(entry, relation):
        direct = person_identifier(address)
        if direct is not None:
            yield _guardianship(place, student, direct, Basis.CONTACT_PERSON)
        elif address.resource == "kontaktperson":
            known = index.contacts.get(address.key)
            for person in index.sides(known)[1] if known else (Identifier(SOURCE, address.key),):
                yield _guardianship(place, student, person, Basis.CONTACT_PERSON)


def _guardianship(place: Place, student: Identifier, guardian: Identifier, basis: Basis) -> GuardianshipRecord:
    # A parent whose record is not among the files is no reason to say that there is none.
    return GuardianshipRecord(place, student, guardian, basis, creates_guardian=guardian.scheme == NIN)


def _name(entry: Entry) -> tuple[str, str]:
    told = entry.get("navn")
    if not isinstance(told, dict):
        return "", ""
    given = " ".join(filter(None, (text(told, "fornavn"), text(told, "mellomnavn"))))
    return given[:256], text(told, "etternavn")[:256]


def _written_here(entry: Entry) -> Contacts | None:
    written = written_contacts(entry)
    return None if written is None else read_contacts([written])


def _at_school(pupils: Sequence[Pupil]) -> Contacts | None:
    written = [pupil.contacts for pupil in pupils if pupil.contacts is not None]
    return read_contacts(written) if written else None


def _faults(contacts: Contacts | None, place: Place, about: tuple[Identifier, ...]) -> Iterator[Refusal]:
    for fault in contacts.faults if contacts else ():
        yield Refusal(place, f"left out: {fault}", about, Lost.ADDRESS)
