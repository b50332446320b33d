"""How reminding stands with everybody: who is due what, today, and what is missing. It changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, select

from config.clock import db_now, oslo_date
from config.database import Database
from config.sections import OrganisationSettings
from config.spare_sections import RemindersSettings
from contacts.audience import AudienceSchool
from contacts.codes import AddressChannel
from contacts.facts import CHUNK
from contacts.forgetting import in_chunks
from contacts.id_sets import among, id_set
from contacts.reminder_facts import guardians_at, load_reminders
from contacts.reminders import WAYS, Campaign, Lack, LastMessage, ReminderFacts, Rules, Standing, lacks, standing
from dispatcher.codes import DeliveryState
from dispatcher.outbox.transitions import FINAL
from dispatcher.tables import DELIVERY


@dataclass(frozen=True, slots=True)
class Policy:
    """How reminders are made here."""

    organisation: OrganisationSettings
    settings: RemindersSettings

    @property
    def rules(self) -> Rules:
        return Rules(self.settings.days_between, self.settings.at_most, self.settings.letters)


@dataclass(frozen=True, slots=True)
class Looked:
    """One guardian at one moment."""

    facts: ReminderFacts
    standing: Standing
    last: LastMessage

    @property
    def to_close(self) -> bool:
        """The last campaign has reached what it was for."""
        return self.standing is Standing.COMPLETE and self.facts.last is not None and not self.facts.last.fixed

    @property
    def to_give_up(self) -> bool:
        return self.standing is Standing.GIVEN_UP and self.facts.last is not None and not self.facts.last.given_up


@dataclass
class Survey:
    """How it stands with all who were asked about. `lacking`: what is missing, of those of whom it may be asked for.

    `to_do`: the guardians about whom a round does something; `no_way`: those whom somebody must ask in person.
    """

    at: datetime
    standings: Counter[Standing] = field(default_factory=Counter)
    lacking: Counter[tuple[AddressChannel, Lack]] = field(default_factory=Counter)
    to_do: dict[Standing, list[int]] = field(default_factory=dict)
    no_way: list[int] = field(default_factory=list)
    guardians: list[int] = field(default_factory=list)
    open: dict[int, Standing] = field(default_factory=dict)  # by campaign, those that are not over

    def due(self, *standings: Standing) -> list[int]:
        return sorted(one for standing in standings for one in self.to_do.get(standing, ()))

    def add(self, looked: Looked) -> None:
        self.standings[looked.standing] += 1
        guardian_id, last = looked.facts.guardian_id, looked.facts.last
        if looked.standing in WAYS or looked.to_close or looked.to_give_up:
            self.to_do.setdefault(looked.standing, []).append(guardian_id)
        if looked.standing is Standing.NO_WAY:
            self.no_way.append(guardian_id)
        if looked.standing not in (Standing.COMPLETE, Standing.NOT_OURS):
            self.lacking.update(lacks(looked.facts.points).items())
        if last is not None and not last.fixed:
            self.open[last.id] = looked.standing


def survey(database: Database, schools: Sequence[AudienceSchool], policy: Policy) -> Survey:
    """Look at all guardians of these schools, or (none given) of all. Changes nothing, and locks nothing."""
    with database.read() as connection:
        now = connection.execute(select(db_now())).scalar_one()
        found = Survey(now, guardians=guardians_at(connection, schools, oslo_date(now)))
    for chunk in in_chunks(found.guardians, CHUNK):
        with database.read() as connection:
            for looked in look(connection, chunk, now, policy):
                found.add(looked)
    return found


def look(connection: Connection, guardian_ids: Collection[int], now: datetime, policy: Policy) -> Iterator[Looked]:
    """How it stands with each of these guardians at the moment `now`."""
    months = policy.organisation.stale_after_months
    facts = load_reminders(connection, guardian_ids, oslo_date(now), stale_after_months=months)
    messages = _last_messages(connection, [one.last for one in facts.values() if one.last is not None])
    for one in facts.values():
        last = LastMessage.LEFT if one.last is None else messages.get(one.last.notice_id or 0, LastMessage.LEFT)
        yield Looked(one, standing(one, last, now, policy.rules), last)


def _last_messages(connection: Connection, campaigns: Sequence[Campaign]) -> Mapping[int, LastMessage]:
    """What became of the last messages, by notice; nothing of one that was long ago, and deleted since."""
    dialect = connection.dialect.name
    notices = [one.notice_id for one in campaigns if one.notice_id is not None and not one.fixed]
    rows = connection.execute(
        select(DELIVERY.c.notice_id, DELIVERY.c.state).where(among(DELIVERY.c.notice_id, "notices", dialect)),
        {"notices": id_set(notices, dialect)},
    )
    return {row.notice_id: _last_message(row.state) for row in rows}


def _last_message(state: DeliveryState) -> LastMessage:
    if state in (DeliveryState.EXPIRED, DeliveryState.CANCELLED):
        return LastMessage.NEVER_LEFT
    if state in FINAL or state in (DeliveryState.ACCEPTED, DeliveryState.UNKNOWN):
        return LastMessage.LEFT
    return LastMessage.UNDER_WAY
