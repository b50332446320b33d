"""The draft of a follow-up: status, audience and channels are those of what it refers to, and are never given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, literal, select

from config.clock import db_now, oslo_date
from contacts.audience import recorded_audience, schools_of, speaking_schools
from dispatcher.alerts.draft import (
    AlertRequest,
    Draft,
    Follows,
    fingerprint,
    frozen_chain,
    speaking_name,
    store_draft,
    store_students,
)
from dispatcher.alerts.lifecycle import same_request
from dispatcher.alerts.text import compose
from dispatcher.alerts.thread import refuse_what_is_over, thread_of
from dispatcher.codes import AlertState
from dispatcher.outbox.following import Kind
from dispatcher.outbox.transitions import DUE
from dispatcher.tables import ALERT_STUDENT, DELIVERY, AnyRow
from providers.base import Channel

if TYPE_CHECKING:
    from config.catalogue import Catalogue
    from config.sections import Language, OrganisationSettings
    from config.spare_sections import FallbackSettings


@dataclass(frozen=True, slots=True)
class FollowUpRequest:
    """What the operator asked for. `refers_to`: the id of the alert named, or of any that followed it."""

    kind: Kind
    refers_to: int
    text: str | None
    texts: Mapping[Language, str]
    values: Mapping[str, str]
    expires_seconds: int
    operator: str
    again: bool = False
    fallback: FallbackSettings | None = None


def make_follow_up(
    connection: Connection, catalogue: Catalogue, request: FollowUpRequest, organisation: OrganisationSettings
) -> Draft:
    """Freeze the texts and the list of students, and store the draft, in the caller's transaction. It refers to the
    newest alert of its thread, whichever was named.

    Raises UsageError when the texts cannot be used, and when what it refers to has expired or was taken back.
    """
    thread = thread_of(connection, request.refers_to)
    first, newest = thread[0], thread[-1]
    today = oslo_date(connection.execute(select(db_now())).scalar_one())
    audience = recorded_audience(connection, first.audience)
    told_about = select(ALERT_STUDENT.c.student_id).where(ALERT_STUDENT.c.alert_id == first.id)
    schools = schools_of(connection, told_about, today) or audience.schools
    speaking = [school.name for school in speaking_schools(connection, audience, schools, today)]
    speaker = speaking_name(speaking if schools else [first.school_names], organisation.name)
    composition = compose(
        catalogue,
        scenario=request.kind.value,
        status=first.status,
        school=speaker,
        text=request.text,
        texts=request.texts,
        values=request.values,
    )
    asked = _as_the_first(first, request)
    request_id = fingerprint(asked, audience, composition, first.number)
    if request.again or same_request(connection, request_id) is None:
        refuse_what_is_over(thread)
    references = {
        "references_id": newest.id,
        # Not what a school's own catalogue may say: the command decides what it means.
        "msg_type": request.kind.msg_type,
        "response_type": request.kind.response_type,
        "school_names": first.school_names,
    }
    chain = frozen_chain(asked, composition.scenario, request.kind)
    alert_id = store_draft(
        connection, asked, audience, composition, request_id, first.default_language, chain, references=references
    )
    students = select(literal(alert_id), ALERT_STUDENT.c.position, ALERT_STUDENT.c.student_id)
    count = store_students(connection, alert_id, students.where(ALERT_STUDENT.c.alert_id == first.id))
    follows = Follows(request.kind, tuple(row.number for row in thread), _unsent(connection, thread))
    return Draft(alert_id, request_id, audience, composition, speaker, count, today, follows, chain)


def _as_the_first(first: AnyRow, request: FollowUpRequest) -> AlertRequest:
    """The same in the words of an alert of its own, with what the first alert of the thread had."""
    channels = ((Channel.SMS, first.sms), (Channel.EMAIL, first.email))
    return AlertRequest(
        schools=(),
        groups=(),
        grades=(),
        students=(),
        scenario=request.kind.value,
        status=first.status,
        text=request.text,
        texts=request.texts,
        values=request.values,
        channels=frozenset(channel for channel, used in channels if used),
        include_unverified=first.include_unverified,
        expires_seconds=request.expires_seconds,
        operator=request.operator,
        again=request.again,
        fallback=request.fallback,
    )


def _unsent(connection: Connection, thread: Sequence[AnyRow]) -> int:
    """Messages of these alerts that would still leave."""
    alive = [row.id for row in thread if row.state in (AlertState.PLANNING, AlertState.OPEN)]
    statement = select(func.count()).where(DELIVERY.c.alert_id.in_(alive), DELIVERY.c.state.in_(DUE))
    return int(connection.execute(statement).scalar_one()) if alive else 0
