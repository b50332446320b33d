"""Messages enter the outbox once, however often they are asked for, and are found without reading the whole of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Select, select, text, update

from config.filling import fill
from contacts.codes import AddressChannel
from contacts.id_sets import id_set
from contacts.tables import ADDRESS
from dispatcher.alerts.plan import PlannedDelivery, PlannedRecipient
from dispatcher.codes import DeliveryState, Lane, MoveSource
from dispatcher.outbox.enqueue import Basis, enqueue, enqueue_next_round, latest_rounds
from dispatcher.outbox.move_statements import Move
from dispatcher.outbox.moves import apply_moves
from dispatcher.tables import DELIVERY, EVENT, RECIPIENT, AnyRow
from providers.base import Channel, Rejected
from tests.dispatcher.world import Family, World

MANY = 3000


def _addresses(connection: Connection, channel: AddressChannel, values: Sequence[str]) -> list[int]:
    rows: list[tuple[object, ...]] = [(channel.value, value, True, 0) for value in values]
    fill(connection, ADDRESS, ("channel", "value", "takes_messages", "failures"), rows)
    found = {row.value: row.id for row in connection.execute(select(ADDRESS))}
    return [found[value] for value in values]


def _basis(world: World, alert: int) -> Basis:
    return Basis(alert, world.now + timedelta(hours=2), 0, date(2026, 11, 23))


def _explained(connection: Connection, statement: Select[Any], values: dict[str, Any]) -> str:
    """How the database means to run `statement`."""
    compiled = statement.compile(connection)
    given: Any = compiled.construct_params(values)
    explain = "EXPLAIN "
    if connection.dialect.name == "sqlite":
        given = tuple(given[name] for name in compiled.positiontup or ())
        explain = "EXPLAIN QUERY PLAN "
    return "\n".join(str(row) for row in connection.exec_driver_sql(explain + compiled.string, given))


def test_a_message_that_is_asked_for_twice_is_made_once_and_links_everybody_once(world: World) -> None:
    family = world.family(2)
    alert = world.alert(family.students)
    first, second = (PlannedRecipient(student, family.guardian, False, False) for student in family.students)
    with world.clock(), world.database.write() as connection:
        (address,) = connection.execute(select(ADDRESS.c.id)).scalars()
        asked = [[PlannedDelivery(Channel.SMS, address, "nb", recipients)] for recipients in ([first], [first, second])]
        made = [enqueue(connection, _basis(world, alert), one, {"nb": 1}) for one in asked]
    assert made == [1, 0]
    (row,) = world.rows(DELIVERY)
    assert (row.due_at, row.round) == (world.now, 1)
    assert world.recipients(row.id) == {(student, family.guardian) for student in family.students}


def _meant(family: Family, *students: int) -> list[PlannedRecipient]:
    return [PlannedRecipient(student, family.guardian, False, False) for student in students]


def test_a_message_is_joined_on_its_own_channel_in_its_own_alert(world: World) -> None:
    family = world.family(2, email=True)
    joined, other = (world.alert(family.students) for _ in range(2))
    with world.clock(), world.database.write() as connection:
        addresses = connection.execute(select(ADDRESS.c.id).order_by(ADDRESS.c.channel.desc())).scalars().all()

        def ask(alert: int, *students: int) -> int:
            meant = _meant(family, *students)
            both = zip((Channel.SMS, Channel.EMAIL), addresses, strict=True)
            wanted = [PlannedDelivery(*one, "nb", meant) for one in both]
            return enqueue(connection, _basis(world, alert), wanted, {"nb": 1})

        assert [ask(joined, family.student), ask(other, family.student), ask(joined, *family.students)] == [2, 2, 0]
    meant = {
        alert: [len(world.recipients(row.id)) for row in world.rows(DELIVERY, DELIVERY.c.alert_id == alert)]
        for alert in (joined, other)
    }
    assert meant == {joined: [2, 2], other: [1, 1]}


def test_whoever_joins_a_cancelled_message_opens_its_next_round_and_the_others_join_that(world: World) -> None:
    family = world.family(3)
    alert = world.alert(family.students)
    made = []
    for student in family.students:
        with world.clock(), world.database.write() as connection:
            (address,) = connection.execute(select(ADDRESS.c.id)).scalars()
            wanted = [PlannedDelivery(Channel.SMS, address, "nb", _meant(family, student))]
            made.append(enqueue(connection, _basis(world, alert), wanted, {"nb": 1}))
            if student == family.student:
                (first,) = connection.execute(select(DELIVERY.c.id)).scalars()
                apply_moves(connection, [Move(first, DeliveryState.CANCELLED)], MoveSource.CLAIM)
    assert made == [1, 1, 0]
    rounds = {row.round: world.recipients(row.id) for row in world.rows(DELIVERY)}
    alone, *together = ((student, family.guardian) for student in family.students)
    assert rounds == {1: {alone}, 2: set(together)}


def test_deliveries_of_alerts_and_of_notices_never_meet_in_one_id(world: World) -> None:
    for number in range(3):
        world.sent(world.family(email=True))
        world.notice(f"+474000000{number}")
    deliveries = world.rows(DELIVERY)
    assert len(deliveries) == 9
    assert {row.delivery_id for row in world.rows(RECIPIENT)} == {row.id for row in deliveries if row.alert_id}


# On which nothing has happened yet.
_UNTOUCHED = {"attempt": 0, "lost_claims": 0, "deferrals": 0, "repeats": 0, "lookups": 0}


def _shown(row: AnyRow, *names: str) -> dict[str, Any]:
    return {name: row._mapping[name] for name in names}


def test_nothing_has_happened_yet_on_a_new_message(world: World) -> None:
    family = world.family(email=True)
    alert = world.alert(family.students)
    with world.clock(), world.database.write() as connection:
        sms, email = connection.execute(select(ADDRESS.c.id).order_by(ADDRESS.c.channel.desc())).scalars()
        addresses = {Channel.SMS: sms, Channel.EMAIL: email}
        wanted = [PlannedDelivery(channel, address, "se", []) for channel, address in addresses.items()]
        basis = Basis(alert, world.now + timedelta(hours=2), 7, date(2026, 11, 22))
        assert enqueue(connection, basis, wanted, {"se": 3}) == 2
        assert enqueue(connection, basis, [], {}) == 0
    rows = world.rows(DELIVERY)
    assert {row.channel: row.segments for row in rows} == {Channel.SMS: 3, Channel.EMAIL: 1}
    for row in rows:
        assert _shown(row, *_UNTOUCHED) == _UNTOUCHED
        assert (row.lane, row.state, row.language, row.round) == (Lane.ALERTS, DeliveryState.QUEUED, "se", 1)
        assert (row.expires_at, row.contacts_revision, row.decided_on) == (
            world.now + timedelta(hours=2),
            7,
            date(2026, 11, 22),
        )
        assert world.moves(row.id) == [(None, "queued")]


def test_a_notice_is_one_message_of_its_own_lane(world: World) -> None:
    delivery = world.notice()
    row = world.delivery(delivery)
    assert _shown(row, *_UNTOUCHED) == _UNTOUCHED
    assert (row.lane, row.state, row.round, row.segments) == (Lane.ROUTINE, DeliveryState.QUEUED, 1, 1)
    assert (row.due_at, row.expires_at) == (world.now, world.now + timedelta(minutes=15))
    # Asked again at the first claim, whatever is known by then.
    assert (row.contacts_revision, row.decided_on, row.alert_id) == (0, date.min, None)
    assert world.moves(delivery) == [(None, "queued")]


def test_the_next_round_is_for_the_same_people_as_the_one_that_failed(world: World) -> None:
    families = [world.family(2), world.family(1)]
    alert = world.sent(*families)
    for claimed in world.claim():
        world.record((claimed, Rejected("30006")))
    failed = sorted(world.rows(DELIVERY), key=lambda row: row.id)
    gone, stayed = families[0].students
    with world.clock(), world.database.write() as connection:
        links = (RECIPIENT.c.delivery_id == failed[0].id) & (RECIPIENT.c.student_id == gone)
        connection.execute(update(RECIPIENT).where(links).values(unlinked_at=world.now))
        assert enqueue_next_round(connection, failed) == 2
    again = sorted((row for row in world.rows(DELIVERY) if row.round == 2), key=lambda row: row.address_id)
    same = (
        "alert_id",
        "channel",
        "address_id",
        "language",
        "segments",
        "expires_at",
        "contacts_revision",
        "decided_on",
    )
    before = sorted(failed, key=lambda row: row.address_id)
    assert [_shown(row, *same) for row in again] == [_shown(row, *same) for row in before]
    assert all(_shown(row, *_UNTOUCHED) == _UNTOUCHED and row.alert_id == alert for row in again)
    by_address = {row.address_id: world.recipients(row.id) for row in again}
    assert by_address == {
        failed[0].address_id: {(stayed, families[0].guardian)},
        failed[1].address_id: {(families[1].students[0], families[1].guardian)},
    }
    with world.database.read() as connection:
        last = connection.execute(select(EVENT.c.source).order_by(EVENT.c.id.desc()).limit(2)).scalars().all()
    assert last == [MoveSource.OPERATOR] * 2


@pytest.mark.usefixtures("without_statistics")
@pytest.mark.parametrize("planned_for", ["force_custom_plan", "force_generic_plan"])
def test_a_chunk_finds_the_messages_of_earlier_ones_one_by_one(world: World, planned_for: str) -> None:
    """While its first large alert is planned, PostgreSQL has no statistics of the table, and guesses."""
    family = world.family()
    alert = world.alert(family.students)
    with world.clock(), world.database.write() as connection:
        phones = _addresses(connection, AddressChannel.SMS, [f"+4791{n:06d}" for n in range(MANY)])
        wanted = [PlannedDelivery(Channel.SMS, address, "nb", []) for address in phones]
        assert enqueue(connection, _basis(world, alert), wanted, {"nb": 1}) == MANY
        unused = _addresses(connection, AddressChannel.SMS, [f"+4792{n:06d}" for n in range(500)])
        dialect = connection.dialect.name
        asked = {"alert": alert, "channel": Channel.SMS.value, "addresses": id_set(phones[::6] + unused, dialect)}
        if dialect == "postgresql":
            connection.execute(text(f"SET LOCAL plan_cache_mode = {planned_for}"))
        plan = _explained(connection, latest_rounds(dialect), asked)
        found = connection.execute(latest_rounds(dialect), asked).scalars().all()
    ids = {row.address_id: row.id for row in world.rows(DELIVERY)}
    assert found == [ids[address] for address in phones[::6]] + [None] * 500
    assert "Seq Scan on delivery" not in plan, plan
    assert "SCAN delivery" not in plan, plan
    if dialect == "postgresql":
        assert "uq_delivery_alert_id_channel_address_id_round" in plan, plan
        assert "Index Cond" in plan, plan
    else:
        assert "(alert_id=? AND channel=? AND address_id=?)" in plan, plan
