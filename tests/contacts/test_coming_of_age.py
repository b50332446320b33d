"""Students who turn 18 soon: the days at both ends, what the rule takes from whom, and who is not shown."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from contacts.audience_names import find_school
from contacts.codes import Basis, Protection
from contacts.coming_of_age import ComingOfAge, ComingOfAges, coming_of_age
from contacts.consent_questions import Question
from tests.contacts.store import DAY, ContactStore


def soon(store: ContactStore, *, today: date = DAY, days: int = 30, school: str | None = None) -> ComingOfAges:
    schools = [find_school(store.connection, school)] if school else []
    return coming_of_age(store.connection, schools, today, days, stale_after_months=18)


@pytest.mark.parametrize(
    ("birth_date", "today", "turns"),
    [
        (date(2008, 11, 22), DAY, None),  # yesterday
        (date(2008, 11, 23), DAY, date(2026, 11, 23)),
        (date(2008, 12, 23), DAY, date(2026, 12, 23)),
        (date(2008, 12, 24), DAY, None),
        (None, DAY, None),
        (date(2008, 2, 29), date(2026, 2, 28), date(2026, 3, 1)),
        (date(2008, 2, 29), date(2026, 1, 30), date(2026, 3, 1)),
        (date(2008, 2, 29), date(2026, 1, 29), None),
    ],
)
def test_from_today_to_the_last_of_the_days(
    store: ContactStore, birth_date: date | None, today: date, turns: date | None
) -> None:
    store.student(school=store.school(), birth_date=birth_date)
    assert [one.on for one in soon(store, today=today).students] == ([turns] if turns else [])


def test_every_day_of_four_years_is_found_on_its_day_and_on_no_other(store: ContactStore) -> None:
    first = date(2008, 1, 1)
    days = [first + timedelta(days=number) for number in range(0, 1461, 7)] + [date(2008, 2, 29)]
    for number, day in enumerate(days):
        store.student(str(number), birth_date=day)
    found = [
        one
        for number in range(0, 1500, 100)
        for one in soon(store, today=date(2026, 1, 1) + timedelta(days=number), days=99).students
    ]
    assert sorted(one.student for one in found) == sorted(str(number) for number in range(len(days)))


def test_the_next_ones_first_with_those_who_will_not_be_told_any_more(store: ContactStore) -> None:
    school = store.school()
    later = store.student("3A-002", school=school, birth_date=date(2008, 12, 1))
    first = store.student("3A-001", school=school, birth_date=date(2008, 11, 23))
    store.guardian(later, first)
    store.guardian(later)
    blocked = store.guardian(later, first)
    store.block(blocked)
    store.guardian(later, basis=Basis.CONTACT_PERSON)
    found = soon(store)
    assert found.students == (
        ComingOfAge(first, "3A-001", date(2026, 11, 23), "Eksempel vgs", 1, Question.NO_ADDRESS),
        ComingOfAge(later, "3A-002", date(2026, 12, 1), "Eksempel vgs", 2, Question.NO_ADDRESS),
    )


@pytest.mark.parametrize(
    "values",
    [{"deceased": True}, {"left_on": DAY}, {"protection": Protection.CONFIDENTIAL}, {"protection_unknown": True}],
)
def test_who_left_died_or_may_be_protected_is_not_shown(store: ContactStore, values: dict[str, Any]) -> None:
    store.student("3A-009", school=store.school(), birth_date=date(2008, 12, 1), **values)
    found = soon(store)
    hidden = "protection" in values or "protection_unknown" in values
    assert (found.students, found.protected) == ((), int(hidden))
    # Asked by school, a number would tell where they go.
    one_school = soon(store, school="Eksempel vgs")
    assert (one_school.students, one_school.protected) == ((), None)
    assert "3A-009" not in repr(found) + repr(one_school)


def test_one_school_alone(store: ContactStore) -> None:
    first, other = store.school(), store.school("NO2", "Andre vgs")
    for ref, school in (("1", first), ("2", other)):
        store.student(ref, school=school, birth_date=date(2008, 12, 1))
    assert [one.student for one in soon(store, school="Andre vgs").students] == ["2"]
    assert [one.student for one in soon(store).students] == ["2", "1"]
