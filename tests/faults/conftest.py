"""Installations for the faults, a school of any size, and the count at the far end with which every test ends."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from bench.fill import School
from bench.fill import fill as fill_store
from contacts.codes import AddressChannel
from contacts.entitlement import Verdict
from contacts.tables import ADDRESS, CONTACT_POINT
from dispatcher.codes import DeliveryState
from dispatcher.tables import DECISION, DELIVERY
from providers.base import Channel
from tests.dispatcher.world import check_books
from tests.faults.ledger import Entry, Ledger
from tests.faults.relay import Relay
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
_LEDGER = pytest.StashKey[Ledger]()
# Where a delivery may be when a fault is over. An e-mail ends as accepted: nothing tells more of it.
_OVER = {DeliveryState.ACCEPTED, DeliveryState.DELIVERED}


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_LEDGER] = Ledger()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    ledger = config.stash.get(_LEDGER, Ledger())
    if ledger.entries:
        terminalreporter.section("faults")
        for line in ledger.lines():
            terminalreporter.write_line(line)


@dataclass(slots=True)
class Trial:
    """One fault on one installation: a school that is told, and the count that follows."""

    name: str
    ledger: Ledger
    installation: Installation
    school: School | None = None
    began: float = 0.0

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

    def all_told_once(self, seconds: float = 60.0, *, untold: Sequence[int] = ()) -> None:
        """The alert ends by itself; every SMS was taken exactly once, every e-mail under one Message-ID.

        `untold`: guardians who may not be told any more. They are not, and the books say so.
        """
        assert self.school is not None
        self.installation.closed(seconds)
        took = time.monotonic() - self.began
        counts = self.installation.far_end.counts()
        sms, mails = counts["sms_by_delivery"], counts["email_by_message_id"]
        expected = self.school.guardians - len(untold)
        # An e-mail cannot be looked up: one that is unknown after its repeat stays so, for everybody to see.
        unclear = self.installation.states(Channel.EMAIL)[DeliveryState.UNKNOWN]
        doubled = sum(count - 1 for count in sms.values())
        repeats = sum(count - 1 for count in mails.values())
        lost = expected - len(sms) + max(0, expected - unclear - len(mails))
        taken = int(counts["sms"]) + int(counts["email"])
        entry = Entry(self.name, 2 * expected, taken, repeats, unclear, doubled, lost, took)
        self.ledger.entries.append(entry)
        assert (doubled, lost) == (0, 0), entry
        assert len(mails) <= expected
        # A repeat may turn out to be the first that arrives; none goes uncounted.
        assert repeats <= self._repeats_on_record()
        over = _OVER | ({DeliveryState.CANCELLED} if untold else set())
        assert set(self.installation.states(Channel.SMS)) <= over, self.installation.states()
        assert set(self.installation.states(Channel.EMAIL)) <= over | {DeliveryState.UNKNOWN}
        for guardian in untold:
            self._was_not_told(guardian)
        check_books(self.installation.database)

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
    return Trial(name, request.config.stash[_LEDGER], chosen)


class Way:
    """Both ways to the far end of one trial, through relays."""

    def __init__(self, trial: Trial) -> None:
        sandbox = trial.installation.far_end.sandbox
        self.sms = Relay(int(sandbox.sms_url.rpartition(":")[2]))
        self.mail = Relay(sandbox.smtp_port)
        trial.installation.set("sms", api_base_url=f"http://127.0.0.1:{self.sms.port}")
        trial.installation.set("smtp", port=self.mail.port)

    def each(self) -> tuple[Relay, Relay]:
        return self.sms, self.mail


@pytest.fixture
def way(trial: Trial) -> Iterator[Way]:
    way = Way(trial)
    yield way
    for relay in way.each():
        relay.close()
