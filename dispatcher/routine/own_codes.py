"""A guardian asks for a code to one of their own addresses: it goes the way of every notice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Connection

from config.sections import OrganisationSettings
from contacts.own_acts import Refused, acting, find_own
from contacts.people import FoundPerson
from contacts.verification import NoCode, NoCodeError
from dispatcher.routine.notices import send_verification_code


@dataclass(frozen=True, slots=True)
class CodeSent:
    """A code is on its way: workers see it within a second, without being rung."""

    masked: str
    delivery_id: int


CodeAnswer: TypeAlias = CodeSent | NoCode | Refused


def send_own_code(
    connection: Connection, guardian: FoundPerson, point_id: int, organisation: OrganisationSettings
) -> CodeAnswer:
    """Queue a code to the guardian's address that this contact point is about; or why there is none."""
    own = find_own(connection, guardian, point_id)
    if own is None:
        return Refused.NOT_YOURS
    try:
        queued = send_verification_code(connection, guardian, own.point, organisation, acting(guardian))
    except NoCodeError as refused:
        return refused.why
    return CodeSent(queued.masked, queued.delivery_id)
