"""The first pages: choosing the school, choosing the language, logging out."""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy import exists, select
from starlette.responses import Response

from contacts.codes import VisitorKind
from contacts.tables import ENROLMENT, SCHOOL
from contacts.visits import end_visit
from dispatcher.tables import AnyRow
from portal import cookies
from portal.access import EVERYBODY, Page, refusal
from portal.log_in.routes import is_configured, way_out
from portal.texts import LANGUAGES, marked
from portal.visit import Visit

HOMES: Final = {VisitorKind.GUARDIAN: "/guardian", VisitorKind.STUDENT: "/student", VisitorKind.STAFF: "/staff"}
_OWN_PATH: Final = re.compile(r"/(?:[a-z0-9-]+/?)*")


def _start(visit: Visit) -> Response:
    if visit.visitor is not None:
        return visit.go(HOMES[visit.visitor.visitor])
    schools = _schools(visit)
    if len(schools) == 1:
        return _log_in_choice(visit, schools[0], others=False)
    return visit.show("start.html", schools=schools)


def _school(visit: Visit) -> Response:
    schools = _schools(visit)
    chosen = [row for row in schools if str(row.id) == visit.path["school"]]
    if not chosen:
        return refusal(visit, marked("There is no such school here."), 404)
    return _log_in_choice(visit, chosen[0], others=len(schools) > 1)


def _log_in_choice(visit: Visit, school: AnyRow, *, others: bool) -> Response:
    settings = visit.portal.settings
    return visit.show(
        "school.html",
        school=school,
        others=others,
        id_porten=is_configured(settings.id_porten),
        feide=is_configured(settings.feide),
    )


def _schools(visit: Visit) -> list[AnyRow]:
    with visit.portal.database.read() as connection:
        goes = exists().where(ENROLMENT.c.school_id == SCHOOL.c.id, ENROLMENT.c.ended_on.is_(None))
        return list(connection.execute(select(SCHOOL.c.id, SCHOOL.c.name).where(goes).order_by(SCHOOL.c.name)))


def _language(visit: Visit) -> Response:
    chosen, back = visit.path["language"], visit.query.get("back", "/")
    if chosen not in LANGUAGES:
        return refusal(visit, marked("There is no such page."), 404)
    response = visit.go(back if _OWN_PATH.fullmatch(back) else "/")
    cookies.language_cookie(response, chosen)
    return response


def _log_out(visit: Visit) -> Response:
    assert visit.visitor is not None
    with visit.portal.database.write() as connection:
        end_visit(connection, visit.visitor)
    response = visit.go(way_out(visit.portal.settings, visit.visitor.visitor))
    cookies.forget(response, cookies.VISIT)
    return response


PAGES: Final = (
    Page("GET", "/", _start, None),
    Page("GET", "/school/{school:str}", _school, None),
    Page("GET", "/language/{language:str}", _language, None),
    Page("POST", "/log-out", _log_out, EVERYBODY, strangers=True),
)
