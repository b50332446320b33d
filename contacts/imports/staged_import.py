"""The one way of every import: read into temporary tables, compare with the store, show the plan, apply it whole.

Reading touches no table of the store, so that a long file holds up nobody. Comparing reads one snapshot. Applying
compares again and writes, in one transaction: all of the plan, or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, or_, select, text, update

from config.audit import record_act
from config.clock import db_now, oslo_date
from config.counters import CONTACTS_REVISION, bump
from config.database import Database
from config.errors import BeredskapError
from config.keys import Keys
from contacts.imports import staged, store
from contacts.imports.comparing import Comparison
from contacts.imports.endings import (
    ending_steps,
    find_scope,
    guardianship_current,
    guardianship_ends,
    refused_unknown,
)
from contacts.imports.guardian_roles import resolve_guardian_roles
from contacts.imports.link_steps import consent_steps, guardianship_steps, point_steps
from contacts.imports.links import gather_points, resolve_consents, resolve_guardianships
from contacts.imports.loading import Loader
from contacts.imports.matching import add_bare_guardians, match_persons, settle_persons, settle_refusals
from contacts.imports.person_steps import person_steps
from contacts.imports.plan import Count, Plan
from contacts.imports.postal_steps import postal_steps
from contacts.imports.records import Lost, Place, Reading, Refusal, Unknown
from contacts.imports.register_entry_steps import register_entry_steps
from contacts.imports.roster import resolve_groups, resolve_memberships
from contacts.imports.roster_steps import enrolment_steps, group_steps, membership_steps, school_steps
from contacts.imports.step import Kind, Step, Verb

# The tables of which a large import makes another picture than the one that PostgreSQL has of them.
LARGE = (
    store.person,
    store.identifier,
    store.student,
    store.enrolment,
    store.membership,
    store.guardianship,
    store.address,
    store.point,
    store.register_entry,
    store.postal_address,
)
# So few records need no planning of their queries.
_FEW = 1000
# Refused records that a plan carries; the rest are counted.
_LISTED = 200


class StagedImport:
    """The records of one import, read and waiting on one connection. Made by `stage`."""

    def __init__(
        self,
        connection: Connection,
        reading: Reading,
        records: int,
        digest: str,
        *,
        trusted: bool,
        own_addresses: bool,
        postal_addresses: bool,
    ) -> None:
        self._connection = connection
        self._reading = reading
        self._records = records
        self._digest = digest
        self._trusted = trusted
        # The contact register is not asked about students; what it says of one who is a guardian, too, is a guardian's.
        self._own_addresses = own_addresses and not reading.contact_register
        self._postal_addresses = postal_addresses

    def preview(self) -> Plan:
        """Compare with the store as it is now. Changes nothing."""
        self._connection.execution_options(reads_only=True)
        with self._connection.begin():
            comparison = self._compare(allocates=False)
            return self._plan(comparison, self._steps(comparison, operator=""))

    def apply(self, *, operator: str, allow_ending: int | None = None, expected: Plan | None = None) -> Plan:
        """Compare again and write the plan, in one transaction. An import that changes nothing writes nothing.

        Raises BeredskapError, and changes nothing, when more would end than is allowed, or when the plan is no longer
        the `expected` one.
        """
        self._connection.execution_options(reads_only=False)
        with self._connection.begin():
            comparison = self._compare(allocates=True)
            steps = self._steps(comparison, operator=operator)
            plan = self._plan(comparison, steps)
            if expected is not None and plan != expected:
                raise BeredskapError(
                    "The contact store was changed by somebody else since the preview.",
                    remedy="Run the import again, and look at the new preview.",
                )
            plan.check_endings(allow_ending)
            if plan.changes:
                for step in steps:
                    step.apply(self._connection)
                if self._records > _FEW:
                    _analyse_store(self._connection)
                self._record(plan, operator)
        return plan

    def _compare(self, *, allocates: bool) -> Comparison:
        connection = self._connection
        now = connection.execute(select(db_now())).scalar_one()
        comparison = Comparison(
            connection=connection,
            source=self._reading.source,
            full=self._reading.full,
            trusted=self._trusted,
            now=now,
            today=oslo_date(now),
            allocates=allocates,
            contact_register=self._reading.contact_register,
            one_basis=self._reading.one_basis,
            unspoken=self._reading.unspoken,
            own_addresses=self._own_addresses,
            postal_addresses=self._postal_addresses,
        )
        _reset(connection)
        match_persons(comparison)
        resolve_groups(comparison)
        resolve_memberships(comparison)
        resolve_guardianships(comparison)
        resolve_guardian_roles(comparison)
        resolve_consents(comparison)
        settle_persons(comparison)
        settle_refusals(comparison)
        gather_points(comparison)
        find_scope(comparison)
        if self._records > _FEW:
            staged.analyse(connection)
        return comparison

    def _steps(self, comparison: Comparison, *, operator: str) -> tuple[Step, ...]:
        return (
            *school_steps(comparison),
            *person_steps(comparison),
            *register_entry_steps(),
            *postal_steps(comparison),
            *group_steps(comparison),
            *enrolment_steps(comparison),
            *membership_steps(comparison),
            *guardianship_steps(comparison),
            *consent_steps(comparison, operator),
            *point_steps(comparison),
            *ending_steps(comparison),
        )

    def _plan(self, comparison: Comparison, steps: tuple[Step, ...]) -> Plan:
        connection = self._connection
        found: dict[Kind, dict[Verb, int]] = {kind: dict.fromkeys(Verb, 0) for kind in Kind}
        for step in steps:
            if step.kind is not None and step.verb is not None:
                found[step.kind][step.verb] += step.count(connection)
        counts = tuple(
            Count(kind, verbs[Verb.ADDED], verbs[Verb.CHANGED], verbs[Verb.ENDED])
            for kind, verbs in found.items()
            if any(verbs.values())
        )
        refused, refusals = _refusals(connection)
        current, ending = 0, 0
        if self._reading.full:
            links = store.guardianship
            in_force, ends = guardianship_current(comparison), guardianship_ends(comparison)
            current = _number(connection, select(links.c.id).where(in_force))
            ending = _number(connection, select(links.c.id).where(in_force, ends))
        suspended = self._reading.full and _number(connection, refused_unknown()) > 0
        ends_students = any(count.kind is Kind.STUDENTS and count.ended for count in counts)
        return Plan(
            format=self._reading.format,
            source=self._reading.source,
            full=self._reading.full,
            files=self._reading.files,
            records=self._records,
            counts=counts,
            refused=refused,
            refusals=refusals,
            strangers=_number(connection, _strangers()),
            contacts_verified=self._trusted,
            guardianships_in_force=current,
            guardianships_ending=ending,
            no_students_left=ends_students and not _number(connection, select(staged.student.c.person_id)),
            endings_suspended=suspended,
            notes=self._reading.notes,
        )

    def _record(self, plan: Plan, operator: str) -> None:
        from contacts.models import ImportRun

        totals = {verb.value: plan.total(verb) for verb in Verb}
        self._connection.execute(
            insert(ImportRun).values(
                format=plan.format,
                source=plan.source,
                digest=self._digest,
                applied_at=db_now(),
                operator=operator,
                refused=plan.refused,
                **totals,
            )
        )
        bump(self._connection, CONTACTS_REVISION)
        record_act(
            self._connection,
            operator=operator,
            act="contacts.import",
            subject=f"source {plan.source}"[:200],
            details={"format": plan.format, "digest": self._digest, "refused": plan.refused, **totals},
        )


@contextmanager
def stage(
    database: Database,
    keys: Keys,
    reading: Reading,
    *,
    trusted_sources: tuple[str, ...] = (),
    own_addresses: bool = False,
    postal_addresses: bool = False,
    progress: Callable[[int], None] = lambda _records: None,
    digest: Callable[[], str] = lambda: "",
) -> Iterator[StagedImport]:
    """Read all records into temporary tables of one connection, and hand out the import that waits there.

    Raises what the reader raises: UsageError for a file that cannot be used. `progress` gets the number of records
    read, now and then. `digest` is asked for the digest of the files when they have been read. `own_addresses`: those
    of students are taken, too; `postal_addresses`: those of guardians, from the population register.
    """
    connection = database.engine.connect()
    # The temporary tables belong to this connection and must not be met by whoever gets it next.
    connection.detach()
    try:
        connection.execution_options(reads_only=True)
        loader = Loader(connection, keys)
        trusted = reading.format in trusted_sources or reading.source in trusted_sources
        with connection.begin():
            staged.create(connection)
            loader.load(reading, progress)
            staged.index(connection)
            add_bare_guardians(connection)
            if loader.records > _FEW:
                staged.analyse(connection)
        yield StagedImport(
            connection,
            reading,
            loader.records,
            digest(),
            trusted=trusted,
            own_addresses=own_addresses,
            postal_addresses=postal_addresses,
        )
    finally:
        connection.close()


def _number(connection: Connection, rows: Select[Any]) -> int:
    return int(connection.execute(select(func.count()).select_from(rows.subquery())).scalar_one())


def _strangers() -> Select[Any]:
    person = staged.person
    return select(person.c.n).where(person.c.state == staged.NOT_NEEDED, person.c.unknown == int(Unknown.COUNT))


def _refusals(connection: Connection) -> tuple[int, tuple[Refusal, ...]]:
    table = staged.refusal
    rows = connection.execute(
        select(table.c.file, table.c.record, table.c.reason, table.c.lost)
        .where(table.c.told)
        .order_by(table.c.lost, table.c.file, func.length(table.c.record), table.c.record, table.c.reason)
        .limit(_LISTED)
    )
    listed = tuple(Refusal(Place(row.file, row.record), row.reason, lost=Lost(row.lost)) for row in rows)
    return _number(connection, select(table.c.file).where(table.c.told)), listed


def _analyse_store(connection: Connection) -> None:
    """PostgreSQL looks at changed tables by itself within minutes; the next alert or import may come before."""
    if connection.dialect.name == "postgresql":
        for table in LARGE:
            connection.execute(text(f"ANALYZE {table.name}"))


def _reset(connection: Connection) -> None:
    """Forget an earlier comparison; what was read stays."""
    for table in staged.COMPARED:
        connection.execute(delete(table))
    connection.execute(delete(staged.refusal).where(staged.refusal.c.found))
    ids = {
        staged.person: ("person_id", "own_ref"),
        staged.group: ("school_id", "group_id"),
        staged.membership: ("student_id", "kind", "school_id", "group_id", "over_on"),
        staged.guardianship: ("student_id", "guardian_id"),
        staged.guardian_role: ("guardian_id", "school_id"),
        staged.consent: ("student_id", "guardian_id"),
    }
    for table, columns in ids.items():
        touched = or_(table.c.state != staged.OPEN, *(table.c[name].is_not(None) for name in columns))
        connection.execute(update(table).where(touched).values(state=staged.OPEN, **dict.fromkeys(columns)))
