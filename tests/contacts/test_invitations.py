"""Invitations: a code made by a student, entered by somebody who is logged in, and answered."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from config.database import Database
from config.keys import Keys
from contacts import tables
from contacts.audience_names import find_school
from contacts.codes import Basis, ConsentPurpose, InvitationState, NameFrom, Protection
from contacts.entitlement import Reason
from contacts.invitation_answers import Answered, Outcome, confirm_on_paper
from contacts.invitation_entry import MAX_TRIES, Entrant, Entry, needs_name
from contacts.invitations import LIFE_SECONDS, MAX_A_DAY, MAX_OPEN, Made, NotMade, end_overdue
from contacts.student_consents import own_guardians, take_back
from contacts.waiting_invitations import WaitingInvitation, waiting_invitations
from tests.contacts.desk import LIV, LOG, NOON, PER, Desk
from tests.contacts.store import ADULT, CHILD

ALERTS, PORTAL = ConsentPurpose.ALERTS, ConsentPurpose.PORTAL
BOTH = (ALERTS, PORTAL)
WEEK = timedelta(seconds=LIFE_SECONDS)
UNKNOWN = 999_999


@pytest.fixture
def young(database: Database, keys: Keys) -> Desk:
    return Desk(database, keys, birth_date=CHILD)


def test_the_whole_way_of_somebody_the_store_did_not_know(desk: Desk) -> None:
    before = desk.persons()
    made = desk.make(*BOTH)
    assert isinstance(made, Made) and made.code not in repr(made) and made.expires_at == NOON + WEEK
    assert desk.enter(made.code.lower().replace("-", " ")) is Entry.ENTERED
    (shown,) = desk.listed()
    assert (shown.state, shown.name, shown.name_from) == (InvitationState.ENTERED, "Liv Venn", NameFrom.LOGIN)
    assert shown.purposes == BOTH and "Liv" not in repr(shown)
    assert desk.persons() == before
    done = desk.confirm(made.id)
    assert done.answer is Answered.CONFIRMED
    (person,) = desk.rows(tables.PERSON, tables.PERSON.c.id != desk.student_id)
    assert done.guardian == f"G-{person.id}" and (person.given_name, person.source) == ("LIV", "student")
    (number,) = desk.rows(tables.IDENTIFIER)
    assert (number.person_id, number.lookup) == (person.id, desk.keys.lookup_hash(LIV.number.number, "nin"))
    assert desk.keys.decrypt(number.ciphertext) == LIV.number.number
    (link,) = desk.rows(tables.GUARDIANSHIP)
    assert (link.guardian_id, link.basis, link.source, link.valid_from) == (
        person.id, Basis.CONTACT_PERSON, "student", desk.today,
    )  # fmt: skip
    assert {row.purpose for row in desk.rows(tables.CONSENT)} == set(BOTH)
    assert desk.reason() is Reason.CONSENTED
    (over,) = desk.listed()
    assert (over.state, over.name) == (InvitationState.CONFIRMED, None)
    row = desk.invitation()
    assert (row.guardian_id, row.entered_number, row.entered_name, row.entered_lookup) == (person.id, None, None, None)
    me = "student 2B-017"
    assert desk.log() == [
        (me, "invitation.make"),
        ("somebody not in the store", "invitation.enter"),
        (me, "consent.give"),
        (me, "consent.give"),
        (me, "invitation.confirm"),
    ]


def test_no_code_and_nothing_of_the_stranger_stands_in_the_database(desk: Desk) -> None:
    made = desk.make(ALERTS)
    assert isinstance(made, Made)
    desk.enter(made.code)
    said = [str(tuple(row)) for table in (tables.INVITATION, tables.CODE_TRY, LOG) for row in desk.rows(table)]
    for secret in (made.code, made.code.replace("-", ""), LIV.number.number, "Liv", "LIV", "VENN"):
        assert not [line for line in said if secret in line]


def test_somebody_the_store_knows_is_shown_by_the_store_s_name(desk: Desk) -> None:
    liv = desk.person(LIV)
    desk.confirm(desk.entered(PORTAL))
    assert [one for one in desk.rows(tables.CONSENT) if one.guardian_id == liv and one.purpose is PORTAL]
    assert desk.persons() == 2 and desk.reason() is Reason.ADULT_WITHOUT_CONSENT
    assert (f"guardian G-{liv}", "invitation.enter") in desk.log()


def test_the_store_s_name_comes_first_and_a_missing_one_is_asked_for(desk: Desk) -> None:
    desk.person(LIV)
    desk.entered(who=Entrant(LIV.number))
    (shown,) = desk.listed()
    assert (shown.name, shown.name_from) == ("Liv Fra Folkeregisteret", NameFrom.STORE)
    nameless = Entrant(PER.number, " ", "\u200b\n")
    code = desk.code()
    with desk.store() as store:
        assert needs_name(store.connection, desk.keys, nameless)
    assert desk.enter(code, nameless) is Entry.NAME_MISSING
    assert desk.enter(code, Entrant(PER.number, "Per\r\n", "Hansen", NameFrom.THEMSELVES)) is Entry.ENTERED
    assert next((one.name, one.name_from) for one in desk.listed()) == ("Per Hansen", NameFrom.THEMSELVES)


def test_known_without_a_name_is_shown_by_that_of_the_log_in(desk: Desk) -> None:
    liv = desk.person(LIV, given_name="", family_name="")
    invitation = desk.entered()
    assert desk.listed()[0].name == "Liv Venn"
    assert desk.confirm(invitation).guardian == f"G-{liv}"


def test_refused_nothing_stays(desk: Desk) -> None:
    before = desk.persons()
    assert desk.refuse(desk.entered()) is Answered.REFUSED
    assert desk.holds_nobody() and desk.persons() == before
    assert desk.states() == ["refused"] and desk.rows(tables.GUARDIANSHIP) == []


def test_revoked_it_is_no_code_any_more(desk: Desk) -> None:
    code = desk.code()
    (shown,) = desk.listed()
    assert desk.revoke(shown.id)
    assert desk.enter(code) is Entry.NOT_ACCEPTED
    assert not desk.revoke(shown.id)
    assert desk.revoke(desk.entered())
    assert desk.states() == ["revoked", "revoked"]


def test_a_code_lives_seven_days_and_an_answer_is_waited_for_as_long(desk: Desk) -> None:
    code = desk.code()
    desk.later(WEEK - timedelta(seconds=1))
    assert desk.enter(code) is Entry.ENTERED
    desk.later(WEEK - timedelta(seconds=1))
    assert desk.states() == ["entered"]
    desk.later(timedelta(seconds=1))
    (over,) = desk.listed()
    assert (over.state, over.name) == (InvitationState.EXPIRED, None)
    assert desk.confirm(over.id).answer is Answered.NOT_WAITING
    assert not desk.holds_nobody()
    with desk.store() as store:
        assert end_overdue(store.connection) == 1
        assert end_overdue(store.connection) == 0
    assert desk.holds_nobody() and desk.invitation().state is InvitationState.EXPIRED
    late = desk.code()
    desk.later(WEEK)
    assert desk.enter(late) is Entry.NOT_ACCEPTED


def test_codes_that_are_none_get_one_answer(desk: Desk) -> None:
    """Wrong, used, over, taken back, the student's own, the dead's, a blocked one's, of one who left: no difference."""
    used = desk.code()
    desk.enter(used)
    with desk.store() as store:
        desk.number(store.connection, desk.student_id, PER)
        other = store.student("1A-001", birth_date=ADULT, left_on=desk.today + timedelta(days=1))
    own = desk.code()
    gone = desk.of(other).code()
    desk.later(timedelta(days=1))
    tried = [
        ("AAAAA-AAAAA", LIV),
        ("not a code", LIV),
        ("", LIV),
        (used, LIV),
        (gone, LIV),
        (own, PER),
    ]
    for code, who in tried:
        assert desk.enter(code, who) is Entry.NOT_ACCEPTED
        desk.later(timedelta(hours=1))
    desk.person(LIV, deceased=True)
    assert desk.enter(own) is Entry.NOT_ACCEPTED
    assert desk.states() == ["made", "entered"]


