"""Who has entered a student's code and waits for the student's word, which the school may have on paper."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from config.roles import Right
from contacts.codes import NameFrom
from contacts.own_schools import schools_to_look_at
from contacts.waiting_invitations import waiting_invitations
from portal.access import STAFF, Page
from portal.visit import Visit


def _waiting(visit: Visit) -> Response:
    assert visit.operator is not None
    with visit.portal.database.read() as connection:
        schools = schools_to_look_at(connection, visit.operator, None)
        found = waiting_invitations(connection, visit.portal.keys, schools, visit.today())
    return visit.show("waiting.html", waiting=found, typed=NameFrom.THEMSELVES)


PAGES: Final = (Page("GET", "/staff/invitations", _waiting, STAFF, Right.SEE_CONTACTS),)
