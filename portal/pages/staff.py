"""The staff's first pages: the alerts that they may look at, and how well their schools' guardians can be reached."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from config.operators import NotPermittedError
from config.roles import Reach, Right
from config.set_aside import usable
from contacts.own_schools import schools_to_look_at
from dispatcher.alerts.sight import alerts_for
from dispatcher.codes import AlertState
from portal.access import NO_ROLE_TO_SEND, STAFF, Page, admitted
from portal.visit import Visit

_MOST_ALERTS: Final = 20
_RUNNING: Final = frozenset({AlertState.PLANNING, AlertState.OPEN})


def _home(visit: Visit) -> Response:
    assert visit.operator is not None
    with visit.portal.database.read() as connection:
        try:
            alerts = list(alerts_for(connection, visit.operator, _MOST_ALERTS))
        except NotPermittedError:  # somebody who sends none, and is here for the contacts
            alerts = []
    looks = admitted(visit.portal, visit.operator.name, Right.SEE_CONTACTS).reach is not Reach.NOTHING
    sends = usable(visit.portal.settings.portal).sending
    may_send = sends and admitted(visit.portal, visit.operator.name, Right.SEND).reach is not Reach.NOTHING
    return visit.show(
        "staff.html",
        alerts=alerts,
        running=_RUNNING,
        sees_contacts=looks,
        may_send=may_send,
        may_not_send=visit.say(NO_ROLE_TO_SEND) if sends and not may_send else None,
    )


def _quality(visit: Visit) -> Response:
    assert visit.operator is not None
    with visit.portal.database.read() as connection:
        schools = schools_to_look_at(connection, visit.operator, None)
    return visit.show("quality.html", counted=visit.portal.quality.of(schools))


PAGES: Final = (
    Page("GET", "/staff", _home, STAFF, Right.SEE_ALERTS),
    Page("GET", "/staff/quality", _quality, STAFF, Right.SEE_CONTACTS),
)
