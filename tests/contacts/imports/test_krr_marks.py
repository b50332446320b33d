"""The contact register's mark of an address that others have registered too: taken over, changed alone, never older."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from contacts import tables
from contacts.codes import VerifiedBy
from contacts.imports.step import Kind
from tests.contacts.imports.importing import Importer
from tests.contacts.imports.krr_files import JUNE, KARI, MAIL, PHONE, active, contacts, marks, told
from tests.contacts.imports.pifu_files import KARI_NIN


def answer(mark: str | None, *, updated: str | None = "2026-06-29T10:15:52Z") -> dict[str, Any]:
    return active(KARI_NIN, kontaktinformasjon=contacts(PHONE, MAIL, updated=updated, shared=mark))


def mark(importer: Importer) -> bool | None:
    return marks(importer)[KARI, PHONE, "krr"]


def test_the_mark_is_of_that_address_as_the_register_tells_it(school: Importer) -> None:
    before = marks(school)
    school.krr(answer("JA"))
    assert marks(school) == before | {(KARI, PHONE, "krr"): True, (KARI, MAIL, "krr"): None}
    assert set(before.values()) == {None}


@pytest.mark.parametrize(("was", "becomes", "stored"), [("JA", "NEI", False), (None, "JA", True), ("JA", None, None)])
def test_a_change_of_the_mark_alone_is_a_change_of_that_point_and_of_no_time(
    school: Importer, was: str | None, becomes: str | None, stored: bool | None
) -> None:
    school.krr(answer(was))
    school.now += timedelta(days=1)
    plan = school.krr(answer(becomes))
    assert (plan.changes, plan.count(Kind.CONTACT_POINTS).changed) == (1, 1)
    assert mark(school) is stored
    assert told(school) == dict.fromkeys([(KARI, PHONE), (KARI, MAIL)], (JUNE, VerifiedBy.SOURCE, JUNE))
    assert school.krr(answer(becomes)).changes == 0


def test_an_older_answer_read_again_takes_no_mark_back(school: Importer) -> None:
    school.krr(answer("JA"))
    assert school.krr(answer("NEI", updated="2025-03-01T00:00:00Z")).changes == 0
    assert mark(school) is True


def test_an_answer_without_a_time_changes_the_mark_and_no_verification(sqlite_school: Importer) -> None:
    sqlite_school.krr(answer("NEI"))
    sqlite_school.krr(answer("JA", updated=None))
    assert mark(sqlite_school) is True
    assert told(sqlite_school)[KARI, PHONE] == (JUNE, VerifiedBy.SOURCE, JUNE)


def test_what_a_code_confirmed_is_marked_and_stays_confirmed_by_it(school: Importer) -> None:
    school.krr(answer("NEI"))
    point, address = tables.CONTACT_POINT, tables.ADDRESS
    by_code = {"verified_at": school.now, "verified_by": VerifiedBy.CODE, "confirmed_at": school.now}
    with school.database.write() as connection:
        connection.execute(
            update(point).where(point.c.address_id == address.c.id, address.c.value == PHONE).values(**by_code)
        )
    school.krr(answer("JA"))
    assert mark(school) is True
    assert told(school)[KARI, PHONE] == (school.now, VerifiedBy.CODE, school.now)


def test_a_mark_that_cannot_be_read_counts_as_not_told(sqlite_school: Importer) -> None:
    sqlite_school.krr(answer("JA"))
    plan = sqlite_school.krr(answer("KANSKJE"))
    assert (plan.refused, mark(sqlite_school)) == (1, None)
    assert (KARI, PHONE) in told(sqlite_school)


def test_an_address_that_comes_back_has_the_mark_of_its_return(sqlite_school: Importer) -> None:
    sqlite_school.krr(answer("JA"))
    sqlite_school.krr(active(KARI_NIN, kontaktinformasjon={}))
    sqlite_school.krr(answer("NEI"))
    assert mark(sqlite_school) is False
