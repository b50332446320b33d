"""The quality of the contact store: the figures, their agreement with what an alert does, and both pages."""

from __future__ import annotations

import io
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from sqlalchemy import select

from contacts.audience import AudienceSchool
from contacts.audience_names import find_school
from contacts.codes import AddressChannel, Basis, Protection
from contacts.commands.quality_html import quality_html
from contacts.commands.quality_page import SHARED, cells_of, draw_quality, percent
from contacts.facts import load_cases
from contacts.quality import AddressFigures, Figures, Quality, SchoolQuality, StudentFigures, store_quality
from contacts.reach import ReachOptions
from contacts.tables import STUDENT
from dispatcher.alerts.plan import PlanOptions, plan
from dispatcher.codes import StudentClass
from tests.contacts.store import ADULT, DAY, LATELY, LONG_AGO, ContactStore

SMS, EMAIL = AddressChannel.SMS, AddressChannel.EMAIL


def measured(store: ContactStore, *schools: str) -> Quality:
    found: list[AudienceSchool] = [find_school(store.connection, one) for one in schools]
    return store_quality(store.connection, found, DAY, stale_after_months=18)


def page(quality: Quality) -> str:
    drawn = io.StringIO()
    draw_quality(quality, Console(file=drawn, width=80, highlight=False))
    return drawn.getvalue()


@pytest.fixture
def two_schools(store: ContactStore) -> ContactStore:
    """One school with a student of each kind, another that shares one student with it, a third without any."""
    first, other = store.school(), store.school("NO2", "Andre vgs")
    store.school("NO3", "Tomme vgs")
    both = store.student("1", school=first)
    store.enrol(both, other, main=False)
    mother, father = store.guardian(both), store.guardian(both)
    store.point(mother, "+4799999911")
    store.point(father, "felles@example.com")
    store.point(mother, "felles@example.com", verified=None)
    one = store.student("2", school=first)
    only = store.guardian(one)
    store.point(only, "+46701234567", confirmed=LONG_AGO, verified=LONG_AGO)
    store.point(only, "gammel@example.com", verified=None)
    none = store.student("3", school=first)
    unlucky = store.guardian(none)
    store.point(unlucky, "+4722000001", takes_messages=False)
    store.point(unlucky, "+4799999913", opted_out_at=LONG_AGO)
    store.point(unlucky, "feil@example.com", failing_since=LATELY)
    adult = store.student("4", school=first, birth_date=ADULT)
    store.point(store.guardian(adult), "+4799999914")
    protected = store.student("5", school=first, protection=Protection.CONFIDENTIAL)
    store.point(store.guardian(protected), "+4799999915")
    store.student("6", school=first)
    gone = store.student("7", school=first, left_on=DAY)
    store.point(store.guardian(gone), "+4799999916")
    over = store.student("8")
    store.enrol(over, first, ended_on=DAY)
    dead = store.student("9", school=first, deceased=True)
    store.point(store.guardian(dead), "+4799999917")
    return store


FIRST = Figures(
    StudentFigures(two_channels=1, one_channel=1, no_channel=1, nobody_entitled=3),
    AddressFigures(all=4, stale=1, fixed_line=1, foreign=1, opted_out=1),
    AddressFigures(all=3, unverified=1, shared=1, failing=1),
)
OTHER = Figures(StudentFigures(two_channels=1), AddressFigures(all=1), AddressFigures(all=1, shared=1))


def test_each_student_is_in_one_class_and_each_address_counts_once(two_schools: ContactStore) -> None:
    found = measured(two_schools)
    assert [(school.ref, school.figures) for school in found.schools] == [("NO1", FIRST), ("NO2", OTHER)]
    assert (found.on, found.total) == (DAY, FIRST)
    assert (FIRST.students.all, FIRST.students.with_entitled) == (6, 3)


def test_the_schools_that_are_asked_about(two_schools: ContactStore) -> None:
    assert measured(two_schools, "Andre vgs") == Quality(DAY, (SchoolQuality("NO2", "Andre vgs", OTHER),), OTHER)
    empty = measured(two_schools, "NO3")
    assert [(school.name, school.figures.students.all) for school in empty.schools] == [("Tomme vgs", 0)]
    assert "0 students" in page(empty) and "Tomme vgs" in quality_html(empty)


def test_an_empty_store(store: ContactStore) -> None:
    nothing = measured(store)
    assert nothing.schools == ()
    assert "No school has any students" in page(nothing)
    assert "No school has any students" in quality_html(nothing)


def test_an_alert_reaches_whom_the_figures_say(two_schools: ContactStore) -> None:
    connection = two_schools.connection
    two_schools.link(two_schools.student("10"), two_schools.guardian(), Basis.CONTACT_PERSON)
    ids = list(connection.scalars(select(STUDENT.c.person_id).where(STUDENT.c.left_on.is_(None))))
    cases = [
        case for case in load_cases(connection, ids, DAY, stale_after_months=18) if case.school_id and case.ref != "9"
    ]
    for channels, told in (((SMS, EMAIL), 2), ((SMS,), 2), ((EMAIL,), 1)):
        planned = plan(cases, PlanOptions(DAY, ReachOptions(frozenset(channels), use_stale=True), "nb"))
        reached = sum(student.forecast is StudentClass.HANDED_OVER for student in planned.students)
        assert reached == told
        if len(channels) == 2:
            unreached = sum(student.forecast is StudentClass.UNREACHED for student in planned.students)
            assert (told, unreached) == (2, FIRST.students.no_channel)
    assert measured(two_schools).total.students == FIRST.students


