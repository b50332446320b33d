"""A draft: the alert as it would go out, with frozen texts and a frozen list of students, and nobody told yet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, delete, func, insert, literal, select

from config.clock import db_now, oslo_date, plus_seconds
from contacts.audience import Audience, schools_of, speaking_schools
from contacts.audience_names import resolve_audience
from contacts.tables import PERSON
from dispatcher.alerts.not_sent import Cause, NotSentError
from dispatcher.alerts.text import Composition, compose
from dispatcher.codes import AlertState, AlertStatus
from dispatcher.outbox.chain import Chain, chain_of
from dispatcher.outbox.following import Kind
from dispatcher.tables import ALERT, ALERT_STUDENT, ALERT_TEXT
from providers.base import Channel

if TYPE_CHECKING:
    from config.catalogue import Catalogue, Scenario
    from config.sections import Language, OrganisationSettings
    from config.spare_sections import FallbackSettings

# A second request with the same content within this time is the same alert: a double press, or a script's retry.
SAME_REQUEST_SECONDS = 600.0
# Names of several schools up to this length still leave an SMS its one segment, nearly.
_LONGEST_NAMES = 40
# A draft that nobody confirmed within this time was left behind by a command that died.
DRAFT_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class AlertRequest:
    """What the operator asked for, as typed. `fallback`: what the settings say of every alert's chain."""

    schools: Sequence[str]
    groups: Sequence[str]
    grades: Sequence[str]
    students: Sequence[str]
    scenario: str
    status: AlertStatus
    text: str | None
    texts: Mapping[Language, str]
    values: Mapping[str, str]
    channels: frozenset[Channel]
    include_unverified: bool
    expires_seconds: int
    operator: str
    again: bool = False
    ask_confirmation: bool = False
    fallback: FallbackSettings | None = None


@dataclass(frozen=True, slots=True)
class Follows:
    """What a follow-up refers to: the numbers of these alerts, the oldest first, and how many of their messages have
    not left; these are held back when it is confirmed."""

    kind: Kind
    numbers: tuple[str, ...]
    unsent: int


@dataclass(frozen=True, slots=True)
class Draft:
    """A stored draft. `speaker`: the name in the texts, which must be typed to confirm a real alert. `follows`: None
    for an alert of its own. `chain`: what follows for whoever is not known to have been told."""

    alert_id: int
    request_id: str
    audience: Audience
    composition: Composition
    speaker: str
    student_count: int
    on: date
    follows: Follows | None = None
    chain: Chain | None = None


def make_draft(
    connection: Connection, catalogue: Catalogue, request: AlertRequest, organisation: OrganisationSettings
) -> Draft:
    """Resolve the audience, freeze texts and students, and store the draft, in the caller's transaction.

    Raises UsageError when the audience or the scenario is unknown; NotSentError when the texts cannot be used, or
    nobody is in the audience.
    """
    today = oslo_date(connection.execute(select(db_now())).scalar_one())
    audience = resolve_audience(
        connection,
        schools=request.schools,
        groups=request.groups,
        grades=request.grades,
        students=request.students,
        on=today,
    )
    schools = schools_of(connection, audience.select_ids(today), today)
    if not schools:
        raise NotSentError(
            Cause.NO_STUDENT,
            "No student is in that audience today.",
            remedy="Check the school, group or grade, and when the roster was last imported.",
        )
    speaking = speaking_schools(connection, audience, schools, today)
    speaker = speaking_name([school.name for school in speaking], organisation.name)
    composition = compose(
        catalogue,
        scenario=request.scenario,
        status=request.status,
        school=speaker,
        text=request.text,
        texts=request.texts,
        values=request.values,
        ask_confirmation=request.ask_confirmation,
    )
    languages = {school.default_language for school in schools}
    language = (languages.pop() if len(languages) == 1 else None) or organisation.default_language
    request_id = fingerprint(request, audience, composition)
    chain = frozen_chain(request, composition.scenario)
    alert_id = store_draft(connection, request, audience, composition, request_id, language, chain)
    count = _freeze_students(connection, alert_id, audience, today)
    return Draft(alert_id, request_id, audience, composition, speaker, count, today, chain=chain)


def frozen_chain(request: AlertRequest, scenario: Scenario, kind: Kind | None = None) -> Chain | None:
    """The chain of the alert that is asked for. `kind`: of a follow-up."""
    return chain_of(
        request.fallback, severity=scenario.severity, status=request.status, channels=request.channels, kind=kind
    )


def speaking_name(schools: Sequence[str], organisation: str) -> str:
    """Who speaks in the texts: the school; for several, the organisation, or their names where these are few. Without
    one that may be named, the organisation, or just "the school"."""
    if len(schools) == 1:
        return schools[0]
    if not schools:
        return organisation or "Skolen"
    together = ", ".join(schools)
    return organisation or (together if len(together) <= _LONGEST_NAMES else "Fylkeskommunen")


