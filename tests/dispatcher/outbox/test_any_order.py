"""Whatever comes in whatever order: no final state is left, nobody gets two SMS, and the books balance all the time.

The provider of these tests is a model: it keeps what it took. Everything else is the real outbox on a real database.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from config.database import Database
from dispatcher.codes import AlertState, DeliveryState
from dispatcher.outbox.claim import Claimed
from dispatcher.outbox.receipts import match_waiting
from dispatcher.outbox.transitions import FINAL
from dispatcher.tables import (
    ALERT,
    ALERT_STUDENT,
    ALERT_TEXT,
    ATTEMPT,
    DECISION,
    DELIVERY,
    EVENT,
    PROGRESS,
    RECEIPT,
    RECIPIENT,
)
from providers.base import (
    Accepted,
    Channel,
    Deferred,
    LookupFailed,
    LookupQuery,
    Outcome,
    Receipt,
    ReceiptStatus,
    Rejected,
    Unknown,
)
from tests.dispatcher.world import LEASE, FakeProvider, Family, World, check_books

_OUTBOX = (
    RECEIPT,
    EVENT,
    ATTEMPT,
    PROGRESS,
    RECIPIENT,
    DECISION,
    DELIVERY,
    ALERT_TEXT,
    ALERT_STUDENT,
    ALERT,
)
# What a worker meets when it hands a message over: is it taken, and what is heard of it (None: the worker dies)?
_SENDS: tuple[tuple[bool, Outcome | None], ...] = (
    (True, Accepted("")),
    (True, Unknown("read_timeout")),
    (True, Unknown("bad_answer")),
    (False, Unknown("connection_lost")),
    (False, Deferred("20429", 2.0)),
    (False, Rejected("21211")),
    (True, None),
    (True, None),
    (False, None),
)
# The steps, each as often as it is named, and two numbers that choose among what there is.
_KINDS = (
    *["claim and send"] * 5,
    *["tend"] * 5,
    *["look up"] * 4,
    "claim",
    "send",
    "record",
    "release",
    "receipt",
    "receipt by reference",
    "stop",
)
_STEPS = st.tuples(st.sampled_from(_KINDS), st.integers(0, 59), st.integers(0, 59))


@dataclass
class Model(FakeProvider):
    """The provider's own books: what it took, as (claim, reference). It tells the truth, or nothing."""

    took: list[tuple[Claimed, str]] = field(default_factory=list)

    async def look_up(self, queries: list[LookupQuery], taken: frozenset[str]) -> dict[tuple[int, int], Receipt]:
        if self.fails is not None:
            raise self.fails
        found = {}
        for query in queries:
            here = [ref for one, ref in self.took if one.delivery_id == query.delivery_id and ref not in taken]
            if here:
                found[query.delivery_id, query.attempt] = Receipt(here[0], ReceiptStatus.PENDING)
        return found


class Run:
    """One order of events."""

    def __init__(self, world: World, family: Family, other: Family) -> None:
        self.world = world
        self.alert = world.sent(family, other)
        self.provider = Model()
        self.smtp = FakeProvider(Channel.EMAIL, can_look_up=False)
        self.claims: list[Claimed] = []
        self.unwritten: list[tuple[Claimed, Outcome]] = []

    def step(self, what: str, which: int, also: int) -> None:
        match what:
            case "claim":
                self._claim()
            case "send":
                self._send(which, hasty=also % 3 > 0)
            case "claim and send":
                self._claim()
                self._send(which, hasty=also % 3 > 0)
            case "record" if self.unwritten:
                self.world.record(self.unwritten.pop(which % len(self.unwritten)))
            case "release" if self.claims:
                self.world.release(self.claims.pop(which % len(self.claims)))
            case "receipt" | "receipt by reference" if self.provider.took:
                one, reference = self.provider.took[which % len(self.provider.took)]
                by_url = (one.delivery_id, one.attempt) if what == "receipt" else (None, None)
                self.world.receipt(reference, list(ReceiptStatus)[also % 3], *by_url)
            case "look up":
                self.world.later((1, 21)[also % 2])
                self.provider.fails = LookupFailed("http_503") if which % 5 == 0 else None
                self.world.look_up(self.provider)
                self.world.look_up(self.smtp)
            case "tend":
                self.world.later((0, 3, 61)[which % 3])
                self.world.sweep()
                with self.world.clock(), self.world.database.write() as connection:
                    match_waiting(connection)
            case "stop" if which == 0:
                if self.world.alert_state(self.alert) in (AlertState.PLANNING, AlertState.OPEN):
                    self.world.change(ALERT, self.alert, state=AlertState.STOPPED)

    def _claim(self) -> None:
        """As a drain does: what may be poison comes last, and alone."""
        for channel in Channel:
            self.claims += self.world.claim(channel) or self.world.claim(channel, alone=True)

    def _send(self, which: int, *, hasty: bool) -> None:
        """Hand a claim over: in the first half of its lease alone, as every drain does."""
        fresh = [one for one in self.claims if (self.world.now - one.claimed_at).total_seconds() < LEASE / 2]
        if not fresh:
            return
        one = fresh[-1]
        self.claims.remove(one)
        taken, outcome = _SENDS[which % len(_SENDS)]
        reference = f"{one.channel}-{one.delivery_id}-{one.attempt}"
        if taken:
            self.provider.took.append((one, reference))
        if outcome is None:
            return
        self.unwritten.append((one, Accepted(reference) if isinstance(outcome, Accepted) else outcome))
        if hasty:
            self.world.record(self.unwritten.pop())


def _empty(database: Database) -> None:
    with database.write() as connection:
        for table in _OUTBOX:
            connection.execute(delete(table))


def _states(world: World) -> dict[int, DeliveryState]:
    return {row.id: row.state for row in world.rows(DELIVERY)}


@settings(
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(_STEPS, min_size=20, max_size=50))
def _any_order(world: World, family: Family, other: Family, steps: list[tuple[str, int, int]]) -> None:
    _empty(world.database)
    run = Run(world, family, other)
    for step in steps:
        before = _states(world)
        run.step(*step)
        after = _states(world)
        assert {one: after[one] for one in before if before[one] in FINAL} == {
            one: state for one, state in before.items() if state in FINAL
        }
        check_books(world.database)
        took = Counter((one.channel, one.delivery_id) for one, _ in run.provider.took)
        for (channel, delivery_id), times in took.items():
            # The provider shows what it took at once, so that a second SMS is never needed; an e-mail has one repeat.
            assert times <= (1 if channel is Channel.SMS else 1 + world.delivery(delivery_id).repeats)
    assert all(row.repeats <= 1 for row in world.rows(DELIVERY))


def test_any_order_of_events(database: Database) -> None:
    world = World(database)
    shared = world.family(2, email=True)
    _any_order(world, shared, world.family(phone=shared.phone))
