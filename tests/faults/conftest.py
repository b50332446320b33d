"""Installations for the faults, a school of any size, and the count at the far end with which every test ends."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import ColumnElement, select, update

from bench.fill import School
from bench.fill import fill as fill_store
from config.clock import plus_seconds
from contacts.codes import AddressChannel
from contacts.entitlement import Verdict
from contacts.tables import ADDRESS, CONTACT_POINT
from dispatcher.codes import DeliveryState
from dispatcher.outbox.move_statements import lock_rows
from dispatcher.tables import ALERT, ATTEMPT, DECISION, DELIVERY
from providers.base import Channel
from tests.dispatcher.world import check_books
from tests.faults.ledger import FAULT, Entry, LedgerOfSession
from tests.faults.way import Way
from tests.whole.conftest import (  # noqa: F401  (fixtures are found by their names in this module)
    Installation,
    _initialised,
    _initialised_postgres,
    _sandbox,
    distributed,
    embedded,
    far_end,
    installation,
)

NAME = "Prøvedal vgs"
# Where a delivery may be when a fault is over. An e-mail ends as accepted: nothing tells more of it.
_OVER = {DeliveryState.ACCEPTED, DeliveryState.DELIVERED}


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(LedgerOfSession(), "ledger of faults")


_NOBODY: Mapping[Channel, int] = {}


@dataclass(slots=True)
class Trial:
    """One fault on one installation: a school that is told, and the count that follows."""

    name: str
    record: Callable[[Entry], None]
    installation: Installation
    school: School | None = None
    began: float = 0.0
    # SMS that other providers than the far end took, named as it names them.
    others: list[Callable[[], Mapping[str, int]]] = field(default_factory=list)

    def school_of(self, messages: int) -> School:
        """Put a school into the store whose alert makes so many messages, half of them SMS."""
        self.school = School(NAME, messages // 2)
        fill_store(self.installation.database, [self.school])
        # Some numbers' endings would have a behaviour of their own.
        self.installation.far_end.behave(to="*", behaviour="delivered")
        return self.school

    def slow_alert(self, messages: int, rate: float = 100.0) -> None:
        """Tell a school of so many messages, slowly enough for faults in the middle of it: `rate` a second of each."""
        self.school_of(messages)
        self.installation.set("sms", segments_per_second=rate)
        self.installation.set("smtp", messages_per_second=rate)
        if self.installation.distributed:
            self.installation.workers("alerts", "alerts")
        assert self.installation.send("--json", "--no-watch").status == 0

    def struck(self) -> None:
        """The fault has ended: from now on the time to recover is counted."""
        self.began = time.monotonic()

    def all_told_once(
        self,
        seconds: float = 60.0,
        *,
        but: Mapping[Channel, int] = _NOBODY,
        undelivered: int = 0,
        entitled_no_more: Sequence[int] = (),
    ) -> Entry:
        """The alert ends by itself; every SMS was taken exactly once, every e-mail under one Message-ID.

        `but`: how many messages of a channel had to end as rejected instead. `undelivered`: how many SMS the provider
        took, and said later that they did not arrive. `entitled_no_more`: guardians who may not be told any more. They
        are not, and the books say so.
        """
        assert self.school is not None
        self.installation.closed(seconds)
        took = time.monotonic() - self.began
        counts = self.installation.far_end.counts()
        sms, mails = Counter(counts["sms_by_delivery"]), counts["email_by_message_id"]
        for other in self.others:
            sms.update(other())
        guardians = self.school.guardians - len(entitled_no_more)
        expected_sms, expected_mails = (guardians - but.get(channel, 0) for channel in (Channel.SMS, Channel.EMAIL))
        # An e-mail cannot be looked up: one that is unknown after its repeat stays so, for everybody to see.
        unclear = self.installation.states(Channel.EMAIL)[DeliveryState.UNKNOWN]
        doubled = sum(count - 1 for count in sms.values())
        repeats = sum(count - 1 for count in mails.values())
        lost = expected_sms - len(sms) + max(0, expected_mails - unclear - len(mails))
        taken, untold = sms.total() + int(counts["email"]), sum(but.values())
        entry = Entry(self.name, 2 * guardians, taken, repeats, unclear, doubled, lost, took, untold)
        self.record(entry)
        assert (doubled, lost) == (0, 0), (entry, self.installation.states())
        assert len(mails) <= expected_mails
        # A repeat may turn out to be the first that arrives; none goes uncounted.
        assert repeats <= self._repeats_on_record()
        over = _OVER | ({DeliveryState.CANCELLED} if entitled_no_more else set())
        for channel, ends in ((Channel.SMS, over), (Channel.EMAIL, over | {DeliveryState.UNKNOWN})):
            states = self.installation.states(channel)
            failed = undelivered if channel is Channel.SMS else 0
            assert states.pop(DeliveryState.UNDELIVERED, 0) == failed, self.installation.states()
            assert states.pop(DeliveryState.REJECTED, 0) == but.get(channel, 0), self.installation.states()
            assert set(states) <= ends, self.installation.states()
        for guardian in entitled_no_more:
            self._was_not_told(guardian)
        check_books(self.installation.database)
        return entry

    def _was_not_told(self, guardian: int) -> None:
        with self.installation.database.read() as connection:
            mine = CONTACT_POINT.c.person_id == guardian
            addresses = select(ADDRESS.c.value).join(CONTACT_POINT, CONTACT_POINT.c.address_id == ADDRESS.c.id)
            own = set(connection.execute(addresses.where(mine)).scalars())
            deliveries = select(DELIVERY.c.state, DELIVERY.c.code).join(
                CONTACT_POINT, CONTACT_POINT.c.address_id == DELIVERY.c.address_id
            )
            ends = {tuple(row) for row in connection.execute(deliveries.where(mine))}
            decisions = select(DECISION.c.verdict).where(DECISION.c.guardian_id == guardian, ~DECISION.c.superseded)
            verdicts = set(connection.execute(decisions).scalars())
        assert len(own) == 2
        sms, mails = self.installation.far_end.sms(), self.installation.far_end.emails()
        assert own.isdisjoint(one["to"] for one in sms)
        assert own.isdisjoint(to for one in mails for to in one["to"])
        # Planned before it was known, or never.
        assert ends <= {(DeliveryState.CANCELLED, "entitlement_lost")}
        assert verdicts == {Verdict.NO}

    def numbers(self) -> list[str]:
        """The telephone numbers of the school's guardians."""
        return self._addresses(AddressChannel.SMS)

    def mailboxes(self) -> list[str]:
        """The e-mail addresses of the school's guardians, in the same order."""
        return self._addresses(AddressChannel.EMAIL)

    def codes(self, channel: Channel) -> Counter[str]:
        """The codes with which attempts on one channel ended, and how often."""
        statement = (
            select(ATTEMPT.c.code)
            .join(DELIVERY, DELIVERY.c.id == ATTEMPT.c.delivery_id)
            .where(DELIVERY.c.channel == channel, ATTEMPT.c.code.is_not(None))
        )
        with self.installation.database.read() as connection:
            return Counter(connection.execute(statement).scalars())

    def to_call(self) -> list[tuple[Channel, str]]:
        """Channel and code of all that is said to have failed on the call list of the newest alert's report."""
        listed = self.installation.run("report", "latest", "--call-list", "--json").json["call_list"]
        return sorted(
            (Channel(why["channel"]), why["code"])
            for student in listed
            for guardian in student["guardians"]
            for why in guardian["why"]
        )

    def time_passes(self, seconds: float) -> None:
        """All that is due, asked about or over at some time in the database comes so much nearer."""

        def nearer(column: ColumnElement[Any]) -> dict[Any, Any]:
            return {column: plus_seconds(column, -seconds)}

        with self.installation.database.write() as connection:
            # Locked in the order in which all lock them who are at work meanwhile.
            lock_rows(connection, connection.execute(select(DELIVERY.c.id).order_by(DELIVERY.c.id)).scalars().all())
            for column in (DELIVERY.c.due_at, DELIVERY.c.expires_at, DELIVERY.c.lookup_at, DELIVERY.c.poll_at):
                connection.execute(update(DELIVERY).values(nearer(column)).where(column.is_not(None)))
            connection.execute(update(ALERT).values(nearer(ALERT.c.expires_at)))

    def _addresses(self, channel: AddressChannel) -> list[str]:
        with self.installation.database.read() as connection:
            statement = select(ADDRESS.c.value).where(ADDRESS.c.channel == channel).order_by(ADDRESS.c.id)
            return list(connection.execute(statement).scalars())

    def _repeats_on_record(self) -> int:
        with self.installation.database.read() as connection:
            return sum(connection.execute(select(DELIVERY.c.repeats)).scalars())


# For faults that need not be told of both kinds each time: `make test-faults-long` runs the embedded ones.
embedded_by_hand = pytest.mark.parametrize(
    "installation", [pytest.param("embedded", marks=pytest.mark.by_hand), "distributed"], indirect=True
)


@pytest.fixture
def trial(request: pytest.FixtureRequest, installation: Installation) -> Trial:  # noqa: F811
    """Embedded and distributed in turn."""
    return _trial(request, installation)


@pytest.fixture
def distributed_trial(request: pytest.FixtureRequest, distributed: Installation) -> Trial:  # noqa: F811
    return _trial(request, distributed)


@pytest.fixture
def embedded_trial(request: pytest.FixtureRequest, embedded: Installation) -> Trial:  # noqa: F811
    return _trial(request, embedded)


@pytest.fixture
def way(trial: Trial) -> Iterator[Way]:
    way = Way(trial.installation)
    yield way
    way.close()


def _trial(request: pytest.FixtureRequest, chosen: Installation) -> Trial:
    name = request.node.name.removeprefix("test_").replace("_", " ")
    return Trial(name, lambda entry: request.node.user_properties.append((FAULT, entry.as_json())), chosen)
