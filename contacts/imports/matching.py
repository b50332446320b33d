"""Who is who: the staged persons among themselves and against the store, by identifiers alone and never by a guess."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, insert, literal, or_, select, union, update

from contacts.imports import staged, store
from contacts.imports.comparing import Comparison, person_number
from contacts.imports.links import has_addresses
from contacts.imports.records import ID, NIN, Lost, Unknown
from contacts.people import FORGOTTEN

_OPEN = staged.person.c.state == staged.OPEN


def add_bare_guardians(connection: Connection) -> None:
    """Persons whom a link names by number alone, and no record of the import describes.

    Once, when all records are in and indexed: without the index each link looks at all identifiers.
    """
    link, known = staged.guardianship, staged.identifier
    bare = (
        select(
            link.c.guardian_scheme.label("scheme"),
            link.c.guardian_lookup.label("lookup"),
            func.min(link.c.n).label("link_n"),
        )
        .where(
            link.c.creates_guardian,
            ~exists().where(known.c.scheme == link.c.guardian_scheme, known.c.lookup == link.c.guardian_lookup),
        )
        .group_by(link.c.guardian_scheme, link.c.guardian_lookup)
        .subquery()
    )
    # The number of the first link that names them serves as their own: links and persons are counted together.
    connection.execute(
        insert(staged.person).from_select(
            ["n", "file", "record", "unknown"],
            select(link.c.n, link.c.file, link.c.record, literal(int(Unknown.SKIP))).join(
                bare, bare.c.link_n == link.c.n
            ),
            include_defaults=True,
        )
    )
    connection.execute(
        insert(known).from_select(
            ["person_n", "scheme", "lookup", "ciphertext", "current"],
            select(link.c.n, bare.c.scheme, bare.c.lookup, link.c.guardian_ciphertext, literal(True)).join(
                bare, bare.c.link_n == link.c.n
            ),
        )
    )


def match_persons(comparison: Comparison) -> None:
    """Give each staged person the id of the stored one it is, or a new one; refuse what contradicts itself."""
    _find_twins(comparison)
    if comparison.contact_register:
        _refuse_ended_numbers(comparison)
    _match_store(comparison)
    person = staged.person
    comparison.allocate(person, "person_id", store.person, and_(_OPEN, person.c.person_id.is_(None)))
    _spare(comparison)


def _find_twins(comparison: Comparison) -> None:
    """Two records with an identifier in common: one when they say the same, otherwise neither enters."""
    person, identifier, shared = staged.person, staged.identifier, staged.shared
    # Few or none, and used three times: a table of their own.
    comparison.connection.execute(
        insert(shared).from_select(
            ["scheme", "lookup", "keep", "contents"],
            select(
                identifier.c.scheme,
                identifier.c.lookup,
                func.min(identifier.c.person_n),
                func.count(person.c.digest.distinct()),
            )
            .join(person, person.c.n == identifier.c.person_n)
            .group_by(identifier.c.scheme, identifier.c.lookup)
            .having(func.count() > 1),
        )
    )
    involved = select(identifier.c.person_n).join(
        shared, and_(shared.c.scheme == identifier.c.scheme, shared.c.lookup == identifier.c.lookup)
    )
    comparison.refuse(
        person,
        person.c.n.in_(involved.where(shared.c.contents > 1)),
        "the same person occurs more than once, with other contents",
    )
    again = involved.where(shared.c.contents == 1, identifier.c.person_n != shared.c.keep)
    comparison.connection.execute(update(person).where(_OPEN, person.c.n.in_(again)).values(state=staged.DUPLICATE))


def _refuse_ended_numbers(comparison: Comparison) -> None:
    """The contact register deletes a number that has ended, while the same person goes on under their new one."""
    told, stored = staged.identifier, store.identifier
    comparison.refuse(
        staged.person,
        exists().where(
            told.c.person_n == staged.person.c.n,
            stored.c.scheme == told.c.scheme,
            stored.c.lookup == told.c.lookup,
            ~stored.c.current,
        ),
        "it is about an identity number that the person no longer has: ask the register about the one in use",
    )


def _match_store(comparison: Comparison) -> None:
    connection, person, match = comparison.connection, staged.person, staged.match
    by_identifier = (
        select(staged.identifier.c.person_n, store.identifier.c.person_id)
        .join(
            store.identifier,
            and_(
                store.identifier.c.lookup == staged.identifier.c.lookup,
                store.identifier.c.scheme == staged.identifier.c.scheme,
            ),
        )
        .join(person, person.c.n == staged.identifier.c.person_n)
        .where(person.c.state.in_((staged.OPEN, staged.REFUSED)))
    )
    by_id = select(staged.identifier.c.person_n, store.person.c.id).where(
        store.person.c.id == person_number(staged.identifier.c.scheme, staged.identifier.c.lookup),
        # Of somebody who was forgotten the number is left, and must not come to life with another's name.
        store.person.c.source != FORGOTTEN,
    )
    connection.execute(insert(match).from_select(["n", "person_id"], union(by_identifier, by_id)))
    # Looked up row by row in their indexes: a planner that guesses wrong about them takes minutes.
    other = match.alias("other")
    several = exists().where(match.c.n == person.c.n, other.c.n == match.c.n, other.c.person_id != match.c.person_id)
    comparison.refuse(person, several, "its identifiers belong to two persons in the store")
    met_twice = exists().where(match.c.n == person.c.n, other.c.person_id == match.c.person_id, other.c.n != match.c.n)
    comparison.refuse(person, met_twice, "two records are about one person of the store")
    comparison.refuse(
        person,
        _somebody_else(comparison),
        "the store has another name and another birth date under this id: is it the same system's? If it is the same "
        "person, import one of the two changes first",
    )
    connection.execute(update(person).where(_OPEN, person.c.n == match.c.n).values(person_id=match.c.person_id))
    comparison.refuse(
        person,
        and_(
            person.c.person_id.is_(None),
            exists().where(staged.identifier.c.person_n == person.c.n, staged.identifier.c.scheme == ID),
        ),
        "no person of this number is in the store",
    )


def _somebody_else(comparison: Comparison) -> ColumnElement[bool]:
    """An id that its own source once gave to another person; no identity number says that they are one.

    A name alone changes, and a birth date alone is corrected. What the register has told of the person is its own.
    """
    told, stored, match = staged.person, store.person, staged.match
    number, known = staged.identifier, store.identifier
    one_number = exists().where(
        number.c.person_n == told.c.n,
        number.c.scheme == NIN,
        known.c.scheme == NIN,
        known.c.lookup == number.c.lookup,
        known.c.person_id == stored.c.id,
    )
    renamed = or_(
        func.lower(told.c.given_name) != func.lower(stored.c.given_name),
        func.lower(told.c.family_name) != func.lower(stored.c.family_name),
    )
    named = and_(or_(told.c.given_name != "", told.c.family_name != ""), stored.c.given_name != "")
    return exists().where(
        match.c.n == told.c.n,
        stored.c.id == match.c.person_id,
        stored.c.source == comparison.source,
        stored.c.register_document_at.is_(None),
        stored.c.birth_date != told.c.birth_date,
        named,
        renamed,
        ~one_number,
    )


def _spare(comparison: Comparison) -> None:
    """Persons of the store whom a refused record is about: what the store has of them is not taken for absent."""
    refused = (
        select(staged.match.c.person_id)
        .join(staged.person, staged.person.c.n == staged.match.c.n)
        .where(staged.person.c.state == staged.REFUSED)
    )
    told = select(store.identifier.c.person_id).join(
        staged.about,
        and_(staged.about.c.scheme == store.identifier.c.scheme, staged.about.c.lookup == store.identifier.c.lookup),
    )
    comparison.connection.execute(insert(staged.spared).from_select(["person_id"], union(refused, told)))


def settle_persons(comparison: Comparison) -> None:
    """Decide who enters: those in the store, students, guardians of students. To be called when links are resolved."""
    person, link = staged.person, staged.guardianship
    guardian = exists().where(link.c.guardian_id == person.c.person_id, link.c.state == staged.ENTERS)
    student = exists().where(staged.student.c.person_id == person.c.person_id)
    in_store = exists().where(staged.match.c.n == person.c.n)
    needed = or_(in_store, student, guardian)
    refused = and_(~needed, person.c.unknown == int(Unknown.REFUSE))
    comparison.refuse(
        person,
        and_(refused, ~person.c.from_register),
        "nobody in the store has this id, and no other file of the import tells who it is",
    )
    comparison.refuse(
        person,
        refused,
        "nobody in the store has this number, and it is no minor's document: import the school's own export first",
    )
    comparison.connection.execute(
        update(person).where(_OPEN).values(state=case((needed, staged.ENTERS), else_=staged.NOT_NEEDED))
    )
    _settle_refs(comparison)


def _settle_refs(comparison: Comparison) -> None:
    """A student's short id must be one student's alone, and no identity number; otherwise they enter without it.

    That is listed.
    """
    person = staged.person
    connection = comparison.connection
    student = exists().where(staged.student.c.person_id == person.c.person_id)
    enters = and_(person.c.state == staged.ENTERS, student)
    hidden = person.c.ref == staged.REF_LEFT_OUT
    connection.execute(update(person).where(enters, ~hidden).values(own_ref=person.c.ref))
    told = person.c.own_ref.is_not(None)
    twice = select(person.c.own_ref).where(told).group_by(person.c.own_ref).having(func.count() > 1)
    taken = and_(
        told,
        or_(
            person.c.own_ref.in_(twice),
            exists().where(store.person.c.ref == person.c.own_ref, store.person.c.id != person.c.person_id),
        ),
    )
    for condition, reason in (
        (and_(enters, hidden), "its student number may be an identity number: it entered without"),
        (taken, "its student number is another student's, too: it entered without"),
    ):
        connection.execute(
            insert(staged.refusal).from_select(
                ["file", "record", "reason", "lost", "found"],
                select(person.c.file, person.c.record, literal(reason), literal(int(Lost.FACT)), literal(True)).where(
                    condition
                ),
                include_defaults=True,
            )
        )
    connection.execute(update(person).where(taken).values(own_ref=None))


def settle_refusals(comparison: Comparison) -> None:
    """What is lost of a record is told when the rest of it enters; a bad address when this person's are taken."""
    refusal, identifier, person = staged.refusal, staged.identifier, staged.person
    enters = exists().where(
        identifier.c.scheme == refusal.c.scheme,
        identifier.c.lookup == refusal.c.lookup,
        person.c.n == identifier.c.person_n,
        person.c.state == staged.ENTERS,
        or_(refusal.c.lost != int(Lost.ADDRESS), has_addresses(comparison)),
    )
    part = and_(refusal.c.lost != int(Lost.RECORD), refusal.c.scheme.is_not(None))
    comparison.connection.execute(update(refusal).where(part).values(told=enters))
