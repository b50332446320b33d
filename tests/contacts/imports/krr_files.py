"""Answers of the contact register in tests, about fictional people, and what the store made of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from contacts import tables
from contacts.imports import store
from contacts.imports.plan import Plan
from tests.contacts.imports.importing import Importer

LATELY = "2026-06-29T10:15:52Z"
JUNE = datetime(2026, 6, 29, 10, 15, 52, tzinfo=UTC)  # the same moment
KARI, OLE = "Kari Eksempel", "Ole Eksempel"
PHONE, MAIL = "+4799900111", "kari@eksempel.example"


def active(number: str, **parts: Any) -> dict[str, Any]:
    """A person who is registered and can be notified; a part that is None is left out."""
    made = {
        "personidentifikator": number,
        "reservasjon": "NEI",
        "status": "AKTIV",
        "varslingsstatus": "KAN_VARSLES",
        "kontaktinformasjon": {},
    }
    return {name: value for name, value in (made | parts).items() if value is not None}


def contacts(
    phone: Any = None,
    email: Any = None,
    *,
    updated: Any = LATELY,
    verified: Any = None,
    email_verified: Any = None,
    shared: Any = None,
) -> dict[str, Any]:
    """The two addresses with their times; `email_verified` where the e-mail's differs. `shared`: the phone's mark."""
    made: dict[str, Any] = {}
    for name, value, time in (
        ("mobiltelefonnummer", phone, verified),
        ("epostadresse", email, email_verified or verified),
    ):
        if value is not None:
            made |= {name: value, f"{name}_oppdatert": updated, f"{name}_sist_verifisert": time}
    made["mobiltelefonnummer_duplisert"] = shared
    return {name: value for name, value in made.items() if value is not None}


def deleted(number: str, **parts: Any) -> dict[str, Any]:
    return active(number, status="SLETTET", varslingsstatus="KAN_IKKE_VARSLES", kontaktinformasjon=None, **parts)


def never_registered(number: str) -> dict[str, Any]:
    return {"personidentifikator": number, "status": "IKKE_REGISTRERT", "varslingsstatus": "KAN_IKKE_VARSLES"}


def told(importer: Importer, *, ended: bool = False) -> dict[tuple[str, str], tuple[Any, ...]]:
    """(person, address) → (verified_at, verified_by, confirmed_at) of the contact register's points."""
    people = importer.people()
    addresses = {row.id: row.value for row in importer.rows(tables.ADDRESS)}
    return {
        (people[row.person_id], addresses[row.address_id]): (row.verified_at, row.verified_by, row.confirmed_at)
        for row in importer.rows(tables.CONTACT_POINT)
        if row.source == "krr" and (row.ended_at is not None) == ended
    }


def marks(importer: Importer) -> dict[tuple[str, str, str], bool | None]:
    """(person, address, source) → whether the contact register says that others have it too; points in force."""
    people = importer.people()
    addresses = {row.id: row.value for row in importer.rows(tables.ADDRESS)}
    return {
        (people[row.person_id], addresses[row.address_id], row.source): row.shared_in_register
        for row in importer.rows(tables.CONTACT_POINT)
        if row.ended_at is None
    }


def entries(importer: Importer) -> dict[str, tuple[Any, ...]]:
    """Person → (status, reserved, expired, language)."""
    people = importer.people()
    return {
        people[row.person_id]: (row.status, row.reserved, row.expired, row.language)
        for row in importer.rows(store.register_entry)
    }


def reasons(plan: Plan) -> list[tuple[str, str]]:
    return [(each.place.record, each.reason) for each in plan.refusals]
