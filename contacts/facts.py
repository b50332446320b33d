"""Loading what the rules ask about many students at once: six set-based queries a chunk, whatever its size."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from sqlalchemy import Connection

from contacts.codes import Basis, ConsentPurpose, Protection
from contacts.entitlement import (
    ConsentState,
    Entitlement,
    GuardianFacts,
    GuardianshipFacts,
    Period,
    StudentFacts,
    age_on,
    consent_state,
    decide,
)
from contacts.facts_sql import day_parameters, statements
from contacts.id_sets import id_set
from contacts.page_rule import decide_page
from contacts.point_facts import NO_POINTS, load_blocks, load_points
from contacts.reach import PointFacts

CHUNK = 500


@dataclass(frozen=True, slots=True)
class GuardianCase:
    """All that the rules ask about one guardian with regard to one student.

    `points`: one for each address, in the order of their ids; empty when they were not loaded.
    """

    guardian_id: int
    facts: GuardianFacts
    guardianships: tuple[GuardianshipFacts, ...]
    consent: ConsentState
    points: tuple[PointFacts, ...]


@dataclass(frozen=True, slots=True)
class StudentCase:
    """A student, and everybody whom a guardianship or a consent to the purpose ever linked to that student.

    `ref` is what people call the student by; `school_id` the (main) school today, None for one who goes to none.
    `purpose`: what the loaded consents are to, and so the question that this case answers.
    """

    student_id: int
    ref: str | None
    school_id: int | None
    facts: StudentFacts
    guardians: tuple[GuardianCase, ...]
    purpose: ConsentPurpose = ConsentPurpose.ALERTS

    def decide(self, guardian: GuardianCase, on: date) -> Entitlement:
        """The rule's answer for one of `guardians`, on the day the facts were loaded for: may they be told in alerts,
        or, of a case with the consents to the portal, see the page?"""
        rule = decide if self.purpose is ConsentPurpose.ALERTS else decide_page
        return rule(self.facts, guardian.facts, guardian.guardianships, guardian.consent, on)


def load_cases(
    connection: Connection,
    student_ids: Sequence[int],
    on: date,
    *,
    stale_after_months: int,
    with_points: bool = True,
    purpose: ConsentPurpose = ConsentPurpose.ALERTS,
) -> list[StudentCase]:
    """The cases of these students on the day `on` in Oslo, in the order of `student_ids`; with consents to `purpose`.

    Ids that are no student's are left out; students who left or died are not: the audience is what excludes them.
    Without points half the work is saved: enough to ask again who is entitled.
    """
    cases: list[StudentCase] = []
    for start in range(0, len(student_ids), CHUNK):
        with collector_paused():
            chunk = student_ids[start : start + CHUNK]
            cases += _load_chunk(connection, chunk, on, stale_after_months, with_points, purpose)
    return cases


def decision_inputs_json(case: StudentCase, guardian: GuardianCase, on: date) -> str:
    """What a decision was made of, as JSON for its record: without names, addresses and birth dates."""
    return _inputs_json(case.facts, guardian.facts, guardian.guardianships, guardian.consent, on)


@lru_cache(maxsize=20_000)
def _inputs_json(
    student: StudentFacts,
    guardian: GuardianFacts,
    guardianships: tuple[GuardianshipFacts, ...],
    consent: ConsentState,
    on: date,
) -> str:
    inputs = {
        "on": on.isoformat(),
        "age": None if student.birth_date is None else age_on(student.birth_date, on),
        "student_deceased": student.deceased,
        "protection": "unknown" if student.protection_unknown else student.protection.value,
        "released": student.released,
        "register_document": student.has_register_document,
        "deceased": guardian.deceased,
        "blocked": any(block.covers(on) for block in guardian.blocks),
        "consent": consent.value,
        "guardianships": [
            {
                "basis": row.basis.value,
                "from": row.valid.start and row.valid.start.isoformat(),
                "to": row.valid.end and row.valid.end.isoformat(),
                "documented": row.documented,
                "student_agreed": row.student_agreed,
            }
            for row in guardianships
        ],
    }
    return json.dumps(inputs, separators=(",", ":"), sort_keys=True)


@contextmanager
def collector_paused() -> Iterator[None]:
    """No cyclic garbage collection within: loading and planning make many thousands of objects and no cycle among them.

    Walking them again and again took a third of the time.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _load_chunk(
    connection: Connection,
    student_ids: Sequence[int],
    on: date,
    stale_after_months: int,
    with_points: bool,
    purpose: ConsentPurpose,
) -> list[StudentCase]:
    dialect = connection.dialect.name
    sql = statements(dialect)
    day = day_parameters(on)
    students = day | {"students": id_set(student_ids, dialect), "purpose": purpose}
    student_rows = {row[0]: row for row in connection.execute(sql.students, students).all()}

    links: dict[int, dict[int, list[GuardianshipFacts]]] = {}
    guardian_ids: set[int] = set()
    deceased: set[int] = set()
    for student_id, guardian_id, dead, *row in connection.execute(sql.guardianships, students).all():
        links.setdefault(student_id, {}).setdefault(guardian_id, []).append(_guardianship(*row))
        guardian_ids.add(guardian_id)
        if dead:
            deceased.add(guardian_id)
    consents: dict[tuple[int, int], list[Period]] = {}
    for student_id, guardian_id, dead, given, withdrawn in connection.execute(sql.consents, students).all():
        # A consent stands on its own: whoever it names is a guardian, with or without a guardianship.
        links.setdefault(student_id, {}).setdefault(guardian_id, [])
        consents.setdefault((student_id, guardian_id), []).append(Period(given, withdrawn))
        guardian_ids.add(guardian_id)
        if dead:
            deceased.add(guardian_id)

    points = load_points(connection, guardian_ids, on, stale_after_months) if with_points else NO_POINTS
    blocks = load_blocks(connection, guardian_ids | points.other_owners, on)

    cases: list[StudentCase] = []
    for student_id in student_ids:
        found = student_rows.get(student_id)
        if found is None:
            continue
        guardians = []
        for guardian_id, rows in sorted(links.get(student_id, {}).items()):
            given = consents.get((student_id, guardian_id))
            guardians.append(
                GuardianCase(
                    guardian_id,
                    _guardian(guardian_id in deceased, blocks.of(guardian_id, student_id)),
                    tuple(rows),
                    ConsentState.NEVER_GIVEN if given is None else consent_state(given, on),
                    points.of(guardian_id, student_id, blocks),
                )
            )
        cases.append(StudentCase(student_id, found[1], found[2], _student(*found[3:]), tuple(guardians), purpose))
    return cases


# Most people are alike in what the rule asks: equal facts are one object, made once.


@lru_cache(maxsize=20_000)
def _student(
    birth_date: date | None,
    deceased: bool,
    protection: str,
    released: bool,
    has_register_document: bool,
    protection_unknown: bool,
) -> StudentFacts:
    return StudentFacts(
        birth_date,
        deceased,
        Protection(protection),
        bool(released),
        bool(has_register_document),
        bool(protection_unknown),
    )


@lru_cache(maxsize=20_000)
def _guardianship(
    basis: str, valid_from: date | None, valid_to: date | None, documented: bool, student_agreed: bool
) -> GuardianshipFacts:
    return GuardianshipFacts(Basis(basis), Period(valid_from, valid_to), bool(documented), student_agreed)


@lru_cache(maxsize=20_000)
def _guardian(deceased: bool, blocks: tuple[Period, ...]) -> GuardianFacts:
    return GuardianFacts(deceased, blocks)