def fingerprint(request: AlertRequest, audience: Audience, composition: Composition, refers_to: str = "") -> str:
    """The request id: who says what, as what, to whom. The same within ten minutes is the same alert.

    `refers_to`: the number of the first of the alerts that it follows.
    """
    content = {
        "operator": request.operator,
        "status": request.status.value,
        "audience": audience.as_json(),
        "texts": {text.language: [text.sms, text.subject, text.email] for text in composition.texts},
        "channels": sorted(request.channels),
        "include_unverified": request.include_unverified,
    }
    if refers_to:
        content |= {"refers_to": refers_to, "scenario": request.scenario}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def discard_draft(connection: Connection, alert_id: int) -> None:
    """Remove a draft that was not confirmed; it told nobody. Nothing happens when it was confirmed meanwhile."""
    draft = select(ALERT.c.id).where(ALERT.c.id == alert_id, ALERT.c.state == AlertState.DRAFT)
    _discard(connection, list(connection.execute(draft.with_for_update()).scalars()))


def discard_old_drafts(connection: Connection) -> int:
    """Remove drafts that a command left behind when it died; the number removed."""
    old = select(ALERT.c.id).where(
        ALERT.c.state == AlertState.DRAFT, ALERT.c.created_at < plus_seconds(db_now(), -DRAFT_SECONDS)
    )
    ids = list(connection.execute(old.with_for_update(skip_locked=True)).scalars())
    _discard(connection, ids)
    return len(ids)


def _discard(connection: Connection, ids: Sequence[int]) -> None:
    if ids:
        connection.execute(delete(ALERT_STUDENT).where(ALERT_STUDENT.c.alert_id.in_(ids)))
        connection.execute(delete(ALERT_TEXT).where(ALERT_TEXT.c.alert_id.in_(ids)))
        connection.execute(delete(ALERT).where(ALERT.c.id.in_(ids)))


def store_draft(
    connection: Connection,
    request: AlertRequest,
    audience: Audience,
    composition: Composition,
    request_id: str,
    language: str,
    chain: Chain | None,
    *,
    references: Mapping[str, Any] = MappingProxyType({}),
) -> int:
    """Insert the alert's row and its texts; its id. `references`: the columns that say what a follow-up refers to."""
    scenario = composition.scenario
    alert_id = int(
        connection.execute(
            insert(ALERT)
            .values(
                status=request.status,
                msg_type=scenario.msg_type,
                response_type=scenario.response_type,
                scenario=scenario.name,
                severity=scenario.severity.value,
                audience=audience.as_json(),
                school_names=audience.headline[:512],
                sms=Channel.SMS in request.channels,
                email=Channel.EMAIL in request.channels,
                include_unverified=request.include_unverified,
                ask_confirmation=request.ask_confirmation,
                default_language=language,
                operator=request.operator,
                request_id=request_id,
                state=AlertState.DRAFT,
                cursor=0,
                student_count=0,
                created_at=db_now(),
                expires_after_seconds=request.expires_seconds,
                fallback=chain and chain.as_json(),
            )
            .values(**references)
            .returning(ALERT.c.id)
        ).scalar_one()
    )
    connection.execute(
        insert(ALERT_TEXT),
        [
            {
                "alert_id": alert_id,
                "language": text.language,
                "sms": text.sms,
                "subject": text.subject,
                "email": text.email,
                "encoding": text.size.encoding.value,
                "segments": text.size.segments,
                "spoken": text.spoken,
            }
            for text in composition.texts
        ],
    )
    return alert_id


def _freeze_students(connection: Connection, alert_id: int, audience: Audience, today: date) -> int:
    """One INSERT … SELECT, whatever the size of the audience."""
    chosen = audience.select_ids(today).subquery()
    position = func.row_number().over(order_by=PERSON.c.id)
    statement = (
        select(literal(alert_id), position, PERSON.c.id)
        .join(chosen, chosen.c.person_id == PERSON.c.id)
        .order_by(PERSON.c.id)
    )
    return store_students(connection, alert_id, statement)


def store_students(connection: Connection, alert_id: int, students: Select[Any]) -> int:
    """Freeze the list that this SELECT of (alert, position, student) gives; its length."""
    connection.execute(insert(ALERT_STUDENT).from_select(["alert_id", "position", "student_id"], students))
    count = int(
        connection.execute(
            select(func.count()).select_from(ALERT_STUDENT).where(ALERT_STUDENT.c.alert_id == alert_id)
        ).scalar_one()
    )
    connection.execute(ALERT.update().where(ALERT.c.id == alert_id).values(student_count=count))
    return count
