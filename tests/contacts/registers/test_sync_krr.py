"""A round of the contact register: who is asked about, a thousand at a time, and all of the answers or nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import insert, update

from config.errors import BeredskapError, ExitStatus
from contacts import tables
from contacts.codes import Basis, Protection
from contacts.imports import store
from contacts.imports.step import Kind
from contacts.registers import sync
from contacts.registers.calls import LiveRegister
from tests.contacts.imports.krr_files import JUNE, MAIL, PHONE, active, contacts, deleted, entries, marks, told
from tests.contacts.imports.pifu_files import ADULT_NIN, EMIL_NIN, KARI_NIN, NORA_NIN, OLE_NIN
from tests.contacts.registers.asking import KARI_NAME, OLE_NAME, RUTH_NIN, Asking, valid_numbers
from tests.contacts.store import ContactStore
from tests.services.registers import Answered


def test_the_answers_enter_as_those_of_a_file_do(asking: Asking) -> None:
    asking.registers.krr[KARI_NIN] = active(
        KARI_NIN, kontaktinformasjon=contacts(PHONE, MAIL, shared="JA"), spraak="en"
    )
    result = asking.krr()
    assert (result.asked, result.applied, result.plan.refused) == (2, True, 0)
    assert marks(asking.importer)[KARI_NAME, PHONE, "krr"] is True
    assert told(asking.importer) == dict.fromkeys([(KARI_NAME, PHONE), (KARI_NAME, MAIL)], (JUNE, "source", JUNE))
    assert entries(asking.importer) == {
        KARI_NAME: ("active", False, False, "en"),
        OLE_NAME: ("not_registered", None, None, None),
    }
    again = asking.contents()
    assert (asking.krr().applied, asking.contents()) == (False, again)
    state = asking.state("krr")
    assert (state.done_at, state.fault) == (asking.importer.now, None)


def test_nobody_is_asked_about_whose_answer_would_not_be_used(asking: Asking) -> None:
    """Not the guardians of an adult without consent, not the students, nobody blocked, dead or without custody."""
    importer = asking.importer
    with importer.database.write() as connection:
        extra = ContactStore(connection)
        extra.block(importer.person(OLE_NAME).id)
    asking.krr()
    assert asking.registers.numbers("krr") == {KARI_NIN}
    adult, ruth = importer.person("Aksel Eksempel").id, importer.person("Ruth Eksempel").id
    with importer.database.write() as connection:
        # Held for their protection, before their age is looked at.
        connection.execute(
            update(tables.PERSON).where(tables.PERSON.c.id == adult).values(protection=Protection.CONFIDENTIAL)
        )
    asking.krr()
    assert RUTH_NIN not in asking.registers.numbers("krr")
    with importer.database.write() as connection:
        ContactStore(connection).consent(adult, ruth, date(2026, 3, 1))
    asking.krr()
    assert asking.registers.asked[-1][1] == tuple(sorted((KARI_NIN, RUTH_NIN)))
    assert asking.registers.numbers("krr").isdisjoint({NORA_NIN, EMIL_NIN, ADULT_NIN, OLE_NIN})


def test_without_a_birth_date_nobody_is_asked_about(asking: Asking) -> None:
    with asking.importer.database.write() as connection:
        connection.execute(update(tables.PERSON).values(birth_date=None))
    assert asking.krr().asked == 0
    assert asking.registers.asked == []


def test_a_guardian_whose_number_is_not_known_is_told_of(asking: Asking) -> None:
    with asking.importer.database.write() as connection:
        kari = asking.importer.person(KARI_NAME).id
        connection.execute(
            update(store.identifier)
            .where(store.identifier.c.person_id == kari, store.identifier.c.scheme == "nin")
            .values(current=False)
        )
    result = asking.krr()
    assert (result.asked, result.plan.notes) == (1, ("Not asked about: 1 whose identity number is not known.",))
    assert asking.registers.numbers("krr") == {OLE_NIN}


def guardians(asking: Asking, count: int) -> list[str]:
    """So many more guardians of Nora, with their identity numbers."""
    keys, nora = asking.importer.keys, asking.importer.person("Nora Eksempel").id
    numbers = [number for number, _ in zip(valid_numbers(), range(count + 1), strict=False)][1:]
    with asking.importer.database.write() as connection:
        extra = ContactStore(connection)
        people = [extra.guardian(nora, basis=Basis.FOSTER) for _ in numbers]
        connection.execute(
            insert(store.identifier),
            [
                {
                    "person_id": person,
                    "scheme": "nin",
                    "lookup": keys.lookup_hash(number, "nin"),
                    "ciphertext": keys.encrypt(number),
                    "current": True,
                }
                for person, number in zip(people, numbers, strict=True)
            ],
        )
    return numbers


def test_a_thousand_at_a_time(sqlite_asking: Asking) -> None:
    asking = sqlite_asking
    numbers = guardians(asking, 999)
    assert asking.krr().asked == 1001
    assert [len(asked) for _, asked, _ in asking.registers.asked] == [1000, 1]
    assert asking.registers.numbers("krr") == {*numbers, KARI_NIN, OLE_NIN}
    assert len(asking.registers.grants) == 1
    assert len(asking.importer.rows(store.register_entry)) == 1001


def test_a_round_that_breaks_off_has_changed_nothing(sqlite_asking: Asking) -> None:
    asking = sqlite_asking
    asking.registers.krr[KARI_NIN] = active(KARI_NIN, kontaktinformasjon=contacts(PHONE, MAIL))
    guardians(asking, 999)
    before = asking.contents()
    usual = asking.registers.next.setdefault("krr", [])
    live = asking.live

    def breaks_off(*given: object, **options: object) -> object:
        made = live(*given, **options)  # type: ignore[arg-type]
        made.before_call = lambda: usual.append(Answered(503)) if asking.registers.asked else None
        return made

    asking.live = breaks_off  # type: ignore[method-assign, assignment]
    with pytest.raises(BeredskapError) as caught:
        asking.krr()
    assert caught.value.what == "The contact register (KRR) did not answer what it was asked (status 503)."
    assert [len(asked) for _, asked, _ in asking.registers.asked] == [1000]
    assert asking.contents() == before
    state = asking.state("krr")
    assert (state.done_at, state.fault) == (None, caught.value.what)


def _before_each_portion(asking: Asking, look: Callable[[], None]) -> None:
    """Calls `look` where a round asks whether to go on once all answers are there."""
    live = asking.live

    def looked_at(*given: Any, **options: Any) -> LiveRegister:
        made = live(*given, **options)
        made.before_call = lambda: look() if len(asking.registers.asked) == 2 else None
        return made

    asking.live = looked_at  # type: ignore[method-assign]


def test_answers_are_applied_in_portions_between_which_others_write(
    sqlite_asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking, database = sqlite_asking, sqlite_asking.importer.database
    monkeypatch.setattr(sync, "PORTION", 400)
    guardians(asking, 999)
    applied: list[int] = []

    def write_something() -> None:
        applied.append(len(asking.importer.rows(store.register_entry)))
        with database.write() as connection:
            connection.execute(update(tables.SCHOOL).values(name=f"Eksempel {len(applied)}"))

    _before_each_portion(asking, write_something)
    asking.krr()
    assert applied == [0, 400, 800, 1000]
    assert len(asking.importer.rows(store.register_entry)) == 1001
    # The next night nothing is new: no portion takes a turn at writing, nor is it on record.
    before = asking.contents()
    asking.registers.asked.clear()
    asking.krr()
    assert asking.contents() == before


class Stopped(Exception):  # noqa: N818 (nothing is wrong)
    """As an alert stops the scheduler's rounds."""


