"""Loading contact points, who else owns their addresses, and the blocks that matter for them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Connection

from config.clock import months_before, oslo_midnight
from contacts.codes import AddressChannel
from contacts.entitlement import Period
from contacts.facts_sql import statements
from contacts.id_sets import id_set
from contacts.reach import PointFacts


@dataclass(frozen=True, slots=True)
class Blocks:
    """The blocks in force on one day: those about all students of a guardian, and those about one."""

    general: dict[int, tuple[Period, ...]]
    single: dict[tuple[int, int], tuple[Period, ...]]

    def of(self, guardian_id: int, student_id: int) -> tuple[Period, ...]:
        return self.general.get(guardian_id, ()) + self.single.get((guardian_id, student_id), ())

    def __bool__(self) -> bool:
        return bool(self.general or self.single)


@dataclass(frozen=True, slots=True)
class Points:
    """The contact points of guardians, one for each address, and who else owns the address."""

    by_guardian: dict[int, tuple[PointFacts, ...]]
    sharers: dict[int, set[int]]  # address id → its owners, for addresses with several
    other_owners: frozenset[int]

    def of(self, guardian_id: int, student_id: int, blocks: Blocks) -> tuple[PointFacts, ...]:
        """The guardian's points, for a message about this student: an address that a blocked person reads is marked."""
        points = self.by_guardian.get(guardian_id, ())
        if not blocks or all(point.address_id not in self.sharers for point in points):
            return points
        return tuple(
            replace(point, shared_with_blocked=True)
            if any(
                owner != guardian_id and blocks.of(owner, student_id)
                for owner in self.sharers.get(point.address_id, ())
            )
            else point
            for point in points
        )


NO_POINTS = Points({}, {}, frozenset())


def load_points(connection: Connection, guardian_ids: Collection[int], on: date, stale_after_months: int) -> Points:
    """The points of these guardians as they stand now, stale or not on the day `on`."""
    dialect = connection.dialect.name
    sql = statements(dialect)
    guardians = {"guardians": id_set(guardian_ids, dialect)}

    sharers: dict[int, set[int]] = {}
    for guardian_id, address_id, owner_id in connection.execute(sql.sharers, guardians).all():
        sharers.setdefault(address_id, set()).update((guardian_id, owner_id))
    other_owners = frozenset().union(*sharers.values()) if sharers else frozenset[int]()

    everybody = {"guardians": id_set(other_owners.union(guardian_ids), dialect)}
    spoken: dict[int, str | None] = {row[0]: row[1] for row in connection.execute(sql.languages, everybody).all()}
    one_language = {language: frozenset((language,)) for language in set(spoken.values())}

    # Several sources may tell one address of the same guardian: the best word counts.
    best: dict[tuple[int, int], tuple[int, str, bool, bool]] = {}
    fresh = guardians | {"fresh_from": oslo_midnight(months_before(on, stale_after_months))}
    for guardian_id, address_id, channel, takes_messages, opted_out, rank in connection.execute(
        sql.points, fresh
    ).all():
        known = best.get((guardian_id, address_id))
        if known is None or known[0] < rank:
            best[guardian_id, address_id] = (rank, channel, takes_messages, opted_out)

    points: dict[int, list[PointFacts]] = {}
    channels = {channel.value: channel for channel in AddressChannel}
    for (guardian_id, address_id), (rank, channel, takes_messages, opted_out) in sorted(best.items()):
        owners = sharers.get(address_id)
        points.setdefault(guardian_id, []).append(
            PointFacts(
                address_id,
                channels[channel],
                takes_messages,
                bool(opted_out),
                rank >= 2,
                rank == 2,
                False,
                one_language[spoken[guardian_id]] if owners is None else frozenset(spoken[owner] for owner in owners),
            )
        )
    return Points({guardian_id: tuple(found) for guardian_id, found in points.items()}, sharers, other_owners)


def load_blocks(connection: Connection, guardian_ids: Collection[int], on: date) -> Blocks:
    """The blocks of these guardians that are in force on the day `on`."""
    dialect = connection.dialect.name
    general: dict[int, tuple[Period, ...]] = {}
    single: dict[tuple[int, int], tuple[Period, ...]] = {}
    values = {"guardians": id_set(guardian_ids, dialect), "on": on}
    for guardian_id, student_id, start, end in connection.execute(statements(dialect).blocks, values).all():
        if student_id is None:
            general[guardian_id] = (*general.get(guardian_id, ()), Period(start, end))
        else:
            key = (guardian_id, student_id)
            single[key] = (*single.get(key, ()), Period(start, end))
    return Blocks(general, single)
