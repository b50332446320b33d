"""Invitations when two do something at the same moment: the database lets one of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from contacts import tables
from contacts.codes import ConsentPurpose
from contacts.invitation_answers import Answered
from contacts.invitation_entry import MAX_TRIES, Entry
from contacts.invitations import MAX_OPEN, Made
from tests.contacts.desk import LIV, PER, Desk
from tests.contacts.store import ADULT


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What each of the acts came to, begun at the same moment in threads of their own."""
    start = threading.Barrier(len(acts))
    results: list[Any] = [None] * len(acts)

    def run(number: int, act: Callable[[], Any]) -> None:
        start.wait()
        results[number] = act()

    threads = [threading.Thread(target=run, args=one) for one in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_two_who_enter_one_code_at_once(desk: Desk) -> None:
    code = desk.code()
    answers = at_once(lambda: desk.enter(code, LIV), lambda: desk.enter(code, PER))
    assert sorted(answers) == [Entry.ENTERED, Entry.NOT_ACCEPTED]


def test_confirmed_and_refused_at_once_only_one_holds(desk: Desk) -> None:
    invitation = desk.entered()
    confirmed, refused = at_once(lambda: desk.confirm(invitation).answer, lambda: desk.refuse(invitation))
    assert [confirmed, refused].count(Answered.NOT_WAITING) == 1
    assert len(desk.rows(tables.GUARDIANSHIP)) == (confirmed is Answered.CONFIRMED)
    assert desk.persons() == (2 if confirmed is Answered.CONFIRMED else 1)


def test_two_students_who_confirm_the_same_stranger_at_once_make_one_person(desk: Desk) -> None:
    with desk.store() as store:
        sibling = store.student("1A-001", birth_date=ADULT)
    other = desk.of(sibling)
    one, two = desk.entered(), other.entered()
    answers = at_once(lambda: desk.confirm(one), lambda: other.confirm(two))
    assert answers[0] == answers[1] and answers[0].answer is Answered.CONFIRMED
    assert desk.persons() == 3 and len(desk.rows(tables.IDENTIFIER)) == 1


def test_more_than_three_at_once_are_not_made(desk: Desk) -> None:
    made = at_once(*[lambda: desk.make(ConsentPurpose.ALERTS)] * 5)
    assert [isinstance(one, Made) for one in made].count(True) == MAX_OPEN
    assert len(desk.rows(tables.INVITATION)) == MAX_OPEN


def test_tries_at_once_are_counted_each(desk: Desk) -> None:
    answers = at_once(*[lambda: desk.enter("AAAAA-AAAAA")] * 8)
    assert answers.count(Entry.NOT_ACCEPTED) == MAX_TRIES and answers.count(Entry.TOO_MANY_TRIES) == 3
