"""The page of `alert watch`, drawn from figures (pure): for 80 columns or fewer, and no meaning in colour alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from contacts.addresses import mask_phone
from dispatcher.alerts.status_words import HEADINGS
from dispatcher.codes import AlertState, AlertStatus, StudentClass
from dispatcher.reports.call_list import GuardianToCall, StudentToCallAbout, Why
from dispatcher.reports.watching import OK, ChannelProgress, Health, WatchFigures, WatchStudents
from dispatcher.reports.words import CHANNEL_WORDS, STATE_WORDS, grouped, oslo_time
from providers.base import Channel
from providers.errors import in_plain_words

WIDTH = 80
_BAR = 30
# What a row has beside its bar: its name, and two numbers.
_BESIDE_BAR = 30
_LEAST_BAR = 5
# On fewer columns than this, a table of those to call would show the first letters of each name.
_TABLE = 60
# A drainer that was just started has not yet reported itself: that is no reason to alarm anybody.
_STARTING = timedelta(seconds=5)
_STATUS_STYLES = {AlertStatus.ACTUAL: "bold red", AlertStatus.EXERCISE: "bold yellow", AlertStatus.TEST: "bold cyan"}
_PARTS = {
    "twilio": "Twilio",
    "twilio_backup": "Twilio backup",
    "apprise": "last resort",
    "smtp": "SMTP",
    "redis": "Redis",
    "database": "database",
}


def watch_page(
    figures: WatchFigures,
    students: WatchStudents | None,
    *,
    away_since: datetime | None = None,
    width: int = WIDTH,
) -> RenderableType:
    """The whole page. `students`: None until they were read first. `away_since`: the database does not answer, and the
    figures are those of the last time it did. `width`: the terminal's columns; of more than 80, 80 are used."""
    width = min(width, WIDTH)
    parts: list[RenderableType] = [_header(figures), Text("")]
    if away_since is not None:
        parts.append(away_line(away_since))
    if students is not None:
        parts.append(_students_line(students, width))
    parts += [_channel_lines(channel, width) for channel in figures.channels]
    parts.append(_motion_line(figures, width))
    parts += _warnings(figures)
    if students is not None and students.counts.nobody_reached:
        parts += [Text(""), _call_heading(figures, students), _call_first(students.call_first, width)]
    return Group(*parts)


def away_line(since: datetime) -> Text:
    """What is said while the database does not answer."""
    return Text(
        f" Database away since {oslo_time(since)}: the alert goes on when it is back; this page tries again.",
        style="bold",
    )


def summary_line(figures: WatchFigures, students: WatchStudents | None) -> str:
    """The same facts in one line, for a log or a pipe."""
    alert = figures.alert
    parts = [oslo_time(figures.now), alert.number, HEADINGS[alert.status], alert.state.value]
    if students is not None:
        counts = students.counts
        parts.append(
            f"students: unreached {counts.unreached}, held {counts.held}, handed over {counts.handed_over}, "
            f"confirmed {counts.confirmed}, of {counts.students}"
        )
    parts += [
        f"{CHANNEL_WORDS[channel.channel]}: {channel.handed_over}/{channel.total}, delivered {channel.delivered}, "
        f"failed {channel.failed}, unknown {channel.unknown}"
        for channel in figures.channels
    ]
    return "  ".join(parts)


def _header(figures: WatchFigures) -> Text:
    alert = figures.alert
    line = Text(f"{alert.number}   ", style="bold")
    line.append(HEADINGS[alert.status], style=_STATUS_STYLES[alert.status])
    line.append(f"   {alert.scenario}   {alert.school_names}\n", style="not bold")
    when = f" {oslo_time(alert.confirmed_at)}" if alert.confirmed_at else ""
    thread = f"   refers to {alert.refers_to}" if alert.refers_to else ""
    line.append(f"sent by {alert.operator}{when}{thread}   ", style="not bold")
    if figures.ended and alert.ended_at is not None:
        by = f" by {alert.ended_by}" if alert.ended_by else ""
        line.append(f"{_ENDED_WORDS[alert.state]}{by} {oslo_time(alert.ended_at)}")
        if alert.followed_by:
            line.append(f"\nfollowed by {alert.followed_by}", style="not bold")
    else:
        line.append("Ctrl-C leaves, the alert goes on", style="not bold")
    return line


_ENDED_WORDS = {AlertState.CLOSED: "CLOSED", AlertState.STOPPED: "STOPPED", AlertState.EXPIRED: "EXPIRED"}


def _students_line(students: WatchStudents, width: int) -> Text:
    counts = students.counts
    facts = [
        f"confirmed {grouped(counts.confirmed)}",
        f"handed over {grouped(counts.handed_over)}",
        f"unreached {grouped(counts.unreached)}",
        f"held {grouped(counts.held)}",
        f"of {grouped(counts.students)}",
    ]
    if counts.nobody_may_be_told:
        facts.append(f"(nobody may be told {grouped(counts.nobody_may_be_told)})")
    line = _filled("students", facts, width)
    line.highlight_regex(r"(unreached|held) [\d\u00a0]+", "bold")
    return line


