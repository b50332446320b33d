"""STOP, its taking back, and that an address works again: what its owner answers, or staff record on the owner's word.

All three belong to the address, and so hold for everybody who shares it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select, update

from config.audit import record_act
from config.clock import db_now
from config.errors import UsageError
from contacts.acts import Act
from contacts.codes import AddressChannel
from contacts.contact_points import StoredPoint, TypedAddress, points_of
from contacts.facts_sql import may_be_told
from contacts.people import FoundPerson, guardian_ref, person_subject, student_ref
from contacts.tables import ADDRESS, CONTACT_POINT, PERSON


@dataclass(frozen=True, slots=True)
class _State:
    opted_out_at: datetime | None
    failures: int


def opt_out(
    connection: Connection, guardian: FoundPerson, typed: TypedAddress | None, *, evidence: str, operator: str
) -> Act:
    """Record that the owner wants no SMS at this number: as good as their answering STOP.

    Raises UsageError when it is no phone number of the guardian's, several could be meant, or the evidence is missing.
    """
    evidence = _given(evidence)
    point = _phone(connection, guardian, typed, lambda state: state.opted_out_at is None, "takes SMS")
    if _state(connection, point).opted_out_at is not None:
        return Act(False, f"{point.masked} of {guardian.label} gets no SMS already: nothing was changed.")
    _set(connection, point, opted_out_at=db_now())
    _record(connection, "contact.opt_out", guardian, point, evidence, operator)
    return Act(True, f"{point.masked} of {guardian.label} gets no SMS from now on, whoever shares it.")


def opt_in(
    connection: Connection, guardian: FoundPerson, typed: TypedAddress | None, *, evidence: str, operator: str
) -> Act:
    """Record that the owner takes a STOP back. If the provider still holds to it, the next SMS tells so again.

    Raises UsageError when it is no phone number of the guardian's, several could be meant, or the evidence is missing.
    """
    evidence = _given(evidence)
    point = _phone(connection, guardian, typed, lambda state: state.opted_out_at is not None, "has answered STOP")
    if _state(connection, point).opted_out_at is None:
        return Act(False, f"{point.masked} of {guardian.label} has not answered STOP: nothing was changed.")
    _set(connection, point, opted_out_at=None)
    _record(connection, "contact.opt_in", guardian, point, evidence, operator)
    return Act(True, f"{point.masked} of {guardian.label} gets SMS again, whoever shares it.")


def stop_answered(connection: Connection, address_id: int, *, operator: str) -> bool:
    """The owner of a number answered STOP to it. False when that was known already, and nothing was written."""
    return _answered(connection, address_id, ADDRESS.c.opted_out_at.is_(None), db_now(), "opt_out", operator)


def start_answered(connection: Connection, address_id: int, *, operator: str) -> bool:
    """The owner of a number answered START to it. False when it took SMS already, and nothing was written."""
    return _answered(connection, address_id, ADDRESS.c.opted_out_at.is_not(None), None, "opt_in", operator)


def _answered(
    connection: Connection, address_id: int, is_news: ColumnElement[bool], moment: object, act: str, operator: str
) -> bool:
    statement = update(ADDRESS).where(ADDRESS.c.id == address_id, is_news).values(opted_out_at=moment)
    if connection.execute(statement).rowcount == 0:
        return False
    owners = connection.execute(
        select(PERSON.c.id, PERSON.c.ref, may_be_told(PERSON.c.id).label("guardian"))
        .where(
            PERSON.c.id.in_(
                select(CONTACT_POINT.c.person_id).where(
                    CONTACT_POINT.c.address_id == address_id, CONTACT_POINT.c.ended_at.is_(None)
                )
            )
        )
        .order_by(PERSON.c.id)
    ).all()
    subjects = [
        f"guardian {guardian_ref(owner.id)}" if owner.guardian else f"student {student_ref(owner.id, owner.ref)}"
        for owner in owners
    ]
    # An entry for each who shares it: none of them is to read the refs of the others.
    for subject in subjects or ["contacts"]:
        record_act(
            connection,
            operator=operator,
            act=f"contact.{act}",
            subject=subject,
            details={"channel": AddressChannel.SMS.value, "evidence": "answered by SMS"},
        )
    return True


def forget_failures(
    connection: Connection, guardian: FoundPerson, typed: TypedAddress | None, *, evidence: str, operator: str
) -> Act:
    """Begin the count of an address's failures anew: from now on it is used as before.

    Raises UsageError when it is none of the guardian's, several could be meant, or the evidence is missing.
    """
    evidence = _given(evidence)
    points = points_of(connection, guardian.id)
    point = _chosen(connection, points, guardian, typed, lambda state: state.failures > 0, "has failed")
    if _state(connection, point).failures == 0:
        return Act(False, f"No message to {point.masked} of {guardian.label} has failed: nothing was changed.")
    _set(connection, point, failures=0, failing_since=None)
    _record(connection, "contact.forget_failures", guardian, point, evidence, operator)
    return Act(True, f"{point.masked} of {guardian.label} is used again; its failures are counted anew.")


def _given(evidence: str) -> str:
    if not evidence.strip():
        raise UsageError("The evidence is missing.", remedy="Say with --evidence how you know: it is kept on record.")
    return evidence.strip()


def _phone(
    connection: Connection,
    guardian: FoundPerson,
    typed: TypedAddress | None,
    fits: Callable[[_State], bool],
    what: str,
) -> StoredPoint:
    phones = [point for point in points_of(connection, guardian.id) if point.channel is AddressChannel.SMS]
    return _chosen(connection, phones, guardian, typed, fits, what)


def _chosen(
    connection: Connection,
    points: Sequence[StoredPoint],
    guardian: FoundPerson,
    typed: TypedAddress | None,
    fits: Callable[[_State], bool],
    what: str,
) -> StoredPoint:
    """The contact point that was typed, or the only one that `fits`."""
    # Several sources may tell one address.
    by_address = {point.address_id: point for point in reversed(points)}
    if typed is not None:
        wanted = [
            point for point in by_address.values() if (point.channel, point.value) == (typed.channel, typed.value)
        ]
        if not wanted:
            raise UsageError(
                f"{guardian.label} has no such contact point.",
                remedy="Check it; the end of the address is shown by: beredskap contacts explain STUDENT.",
            )
        return wanted[0]
    found = [point for point in by_address.values() if fits(_state(connection, point))]
    if not found:
        raise UsageError(
            f"No contact point of {guardian.label} {what}.",
            remedy="See those of a student's guardians with: beredskap contacts explain STUDENT.",
        )
    if len(found) > 1:
        raise UsageError(
            f"More than one contact point of {guardian.label} {what}: "
            f"{', '.join(sorted(point.masked for point in found))}.",
            remedy="Say which one with --phone or --email.",
        )
    return found[0]


def _state(connection: Connection, point: StoredPoint) -> _State:
    return _State(
        *connection.execute(
            select(ADDRESS.c.opted_out_at, ADDRESS.c.failures).where(ADDRESS.c.id == point.address_id)
        ).one()
    )


def _set(connection: Connection, point: StoredPoint, **values: object) -> None:
    connection.execute(update(ADDRESS).where(ADDRESS.c.id == point.address_id).values(**values))


def _record(
    connection: Connection, act: str, guardian: FoundPerson, point: StoredPoint, evidence: str, operator: str
) -> None:
    record_act(
        connection,
        operator=operator,
        act=act,
        subject=person_subject(guardian),
        details={"channel": point.channel.value, "evidence": evidence},
    )
