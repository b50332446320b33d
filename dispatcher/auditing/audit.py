"""One audit: all facts out of one snapshot, judged."""

from __future__ import annotations

from collections.abc import Collection

from config.database import Database
from dispatcher.auditing.books import SMALL_STUDENTS, judge_books, judge_plan, not_counted
from dispatcher.auditing.books_sql import count_books
from dispatcher.auditing.findings import Audit, Finding, sorted_findings
from dispatcher.auditing.movement import AlertFacts, judge_movement, note_movement
from dispatcher.auditing.movement_sql import read_movement


def audit(
    database: Database,
    grace: float,
    *,
    number: str | None = None,
    large_ended: bool = False,
    counted: Collection[str] = (),
) -> Audit:
    """Audit every alert that has not ended, or has within the last day; or the one with `number` alone.

    Reads only, in one snapshot, and costs little beside an alert of any size: the books of a large one are counted
    when it is named, or with `large_ended` after its end, unless it is one of `counted`, which were seen to agree.
    """
    with database.read() as connection:
        facts = read_movement(connection, grace, number=number)
        alerts = [one for one in facts.alerts if number in (None, one.number)]
        findings = [*judge_movement(facts)]
        notes = [*note_movement(facts)]
        balanced = set()
        for alert in alerts:
            found = [*judge_plan(alert)]
            if alert.number in counted and not alert.under_way:
                balanced.add(alert.number)
            elif number is not None or _may_count(alert, large_ended):
                found += judge_books(alert.number, count_books(connection, alert.id))
                if not found and not alert.under_way:
                    balanced.add(alert.number)
            else:
                notes.append(not_counted(alert))
            findings += found
    return Audit(
        findings=_of(findings, number),
        notes=_of(notes, number),
        alerts=tuple(alert.number for alert in alerts),
        balanced=frozenset(balanced),
    )


def _may_count(alert: AlertFacts, large_ended: bool) -> bool:
    return alert.student_count <= SMALL_STUDENTS or (large_ended and not alert.under_way)


def _of(found: list[Finding], number: str | None) -> tuple[Finding, ...]:
    return sorted_findings(one for one in found if number in (None, one.alert))