def _channel_lines(channel: ChannelProgress, width: int) -> Text:
    # Full only when all of it is: 1,701 of 1,702 must not look finished.
    cells = max(_LEAST_BAR, min(_BAR, width - _BESIDE_BAR))
    filled = channel.handed_over * cells // channel.total if channel.total else 0
    bar = "█" * filled + "░" * (cells - filled)
    facts = [f"{bar}  {grouped(channel.handed_over)} / {grouped(channel.total)}"]
    if channel.channel is Channel.SMS or channel.delivered:
        facts.append(f"delivered {grouped(channel.delivered)}")
    facts.append(f"failed {grouped(channel.failed)}")
    if channel.channel is Channel.SMS or channel.unknown:
        facts.append(f"unknown {grouped(channel.unknown)}")
    if channel.waiting:
        facts.append(f"waiting {grouped(channel.waiting)}")
    return _filled(CHANNEL_WORDS[channel.channel], facts, width)


def _motion_line(figures: WatchFigures, width: int) -> Text:
    facts = [f"{sum(channel.rate for channel in figures.channels):.0f}/s"]
    if not figures.planned and not figures.ended:
        alert = figures.alert
        facts.append(f"planned {grouped(alert.planned_students)} of {grouped(alert.students)} students")
    if figures.expected_at is not None:
        facts.append(f"last hand-over expected {oslo_time(figures.expected_at)}")
    if figures.chain_goes_on and not figures.ended:
        facts.append("more follows for those not confirmed")
    facts += [_health_words(health) for health in figures.health]
    return _filled("rate", facts, width)


def _filled(name: str, facts: list[str], width: int) -> Text:
    """A row of facts behind its name, in as many lines as it takes: no fact is torn at the end of one."""
    indent = 12
    lines = [f" {name}".ljust(indent) + facts[0]]
    for fact in facts[1:]:
        if len(lines[-1]) + 3 + len(fact) <= width:
            lines[-1] += f"   {fact}"
        else:
            lines.append(" " * indent + fact)
    return Text("\n".join(lines))


def _health_words(health: Health) -> str:
    part = _PARTS.get(health.part, health.part)
    if health.part == "redis" and health.word != OK:
        return f"{part} {health.word}: workers poll the database"
    if health.word != OK:
        return f"{part} failing: {in_plain_words(health.word)} ({health.word})"
    return f"{part} {health.word}"


def _warnings(figures: WatchFigures) -> list[RenderableType]:
    found = []
    alert = figures.alert
    if not figures.ended and alert.hold_until is not None and alert.hold_until > figures.now:
        found.append(
            f"Nothing leaves before {oslo_time(alert.hold_until)}: beredskap alert stop {alert.number} holds it back."
        )
    if figures.long_unknown:
        found.append(f"{grouped(figures.long_unknown)} unknown for more than a minute: they may have been told.")
    starting = alert.confirmed_at is not None and figures.now - alert.confirmed_at < _STARTING
    waits = not figures.ended and (figures.waiting or not figures.planned)
    if waits and not figures.processes and not starting:
        found.append("No worker is alive, and messages wait: start beredskap run.")
    return [Text(f" {line}", style="bold") for line in found]


def _call_heading(figures: WatchFigures, students: WatchStudents) -> Text:
    done = figures.ended or (figures.planned and not figures.waiting)
    what = f"Call first ({grouped(students.counts.nobody_reached)})" if done else "Call first (others are on their way)"
    line = Text(f" {what}", style="bold")
    return line.append(f"   beredskap report {figures.alert.number} --call-list", style="not bold")


def _call_first(students: tuple[StudentToCallAbout, ...], width: int) -> RenderableType:
    if width < _TABLE:
        return Group(*(line for student in students for line in _narrow_lines(student)))
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=1)
    for _ in range(4):
        table.add_column(no_wrap=True, overflow="ellipsis")
    table.add_column(ratio=1, overflow="fold")
    for student in students:
        for row in _rows(student):
            table.add_row("", *(Text(cell) for cell in row))
    return table


def _narrow_lines(student: StudentToCallAbout) -> Iterator[Text]:
    """One under the other: the student, then each guardian with the number, then why."""
    for home_class, name, guardian, phone, why in _rows(student):
        for indent, parts in ((1, (home_class, name)), (3, (guardian, phone)), (5, (why,))):
            if any(parts):
                yield Text(" " * indent + "  ".join(part for part in parts if part))


def _rows(student: StudentToCallAbout) -> list[tuple[str, str, str, str, str]]:
    name = student.name or student.ref
    about = (student.home_class or "", name)
    if not student.guardians:
        held = "held: " if student.student_class is StudentClass.HELD else ""
        return [(*about, "", "", f"{held}{student.why}")]
    first, *others = (_guardian(guardian) for guardian in student.guardians)
    return [(*about, *first), *(("", "", *other) for other in others)]


def _guardian(guardian: GuardianToCall) -> tuple[str, str, str]:
    phone = mask_phone(guardian.phones[0].number) if guardian.phones else "no phone"
    return guardian.name, phone, why_words(guardian.why[0])


def why_words(why: Why) -> str:
    """ "SMS failed: the number is not in use (30005)"."""
    if why.channel is None or why.state is None:
        return why.words
    code = f" ({why.code})" if why.code else ""
    return f"{CHANNEL_WORDS[why.channel]} {STATE_WORDS[why.state]}: {why.words}{code}"