def test_the_contact_register_s_word_makes_an_address_shared_with_strangers(store: ContactStore) -> None:
    """Where somebody has it who may be told, and the register still tells it."""
    student = store.student(school=store.school())
    guardian = store.guardian(student)
    store.point(guardian, "+4799999911", shared_in_register=True)
    store.point(guardian, "+4799999912", shared_in_register=False)
    store.point(guardian, "ola@example.com", shared_in_register=True, ended_at=LATELY)
    store.point(guardian, "ola@example.com", source="guardian")
    dead = store.guardian(student, deceased=True)
    store.point(dead, "+4799999912", shared_in_register=True)
    found = measured(store)
    assert found.total.phones == AddressFigures(all=2, shared=1)
    assert found.total.emails == AddressFigures(all=1)
    assert page(found).splitlines()[-1] == SHARED
    assert SHARED in _Page(quality_html(found)).text


def test_both_words_on_one_address_count_it_once(store: ContactStore) -> None:
    student = store.student(school=store.school())
    for guardian in (store.guardian(student), store.guardian(student)):
        store.point(guardian, "+4799999911", shared_in_register=True)
    assert measured(store).total.phones == AddressFigures(all=1, shared=1)


def test_a_blocked_guardian_who_shares_the_address_takes_its_channel_away(store: ContactStore) -> None:
    student = store.student(school=store.school())
    mother, father = store.guardian(student), store.guardian(student)
    store.point(mother, "felles@example.com")
    store.point(father, "felles@example.com")
    assert measured(store).total.students == StudentFigures(one_channel=1)
    store.block(father)
    assert measured(store).total.students == StudentFigures(no_channel=1)


def test_the_worst_school_comes_first(store: ContactStore) -> None:
    for number, with_phone in enumerate((3, 0, 1)):
        school = store.school(f"NO{number}", f"Skole {number}")
        for place in range(3):
            guardian = store.guardian(store.student(f"{number}-{place}", school=school))
            if place < with_phone:
                store.point(guardian, f"+479999{number}{place}11")
    assert [school.name for school in measured(store).schools] == ["Skole 1", "Skole 2", "Skole 0"]


def test_the_page_on_a_terminal(two_schools: ContactStore) -> None:
    lines = page(measured(two_schools)).splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert lines[:9] == [
        "Contact information as of 2026-11-23, by a real alert's measure",
        "█ two channels (SMS and e-mail)   ▒ one   · none",
        "",
        "Eksempel vgs   6 students",
        f"  {'█' * 14}{'▒' * 13}{'·' * 13}  none 33 %",
        "  none 1 (33 %)   one 1 (33 %)   two 1 (33 %)",
        "  nobody may be told today, or a person must decide: 3",
        "  phone numbers 4   stale 1   fixed line 1   foreign 1   answered STOP 1",
        "  e-mail addresses 3   not verified 1   shared 1   failing 1",
    ]
    assert "All 2 schools   6 students" in lines


class _Page(HTMLParser):
    """What a browser would make of the page: its tags and its text; fails on one that is not closed in turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.widths: list[int] = []
        self.addresses: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "action")]
        if "flex:" in (given.get("style") or ""):
            self.widths.append(int((given["style"] or "").removeprefix("flex:")))
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_for_a_browser(two_schools: ContactStore) -> None:
    text = quality_html(measured(two_schools, "Eksempel vgs"))
    seen = _Page(text)
    assert "none 1 (33 %), one 1 (33 %), two 1 (33 %), of 3 students" in seen.text
    assert (seen.widths, seen.addresses) == ([334, 333, 333], [])
    assert "default-src 'none'" in text and "prefers-color-scheme: dark" in text


def test_the_name_of_a_school_is_text_and_nothing_else(store: ContactStore) -> None:
    name = '<script>alert(1)</script> & "Søsken" [red]vgs[/red]'
    store.student(school=store.school(name=name))
    assert name in _Page(quality_html(measured(store))).text
    assert name in page(measured(store))


def test_neither_page_nor_figures_hold_anything_personal(two_schools: ContactStore) -> None:
    found = measured(two_schools)
    shown = quality_html(found) + page(found) + repr(found)
    assert not [one for one in ("Nora", "Ola", "example.com", "9999", "701234567") if one in shown]


@given(st.lists(st.integers(0, 10**6), min_size=3, max_size=3).filter(any), st.integers(3, 60))
def test_a_bar_has_its_length_and_hides_nobody(counts: list[int], cells: int) -> None:
    parts = cells_of(counts, cells)
    assert sum(parts) == cells
    assert all((part > 0) == (count > 0) for part, count in zip(parts, counts, strict=True))


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (0, 10, "0 %"), (10, 10, "100 %"), (1, 3, "33 %"), (1, 199, "1 %"),
        (1, 200, "under 1 %"), (199, 200, "over 99 %"), (1, 100_000, "under 1 %"),
    ],
)  # fmt: skip
def test_a_share_in_words(part: int, whole: int, words: str) -> None:
    assert percent(part, whole) == words


def test_days_are_those_of_the_question(two_schools: ContactStore) -> None:
    earlier = store_quality(two_schools.connection, [], DAY - timedelta(days=1), stale_after_months=18)
    assert earlier.total.students.all == FIRST.students.all + 2
