"""What the crisis board shows of an alert: what `alert watch` shows, whom to call, and whom staff have reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, func, select

from config.clock import oslo_date
from config.operators import Operator
from contacts.id_sets import among, id_set
from contacts.tables import PERSON
from dispatcher.alerts.marks import Mark, marks_of
from dispatcher.alerts.sight import find_alert_for
from dispatcher.reports.call_list import listed_students
from dispatcher.reports.reduced import reduced_at, who_is_gone
from dispatcher.reports.watching import WatchFigures, WatchStudents, watch_figures, watch_students
from dispatcher.reports.words import short_name
from dispatcher.tables import ALERT, ANSWER, FIGURES, MARK, PROGRESS, AnyRow

# Students to call on the board, at most: more are on the call list of the report.
TO_CALL = 200


@dataclass(frozen=True, slots=True)
class MarkOnBoard:
    """One mark as everybody at the board may read it. `student` and `guardian`: refs, by which it is taken back; no
    guardian where it was the student, or somebody at home.

    Of a student who is protected, or may be, `name`, `home_class`, `guardian_name` and `note` are None.
    """

    student: str
    name: str | None
    home_class: str | None
    guardian: str | None
    guardian_name: str | None
    note: str | None = field(repr=False)
    marked_by: str
    marked_at: datetime
    taken_back_by: str | None
    taken_back_at: datetime | None


@dataclass(frozen=True, slots=True)
class BoardToken:
    """Another one whenever a message has moved, an answer has come, or the alert has gone on or become figures
    (`sending`), or somebody was marked or a mark taken back (`marks`). Compare it, and read nothing into it."""

    sending: tuple[object, ...]
    marks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Board:
    """The board at one moment. `token`: that of `board_token`, read before everything else.

    `students.call_first`: those with nobody reached and no message on its way, unreached ones first. `marks`: the
    newest first, those that were taken back, too.
    """

    token: BoardToken
    figures: WatchFigures
    students: WatchStudents
    marks: tuple[MarkOnBoard, ...]


def alert_with_board(connection: Connection, number: str, operator: Operator) -> AnyRow:
    """The alert with this number, or for "latest" the newest that the operator may look at; its board is `read_board`.

    Raises UsageError when there is none, or figures alone are left of it; NotPermittedError when it is not for them.
    """
    alert = find_alert_for(connection, number, operator)
    _refuse_reduced(connection, alert.id, alert.number)
    return alert


def read_board(connection: Connection, alert_id: int, *, limit: int = TO_CALL) -> Board:
    """Read the board of an alert; at most `limit` students to call. A fixed number of statements, whatever its size.

    It costs what the classes of all its students do, a second in an alert to 100,000: read it once for all who watch,
    and only when `board_token` has changed. Rates, expected end and health change with time alone: `watch_figures`.
    Raises UsageError when figures alone are left of it.
    """
    token = board_token(connection, alert_id)
    figures = watch_figures(connection, alert_id)
    _refuse_reduced(connection, alert_id, figures.alert.number)
    students = watch_students(connection, alert_id, ended=figures.ended, limit=limit)
    return Board(token, figures, students, _marks(connection, alert_id, figures.now))


def board_token(connection: Connection, alert_id: int) -> BoardToken:
    """How far the board of an alert has come. One cheap statement, for many who watch at once."""
    # Counted, and not only the highest id: of two who write at once, the one with the lower id may commit last.
    progress = (func.max(PROGRESS.c.id), func.count(PROGRESS.c.id))
    marks = (func.count(MARK.c.id), func.count(MARK.c.taken_back_at))
    state, cursor, newest, moves, answers, figures, *marked = connection.execute(
        select(
            ALERT.c.state,
            ALERT.c.cursor,
            *(select(one).where(PROGRESS.c.alert_id == alert_id).scalar_subquery() for one in progress),
            select(func.count(ANSWER.c.id)).where(ANSWER.c.alert_id == alert_id).scalar_subquery(),
            select(func.count()).where(FIGURES.c.alert_id == alert_id).scalar_subquery(),
            *(select(one).where(MARK.c.alert_id == alert_id).scalar_subquery() for one in marks),
        ).where(ALERT.c.id == alert_id)
    ).one()
    return BoardToken((state, cursor, newest, moves, answers, figures), tuple(marked))


def _refuse_reduced(connection: Connection, alert_id: int, number: str) -> None:
    reduced = reduced_at(connection, [alert_id]).get(alert_id)
    if reduced is not None:
        raise who_is_gone(number, reduced)


def _marks(connection: Connection, alert_id: int, now: datetime) -> tuple[MarkOnBoard, ...]:
    marks = marks_of(connection, alert_id)
    if not marks:
        return ()
    ids = sorted({mark.student_id for mark in marks})
    students = {row.student_id: row for row in listed_students(connection, [(one, 0) for one in ids], oslo_date(now))}
    names = _names(connection, {mark.guardian_id for mark in marks if mark.guardian_id is not None})
    return tuple(_shown(mark, students[mark.student_id], names) for mark in reversed(marks))


def _names(connection: Connection, guardians: set[int]) -> dict[int, str]:
    dialect = connection.dialect.name
    statement = select(PERSON.c.id, PERSON.c.given_name, PERSON.c.family_name).where(
        among(PERSON.c.id, "guardians", dialect)
    )
    rows = connection.execute(statement, {"guardians": id_set(guardians, dialect)})
    return {row.id: short_name(row.given_name, row.family_name) for row in rows}


def _shown(mark: Mark, student: AnyRow, names: dict[int, str]) -> MarkOnBoard:
    hidden = bool(student.hidden)
    return MarkOnBoard(
        student=mark.student,
        name=None if hidden else short_name(student.given_name, student.family_name),
        home_class=None if hidden else student.home_class,
        guardian=mark.guardian,
        guardian_name=None if hidden or mark.guardian_id is None else names[mark.guardian_id],
        note=None if hidden else mark.note,
        marked_by=mark.marked_by,
        marked_at=mark.marked_at,
        taken_back_by=mark.taken_back_by,
        taken_back_at=mark.taken_back_at,
    )
