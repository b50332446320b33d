"""A student at two schools: which one speaks, who may say so, and that an alert about a place asks nobody."""

from __future__ import annotations

from datetime import timedelta

import pytest

from config.audit_reading import Wanted, newest_entries
from config.errors import UsageError
from contacts.audience_names import find_school, resolve_audience
from contacts.codes import Protection
from contacts.facts import load_cases
from contacts.main_schools import forget_main_school, set_main_school
from contacts.tables import ENROLMENT
from tests.contacts.store import DAY, ContactStore


class Pupil:
    """Somebody who goes to two schools; a source calls the first one the main one."""

    def __init__(self, store: ContactStore, **values: object) -> None:
        self.store = store
        self.id = store.student(**values)  # type: ignore[arg-type]
        self.first, self.other = store.school(), store.school("NO2", "Andre vgs")
        self.third = store.school("NO3", "Tredje vgs")
        store.enrol(self.id, self.first)
        store.enrol(self.id, self.other, main=False)

    def says(self, school: str | None) -> str:
        person = self.store.found_student()
        if school is None:
            return forget_main_school(self.store.connection, person, operator="kari").words
        found = find_school(self.store.connection, school)
        return set_main_school(self.store.connection, person, found, today=DAY, operator="kari").words

    def main(self, days: int = 0) -> int | None:
        on = DAY + timedelta(days=days)
        (case,) = load_cases(self.store.connection, [self.id], on, stale_after_months=18)
        return case.school_id

    def acts(self) -> list[object]:
        return [entry.details for entry in reversed(newest_entries(self.store.connection, Wanted(), 10))]


def test_what_people_say_goes_before_the_sources_until_they_take_it_back(store: ContactStore) -> None:
    pupil = Pupil(store)
    assert pupil.main() == pupil.first
    assert pupil.says("Andre vgs") == "The main school of student 2B-017 is Andre vgs."
    assert "nothing was changed" in pupil.says("no2")
    assert pupil.main() == pupil.other
    assert pupil.says(None) == "The main school of student 2B-017 is what the sources say."
    assert "nothing was changed" in pupil.says(None)
    assert pupil.main() == pupil.first
    assert pupil.acts() == [{"school_id": pupil.other}, {"school_id": None}]


def test_it_counts_for_as_long_as_the_student_goes_there(store: ContactStore) -> None:
    pupil = Pupil(store)
    pupil.says("Andre vgs")
    store.connection.execute(
        ENROLMENT.update().where(ENROLMENT.c.school_id == pupil.other).values(ended_on=DAY + timedelta(days=1))
    )
    assert (pupil.main(), pupil.main(1)) == (pupil.other, pupil.first)


def test_an_alert_about_a_place_goes_to_all_who_are_there(store: ContactStore) -> None:
    pupil = Pupil(store)
    for main in ("Eksempel vgs", "Andre vgs"):
        pupil.says(main)
        for school in ("Eksempel vgs", "Andre vgs"):
            audience = resolve_audience(store.connection, schools=[school], on=DAY)
            assert list(store.connection.scalars(audience.select_ids(DAY))) == [pupil.id]


def test_another_school_is_no_main_school(store: ContactStore) -> None:
    pupil = Pupil(store)
    with pytest.raises(UsageError, match="does not go to Tredje vgs"):
        pupil.says("Tredje vgs")
    assert (pupil.main(), pupil.acts()) == (pupil.first, [])


@pytest.mark.parametrize("values", [{"protection": Protection.CONFIDENTIAL}, {"protection_unknown": True}])
def test_where_a_protected_student_goes_is_told_by_no_answer(store: ContactStore, values: dict[str, object]) -> None:
    pupil = Pupil(store, **values)
    answers = set()
    for school in ("Eksempel vgs", "Andre vgs", "Tredje vgs", None):
        with pytest.raises(UsageError) as caught:
            pupil.says(school)
        answers.add(str(caught.value))
    assert len(answers) == 1
    assert pupil.acts() == []