@pytest.mark.parametrize(("about_all", "valid_to"), [(True, None), (False, None), (False, date(2026, 11, 24))])
def test_a_blocked_guardian_gets_that_answer_too_and_is_on_record(
    desk: Desk, about_all: bool, valid_to: date | None
) -> None:
    liv = desk.person(LIV)
    with desk.store() as store:
        store.block(liv, None if about_all else desk.student_id, valid_to=valid_to)
    code = desk.code()
    assert desk.enter(code) is Entry.NOT_ACCEPTED
    assert desk.log()[-1] == (f"guardian G-{liv}", "invitation.blocked")
    assert desk.states() == ["made"] and desk.holds_nobody()
    # The code is still good for somebody else.
    assert desk.enter(code, PER) is Entry.ENTERED


def test_a_block_that_is_over_or_about_somebody_else_stands_against_nothing(desk: Desk) -> None:
    liv = desk.person(LIV)
    with desk.store() as store:
        store.block(liv, desk.student_id, valid_to=desk.today)
        store.block(liv, store.student("1A-001"))
    assert desk.enter(desk.code()) is Entry.ENTERED


def test_a_block_recorded_meanwhile_stands_against_the_confirmation(desk: Desk) -> None:
    liv = desk.person(LIV)
    invitation = desk.entered()
    with desk.store() as store:
        store.block(liv)
    assert desk.confirm(invitation) == Outcome(Answered.ASK_THE_SCHOOL)
    assert desk.rows(tables.GUARDIANSHIP) == [] and desk.states() == ["entered"]


