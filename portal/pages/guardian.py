"""The guardian's first page: their students of today, the alerts they received, and whether alerts reach them."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from contacts.guardian_view import guardian_view
from contacts.own_points import PointState, own_points
from dispatcher.reports.received import received_alerts
from portal.access import GUARDIANS, Page
from portal.pages.guardian_words import ARRIVALS, CHANNELS, KINDS, STATUSES
from portal.visit import Visit

_REACHED_BY: Final = frozenset({PointState.USED, PointState.STALE})


def _home(visit: Visit) -> Response:
    assert visit.visitor is not None
    if visit.visitor.person_id is None:
        return visit.show("guardian.html", view=None, alerts=(), reached=True)
    today, months = visit.today(), visit.portal.settings.organisation.stale_after_months
    with visit.portal.database.read() as connection:
        view = guardian_view(connection, visit.person_id, today)
        alerts = received_alerts(connection, view)
        points = own_points(connection, visit.person_id, today, stale_after_months=months)
    return visit.show(
        "guardian.html",
        view=view,
        alerts=alerts,
        reached=any(point.state in _REACHED_BY for point in points),
        statuses=STATUSES,
        kinds=KINDS,
        channels=CHANNELS,
        arrivals=ARRIVALS,
    )


PAGES: Final = (Page("GET", "/guardian", _home, GUARDIANS, strangers=True),)