def test_a_round_that_stops_between_two_portions_leaves_the_rest_to_the_next(
    sqlite_asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = sqlite_asking
    monkeypatch.setattr(sync, "PORTION", 400)
    guardians(asking, 999)

    def stop() -> None:
        if asking.importer.rows(store.register_entry):
            raise Stopped

    with monkeypatch.context() as once:
        once.setattr(asking, "live", asking.live)
        _before_each_portion(asking, stop)
        with pytest.raises(Stopped):
            asking.krr()
    assert len(asking.importer.rows(store.register_entry)) == 400
    assert asking.state("krr") is None
    asking.registers.asked.clear()
    assert asking.krr().applied
    assert len(asking.importer.rows(store.register_entry)) == 1001


def test_a_dry_run_only_looks(asking: Asking) -> None:
    asking.registers.krr[KARI_NIN] = active(KARI_NIN, kontaktinformasjon=contacts(PHONE, MAIL))
    before = asking.importer.everything()
    result = asking.krr(dry_run=True)
    assert (result.applied, result.plan.count(Kind.CONTACT_POINTS).added) == (False, 2)
    assert asking.importer.everything() == before


def test_a_register_that_knows_nobody_any_more_empties_no_store(sqlite_asking: Asking) -> None:
    """As when the settings name the register's test environment."""
    asking = sqlite_asking
    for number in guardians(asking, 30):
        asking.registers.krr[number] = active(number, kontaktinformasjon=contacts(f"+47999{number[6:11]}"))
    asking.krr()
    asking.registers.krr.clear()
    before = asking.contents()
    with pytest.raises(BeredskapError, match=r"it would end 30 of 30 addresses from krr\.") as caught:
        asking.krr()
    assert (caught.value.exit_status, asking.contents()) == (ExitStatus.REFUSED, before)
    assert "--allow-ending 30" in caught.value.remedy
    assert asking.krr(allow_ending=30).plan.count(Kind.CONTACT_POINTS).ended == 30


def test_one_who_was_deleted_there_loses_those_addresses(asking: Asking) -> None:
    asking.registers.krr[KARI_NIN] = active(KARI_NIN, kontaktinformasjon=contacts(PHONE, MAIL))
    asking.krr()
    asking.registers.krr[KARI_NIN] = deleted(KARI_NIN)
    asking.krr()
    assert told(asking.importer) == {}
    assert set(told(asking.importer, ended=True)) == {(KARI_NAME, PHONE), (KARI_NAME, MAIL)}


@pytest.mark.parametrize("body", [{"persons": []}, [], "text", None])
def test_an_answer_that_is_none(body: object, sqlite_asking: Asking) -> None:
    before = sqlite_asking.contents()
    sqlite_asking.registers.next["krr"] = [Answered(200, body=body)]
    with pytest.raises(BeredskapError, match=r"answered with something that cannot be read"):
        sqlite_asking.krr()
    assert sqlite_asking.contents() == before