def test_five_tries_an_hour(desk: Desk) -> None:
    code = desk.code()
    for _ in range(MAX_TRIES):
        assert desk.enter("AAAAA-AAAAA") is Entry.NOT_ACCEPTED
    assert desk.enter(code) is Entry.TOO_MANY_TRIES
    desk.later(timedelta(minutes=59))
    assert desk.enter(code) is Entry.TOO_MANY_TRIES
    assert desk.enter("AAAAA-AAAAA", PER) is Entry.NOT_ACCEPTED  # somebody else's tries are their own
    desk.later(timedelta(minutes=1))
    assert desk.enter(code) is Entry.ENTERED
    desk.later(timedelta(hours=1))
    with desk.store() as store:
        end_overdue(store.connection)
    assert desk.rows(tables.CODE_TRY) == []


def test_three_open_and_ten_a_day(desk: Desk) -> None:
    for _ in range(MAX_OPEN):
        desk.code()
    assert desk.make(ALERTS) is NotMade.TOO_MANY_OPEN
    for number in range(MAX_A_DAY - MAX_OPEN):
        assert desk.revoke(desk.listed()[0].id)
        assert isinstance(desk.make(ALERTS), Made), number
    desk.revoke(desk.listed()[0].id)
    assert desk.make(ALERTS) is NotMade.TOO_MANY_TODAY
    desk.later(timedelta(days=1))
    assert isinstance(desk.make(ALERTS), Made)
    assert desk.make(ALERTS) is NotMade.TOO_MANY_OPEN
    desk.later(WEEK)
    assert isinstance(desk.make(ALERTS), Made)  # those that are over are not open


def test_an_adult_says_for_what_and_one_of_16_is_not_asked(desk: Desk) -> None:
    assert desk.make() is NotMade.NO_PURPOSE
    assert desk.rows(tables.INVITATION) == []


@pytest.mark.parametrize(
    "student", [{"birth_date": date(2011, 11, 24)}, {"birth_date": None}, {"left_on": NOON.date()}]
)
def test_who_may_not_invite(database: Database, keys: Keys, student: dict[str, Any]) -> None:
    assert Desk(database, keys, **student).make(ALERTS) is NotMade.NOT_ALLOWED


def test_one_of_16_names_a_contact_person_who_is_told_without_any_consent(young: Desk) -> None:
    made = young.make(*BOTH)
    assert isinstance(made, Made)
    assert young.enter(made.code) is Entry.ENTERED
    assert young.listed()[0].purposes == ()
    before = young.revision()
    assert young.confirm(made.id).answer is Answered.CONFIRMED
    (link,) = young.rows(tables.GUARDIANSHIP)
    assert (link.basis, link.source, link.student_agreed) == (Basis.CONTACT_PERSON, "student", True)
    assert young.rows(tables.CONSENT) == [] and young.reason() is Reason.DOCUMENTED_CONTACT
    assert young.revision() == before + 1


