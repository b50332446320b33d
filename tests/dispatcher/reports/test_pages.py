"""The watch page and the report as they stand on a terminal of 80 columns."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from rich.console import Console, RenderableType

from config.catalogue import MsgType
from config.clock import bound_db_now
from dispatcher.codes import AlertState, AlertStatus, DeliveryState, StudentClass
from dispatcher.reports.call_list import GuardianToCall, Phone, StudentToCallAbout, Why, call_list
from dispatcher.reports.call_page import print_call_list
from dispatcher.reports.classes import ClassCounts
from dispatcher.reports.counting import report
from dispatcher.reports.figures import AlertHead
from dispatcher.reports.report_page import print_report
from dispatcher.reports.watch_page import summary_line, watch_page
from dispatcher.reports.watching import ChannelProgress, Health, WatchFigures, WatchStudents
from dispatcher.reports.words import grouped, short_name
from providers.base import Channel
from tests.dispatcher.reports.conftest import Case
from tests.dispatcher.reports.world import CONFIRMED_AT, NOW, after

HEAD = AlertHead(
    number="A-2611-0042",
    status=AlertStatus.ACTUAL,
    msg_type=MsgType.ALERT,
    scenario="lockdown",
    severity="extreme",
    school_names="Eksempel vgs",
    state=AlertState.OPEN,
    operator="K. Leder",
    sms=True,
    email=True,
    include_unverified=False,
    students=1013,
    planned_students=1013,
    created_at=after(-60),
    confirmed_at=CONFIRMED_AT,
    hold_until=CONFIRMED_AT,
    planned_at=after(3),
    expires_at=after(7200),
    ended_at=None,
    ended_by=None,
)
SMS = ChannelProgress(Channel.SMS, 1702, 1311, 1020, 12, 1, 379, 280, 20.0)
EMAIL = ChannelProgress(Channel.EMAIL, 1655, 1655, 0, 3, 0, 0, 1652, 9.0)
FIGURES = WatchFigures(
    alert=HEAD,
    now=after(30),
    channels=(SMS, EMAIL),
    expected_at=after(58),
    processes=2,
    health=(Health("redis", "away"), Health("smtp", "ok"), Health("twilio", "ok")),
    long_unknown=0,
)
KARI = StudentToCallAbout(
    StudentClass.UNREACHED,
    "1A-001",
    "Kari E.",
    "1A",
    None,
    (
        GuardianToCall(
            "Ola E.",
            (Phone("+4791234512", False, True),),
            (Why("the number is not in use", "30005", Channel.SMS, DeliveryState.UNDELIVERED),),
            "G-17",
        ),
    ),
)
STUDENTS = WatchStudents(ClassCounts(66, 57, 9, 531, 412, 4, 1013), (KARI,))


def drawn(page: RenderableType, *, colours: bool = False, width: int = 80) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width, force_terminal=colours, highlight=False).print(page)
    return stream.getvalue()


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_the_facts_stand_in_the_order_that_is_binding() -> None:
    page = plain(drawn(watch_page(FIGURES, STUDENTS)))
    facts = [
        "A-2611-0042",
        "ACTUAL ALERT",
        "lockdown",
        "Eksempel vgs",
        "sent by K. Leder 08:40:12",
        "Ctrl-C leaves, the alert goes on",
        "confirmed 412",
        "handed over 531",
        "unreached 57",
        "held 9",
        "of 1 013",
        "1 311 / 1 702",
        "delivered 1 020",
        "failed 12",
        "unknown 1",
        "1 655 / 1 655",
        "29/s",
        "last hand-over expected 08:41:10",
        "Redis away: workers poll the database",
        "SMTP ok",
        "Twilio ok",
        "beredskap report A-2611-0042 --call-list",
        "Kari E.",
        "Ola E.",
        "+47 9xx xx x12",
        "SMS failed",
        "(30005)",
    ]
    places = [page.index(fact) for fact in facts]
    assert places == sorted(places)
    assert "91234512" not in page


@pytest.mark.parametrize("factor", [1, 1000])
def test_no_line_is_wider_than_80_columns_or_torn(factor: int) -> None:
    many = replace(
        FIGURES,
        channels=tuple(
            replace(
                channel,
                **{
                    name: getattr(channel, name) * factor
                    for name in ("total", "handed_over", "delivered", "failed", "unknown", "waiting")
                },
            )
            for channel in FIGURES.channels
        ),
    )
    page = drawn(watch_page(many, STUDENTS))
    assert all(len(line) <= 80 for line in page.splitlines())
    assert f"waiting {grouped(379 * factor)}" in page


@pytest.mark.parametrize("width", [40, 50, 59, 60, 72, 80])
def test_on_a_narrow_terminal_nothing_is_lost(width: int) -> None:
    page = plain(drawn(watch_page(FIGURES, STUDENTS, width=width), width=width))
    lines = page.splitlines()
    assert all(len(line) <= width for line in lines)
    for row in ("SMS", "e-mail"):
        (bar,) = (line for line in lines if line.startswith(f" {row} ") and "█" in line)
        assert " / " in bar
    for fact in (
        "unreached 57",
        "held 9",
        "delivered 1 020",
        "failed 12",
        "unknown 1",
        "Twilio ok",
        "Kari E.",
        "Ola E.",
    ):
        assert any(fact in line for line in lines), fact
    said = " ".join(page.split())
    assert "+47 9xx xx x12" in said
    assert "Ctrl-C leaves, the alert goes on" in said


def test_on_a_wide_terminal_80_columns_are_used() -> None:
    assert drawn(watch_page(FIGURES, STUDENTS, width=200), width=80) == drawn(watch_page(FIGURES, STUDENTS))


def test_without_colours_everything_is_still_said() -> None:
    coloured = drawn(watch_page(FIGURES, STUDENTS), colours=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == drawn(watch_page(FIGURES, STUDENTS))


def test_no_color_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    page = drawn(watch_page(FIGURES, STUDENTS), colours=True)
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", page)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (AlertStatus.ACTUAL, "ACTUAL ALERT"),
        (AlertStatus.EXERCISE, "EXERCISE (ØVELSE)"),
        (AlertStatus.TEST, "TEST"),
    ],
)
def test_the_status_stands_in_the_first_line(status: AlertStatus, words: str) -> None:
    page = drawn(watch_page(replace(FIGURES, alert=replace(HEAD, status=status)), None))
    assert words in page.splitlines()[0]


def test_a_bar_is_full_only_when_all_is() -> None:
    almost = replace(FIGURES, channels=(replace(SMS, handed_over=1701), EMAIL))
    sms, email = (line for line in drawn(watch_page(almost, None)).splitlines() if "█" in line)
    assert "░" in sms
    assert "░" not in email


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        (
            replace(FIGURES, health=(Health("twilio", "connect_refused"), Health("twilio_backup", "ok"))),
            "Twilio failing: no connection to the provider (connect_refused)",
        ),
        (replace(FIGURES, long_unknown=3), "3 unknown for more than a minute: they may have been told"),
        (replace(FIGURES, processes=0), "No worker is alive"),
        (
            replace(FIGURES, alert=replace(HEAD, hold_until=after(31))),
            "Nothing leaves before 08:40:43: beredskap alert stop A-2611-0042",
        ),
        (replace(FIGURES, alert=replace(HEAD, planned_students=500)), "planned 500 of 1 013 students"),
        (
            replace(
                FIGURES,
                alert=replace(HEAD, state=AlertState.STOPPED, ended_at=after(20), ended_by="K. Leder"),
            ),
            "STOPPED by K. Leder 08:40:32",
        ),
    ],
)
def test_what_somebody_must_know_is_said(figures: WatchFigures, words: str) -> None:
    assert words in plain(drawn(watch_page(figures, STUDENTS)))
    assert words not in plain(drawn(watch_page(FIGURES, STUDENTS)))


@pytest.mark.parametrize(
    ("figures", "heading"),
    [
        (FIGURES, "Call first (others are on their way)"),
        (replace(FIGURES, channels=(replace(SMS, waiting=0), EMAIL)), "Call first (66)"),
        (replace(FIGURES, alert=replace(HEAD, state=AlertState.STOPPED, ended_at=NOW)), "Call first (66)"),
    ],
)
def test_the_number_to_call_stands_once_no_message_is_under_way(figures: WatchFigures, heading: str) -> None:
    assert heading in drawn(watch_page(figures, STUDENTS))


def test_while_the_database_is_away_the_last_figures_stay() -> None:
    page = plain(drawn(watch_page(FIGURES, STUDENTS, away_since=after(40))))
    assert "Database away since 08:40:52" in page
    assert "1 311 / 1 702" in page


def test_one_line_for_a_log() -> None:
    line = summary_line(FIGURES, STUDENTS)
    assert "\n" not in line
    assert line.startswith("08:40:42  A-2611-0042  ACTUAL ALERT  open  students: unreached 57, held 9")
    assert "SMS: 1311/1702, delivered 1020, failed 12, unknown 1" in line


def test_call_list_by_class_with_whole_or_masked_numbers(case: Case) -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=80, highlight=False)
    with case.database.read() as connection:
        print_call_list(console, call_list(connection, case.alert))
    text = stream.getvalue()
    assert text.index("1A   unreached") < text.index("2B   unreached") < text.index("2B   held: a person must decide")
    assert "+4790000003, +4722000003 (fixed line)" in text
    assert "SMS failed: the number is not in use (30005)" in text
    for secret in ("Fredrik", "Hemmelig", "+4790000005", "Finn"):
        assert secret not in text
    assert text.index("protected   held") < text.index("1A-004")


def test_report_says_the_classes_first_and_fits_80_columns(case: Case) -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=80, highlight=False)
    with bound_db_now(NOW), case.database.read() as connection:
        print_report(console, report(connection, case.alert), list(call_list(connection, case.alert)), None)
    text = plain(stream.getvalue())
    assert all(len(line) <= 80 for line in text.splitlines())
    # The first number after the alert's own line.
    assert re.search(r"\d+", "\n".join(text.splitlines()[2:])).group() == "4"  # type: ignore[union-attr]
    blocks = [
        "students with nobody reached",
        "Call list (4)",
        "Messages",
        "Times",
        "Reasons",
        "1 unknown for more than a minute: they may have been told",
        "Entitled guardians without a message",
        "Texts",
        "Who did what when",
    ]
    places = [text.index(block) for block in blocks]
    assert places == sorted(places)
    assert "+4790000003" not in text
    assert "+47 9xx xx x03" in text


@pytest.mark.parametrize(
    ("given", "family", "expected"),
    [
        ("Ola", "Eksempel", "Ola E."),
        ("OLA KRISTIAN", "EKSEMPEL", "Ola E."),
        ("Ánne-Máret", "šuomi", "Ánne-Máret Š."),
        ("", "Eksempel", "E."),
        ("Ola", "", "Ola"),
        (" ", " ", "(no name)"),
    ],
)
def test_short_names(given: str, family: str, expected: str) -> None:
    assert short_name(given, family) == expected


def test_expected_end_in_oslo_on_the_night_of_the_clock_change() -> None:
    # 2026-10-25 00:59:59 UTC is 02:59:59 summer time; a minute later it is 02:00:59 again.
    night = CONFIRMED_AT.replace(month=10, day=25, hour=0, minute=59, second=59)
    page = drawn(watch_page(replace(FIGURES, expected_at=night + timedelta(minutes=1)), None))
    assert "last hand-over expected 02:00:59" in page


def test_a_drainer_that_was_just_started_raises_no_alarm() -> None:
    just_confirmed = replace(FIGURES, processes=0, now=after(2))
    assert "No worker is alive" not in plain(drawn(watch_page(just_confirmed, STUDENTS)))
