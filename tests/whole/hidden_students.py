"""A school with students who are protected, or may be, and with marks by which whatever is said of them is found."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import insert

from config.clock import oslo_date
from contacts import tables
from contacts.codes import InvitationState, NameFrom, Protection
from contacts.people import guardian_ref, student_ref
from providers.base import Accepted, Channel, Rejected
from tests.contacts.imports.pifu_files import ADULT_NIN, KARI_NIN, NORA_NIN, OLE_NIN
from tests.contacts.store import ContactStore
from tests.services.inside import Inside

SCHOOL: Final = "Skjermheim vgs"
OTHER_SCHOOL: Final = "Eksempel vgs"


class Mark(StrEnum):
    """What must not be told of them."""

    SCHOOL = "school"
    CLASS = "class"
    STUDENT = "student"  # names, own addresses and numbers
    GUARDIAN = "guardian"
    OTHER_GUARDIAN = "other guardian"


# Of each kind what it looks like. Digits are looked for as they are; words in any case.
MARKS: Final[dict[Mark, frozenset[str]]] = {
    Mark.SCHOOL: frozenset({"Skjermheim", "974700001"}),
    Mark.CLASS: frozenset({"Niksklasse"}),
    Mark.STUDENT: frozenset(
        {"Hemmelin", "Dolgard", "Ukjentia", "Voksrid", "Skjulsen", "41000001", "elevpost", NORA_NIN, ADULT_NIN}
    ),
    Mark.GUARDIAN: frozenset({"Verjulf", "Vaktersen", "41000002", "verjepost", KARI_NIN}),
    Mark.OTHER_GUARDIAN: frozenset({"Bortulf", "Fjernesen", "41000003", "bortpost", OLE_NIN}),
}


def found_in(text: str, allowed: Iterable[Mark] = ()) -> set[str]:
    """The marks that stand in `text`, but for those of the kinds that may."""
    bare = re.sub(r"[\s\u00a0]", "", text).casefold()
    wanted = set().union(*(words for mark, words in MARKS.items() if mark not in set(allowed)))
    return {word for word in wanted if word.casefold() in bare}


class HiddenSchool:
    """Four protected students in a class of their own, of whom two guardians each know; beside them an open one.

    `held`: protected; `released`: protected, and released; `unknown`: nobody told, and 18 in ten days; `adult`:
    protected and adult.
    """

    def __init__(self, inside: Inside) -> None:
        self.inside = inside
        world = inside.world
        today = oslo_date(world.now)
        self.open = f"{world.family(email=True).student}"
        self.guardians: dict[str, tuple[str, str]] = {}
        with world.store() as store:
            school = store.school("974700001", SCHOOL)
            soon = date(today.year - 18, today.month, today.day) + timedelta(days=10)
            confidential = {"protection": Protection.CONFIDENTIAL}
            strictly = {"protection": Protection.STRICTLY_CONFIDENTIAL}
            people: tuple[tuple[str, str, dict[str, Any]], ...] = (
                ("held", "Hemmelin", confidential),
                ("released", "Dolgard", strictly),
                ("unknown", "Ukjentia", {"protection_unknown": True, "birth_date": soon}),
                ("adult", "Voksrid", {**confidential, "birth_date": date(2008, 1, 1)}),
            )
            members = [self._student(store, school, *one) for one in people]
            store.group("Niksklasse", school, *members)
            self.invitation = self._invited(store, members[3])
            store.release(members[1], today + timedelta(days=30))

    def _student(self, store: ContactStore, school: int, what: str, given: str, values: dict[str, Any]) -> int:
        # One whom the school gave no ref goes by the store's.
        ref = None if what == "unknown" else f"HX-{len(self.guardians) + 1:03d}"
        student = store.student(ref, school=school, grade="VG3", given_name=given, family_name="Skjulsen", **values)
        setattr(self, what, student_ref(student, ref))
        store.point(student, f"elevpost-{what}@example.no")
        store.point(student, "+4741000001")
        guardian = store.guardian(student, given_name="Verjulf", family_name="Vaktersen")
        other = store.guardian(student, given_name="Bortulf", family_name="Fjernesen")
        for person, phone, mail in ((guardian, "+4741000002", "verjepost"), (other, "+4741000003", "bortpost")):
            store.point(person, phone)
            store.point(person, f"{mail}-{what}@example.no")
        if what == "held":
            for person, number in ((student, NORA_NIN), (guardian, KARI_NIN), (other, OLE_NIN)):
                self._number(store, person, number)
        self.guardians[what] = (guardian_ref(guardian), guardian_ref(other))
        return student

    def _invited(self, store: ContactStore, student: int) -> int:
        """The number of an invitation of the student's, whose code a guardian has entered."""
        now = self.inside.world.now
        guardian = store.guardian(given_name="Bortulf", family_name="Fjernesen")
        row = insert(tables.INVITATION).values(
            student_id=student,
            guardian_id=guardian,
            code_hash="0" * 64,
            for_alerts=True,
            state=InvitationState.ENTERED,
            made_at=now,
            entered_at=now,
            expires_at=now + timedelta(days=7),
            name_from=NameFrom.STORE,
        )
        return int(store.connection.execute(row.returning(tables.INVITATION.c.id)).scalar_one())

    def _number(self, store: ContactStore, person: int, number: str) -> None:
        keys = self.inside.keys
        store.connection.execute(
            insert(tables.IDENTIFIER).values(
                person_id=person,
                scheme="nin",
                lookup=keys.lookup_hash(number, "nin"),
                ciphertext=keys.encrypt(number),
                current=True,
            )
        )

    held: str
    released: str
    unknown: str
    adult: str

    @property
    def words(self) -> dict[str, str]:
        """What the cases of commands call them."""
        refs = {name: getattr(self, name) for name in ("held", "released", "unknown", "adult")}
        guardians = {f"guardian_{name}": pair[0] for name, pair in self.guardians.items()}
        return refs | guardians | {"school": SCHOOL, "elsewhere": OTHER_SCHOOL, "invitation": f"{self.invitation}"}

    def deliver(self) -> None:
        """Plan what was confirmed, and hand it over: e-mails are taken, numbers are not in use."""
        world = self.inside.world
        world.plan()
        for one in world.claim(Channel.EMAIL):
            world.record((one, Accepted(f"mail-{one.delivery_id}")))
        for one in world.claim(Channel.SMS):
            world.record((one, Rejected("21211")))
