"""The crisis board of one alert: seen live, printed, and marked by those who telephone."""

from __future__ import annotations

from typing import Final

import structlog
from sqlalchemy import Connection
from starlette.responses import Response, StreamingResponse

from config.errors import UsageError
from config.roles import Right
from contacts.people import find_guardian, find_student
from dispatcher.alerts.marks import Marking, mark_reached, take_back
from dispatcher.alerts.sight import find_alert_for
from dispatcher.reports.board import alert_with_board
from dispatcher.tables import AnyRow
from portal.access import STAFF, Page, refusal
from portal.board_shown import Look
from portal.board_words import STATUSES, scenario_words
from portal.rendering import rendered
from portal.texts import marked
from portal.visit import Visit

log = structlog.stdlib.get_logger(__name__)

_NO_SUCH: Final = marked("There is no such alert, or figures alone are left of it.")
_NO_FIGURES: Final = marked(
    "The figures cannot be read at the moment. The alert does not need this page. Reload it in a moment."
)
_SAID: Final = {
    "sent": marked("The alert is confirmed. It goes out by itself, whatever happens to this page."),
    "sent-worker": marked(
        "The alert is confirmed, and goes out. No worker is alive: the machine of this page sends by itself. "
        "Whoever runs the installation should start one; beredskap doctor says more."
    ),
    "sent-redis": marked(
        "The alert is confirmed, and goes out. Redis does not answer: the workers read the database themselves. "
        "Whoever runs the installation should start it again; beredskap doctor says more."
    ),
    "sent-before": marked("This alert had been confirmed already. Nothing more was sent."),
    "marked": marked("Marked as reached. The student counts as confirmed."),
    "before": marked("Somebody else had marked this already: nothing was changed."),
    "taken-back": marked(
        "The mark was taken back. If nothing else confirms it, the student is to be called about again."
    ),
    "not-marked": marked("There was no such mark any more: nothing was changed."),
}
_REFUSED: Final = {
    "refused": marked(
        "Nothing was marked: the guardian may not be told about this student, or the alert is about others."
    ),
}


def _board(visit: Visit, *, opened: bool = False) -> Response:
    alert = _alert(visit)
    if alert is None:
        return refusal(visit, _NO_SUCH, 404)

    async def figures() -> str:
        try:
            shown = await visit.portal.boards.now(alert.id, Look(visit.language, opened))
        except UsageError:
            return _missing(visit, _NO_SUCH)
        except Exception as error:  # noqa: BLE001 (whatever it is: the page has begun, and is brought to its end)
            log.error("board_not_shown", error=type(error).__name__)
            return _missing(visit, _NO_FIGURES)
        return shown.html(visit.language, visit.form_token)

    said, refused = (table.get(visit.query.get("said", "")) for table in (_SAID, _REFUSED))
    return visit.show_with_late(
        "board_print.html" if opened else "board.html",
        figures,
        alert=alert,
        heading=visit.say(STATUSES[alert.status]),
        scenario=scenario_words(alert.scenario, visit.language),
        said=visit.say(said) if said else None,
        refused=visit.say(refused) if refused else None,
    )


def _print(visit: Visit) -> Response:
    return _board(visit, opened=True)


def _events(visit: Visit) -> Response:
    alert = _alert(visit)
    if alert is None:
        return refusal(visit, _NO_SUCH, 404)
    seen = visit.last_event or visit.query.get("seen", "")
    events = visit.portal.boards.events(alert.id, visit.language, seen)
    # A proxy that gathers an answer before it passes it on would keep the board still.
    return StreamingResponse(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


def _alert(visit: Visit) -> AnyRow | None:
    assert visit.operator is not None
    try:
        with visit.portal.database.read() as connection:
            return alert_with_board(connection, visit.path["number"], visit.operator)
    except UsageError:
        return None


def _missing(visit: Visit, reason: str) -> str:
    return rendered("board_missing.html", visit.language, reason=visit.say(reason))


def _reached(visit: Visit) -> Response:
    note = visit.form.get("note", "")[:200]
    return _marked(visit, "marked", "before", note=note)


def _taken_back(visit: Visit) -> Response:
    return _marked(visit, "taken-back", "not-marked")


def _marked(visit: Visit, done: str, before: str, *, note: str | None = None) -> Response:
    assert visit.operator is not None
    number = visit.path["number"]
    try:
        with visit.portal.database.write() as connection:
            alert = find_alert_for(connection, number, visit.operator)
            became = _mark(connection, visit, alert, note)
    except UsageError:
        return visit.go(f"/staff/alerts/{number}?said=refused")
    return visit.go(f"/staff/alerts/{alert.number}?said={done if became.changed else before}")


def _mark(connection: Connection, visit: Visit, alert: AnyRow, note: str | None) -> Marking:
    """`note`: None to take a mark back."""
    assert visit.operator is not None
    student = find_student(connection, visit.form.get("student", ""))
    named = visit.form.get("guardian", "")
    guardian = find_guardian(connection, named) if named else None
    if note is None:
        return take_back(connection, alert, student, guardian, operator=visit.operator.name)
    return mark_reached(connection, alert, student, guardian, note=note, operator=visit.operator.name)


_PATH: Final = "/staff/alerts/{number:str}"
PAGES: Final = (
    Page("GET", _PATH, _board, STAFF, Right.SEE_ALERTS),
    Page("GET", f"{_PATH}/print", _print, STAFF, Right.SEE_ALERTS),
    Page("GET", f"{_PATH}/events", _events, STAFF, Right.SEE_ALERTS),
    Page("POST", f"{_PATH}/reached", _reached, STAFF, Right.STEER),
    Page("POST", f"{_PATH}/taken-back", _taken_back, STAFF, Right.STEER),
)
