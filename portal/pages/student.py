"""The student's first page: whom they have said what to, and the forms by which they say it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.responses import Response

from contacts.codes import ConsentPurpose
from contacts.people import FoundPerson, student_of_id
from contacts.student_consents import Answer, Said, give, own_guardians, take_back, withdraw
from portal.access import STUDENTS, Page, refusal
from portal.texts import marked
from portal.visit import Visit

NOT_DONE: Final = marked("This could not be done. Nothing was changed.")
PURPOSES: Final = {
    ConsentPurpose.ALERTS: marked("Emergency alerts about you"),
    ConsentPurpose.PORTAL: marked("That they see you in this portal"),
}
# What is said above the page when something was done; by a code in the address, for the answer to a form is to go on.
_SAID: Final = {
    Said.GIVEN: marked("You have consented."),
    Said.ALREADY_GIVEN: marked("You had consented already."),
    Said.WITHDRAWN: marked("You have withdrawn your consent. It holds at once."),
    Said.ALREADY_WITHDRAWN: marked("You had withdrawn your consent already."),
    Said.TAKEN_BACK: marked("They are no longer your contact person."),
}


def found_student(visit: Visit) -> FoundPerson:
    """The student who is logged in."""
    with visit.portal.database.read() as connection:
        student = student_of_id(connection, visit.person_id)
    assert student is not None  # whoever is forgotten is logged out
    return student


def number_in(visit: Visit, field: str) -> int | None:
    """A number that a form carries; None where there is none that one of ours could be."""
    text = visit.form.get(field, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None


def _home(visit: Visit) -> Response:
    student = found_student(visit)
    with visit.portal.database.read() as connection:
        shown = own_guardians(connection, student, visit.today())
    said = next((words for said, words in _SAID.items() if said.value == visit.query.get("said")), None)
    return visit.show(
        "student.html",
        shown=shown,
        purposes={purpose: visit.say(words) for purpose, words in PURPOSES.items()},
        said=None if said is None else visit.say(said),
    )


def _consents(visit: Visit) -> Response:
    purpose = next((one for one in ConsentPurpose if one.value == visit.form.get("purpose")), None)
    act = {"give": give, "withdraw": withdraw}.get(visit.form.get("act", ""))
    if purpose is None or act is None:
        return refusal(visit, NOT_DONE, 400)
    return _decide(
        visit, lambda connection, student, guardian, today: act(connection, student, guardian, purpose, today)
    )


def _take_back(visit: Visit) -> Response:
    return _decide(visit, take_back)


def _decide(visit: Visit, act: Callable[..., Answer]) -> Response:
    guardian = number_in(visit, "guardian")
    if guardian is None:
        return refusal(visit, NOT_DONE, 400)
    student, today = found_student(visit), visit.today()
    with visit.portal.database.write() as connection:
        answer = act(connection, student, guardian, today)
    if answer.outcome not in _SAID:
        return refusal(visit, NOT_DONE, 409)
    return visit.go(f"/student?said={answer.outcome.value}")


PAGES: Final = (
    Page("GET", "/student", _home, STUDENTS),
    Page("POST", "/student/consents", _consents, STUDENTS),
    Page("POST", "/student/take-back", _take_back, STUDENTS),
)
