"""The life of an invitation, its codes, and who may make one: tables, and whatever hypothesis thinks of."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts.codes import InvitationState as S
from contacts.invitation_codes import ALPHABET, CODE_SIGNS, new_code, read_code, shown
from contacts.invitation_states import MOVES, OPEN, Event, leads_to, possible_from, standing_at
from contacts.students_own import Standing, own_rights
from tests.contacts.store import DAY

NOON = datetime(2026, 11, 23, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("event", "possible", "to"),
    [
        (Event.ENTER, {S.MADE}, S.ENTERED),
        (Event.CONFIRM, {S.ENTERED}, S.CONFIRMED),
        (Event.REFUSE, {S.ENTERED}, S.REFUSED),
        (Event.REVOKE, {S.MADE, S.ENTERED}, S.REVOKED),
        (Event.EXPIRE, {S.MADE, S.ENTERED}, S.EXPIRED),
    ],
)
def test_what_can_happen_and_when(event: Event, possible: set[S], to: S) -> None:
    assert set(possible_from(event)) == possible
    assert leads_to(event) is to


@given(st.lists(st.sampled_from(Event)))
def test_it_ends_once_and_nobody_confirms_what_nobody_entered(events: list[Event]) -> None:
    state, gone_through = S.MADE, [S.MADE]
    for event in events:
        state = MOVES.get((state, event), state)
        if state is not gone_through[-1]:
            gone_through.append(state)
    assert len(gone_through) <= 3 and all(one in OPEN for one in gone_through[:-1])
    assert S.CONFIRMED not in gone_through or gone_through == [S.MADE, S.ENTERED, S.CONFIRMED]


@given(st.sampled_from(S), st.integers(-100, 100))
def test_what_is_open_past_its_time_has_expired(state: S, seconds: int) -> None:
    counts = standing_at(state, NOON + timedelta(seconds=seconds), NOON)
    if state in OPEN:
        assert counts is (state if seconds > 0 else S.EXPIRED)
    else:
        assert counts is state


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("7K2QM-X04TD", "7K2QMX04TD"),
        (" 7k2qm x04td ", "7K2QMX04TD"),
        ("7k2qm–xo4td", "7K2QMX04TD"),
        ("ilIL1-00oO0", "1111100000"),
        ("7K2QM-X04T", None),
        ("7K2QM-X04TDD", None),
        ("7K2QM-X04TU", None),  # u looks like v, and is in no code
        ("7K2QM-X04T\u0664", None),
        ("", None),
    ],
)
def test_codes_as_people_type_them(typed: str, code: str | None) -> None:
    assert read_code(typed) == code


def test_codes_are_long_enough_and_come_back() -> None:
    made = {new_code() for _ in range(200)}
    assert len(made) == 200 and len(set(ALPHABET)) ** CODE_SIGNS >= 2**48
    assert all(read_code(shown(code).lower()) == code for code in made)
    assert set("".join(made)) == set(ALPHABET)


@given(st.text())
def test_whatever_is_typed_is_a_code_or_none(typed: str) -> None:
    code = read_code(typed)
    assert code is None or (len(code) == CODE_SIGNS and set(code) <= set(ALPHABET))


BIRTHDAY = date(2008, 11, 23)  # 18 on DAY


@pytest.mark.parametrize(
    ("born", "gone", "standing", "consents", "invites"),
    [
        (BIRTHDAY, False, Standing.ADULT, True, True),
        (BIRTHDAY + timedelta(days=1), False, Standing.YOUNG, False, True),
        (date(2011, 11, 23), False, Standing.YOUNG, False, True),
        (date(2011, 11, 24), False, Standing.CHILD, False, False),
        (None, False, Standing.AGE_UNKNOWN, False, False),
        (BIRTHDAY, True, Standing.GONE, False, False),
        (None, True, Standing.GONE, False, False),
    ],
)
def test_what_students_may_do_by_their_age(
    born: date | None, gone: bool, standing: Standing, consents: bool, invites: bool
) -> None:
    rights = own_rights(born, gone=gone, on=DAY)
    assert (rights.standing, rights.consents, rights.invites) == (standing, consents, invites)


def test_one_who_is_too_young_learns_from_when() -> None:
    assert own_rights(date(2010, 3, 2), gone=False, on=DAY).adult_on == date(2028, 3, 2)
    leap = own_rights(date(2008, 2, 29), gone=False, on=date(2026, 2, 28))
    assert (leap.standing, leap.adult_on) == (Standing.YOUNG, date(2026, 3, 1))
