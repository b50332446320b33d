"""Breaking the glass: the reason that is typed, what is stored with the alert, and the e-mail that tells the county."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select, update

from config.audit import AuditEntry
from config.errors import UsageError
from config.keys import create_key_file, load_keys
from config.settings import Settings, load_settings
from config.tables import core_table
from dispatcher.alerts.lifecycle import Confirmed, confirm
from dispatcher.codes import DeliveryState, Lane, NoticeKind
from dispatcher.commands.breaking_glass import reason_of
from dispatcher.reports.acts import acts
from dispatcher.routine.county import BrokenGlass, broken_glass
from dispatcher.routine.notices import Notices
from dispatcher.tables import ALERT, DELIVERY, NOTICE
from providers.base import Channel
from tests.dispatcher.alerts.drafting import draft
from tests.dispatcher.world import World, check_books

_LOG = core_table(AuditEntry)
REASON = "rektor svarer ikke"


@pytest.mark.parametrize("typed", ["", "   ", "brann", "brann\u200b\n", "x" * 300 + " " + "y" * 300])
def test_what_is_no_reason(typed: str) -> None:
    with pytest.raises(UsageError, match="takes the reason in words"):
        reason_of(typed, actual=True)


def test_a_reason_is_one_line() -> None:
    assert reason_of("  rektor\nsvarer \x1b[31mikke ", actual=True) == "rektor svarer [31mikke"
    assert reason_of(None, actual=False) == ""
    with pytest.raises(UsageError, match="actual alerts alone"):
        reason_of(REASON, actual=False)


def settings(email: str) -> Settings:
    Path("beredskap.toml").write_text(f'[county]\nemail = "{email}"\n', encoding="utf-8")
    return load_settings()


def glass(world: World, email: str) -> BrokenGlass:
    with world.database.write() as connection:
        return broken_glass(connection, settings(email), REASON)


def sent(world: World, broken: BrokenGlass) -> Confirmed:
    world.family()
    made = draft(world, operator="innom")
    with world.clock(), world.database.write() as connection:
        return confirm(connection, made.alert_id, hold_seconds=0, operator="innom", glass=broken)


def logged(world: World) -> list[tuple[str, str, object]]:
    with world.database.read() as connection:
        rows = connection.execute(select(_LOG).order_by(_LOG.c.id)).all()
    return [(row.act, row.operator, row.details.get("county")) for row in rows]


def test_the_county_is_told_with_the_alert(world: World) -> None:
    alert = sent(world, glass(world, "Vakt@Fylket.example"))
    (row,) = world.rows(ALERT)
    assert row.break_glass == REASON
    assert logged(world) == [("alert.send", "innom", None), ("alert.break_glass", "innom", "is told by e-mail")]
    (notice,) = world.rows(NOTICE)
    assert (notice.kind, notice.alert_id, notice.person_id) == (NoticeKind.BREAK_GLASS, alert.alert_id, None)
    (delivery,) = world.rows(DELIVERY, DELIVERY.c.notice_id.is_not(None))
    assert (delivery.lane, delivery.channel, delivery.state) == (Lane.ROUTINE, Channel.EMAIL, DeliveryState.QUEUED)
    keys = load_settings()
    create_key_file(keys.key_file)
    with world.clock(), world.database.read() as connection:
        subject, text = Notices(keys, load_keys(keys.key_file)).text(connection, notice.id, "nb", Channel.EMAIL)
        told = [one for one in acts(connection, alert.alert_id) if one.act == "county.told"]
    assert subject == f"Eksempel vgs: Varsel {alert.number} er sendt uten rolle"
    for fact in ("innom", alert.number, "lockdown", REASON, "1 elever"):
        assert fact in text
    assert [one.details for one in told] == [{"e-mail": "queued"}]
    world.plan()
    check_books(world.database)


def test_the_address_is_made_once(world: World) -> None:
    first = glass(world, "vakt@fylket.example")
    assert glass(world, "VAKT@fylket.example").address_id == first.address_id is not None


@pytest.mark.parametrize("email", ["", "vakt@fylket..example"])
def test_without_an_address_that_can_be_used_the_alert_goes_out_all_the_same(world: World, email: str) -> None:
    broken = glass(world, email)
    assert broken.address_id is None
    sent(world, broken)
    assert world.rows(NOTICE) == []
    assert logged(world)[1] == ("alert.break_glass", "innom", "is not told: no address can be used")
    assert world.plan() == 1


def test_an_alert_by_somebody_with_the_role_tells_nobody(world: World) -> None:
    world.family()
    made = draft(world)
    with world.clock(), world.database.write() as connection:
        confirm(connection, made.alert_id, hold_seconds=0, operator="leder")
    assert world.rows(NOTICE) == []
    (row,) = world.rows(ALERT)
    assert row.break_glass is None
    assert [act for act, _, _ in logged(world)] == ["alert.send"]


def test_a_notice_whose_alert_is_gone_has_nothing_to_tell(world: World) -> None:
    sent(world, glass(world, "vakt@fylket.example"))
    (notice,) = world.rows(NOTICE)
    with world.database.write() as connection:
        connection.execute(update(NOTICE).values(alert_id=None))
    keys = load_settings()
    create_key_file(keys.key_file)
    with world.database.read() as connection, pytest.raises(LookupError):
        Notices(keys, load_keys(keys.key_file)).text(connection, notice.id, "nb", Channel.EMAIL)