def test_who_turns_18_before_the_answer_is_not_taken_to_have_consented(database: Database, keys: Keys) -> None:
    desk = Desk(database, keys, birth_date=date(2008, 11, 25))
    invitation = desk.entered()
    desk.later(timedelta(days=2))
    assert desk.confirm(invitation).answer is Answered.CONFIRMED
    assert desk.reason() is Reason.ADULT_WITHOUT_CONSENT


def test_who_left_before_the_answer_cannot_give_it(desk: Desk) -> None:
    invitation = desk.entered()
    with desk.store() as store:
        store.connection.execute(tables.STUDENT.update().values(left_on=desk.today))
    assert desk.confirm(invitation).answer is Answered.NOT_ALLOWED
    assert desk.refuse(invitation) is Answered.REFUSED


def test_nobody_answers_for_another_student(desk: Desk) -> None:
    invitation = desk.entered()
    with desk.store() as store:
        other = store.student("1A-001", birth_date=ADULT)
    others = desk.of(other)
    assert others.confirm(invitation).answer is Answered.NOT_WAITING
    assert others.refuse(invitation) is Answered.NOT_WAITING
    assert not others.revoke(invitation) and others.listed() == []
    assert desk.confirm(UNKNOWN).answer is Answered.NOT_WAITING
    assert desk.states() == ["entered"]


def test_somebody_imported_meanwhile_is_not_made_twice(desk: Desk) -> None:
    invitation = desk.entered()
    liv = desk.person(LIV)
    assert desk.confirm(invitation).guardian == f"G-{liv}"
    assert desk.persons() == 2


def test_named_again_after_being_taken_back(young: Desk) -> None:
    young.confirm(young.entered())
    (link,) = young.rows(tables.GUARDIANSHIP)
    with young.store() as store:
        student = store.found_student()
        take_back(store.connection, student, link.guardian_id, young.today)
    assert young.reason() is Reason.NO_CUSTODY
    young.later(timedelta(days=1))
    young.confirm(young.entered())
    (again,) = young.rows(tables.GUARDIANSHIP)
    assert (again.id, again.valid_from, again.valid_to) == (link.id, young.today, None)
    assert young.reason() is Reason.DOCUMENTED_CONTACT


def test_who_is_confirmed_stands_among_the_student_s_own(desk: Desk) -> None:
    desk.confirm(desk.entered())
    with desk.store() as store:
        (shown,) = own_guardians(store.connection, store.found_student(), desk.today).guardians
    assert (shown.name, shown.named_by_student) == ("Liv Venn", True)


def waiting(desk: Desk, *schools: str) -> list[WaitingInvitation]:
    with desk.store() as store:
        named = [find_school(store.connection, name) for name in schools]
        return waiting_invitations(store.connection, desk.keys, named, desk.today)


def test_what_the_school_is_shown_and_confirms_on_paper(desk: Desk) -> None:
    invitation = desk.entered(ALERTS)
    desk.code()
    with desk.store() as store:
        store.school("NO2", "Andre vgs")
    (shown,) = waiting(desk)
    assert (shown.invitation, shown.student, shown.name, shown.purposes) == (
        invitation, "2B-017", "Liv Venn", (ALERTS,),
    )  # fmt: skip
    assert waiting(desk, "Eksempel vgs") == [shown] and waiting(desk, "Andre vgs") == []
    done = desk.act(confirm_on_paper, invitation, desk.today, operator="kontor", evidence="form 7")
    assert done.answer is Answered.CONFIRMED
    (consent,) = desk.rows(tables.CONSENT)
    assert (consent.given_evidence, consent.given_by) == ("form 7", "kontor")
    assert desk.log()[-1] == ("kontor", "invitation.confirm") and waiting(desk) == []


def test_of_a_protected_student_the_school_is_shown_no_name(database: Database, keys: Keys) -> None:
    desk = Desk(database, keys, protection=Protection.CONFIDENTIAL)
    desk.entered()
    (shown,) = waiting(desk)
    assert (shown.student, shown.name, shown.name_from) == ("2B-017", None, None)
    assert waiting(desk, "Eksempel vgs") == []
    assert desk.listed()[0].name == "Liv Venn"
