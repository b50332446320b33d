"""Which alerts an operator may look at, stop and repeat: those of their reach, and always those that they sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, exists, false, or_, select

from config.errors import UsageError
from config.operators import Operator
from config.roles import Reach
from contacts.own_schools import check_audience, may_tell, own_schools
from contacts.tables import ENROLMENT
from dispatcher.alerts.draft import Draft
from dispatcher.alerts.lifecycle import find_alert, list_alerts
from dispatcher.tables import ALERT, ALERT_STUDENT, AnyRow

LATEST = "latest"
_NOT_YOURS = "This alert is not yours, and tells about students of other schools."


def alerts_for(connection: Connection, operator: Operator, limit: int) -> Sequence[AnyRow]:
    """The newest alerts that the operator may look at. Raises NotPermittedError when they may look at none but those
    that they sent, and have sent none."""
    found = list_alerts(connection, limit, _in_sight(connection, operator))
    if not found and operator.reach is Reach.THEIR_ALERTS:
        operator.refuse()
    return found


def alerts_since(connection: Connection, operator: Operator, since: datetime) -> Sequence[AnyRow]:
    """All alerts confirmed since then that the operator may look at, the oldest first."""
    sight = _in_sight(connection, operator)
    return connection.execute(
        select(ALERT)
        .where(ALERT.c.confirmed_at >= since, *(() if sight is None else (sight,)))
        .order_by(ALERT.c.confirmed_at, ALERT.c.id)
    ).all()


def find_alert_for(connection: Connection, number: str, operator: Operator) -> AnyRow:
    """The alert with this number; for "latest" the newest that the operator may look at.

    Raises UsageError when there is none, NotPermittedError when it is not for them.
    """
    sight = _in_sight(connection, operator)
    if sight is None:
        return find_alert(connection, number)
    if number.casefold() != LATEST:
        alert = find_alert(connection, number)
        if connection.execute(select(ALERT.c.id).where(ALERT.c.id == alert.id, sight)).first() is None:
            operator.refuse("" if operator.reach is Reach.THEIR_ALERTS else _NOT_YOURS)
        return alert
    try:
        return find_alert(connection, number, sight)
    except UsageError:
        if operator.reach is Reach.THEIR_ALERTS:
            operator.refuse()
        raise


def may_send(connection: Connection, operator: Operator, draft: Draft) -> bool:
    """Whether the operator, with the right to send, may send this draft: all its students are of schools of theirs."""
    if draft.follows is None:
        return may_tell(connection, operator, draft.audience, draft.on)
    if operator.reach is not Reach.THEIR_SCHOOLS:
        return operator.reach is Reach.EVERYTHING
    # A follow-up's students are those of the first alert, whatever has become of its audience since.
    own = of_their_schools(connection, operator)
    return connection.execute(select(ALERT.c.id).where(ALERT.c.id == draft.alert_id, own)).first() is not None


def check_draft(connection: Connection, operator: Operator, draft: Draft) -> None:
    """Raises NotPermittedError when the operator may not send this draft."""
    if draft.follows is None:
        check_audience(connection, operator, draft.audience, draft.on)
    elif not may_send(connection, operator, draft):
        operator.refuse(_NOT_YOURS)


def of_their_schools(connection: Connection, operator: Operator) -> ColumnElement[bool]:
    """SQL, true of the alerts of which every student went to a school of the operator's."""
    own = [school.id for school in own_schools(connection, operator)]
    # Of the school at the time of the alert: who has left since does not hide it.
    attended = exists().where(
        ENROLMENT.c.student_id == ALERT_STUDENT.c.student_id,
        ENROLMENT.c.school_id.in_(own),
        or_(ENROLMENT.c.ended_on.is_(None), ENROLMENT.c.ended_on > ALERT.c.created_at),
    )
    about = exists().where(ALERT_STUDENT.c.alert_id == ALERT.c.id)
    others = exists().where(ALERT_STUDENT.c.alert_id == ALERT.c.id, ~attended)
    return and_(about, ~others)


def _in_sight(connection: Connection, operator: Operator) -> ColumnElement[bool] | None:
    """What is true of the alerts in an operator's sight; None when that is every alert."""
    sent = ALERT.c.operator == operator.name
    match operator.reach:
        case Reach.EVERYTHING:
            return None
        case Reach.THEIR_SCHOOLS:
            return or_(sent, of_their_schools(connection, operator))
        case Reach.THEIR_ALERTS:
            return sent
        case Reach.NOTHING:
            return false()
