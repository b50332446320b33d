"""The alarm that a self-test which nobody watched has failed: an e-mail to those whom the settings name."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, insert, select

from config.clock import OSLO
from config.database import Database
from config.errors import UsageError
from config.sections import Language
from config.set_aside import SetAside
from config.settings import Settings
from contacts.contact_points import TypedAddress, address_id_of
from dispatcher.codes import NoticeKind
from dispatcher.outbox.enqueue import enqueue_notice
from dispatcher.reports.acts import PROGRAM
from dispatcher.routine.self_test import SelfTestNow, read
from dispatcher.routine.self_test_rules import why_not
from dispatcher.routine.self_test_staff import read_alarm_emails
from dispatcher.tables import ALERT, NOTICE
from providers.base import Channel

# Whoever reads it the day after must still learn of it.
LIFE_SECONDS: Final = 86_400.0


def alarm_addresses(settings: Settings) -> tuple[TypedAddress, ...]:
    """Who is told; nobody where the settings name nobody that can be reached. Doctor and the log tell all the same."""
    if isinstance(settings.self_test, SetAside) or not settings.smtp.host:
        return ()
    try:
        return read_alarm_emails(settings.self_test)
    except UsageError:
        return ()


def address_ids(database: Database, addresses: tuple[TypedAddress, ...]) -> list[int]:
    """The rows of these addresses, made where there are none; in a transaction of its own, before the one that ends
    the self-test."""
    with database.write() as connection:
        return [address_id_of(connection, one) for one in addresses]


def tell(connection: Connection, test: SelfTestNow, addresses: list[int], language: Language) -> None:
    """Queue the e-mails, in the transaction that writes down that the self-test has failed."""
    part = connection.execute(
        select(ALERT.c.id).where(ALERT.c.self_test_id == test.id).order_by(ALERT.c.id).limit(1)
    ).scalar()
    if part is None or not addresses:
        return
    notice_id = connection.execute(
        insert(NOTICE).values(kind=NoticeKind.SELF_TEST_FAILED, alert_id=part, operator=PROGRAM).returning(NOTICE.c.id)
    ).scalar_one()
    for address_id in addresses:
        enqueue_notice(connection, int(notice_id), Channel.EMAIL, address_id, language, LIFE_SECONDS)


def failed_values(connection: Connection, notice_id: int) -> dict[str, str] | None:
    """What the e-mail is filled with; None when the self-test is gone."""
    test_id = connection.execute(
        select(ALERT.c.self_test_id).join(NOTICE, NOTICE.c.alert_id == ALERT.c.id).where(NOTICE.c.id == notice_id)
    ).scalar()
    if test_id is None:
        return None
    test = read(connection, test_id)
    what = "; ".join(dict.fromkeys(f"{one.way}: {why_not(one)}" for one in test.failed))
    return {"time": f"{test.begun_at.astimezone(OSLO):%Y-%m-%d %H:%M}", "what": what or "?"}
