"""The county is told, by e-mail and at once, of an alert that somebody sent without the role for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, insert, select

from config.clock import OSLO
from config.errors import UsageError
from config.sections import Language
from config.set_aside import SetAside
from config.settings import Settings
from contacts.contact_points import TypedAddress, address_id_of, read_typed
from dispatcher.codes import NoticeKind
from dispatcher.outbox.enqueue import enqueue_notice
from dispatcher.tables import ALERT, NOTICE
from providers.base import Channel

# The mail server may be away for long; who reads it the day after must still learn of it.
LIFE_SECONDS: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class BrokenGlass:
    """Why somebody sends an alert without the role, and the county's address: None where the settings name none."""

    reason: str
    address_id: int | None
    language: Language


def broken_glass(connection: Connection, settings: Settings, reason: str) -> BrokenGlass:
    """What goes with an alert that is sent for `reason`; makes the county's address where it is not in the store yet.

    In a transaction of its own, before the alert's: it may wait for another that makes the same address.
    """
    address_id = None
    email = county_address(settings)
    if email is not None:
        address_id = address_id_of(connection, email)
    return BrokenGlass(reason, address_id, settings.organisation.default_language)


def county_address(settings: Settings) -> TypedAddress | None:
    """Where the county is told; None where the settings name nothing that can be used. The alert goes out all the same,
    and the preview says that nobody is told."""
    if isinstance(settings.county, SetAside):
        return None
    try:
        return read_typed(None, settings.county.email or None)
    except UsageError:
        return None


def tell_county(connection: Connection, alert_id: int, glass: BrokenGlass, operator: str) -> bool:
    """Queue the e-mail, in the transaction that lets the alert go out; false where there is nobody to tell.

    It is a routine message: an alert that is due leaves first, and that it cannot be sent keeps no alert back.
    """
    if glass.address_id is None:
        return False
    notice_id = connection.execute(
        insert(NOTICE).values(kind=NoticeKind.BREAK_GLASS, alert_id=alert_id, operator=operator).returning(NOTICE.c.id)
    ).scalar_one()
    enqueue_notice(connection, int(notice_id), Channel.EMAIL, glass.address_id, glass.language, LIFE_SECONDS)
    return True


def break_glass_values(connection: Connection, notice_id: int) -> tuple[str, dict[str, str]] | None:
    """What the e-mail is filled with: (the schools' names, the other placeholders); None when the alert is gone."""
    alert = connection.execute(
        select(ALERT).join(NOTICE, NOTICE.c.alert_id == ALERT.c.id).where(NOTICE.c.id == notice_id)
    ).first()
    if alert is None:
        return None
    return alert.school_names, {
        "alert": alert.number,
        "scenario": alert.scenario,
        "students": str(alert.student_count),
        "operator": alert.operator,
        "time": f"{alert.confirmed_at.astimezone(OSLO):%Y-%m-%d %H:%M}",
        "reason": alert.break_glass or "",
    }
