"""The report as a person reads it: 80 columns, the students whom nobody was reached for first."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from contacts.addresses import mask_phone
from contacts.entitlement import Verdict
from dispatcher.codes import DeliveryState
from dispatcher.reports.call_list import StudentToCallAbout
from dispatcher.reports.call_page import how_to_mark, print_alert, print_call_list, print_heading
from dispatcher.reports.cost import Cost
from dispatcher.reports.figures import Reduced, Report
from dispatcher.reports.times import ChannelTimes
from dispatcher.reports.words import (
    CHANNEL_WORDS,
    STATE_WORDS,
    grouped,
    oslo_day_time,
    oslo_time,
    seconds_words,
)

# Students of the call list in the report itself; all of them with --call-list.
SHOWN = 40


def print_report(console: Console, report: Report, first: list[StudentToCallAbout], cost: Cost | None) -> None:
    """Print the whole report. `first`: the beginning of the call list; its numbers are masked here. `cost`: None when
    figures alone are left of the alert."""
    print_alert(console, report.alert)
    _print_classes(console, report)
    if report.reduced is None:
        _print_calls(console, report, first)
        _print_marks(console, report)
        _print_answers(console, report)
    else:
        _print_reduced(console, report.reduced)
    _print_states(console, report)
    _print_times(console, report.times)
    _print_reasons(console, report)
    _print_details(console, report)
    if cost is not None:
        _print_cost(console, cost)
    _print_texts(console, report)
    _print_acts(console, report)


def _lines(console: Console, rows: Iterable[tuple[str, ...]], *, numbers: tuple[int, ...] = ()) -> None:
    """Columns side by side; those in `numbers` to the right, the last one as wide as there is room."""
    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_column(width=0)
    filled = list(rows)
    if not filled:
        return
    for index in range(len(filled[0])):
        last = index == len(filled[0]) - 1
        table.add_column(
            justify="right" if index in numbers else "left", overflow="fold", no_wrap=not last and index in numbers
        )
    for row in filled:
        table.add_row("", *(Text(cell) for cell in row))
    console.print(table)


def _print_classes(console: Console, report: Report) -> None:
    classes = report.classes
    console.print()
    rows = [
        (grouped(classes.nobody_reached), "students with nobody reached"),
        (grouped(classes.unreached), "  unreached: somebody is entitled, and nobody has it"),
        (grouped(classes.held), "  held: a person must decide"),
        (grouped(classes.handed_over), "handed over: a provider has it, or may have it"),
        (grouped(classes.confirmed), "confirmed: somebody has it (delivered, answered, or by telephone)"),
        (grouped(classes.students), "students in all"),
        (
            grouped(classes.nobody_may_be_told),
            "apart: nobody was told before, or nobody may be told"
            if report.alert.refers_to
            else "apart: nobody may be told (adult without consent and the like)",
        ),
    ]
    # The total counts everybody, those apart too: it closes the sum.
    _lines(console, [*rows[:5], rows[6], rows[5]], numbers=(0,))


def _print_calls(console: Console, report: Report, first: list[StudentToCallAbout]) -> None:
    print_heading(console, f"Call list ({grouped(report.classes.nobody_reached)})")
    if first:
        console.print(Text(f" With whole numbers: beredskap report {report.alert.number} --call-list"))
        console.print(Text(f" {how_to_mark(report.alert.number)}"))
    print_call_list(console, first, number=mask_phone)
    more = report.classes.nobody_reached - len(first)
    if more > 0:
        console.print(Text(f"\n and {grouped(more)} more: beredskap report {report.alert.number} --call-list"))


def _print_marks(console: Console, report: Report) -> None:
    if report.reached_by_telephone:
        several = "s" if report.reached_by_telephone > 1 else ""
        count = grouped(report.reached_by_telephone)
        print_heading(console, f"{count} student{several} reached by telephone, as marked by staff")


def _print_answers(console: Console, report: Report) -> None:
    if report.confirmed_by_answer:
        print_heading(
            console, f"{grouped(report.confirmed_by_answer)} confirmed by an answer: 1 to an SMS, or 2 in a call"
        )
    if report.unmatched_answers:
        several = "s" if report.unmatched_answers > 1 else ""
        print_heading(console, f"{grouped(report.unmatched_answers)} answer{several} to read")
        console.print(Text(f" beredskap answers list --alert {report.alert.number} --unmatched"))


def _print_reduced(console: Console, reduced: Reduced) -> None:
    print_heading(console, f"Reduced to figures {oslo_day_time(reduced.at)}: who was told is no longer on record")
    _lines(
        console,
        (
            (
                one.school or "school no longer known",
                f"nobody reached {grouped(one.classes.nobody_reached)}",
                f"handed over {grouped(one.classes.handed_over)}",
                f"confirmed {grouped(one.classes.confirmed)}",
                f"of {grouped(one.classes.students)}",
            )
            for one in reduced.schools
        ),
    )


def _print_states(console: Console, report: Report) -> None:
    print_heading(console, "Messages")
    if not report.states:
        console.print(" None.")
    _lines(
        console,
        (
            (CHANNEL_WORDS[count.channel], grouped(count.deliveries), count.state.value, _gloss(count.state))
            for count in report.states
        ),
        numbers=(1,),
    )


def _gloss(state: DeliveryState) -> str:
    words = STATE_WORDS[state]
    return "" if words == state.value else words


def _print_times(console: Console, times: tuple[ChannelTimes, ...]) -> None:
    print_heading(console, "Times (from confirmation)")
    if not times:
        console.print(" Nothing was handed over.")
    rows: list[tuple[str, ...]] = []
    for channel in times:
        spread = channel.hand_over
        rows.append(
            (
                CHANNEL_WORDS[channel.channel],
                "hand-over",
                f"first {oslo_time(channel.first_hand_over_at)} ({seconds_words(spread.first)}), "
                f"last {oslo_time(channel.last_hand_over_at)} ({seconds_words(spread.max)})",
            )
        )
        rows.append(("", "", f"p50 {seconds_words(spread.p50)}, p95 {seconds_words(spread.p95)}"))
        if channel.delivery is not None:
            rows.append(
                (
                    "",
                    "delivery",
                    f"p50 {seconds_words(channel.delivery.p50)}, p95 {seconds_words(channel.delivery.p95)}, "
                    f"max {seconds_words(channel.delivery.max)}",
                )
            )
    _lines(console, rows)


def _print_reasons(console: Console, report: Report) -> None:
    if report.reasons:
        print_heading(console, "Reasons")
        rows = (
            (grouped(one.deliveries), f"{CHANNEL_WORDS[one.channel]} {one.state.value}", one.words, one.code or "")
            for one in report.reasons
        )
        _lines(
            console,
            ((count, what, f"{words} ({code})" if code else words) for count, what, words, code in rows),
            numbers=(0,),
        )
    if report.long_unknown:
        console.print(
            Text(
                f" {grouped(report.long_unknown)} unknown for more than a minute: they may have been told, "
                "and nobody can say.",
                style="bold",
            )
        )
    if report.unreachable:
        print_heading(console, "Entitled guardians without a message")
        _lines(console, ((grouped(one.guardians), one.words) for one in report.unreachable), numbers=(0,))


def _print_details(console: Console, report: Report) -> None:
    attempts = sum(count.attempts for count in report.attempts)
    outcomes = ", ".join(f"{count.outcome.value} {grouped(count.attempts)}" for count in report.attempts)
    entitled, held, not_entitled = (
        sum(one.decisions for one in report.decisions if one.verdict is verdict)
        for verdict in (Verdict.ENTITLED, Verdict.HELD, Verdict.NO)
    )
    print_heading(console, "Details")
    _lines(
        console,
        [
            (grouped(attempts), f"attempts ({outcomes})" if outcomes else "attempts"),
            (grouped(report.email_repeats), "e-mails repeated under the same Message-ID"),
            (grouped(report.refused_moves), "late or contradicting receipts that changed nothing"),
            (grouped(report.stale), "messages to contact points not confirmed for 18 months"),
            (grouped(report.unverified), "messages to contact points that nobody verified"),
            (
                grouped(entitled + held + not_entitled),
                f"decisions (entitled {grouped(entitled)}, held {grouped(held)}, no {grouped(not_entitled)})",
            ),
        ],
        numbers=(0,),
    )


def _print_cost(console: Console, cost: Cost) -> None:
    calls = f" and {grouped(cost.calls)} call{'' if cost.calls == 1 else 's'}" if cost.calls else ""
    unpriced = "" if cost.calls_priced else ", calls not counted"
    segments = f"{grouped(cost.sms_segments)} SMS segment{'' if cost.sms_segments == 1 else 's'}"
    print_heading(console, f"Cost about {cost.nok:.2f} kr ({segments}{calls}{unpriced})")


def _print_texts(console: Console, report: Report) -> None:
    print_heading(console, "Texts")
    for text in report.texts:
        segments = f"{text.segments} segment" + ("" if text.segments == 1 else "s")
        console.print(Text(f" {text.language}   {grouped(text.deliveries)} messages   {segments} {text.encoding}"))
        console.print(Text(f'    "{text.sms}"'))


def _print_acts(console: Console, report: Report) -> None:
    print_heading(console, "Who did what when")
    _lines(
        console,
        (
            (
                oslo_day_time(act.at),
                act.operator,
                act.act,
                ", ".join(f"{name} {fact}" for name, fact in act.details.items()),
            )
            for act in report.acts
        ),
    )
