"""Who has entered a student's code and waits for the student's word, which the school may have on paper: whoever may
change contacts records it here, as `beredskap contacts invitations confirm` does."""

from __future__ import annotations

from datetime import date
from typing import Final

from sqlalchemy import Connection
from starlette.responses import Response

from config.roles import Reach, Right
from contacts.codes import ConsentPurpose, NameFrom
from contacts.invitation_answers import Answered, confirm_on_paper
from contacts.own_schools import schools_to_look_at
from contacts.people import find_student
from contacts.waiting_invitations import WaitingInvitation, waiting_invitations
from portal.access import STAFF, Page, admitted, refusal
from portal.texts import marked
from portal.visit import Visit

_LONGEST_EVIDENCE: Final = 200
_PURPOSES: Final = {
    ConsentPurpose.ALERTS: marked("Emergency alerts about the student"),
    ConsentPurpose.PORTAL: marked("To see the student in this portal"),
}
_SAID: Final = {Answered.CONFIRMED.value: marked("Confirmed: they are linked to the student now.")}
_NOT_WAITING: Final = marked(
    "No such code waits for a student's word: it was answered or taken back, or its time is over. Nobody was linked."
)
_NOT_LINKED: Final = {
    Answered.NOT_ALLOWED: marked(
        "The student goes to no school here, is under 15, or has no birth date on record. Nobody was linked."
    ),
    Answered.ASK_THE_SCHOOL: marked(
        "A documented decision stands against this person being told about the student, or they have died. "
        "Nobody was linked."
    ),
    Answered.NOT_WAITING: _NOT_WAITING,
}
_NO_EVIDENCE: Final = marked("Say where the paper is kept, in at most 200 characters. Nobody was linked.")


def _waiting(visit: Visit) -> Response:
    assert visit.operator is not None
    today = visit.today()
    with visit.portal.database.read() as connection:
        found = _who_waits(connection, visit, today)
    confirms = admitted(visit.portal, visit.operator.name, Right.CHANGE_CONTACTS).reach is not Reach.NOTHING
    said = _SAID.get(visit.query.get("said", ""))
    return visit.show(
        "waiting.html",
        waiting=found,
        typed=NameFrom.THEMSELVES,
        confirms=confirms,
        said=None if said is None else visit.say(said),
    )


def _check(visit: Visit, problem: str | None = None) -> Response:
    """What is to be compared with the paper, before it is recorded. `problem`: why it was not, a text that is
    `marked`."""
    today = visit.today()
    with visit.portal.database.read() as connection:
        one = _the_one(connection, visit, today)
    if one is None:
        return refusal(visit, _NOT_WAITING, 404)
    return visit.show(
        "on_paper.html",
        200 if problem is None else 409,
        one=one,
        typed=NameFrom.THEMSELVES,
        purposes={purpose: visit.say(words) for purpose, words in _PURPOSES.items()},
        longest=_LONGEST_EVIDENCE,
        problem=None if problem is None else visit.say(problem),
    )


def _confirm(visit: Visit) -> Response:
    assert visit.operator is not None
    evidence = " ".join(visit.form.get("evidence", "").split())
    if not 0 < len(evidence) <= _LONGEST_EVIDENCE:
        return _check(visit, _NO_EVIDENCE)
    today = visit.today()
    with visit.portal.database.write() as connection:
        one = _the_one(connection, visit, today)
        if one is None:
            return refusal(visit, _NOT_WAITING, 409)
        done = confirm_on_paper(
            connection,
            visit.portal.keys,
            find_student(connection, one.student),
            one.invitation,
            today,
            operator=visit.operator.name,
            evidence=evidence,
        )
    if done.answer is not Answered.CONFIRMED:
        return refusal(visit, _NOT_LINKED[done.answer], 409)
    return visit.go(f"/staff/invitations?said={done.answer.value}")


def _who_waits(connection: Connection, visit: Visit, today: date) -> list[WaitingInvitation]:
    assert visit.operator is not None
    schools = schools_to_look_at(connection, visit.operator, None)
    return waiting_invitations(connection, visit.portal.keys, schools, today)


def _the_one(connection: Connection, visit: Visit, today: date) -> WaitingInvitation | None:
    """The invitation that the address names, as the list shows it; None when none of those is it."""
    named = visit.path["invitation"]
    return next((one for one in _who_waits(connection, visit, today) if str(one.invitation) == named), None)


_PATH: Final = "/staff/invitations/{invitation:str}"
PAGES: Final = (
    Page("GET", "/staff/invitations", _waiting, STAFF, Right.SEE_CONTACTS),
    Page("GET", _PATH, _check, STAFF, Right.CHANGE_CONTACTS),
    Page("POST", _PATH, _confirm, STAFF, Right.CHANGE_CONTACTS),
)
