"""Visits to the portal: begun, renewed, idle, ended; and log-ins under way, which come back once."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from config.database import Database
from contacts.codes import VisitorKind
from contacts.tables import LOG_IN, SCHOOL, VISIT
from contacts.visits import (
    LOG_IN_SECONDS,
    RENEWED_AFTER_SECONDS,
    OpenVisit,
    Patience,
    begin_log_in,
    begin_visit,
    end_visit,
    find_visit,
    keep_secrets,
    note_seen,
    renew_visit,
    take_log_in,
)
from tests.dispatcher.world import World

PATIENCE = Patience(idle_seconds=1800, longest_seconds=36_000)


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def begin(world: World, **who: object) -> str:
    with world.clock(), world.database.write() as connection:
        given = who or {"operator": "k.leder"}
        return begin_visit(connection, VisitorKind.STAFF, PATIENCE, **given)  # type: ignore[arg-type]


def find(world: World, token: str) -> OpenVisit | None:
    with world.clock(), world.database.read() as connection:
        return find_visit(connection, token, PATIENCE)


def renewed(world: World, visit: OpenVisit | None) -> str | None:
    assert visit is not None
    with world.clock(), world.database.write() as connection:
        return renew_visit(connection, visit)


def count(world: World, table: object) -> int:
    with world.database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()  # type: ignore[arg-type]


def test_a_visit_is_found_by_its_token_alone(world: World) -> None:
    token, other = begin(world), begin(world, operator="o.rektor")
    found = find(world, token)
    assert found is not None and (found.operator, found.visitor) == ("k.leder", VisitorKind.STAFF)
    assert not found.renew and not found.unseen
    for wrong in ("", "x", token[:-1], token.upper(), other + "x"):
        assert find(world, wrong) is None
    with world.database.read() as connection:
        stored = connection.execute(select(VISIT.c.token, VISIT.c.form_token)).all()
    assert not {token, other} & {value for row in stored for value in row}


def test_a_visit_ends_when_nobody_comes(world: World) -> None:
    token = begin(world)
    world.later(PATIENCE.idle_seconds - 1)
    assert find(world, token) is not None
    world.later(1)
    assert find(world, token) is None


def test_a_visit_ends_after_its_longest_time_whatever_is_seen(world: World) -> None:
    token = begin(world)
    for _ in range(20):
        world.later(PATIENCE.longest_seconds / 20 - 1)
        visit = find(world, token)
        assert visit is not None and visit.unseen
        with world.clock(), world.database.write() as connection:
            note_seen(connection, visit)
        seen = find(world, token)
        assert seen is not None and not seen.unseen
    world.later(21)
    assert find(world, token) is None


def test_tokens_are_renewed_and_the_old_one_serves_for_a_moment(world: World) -> None:
    token = begin(world)
    assert renewed(world, find(world, token)) is None
    world.later(RENEWED_AFTER_SECONDS)
    visit = find(world, token)
    assert visit is not None and visit.renew
    new = renewed(world, visit)
    assert new is not None and new != token
    # A request beside it, that found the same visit before, gets no second one.
    assert renewed(world, visit) is None
    for held in (token, new):
        found = find(world, held)
        assert found is not None and found.id == visit.id and not found.renew
    world.later(31)
    assert find(world, token) is None
    assert find(world, new) is not None


def test_logging_out_ends_every_token(world: World) -> None:
    token = begin(world)
    world.later(RENEWED_AFTER_SECONDS)
    visit = find(world, token)
    new = renewed(world, visit)
    assert visit is not None and new is not None
    with world.database.write() as connection:
        end_visit(connection, visit)
    assert find(world, token) is None and find(world, new) is None


def test_what_is_over_is_deleted_when_the_next_begins(world: World) -> None:
    for _ in range(3):
        begin(world)
    world.later(PATIENCE.idle_seconds)
    begin(world)
    assert count(world, VISIT) == 1


def set_out(world: World, provider: str = "feide") -> str:
    with world.clock(), world.database.write() as connection:
        school = connection.scalars(select(SCHOOL.c.id)).one()
        token = begin_log_in(connection, provider, school)
        keep_secrets(connection, token, {"state": token[:5]})
        return token


def come_back(world: World, token: str, provider: str = "feide") -> object:
    with world.clock(), world.database.write() as connection:
        found = take_log_in(connection, token, provider)
        return found and found.secrets["state"]


def test_a_log_in_comes_back_once(world: World) -> None:
    token, other = set_out(world), set_out(world)
    assert come_back(world, token, "id_porten") is None
    assert come_back(world, token) == token[:5]
    assert come_back(world, token) is None
    assert come_back(world, "") is None
    assert come_back(world, other) == other[:5]


def test_a_log_in_that_takes_too_long_is_none(world: World) -> None:
    token = set_out(world)
    world.later(LOG_IN_SECONDS)
    assert come_back(world, token) is None
    set_out(world)
    assert count(world, LOG_IN) == 1
