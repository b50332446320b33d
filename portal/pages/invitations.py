"""The student's invitations: a code made and shown once, the name of whoever entered it, and the student's answer."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from contacts.codes import ConsentPurpose, InvitationState, NameFrom
from contacts.invitation_answers import Answered, confirm, refuse
from contacts.invitation_states import OPEN
from contacts.invitations import Made, NotMade, make_invitation, own_invitations, revoke_invitation
from contacts.students_own import rights_of
from portal.access import STUDENTS, Page, refusal
from portal.pages.student import NOT_DONE, PURPOSES, found_student, number_in
from portal.texts import marked
from portal.visit import Visit

_MOST_SHOWN: Final = 10
_NOT_MADE: Final = {
    NotMade.NO_PURPOSE: marked("Choose what you want to consent to."),
    NotMade.TOO_MANY_OPEN: marked("You have three codes under way already. Take one back first."),
    NotMade.TOO_MANY_TODAY: marked("You have made ten codes since yesterday. Try again tomorrow."),
    NotMade.NOT_ALLOWED: NOT_DONE,
}
_STATES: Final = {
    InvitationState.MADE: marked("Nobody has entered the code yet."),
    InvitationState.CONFIRMED: marked("You confirmed who it was."),
    InvitationState.REFUSED: marked("You said that it was somebody else."),
    InvitationState.EXPIRED: marked("The time was over."),
    InvitationState.REVOKED: marked("You took the code back."),
}
_FROM: Final = {
    NameFrom.STORE: marked("The name is the one in a public register or the school's."),
    NameFrom.LOGIN: marked("The name is the one they logged in with."),
    NameFrom.THEMSELVES: marked("They typed the name themselves: be sure that it is the right person."),
}
_SAID: Final = {
    "confirmed": marked("You have confirmed who it is."),
    "refused": marked("You have said that it is somebody else. Nothing about them is kept."),
    "revoked": marked("You have taken the code back."),
}
_PROBLEMS: Final = {
    "ask_the_school": marked("This could not be done here. Ask the school."),
    "too_late": marked("This code no longer waits for your answer. Nothing was changed."),
}


def _list(visit: Visit) -> Response:
    said = visit.query.get("said", "")
    return _show(visit, said=_SAID.get(said), problem=_PROBLEMS.get(said))


def _show(visit: Visit, *, said: str | None = None, problem: str | None = None, made: Made | None = None) -> Response:
    student = found_student(visit)
    with visit.portal.database.read() as connection:
        rights = rights_of(connection, student, visit.today())
        invitations = own_invitations(connection, visit.portal.keys, student)[:_MOST_SHOWN]
    if not rights.invites:
        return visit.go("/student")
    return visit.show(
        "invitations.html",
        rights=rights,
        invitations=invitations,
        open=OPEN,
        made=made,
        purposes={purpose: visit.say(words) for purpose, words in PURPOSES.items()},
        states={state: visit.say(words) for state, words in _STATES.items()},
        name_from={one: visit.say(words) for one, words in _FROM.items()},
        said=None if said is None else visit.say(said),
        problem=None if problem is None else visit.say(problem),
    )


def _make(visit: Visit) -> Response:
    """The code is in the answer itself: nowhere else, so that no address and no other page has it."""
    wanted = [purpose for purpose in ConsentPurpose if visit.form.get(purpose.value)]
    student, today = found_student(visit), visit.today()
    with visit.portal.database.write() as connection:
        made = make_invitation(connection, visit.portal.keys, student, wanted, today)
    return _show(visit, made=made) if isinstance(made, Made) else _show(visit, problem=_NOT_MADE[made])


def _answer(visit: Visit) -> Response:
    invitation, act = number_in(visit, "invitation"), visit.form.get("act")
    if invitation is None:
        return refusal(visit, NOT_DONE, 400)
    student, today = found_student(visit), visit.today()
    with visit.portal.database.write() as connection:
        match act:
            case "confirm":
                said = confirm(connection, visit.portal.keys, student, invitation, today).answer.value
            case "refuse":
                said = refuse(connection, student, invitation).answer.value
            case "revoke":
                said = "revoked" if revoke_invitation(connection, student, invitation) else Answered.NOT_WAITING.value
            case _:
                return refusal(visit, NOT_DONE, 400)
    return visit.go(f"/student/invitations?said={said if said in _SAID | _PROBLEMS else 'too_late'}")


PAGES: Final = (
    Page("GET", "/student/invitations", _list, STUDENTS),
    Page("POST", "/student/invitations", _make, STUDENTS),
    Page("POST", "/student/invitations/answer", _answer, STUDENTS),
)
