"""Installations for the faults, a school of any size, and the count at the far end with which every test ends."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
from sqlalchemy import select

from bench.fill import School
from bench.fill import fill as fill_store
from contacts.codes import AddressChannel
from contacts.tables import ADDRESS
from dispatcher.codes import DeliveryState
from dispatcher.tables import DELIVERY
from providers.base import Channel
from tests.dispatcher.world import check_books
from tests.faults.ledger import FAULT, Entry, LedgerOfSession
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

    def struck(self) -> None:
        """The fault has ended: from now on the time to recover is counted."""
        self.began = time.monotonic()

    def all_told_once(self, seconds: float = 60.0) -> None:
        """The alert ends by itself; every SMS was taken exactly once, every e-mail under one Message-ID."""
        assert self.school is not None
        self.installation.closed(seconds)
        took = time.monotonic() - self.began
        counts = self.installation.far_end.counts()
        sms, mails = Counter(counts["sms_by_delivery"]), counts["email_by_message_id"]
        for other in self.others:
            sms.update(other())
        expected = self.school.guardians
        # An e-mail cannot be looked up: one that is unknown after its repeat stays so, for everybody to see.
        unclear = self.installation.states(Channel.EMAIL)[DeliveryState.UNKNOWN]
        doubled = sum(count - 1 for count in sms.values())
        repeats = sum(count - 1 for count in mails.values())
        lost = expected - len(sms) + max(0, expected - unclear - len(mails))
        taken = sms.total() + int(counts["email"])
        entry = Entry(self.name, 2 * expected, taken, repeats, unclear, doubled, lost, took)
        self.record(entry)
        assert (doubled, lost) == (0, 0), entry
        assert len(mails) <= expected
        # A repeat may turn out to be the first that arrives; none goes uncounted.
        assert repeats <= self._repeats_on_record()
        assert set(self.installation.states(Channel.SMS)) <= _OVER, self.installation.states()
        assert set(self.installation.states(Channel.EMAIL)) <= _OVER | {DeliveryState.UNKNOWN}
        check_books(self.installation.database)

    def numbers(self) -> list[str]:
        """The telephone numbers of the school's guardians."""
        with self.installation.database.read() as connection:
            statement = select(ADDRESS.c.value).where(ADDRESS.c.channel == AddressChannel.SMS).order_by(ADDRESS.c.id)
            return list(connection.execute(statement).scalars())

    def _repeats_on_record(self) -> int:
        with self.installation.database.read() as connection:
            return sum(connection.execute(select(DELIVERY.c.repeats)).scalars())


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


def _trial(request: pytest.FixtureRequest, chosen: Installation) -> Trial:
    name = request.node.name.removeprefix("test_").replace("_", " ")
    return Trial(name, lambda entry: request.node.user_properties.append((FAULT, entry.as_json())), chosen)
