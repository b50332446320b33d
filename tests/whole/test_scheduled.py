"""A service whose clock says that it is time: reminders and the weekly self-test go out by themselves."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, insert, select

from config.clock import OSLO
from contacts.tables import ADDRESS, CONTACT_POINT, REMINDER_ROUND
from dispatcher.codes import SelfTestResult
from dispatcher.tables import SELF_TEST
from providers.base import Channel
from tests.services.clock import clock_off_by
from tests.services.waiting import eventually
from tests.whole.conftest import Installation
from tests.whole.school import fill

STAFF = "+4799990001"


def _next_tuesday() -> datetime:
    """Shortly after half past ten in Oslo: everything in the store has been there for a while by then."""
    here = datetime.now(OSLO)
    day = here.date() + timedelta(days=(1 - here.weekday()) % 7 or 7)
    return datetime(day.year, day.month, day.day, 10, 30, 50, tzinfo=OSLO)


def test_what_is_due_by_the_clock_goes_out(embedded: Installation) -> None:
    school = fill(embedded.database, 3)
    due = _next_tuesday()
    with embedded.database.write() as connection:
        emails = select(ADDRESS.c.id).where(ADDRESS.c.channel == Channel.EMAIL)
        connection.execute(delete(CONTACT_POINT).where(CONTACT_POINT.c.address_id.in_(emails)))
        last = {"at": due.astimezone(UTC) - timedelta(days=7), "operator": "beredskap", "every_school": True}
        connection.execute(insert(REMINDER_ROUND).values(last))
    embedded.set("reminders", on=True, schedule="30 10 * * tue")
    embedded.set("self_test", phones=[STAFF], weekday="tuesday", time="10:31", wait_seconds=60)
    clock = clock_off_by(due.timestamp() - time.time())
    service = embedded.start("run", environment=clock)
    next_week = f"{due + timedelta(days=7):%Y-%m-%d}"
    service.wait_for(f'"next_round": "{next_week} 10:30 in Oslo"')

    def reminded() -> dict[str, str]:
        return {one["to"]: one["body"] for one in embedded.far_end.sms() if one["from"] == "PROVEDAL2"}

    # An alert goes first, and so does the self-test if it has begun by then: the next look is a minute later.
    eventually(lambda: reminded().keys() == set(school.numbers), 90, what="everybody is reminded")
    assert all("mangler en bekreftet e-postadresse" in body for body in reminded().values())

    def tested() -> list[SelfTestResult | None]:
        with embedded.database.read() as connection:
            return list(connection.execute(select(SELF_TEST.c.result)).scalars())

    eventually(lambda: tested() == [SelfTestResult.PASSED], 60, what="the self-test has passed")
    assert [one["body"].startswith("TEST - ") for one in embedded.far_end.sms(STAFF)] == [True]
    checks = {one["name"]: one["what"] for one in embedded.run("doctor", "--json", environment=clock).json["checks"]}
    assert f"{next_week} 10:30 in Oslo" in checks["reminders"]
    assert f"{next_week} 10:31 in Oslo" in checks["self-test"]
    service.terminate()
    assert service.wait().status == 0
    # One round, one self-test: what was due is not due again.
    with embedded.database.read() as connection:
        rounds = connection.execute(select(REMINDER_ROUND).order_by(REMINDER_ROUND.c.id)).all()
    assert [one.sms for one in rounds] == [0, len(school.numbers)]
    assert embedded.far_end.counts()["doubled"] == {}
