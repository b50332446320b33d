"""Who may be told about whom, and by whose leave: staged guardianships and consents, resolved and checked."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, and_, exists, func, insert, or_, select, update

from contacts.imports import staged, store
from contacts.imports.comparing import Comparison
from contacts.imports.roster import students_known


def resolve_guardianships(comparison: Comparison) -> None:
    """Find both ends; links of persons who are no students are left out, contradicting ones are refused."""
    link = staged.guardianship
    for role in ("student", "guardian"):
        comparison.resolve(link, role)
    comparison.refuse(link, link.c.student_id.is_(None), "its student is neither in the file nor in the store")
    comparison.connection.execute(
        update(link)
        .where(
            link.c.state == staged.OPEN,
            or_(
                ~students_known(comparison, link.c.student_id),
                # Over, and of somebody whom nobody here ever knew.
                and_(link.c.guardian_id.is_(None), comparison.over(link.c.valid_to)),
            ),
        )
        .values(state=staged.NOT_NEEDED)
    )
    comparison.refuse(link, link.c.guardian_id.is_(None), "its guardian is neither in the file nor in the store")
    comparison.refuse(link, link.c.guardian_id == link.c.student_id, "student and guardian are one person")
    _settle(
        comparison,
        link,
        ("student_id", "guardian_id", "basis"),
        "the same guardianship occurs twice, with other contents",
    )


def resolve_consents(comparison: Comparison) -> None:
    """Find both ends. A consent that was withdrawn since is not given again by the file that told of it first."""
    consent, stored = staged.consent, store.consent
    for role in ("student", "guardian"):
        comparison.resolve(consent, role)
        comparison.refuse(
            consent, consent.c[f"{role}_id"].is_(None), f"its {role} is neither in the file nor in the store"
        )
    same = and_(
        stored.c.student_id == consent.c.student_id,
        stored.c.guardian_id == consent.c.guardian_id,
        stored.c.purpose == consent.c.purpose,
    )
    in_force = exists().where(same, stored.c.withdrawn_on.is_(None))
    comparison.refuse(
        consent,
        and_(~in_force, exists().where(same, stored.c.withdrawn_on >= consent.c.given_on)),
        "the consent was withdrawn on or after the day of this one",
    )
    comparison.connection.execute(
        update(consent).where(consent.c.state == staged.OPEN, in_force).values(state=staged.NOT_NEEDED)
    )
    _settle(
        comparison,
        consent,
        ("student_id", "guardian_id", "purpose"),
        "the same consent occurs twice, with other contents",
    )


_CONTENTS = {
    "staged_guardianship": ("valid_from", "valid_to", "decision_ref", "student_agreed"),
    "staged_consent": ("given_on", "evidence"),
}


def _settle(comparison: Comparison, table: Table, key: tuple[str, ...], reason: str) -> None:
    """One row a key: rows that say the same are one, rows that contradict each other are all refused."""
    columns = [table.c[name] for name in key]
    open_ones = table.c.state == staged.OPEN
    same = (
        select(*columns, func.min(table.c.n).label("keep"))
        .where(open_ones)
        .group_by(*columns)
        .having(func.count() > 1)
        .subquery()
    )
    other = table.alias("other")
    differs = or_(*(table.c[name].is_distinct_from(other.c[name]) for name in _CONTENTS[table.name]))
    contradicted = (
        select(table.c.n)
        .join(other, and_(*(other.c[name] == table.c[name] for name in key), other.c.state == staged.OPEN, differs))
        .where(open_ones)
    )
    comparison.refuse(table, table.c.n.in_(contradicted), reason)
    comparison.connection.execute(
        update(table)
        .where(open_ones, *(table.c[name] == same.c[name] for name in key), table.c.n != same.c.keep)
        .values(state=staged.DUPLICATE)
    )
    comparison.connection.execute(update(table).where(open_ones).values(state=staged.ENTERS))


def is_guardian() -> ColumnElement[bool]:
    """Staged persons who are guardians, by this import or in the store already."""
    person, link = staged.person, staged.guardianship
    return or_(
        exists().where(link.c.guardian_id == person.c.person_id, link.c.state == staged.ENTERS),
        exists().where(store.guardianship.c.guardian_id == person.c.person_id),
    )


def has_addresses(comparison: Comparison) -> ColumnElement[bool]:
    """Staged persons whose addresses are taken: guardians; and students who go to school, where their own are
    wanted."""
    person = staged.person
    if not comparison.own_addresses:
        return is_guardian()
    return or_(
        is_guardian(),
        exists().where(staged.student.c.person_id == person.c.person_id),
        exists().where(store.student.c.person_id == person.c.person_id, comparison.current(store.student.c.left_on)),
    )


def gather_points(comparison: Comparison) -> None:
    person, contact = staged.person, staged.contact
    comparison.connection.execute(
        insert(staged.point).from_select(
            ["person_id", "channel", "value", "takes_messages", "confirmed_at", "shared_in_register"],
            select(
                person.c.person_id,
                contact.c.channel,
                contact.c.value,
                contact.c.takes_messages,
                contact.c.confirmed_at,
                contact.c.shared_in_register,
            )
            .join(person, person.c.n == contact.c.person_n)
            .where(person.c.state == staged.ENTERS, has_addresses(comparison))
            .distinct(),
        )
    )
    point = staged.point
    comparison.connection.execute(
        update(point)
        .where(store.address.c.channel == point.c.channel, store.address.c.value == point.c.value)
        .values(address_id=store.address.c.id)
    )
