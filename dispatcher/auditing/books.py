"""Do the books of an alert agree? The rule, over counts that others make. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dispatcher.auditing.findings import Code, Finding, several
from dispatcher.auditing.movement import AlertFacts
from dispatcher.codes import AlertState

# The alert of a school; a larger one's books are not counted beside an alert that is under way.
SMALL_STUDENTS = 2000
_FAULT = "This must not be: keep a copy of the database and report it. The report may be wrong; call who is in doubt."


@dataclass(frozen=True, slots=True)
class BookFacts:
    """What was counted in the books of one alert; all 0 where they agree.

    `undecided`: students up to the planner's place without a decision. `entitled_forgotten`: decisions that somebody
    may be told, with neither a message nor the reason why there is none. Deliveries: `nobody_meant` by them; whose last
    event tells of another state (`events_differ`); of which there are not as many attempts as claims
    (`attempts_differ`). `progress_differs`: deliveries that the progress, which watching shows, counts elsewhere.
    """

    undecided: int = 0
    entitled_forgotten: int = 0
    nobody_meant: int = 0
    events_differ: int = 0
    attempts_differ: int = 0
    progress_differs: int = 0


def judge_plan(alert: AlertFacts) -> Iterator[Finding]:
    """A plan that is called finished was made for every student."""
    finished = alert.planned_at is not None or alert.state in (AlertState.OPEN, AlertState.CLOSED)
    left = alert.student_count - alert.cursor
    if finished and left > 0:
        what = f"Planning counts as finished, and {several(left, 'student was', 'students were')} left out."
        yield Finding(Code.PLAN_INCOMPLETE, alert.number, left, what, _FAULT)


def judge_books(number: str, facts: BookFacts) -> Iterator[Finding]:
    """What does not agree in the books of the alert with this number."""
    told = (
        (Code.UNDECIDED, facts.undecided, "student has no decision", "students have no decision"),
        (
            Code.ENTITLED_FORGOTTEN,
            facts.entitled_forgotten,
            "entitled guardian has neither a message nor a reason why not",
            "entitled guardians have neither a message nor a reason why not",
        ),
        (Code.NOBODY_MEANT, facts.nobody_meant, "message is meant for nobody", "messages are meant for nobody"),
        (
            Code.PROGRESS_DIFFERS,
            facts.progress_differs,
            "message is not where the watch page counts it",
            "messages are not where the watch page counts them",
        ),
        (
            Code.EVENTS_DIFFER,
            facts.events_differ,
            "message is not where its last event left it",
            "messages are not where their last events left them",
        ),
        (
            Code.ATTEMPTS_DIFFER,
            facts.attempts_differ,
            "message has not as many attempts on record as it had claims",
            "messages have not as many attempts on record as they had claims",
        ),
    )
    for code, count, one, more in told:
        if count:
            yield Finding(code, number, count, f"{several(count, one, more)}.", _FAULT)


def not_counted(alert: AlertFacts) -> Finding:
    """The note that a large alert's books were left alone."""
    return Finding(
        Code.BOOKS_NOT_COUNTED,
        alert.number,
        alert.student_count,
        f"The books of this alert about {alert.student_count} students were not counted, so as not to be in its way.",
        f"beredskap audit --alert {alert.number} counts them.",
    )
