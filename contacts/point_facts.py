"""Loading contact points, who else owns their addresses, and the blocks that matter for them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Row

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
    sharers: dict[int, frozenset[int]]  # address id → owners, for addresses with several
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

    fresh = guardians | {"fresh_from": oslo_midnight(months_before(on, stale_after_months))}
    rows = connection.execute(sql.points, fresh).all()
    # What a guardian has registered with us wins over the contact register, each channel for itself, while it works.
    own = {(row[0], row[3]) for row in rows if row[9] and not row[8]}
    # Several sources may tell one address of the same guardian: the best word counts.
    best: dict[tuple[int, int], Row[*tuple[Any, ...]]] = {}
    replaced: dict[tuple[int, int], Row[*tuple[Any, ...]]] = {}
    shared: set[int] = set()
    failing: set[tuple[int, int]] = set()
    for row in rows:
        key = (row[0], row[2])
        words = replaced if row[10] and (row[0], row[3]) in own else best
        known = words.get(key)
        if known is None or known[6] < row[6]:
            words[key] = row
        if row[7]:
            shared.add(row[2])
        if row[8]:
            failing.add(key)
    if failing:
        # What one source has verified since works, whatever the others have not heard.
        failing -= {(row[0], row[2]) for row in rows if not row[8]}

    sharers: dict[int, dict[int, str | None]] = {}
    if shared:
        addresses = {"addresses": id_set(shared, dialect)}
        for address_id, owner_id, language in connection.execute(sql.sharers, addresses).all():
            sharers.setdefault(address_id, {})[owner_id] = language

    points: dict[int, list[PointFacts]] = {}
    for key, row in (replaced | best).items():
        guardian_id, language, address_id, channel, takes_messages, opted_out, rank = row[:7]
        others = sharers.get(address_id)
        languages = _one_language(language) if others is None else frozenset((language, *others.values()))
        points.setdefault(guardian_id, []).append(
            PointFacts(
                address_id,
                _CHANNELS[channel],
                takes_messages,
                bool(opted_out),
                verified=rank >= 2,
                stale=rank == 2,
                failing=key in failing,
                replaced=key not in best,
                languages=languages,
            )
        )
    return Points(
        {guardian_id: tuple(sorted(found, key=_address_id)) for guardian_id, found in points.items()},
        {address_id: frozenset(owners) for address_id, owners in sharers.items()},
        frozenset().union(*sharers.values()) if sharers else frozenset(),
    )


_CHANNELS = {channel.value: channel for channel in AddressChannel}
_address_id = attrgetter("address_id")


@cache
def _one_language(language: str | None) -> frozenset[str | None]:
    return frozenset((language,))


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
