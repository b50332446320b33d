"""Folding old progress changes no sum, whatever order the rows commit in, and leaves the last seconds alone."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, func, insert, select

from dispatcher.codes import AlertState, DeliveryState
from dispatcher.outbox import progress
from dispatcher.outbox.progress import FOLD_AFTER_SECONDS, fold, fold_progress
from dispatcher.reports.watching import watch_figures
from dispatcher.tables import ALERT, PROGRESS
from providers.base import Accepted, Channel
from tests.dispatcher.world import World

S = DeliveryState
AGE = FOLD_AFTER_SECONDS + 1


def write(world: World, connection: Connection, alert: int, *rows: tuple[Channel, DeliveryState, int]) -> None:
    """Rows of progress that are old already."""
    connection.execute(
        insert(PROGRESS),
        [
            {
                "alert_id": alert,
                "channel": channel,
                "state": state,
                "delta": delta,
                "at": world.now - timedelta(seconds=AGE),
            }
            for channel, state, delta in rows
        ],
    )


def sums(connection: Connection, alert: int) -> Counter[tuple[str, str]]:
    grouped = select(PROGRESS.c.channel, PROGRESS.c.state, func.sum(PROGRESS.c.delta).label("n"))
    rows = connection.execute(
        grouped.where(PROGRESS.c.alert_id == alert).group_by(PROGRESS.c.channel, PROGRESS.c.state)
    )
    return Counter({(row.channel, row.state): int(row.n) for row in rows if row.n})


def bare_alert(world: World) -> int:
    """An open alert without messages; its progress, written by the test, is taken away again by `forget`."""
    return world.alert([], state=AlertState.OPEN, planned_at=world.now)


def forget(world: World) -> None:
    with world.database.write() as connection:
        connection.execute(PROGRESS.delete())


def test_an_alert_that_is_sent_keeps_its_figures(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "FOLD_FROM", 4)
    alert = world.sent(*[world.family(email=True) for _ in range(6)])
    for number in range(6):
        world.record((world.claim_one(size=1), Accepted(f"SM{number}")))
    world.claim(Channel.EMAIL, size=2)
    world.later(AGE)
    with world.clock(), world.database.read() as connection:
        before = watch_figures(connection, alert)
    world.sweep()
    assert len(world.rows(PROGRESS)) == 3  # SMS accepted; e-mails sending and queued; a sum of nothing needs no row
    with world.clock(), world.database.read() as connection:
        assert watch_figures(connection, alert).channels == before.channels


def test_few_old_rows_and_young_ones_stay(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    alert = world.sent(*[world.family() for _ in range(3)])
    rows = world.rows(PROGRESS)
    monkeypatch.setattr(progress, "FOLD_FROM", len(rows) + 1)
    world.later(AGE)
    world.sweep()
    assert world.rows(PROGRESS) == rows
    monkeypatch.setattr(progress, "FOLD_FROM", 1)
    world.record((world.claim_one(size=1), Accepted("SM1")))
    young = [row for row in world.rows(PROGRESS) if row.at == world.now]
    world.sweep()
    assert [row for row in world.rows(PROGRESS) if row.at == world.now] == young
    assert {row.alert_id for row in young} == {alert}


def test_an_ended_alert_is_left_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "FOLD_FROM", 1)
    alert = world.sent(world.family())
    world.change(ALERT, alert, state=AlertState.CLOSED)
    rows = world.rows(PROGRESS)
    world.later(AGE)
    with world.clock():
        assert fold_progress(world.database) == 0
    assert world.rows(PROGRESS) == rows


_ROW = st.tuples(st.sampled_from(Channel), st.sampled_from(DeliveryState), st.integers(-20, 20))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(_ROW, min_size=1, max_size=30), later=st.lists(_ROW, max_size=10))
def test_no_sum_changes(world: World, rows: list[tuple[Channel, S, int]], later: list[tuple[Channel, S, int]]) -> None:
    alert, other = bare_alert(world), bare_alert(world)
    with world.clock(), world.database.write() as connection:
        write(world, connection, alert, *rows)
        write(world, connection, other, *rows)
        before, untouched = sums(connection, alert), connection.execute(select(func.count()).select_from(PROGRESS))
        count = untouched.scalar_one()
        gone = fold(connection, alert)
        assert sums(connection, alert) == before == sums(connection, other)
        assert connection.execute(select(func.count()).select_from(PROGRESS)).scalar_one() == count - gone
        if later:
            write(world, connection, alert, *later)
            expected = sums(connection, alert)
            fold(connection, alert)
            assert sums(connection, alert) == expected
    forget(world)


def test_rows_that_commit_out_of_order_are_summed_when_they_come(pg_world: World) -> None:
    """The lower id becomes visible last: watching and folding count it then, and only once."""
    world, alert = pg_world, bare_alert(pg_world)
    with world.clock(), world.database.engine.connect() as slow, slow.begin() as open_transaction:
        write(world, slow, alert, (Channel.SMS, S.QUEUED, 7))
        with world.database.write() as connection:
            write(world, connection, alert, (Channel.SMS, S.QUEUED, 1), (Channel.SMS, S.QUEUED, 2))
        with world.database.write() as connection:
            assert fold(connection, alert) == 1
            assert sums(connection, alert) == {(Channel.SMS, S.QUEUED): 3}
        open_transaction.commit()
    (late, _folded) = world.rows(PROGRESS)
    assert late.delta == 7
    with world.clock(), world.database.read() as connection:
        assert sums(connection, alert) == {(Channel.SMS, S.QUEUED): 10}
    with world.clock(), world.database.write() as connection:
        assert fold(connection, alert) == 1
        assert sums(connection, alert) == {(Channel.SMS, S.QUEUED): 10}
    forget(world)


def test_two_at_once_fold_each_row_once_and_none_waits(pg_world: World) -> None:
    world, alert = pg_world, bare_alert(pg_world)
    with world.clock(), world.database.write() as connection:
        write(world, connection, alert, *[(Channel.SMS, S.QUEUED, 1)] * 5)
    with world.clock(), world.database.engine.connect() as first, first.begin() as open_transaction:
        assert fold(first, alert) == 4
        with world.database.write() as second:
            assert fold(second, alert) == 0
        with world.database.read() as reader:
            assert sums(reader, alert) == {(Channel.SMS, S.QUEUED): 5}
        open_transaction.commit()
    with world.clock(), world.database.read() as reader:
        assert sums(reader, alert) == {(Channel.SMS, S.QUEUED): 5}
    assert len(world.rows(PROGRESS)) == 1
    forget(world)
