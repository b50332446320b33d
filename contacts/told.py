"""Who was told something, and where: added to the cases where the store no longer links them, or not to that address.

A guardianship may end, and a number be corrected, between a message and the one that takes it back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeAlias

from sqlalchemy import Connection, select

from contacts.entitlement import ConsentState, GuardianFacts
from contacts.facts import GuardianCase, StudentCase
from contacts.facts_sql import statements
from contacts.id_sets import among, id_set
from contacts.point_facts import load_blocks
from contacts.reach import PointFacts
from contacts.tables import ADDRESS, PERSON

# (student, guardian) → the ids of the addresses at which the guardian was told about the student.
ToldAt: TypeAlias = Mapping[tuple[int, int], Collection[int]]


@dataclass(frozen=True, slots=True)
class ToldCases:
    """`cases`: with everybody who was told. `former`: by student and guardian, the addresses at which they were told
    and which are no longer the guardian's; verified by having been used, in the language of whoever has them now."""

    cases: Sequence[StudentCase]
    former: Mapping[tuple[int, int], tuple[PointFacts, ...]]


def with_told(connection: Connection, cases: Sequence[StudentCase], told: ToldAt, on: date) -> ToldCases:
    """Add to the cases, as loaded for the day `on`, whoever was told; who is no longer in the store is not added."""
    by_student = {case.student_id: case for case in cases}
    linked = {(case.student_id, one.guardian_id): one for case in cases for one in case.guardians}
    gone = {guardian for student, guardian in told if student in by_student and (student, guardian) not in linked}
    former = {
        pair: [one for one in addresses if one not in _addresses(linked.get(pair))] for pair, addresses in told.items()
    }
    deceased = _deceased(connection, gone)
    found = _load_addresses(connection, {one for addresses in former.values() for one in addresses})
    owners = {owner for one in found.values() for owner in one.owners}
    blocks = load_blocks(connection, gone | owners, on)
    points: dict[tuple[int, int], tuple[PointFacts, ...]] = {}
    more: dict[int, list[GuardianCase]] = {}
    for (student_id, guardian_id), addresses in former.items():
        known = linked.get((student_id, guardian_id))
        if known is None and (student_id not in by_student or guardian_id not in deceased):
            continue
        if known is None:
            facts = GuardianFacts(deceased[guardian_id], blocks.of(guardian_id, student_id))
            more.setdefault(student_id, []).append(GuardianCase(guardian_id, facts, (), ConsentState.NEVER_GIVEN, ()))
        points[student_id, guardian_id] = tuple(
            replace(
                found[one].point,
                shared_with_blocked=any(
                    owner != guardian_id and blocks.of(owner, student_id) for owner in found[one].owners
                ),
            )
            for one in addresses
            if one in found
        )
    completed = [
        replace(case, guardians=(*case.guardians, *more[case.student_id])) if case.student_id in more else case
        for case in cases
    ]
    return ToldCases(completed, {pair: some for pair, some in points.items() if some})


@dataclass(slots=True)
class _Address:
    point: PointFacts
    owners: set[int]


def _addresses(guardian: GuardianCase | None) -> frozenset[int]:
    return frozenset(point.address_id for point in guardian.points) if guardian else frozenset()


def _deceased(connection: Connection, guardians: Collection[int]) -> dict[int, bool]:
    if not guardians:
        return {}
    dialect = connection.dialect.name
    statement = select(PERSON.c.id, PERSON.c.deceased).where(among(PERSON.c.id, "guardians", dialect))
    rows = connection.execute(statement, {"guardians": id_set(sorted(guardians), dialect)})
    return {row.id: bool(row.deceased) for row in rows}


def _load_addresses(connection: Connection, ids: Collection[int]) -> dict[int, _Address]:
    if not ids:
        return {}
    dialect = connection.dialect.name
    values = {"addresses": id_set(sorted(ids), dialect)}
    address = ADDRESS.c
    statement = select(address.id, address.channel, address.takes_messages, address.opted_out_at)
    found = {
        row.id: _Address(
            PointFacts(row.id, row.channel, row.takes_messages, row.opted_out_at is not None, verified=True), set()
        )
        for row in connection.execute(statement.where(among(address.id, "addresses", dialect)), values)
    }
    languages: dict[int, set[str | None]] = {}
    for address_id, owner_id, language in connection.execute(statements(dialect).sharers, values):
        found[address_id].owners.add(owner_id)
        languages.setdefault(address_id, set()).add(language)
    for address_id, spoken in languages.items():
        found[address_id].point = replace(found[address_id].point, languages=frozenset(spoken))
    return found
