"""The page that a leader reads before anybody is told: the order of its facts, and that it fits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.catalogue import load_catalogue
from contacts.audience import Audience, AudienceSchool
from dispatcher.alerts.draft import Draft
from dispatcher.alerts.preview import Preview
from dispatcher.alerts.preview_page import WIDTH, SendingTerms, cost, minutes, preview_json, preview_lines
from dispatcher.alerts.text import compose
from dispatcher.codes import AlertStatus
from dispatcher.outbox.chain import Chain, ChainStep
from providers.base import Channel

NOW = datetime(2026, 11, 23, 7, 40, tzinfo=UTC)  # 08:40 in Oslo
TERMS = SendingTerms("EKSEMPELVGS", 30.0, 0.83, 7200, NOW)
NUMBERS = Preview(
    students=1013,
    reachable=962,
    unreached=29,
    held=9,
    nobody_may_be_told=51,
    adults_without_consent=51,
    never_told=0,
    guardians=1744,
    unverified_guardians=61,
    stale_guardians=0,
    messages={Channel.SMS: 1702, Channel.EMAIL: 1655},
    sms_by_language={"nb": 1700, "se": 2},
    sms_segments=1704,
    unreached_reasons={"unverified_only": 29},
    held_reasons={"protected_hold": 7, "birth_date_unknown": 2},
)


def draft(status: AlertStatus = AlertStatus.ACTUAL, school: str = "Eksempel vgs") -> Draft:
    composition = compose(load_catalogue(), scenario="lockdown", status=status, school=school)
    audience = Audience(schools=(AudienceSchool(1, "NO1", school),))
    return Draft(1, "r", audience, composition, school, 1013, date(2026, 11, 23))


def test_the_facts_stand_in_the_order_that_a_leader_needs() -> None:
    lines = preview_lines(draft(), NUMBERS, TERMS)
    assert lines[0] == "ACTUAL ALERT   Eksempel vgs   lockdown   expires 10:40 (in 2 h)"
    assert lines[2] == "  38 students cannot be reached   9 held for a decision, 29 no verified contact"
    assert lines[3] == " 962 students can be reached   1 744 guardians"
    assert lines[4] == "  51 adult students without consent (nobody may be told)"
    page = "\n".join(lines)
    facts = ("SMS 1 702   e-mail 1 655   sender EKSEMPELVGS", " Text  nb", "about 1 min at 30 segments a second")
    assert [page.index(fact) for fact in facts] == sorted(page.index(fact) for fact in facts)
    assert " +61 guardians with unverified contacts only: add --include-unverified" in lines
    assert " Held: 7 protected, 2 birth date unknown:" in lines
    assert '   beredskap contacts held --school "Eksempel vgs"' in lines


def test_one_is_not_several() -> None:
    one = replace(
        NUMBERS,
        reachable=1,
        unreached=1,
        held=0,
        guardians=1,
        nobody_may_be_told=2,
        adults_without_consent=1,
        never_told=1,
        unverified_guardians=1,
        stale_guardians=1,
    )
    page = "\n".join(preview_lines(draft(), one, TERMS))
    for line in (
        "   1 student cannot be reached",
        "   1 student can be reached   1 guardian\n",
        "   1 student for whom nobody was told what this follows",
        "   1 adult student without consent (nobody may be told)",
        " +1 guardian with unverified contacts only",
        " 1 guardian has contacts that nobody confirmed for long: used",
    ):
        assert line in page
    others = preview_lines(draft(), replace(one, nobody_may_be_told=3), TERMS)
    assert "   2 students about whom nobody may be told (1 adult without consent)" in others


@pytest.mark.parametrize(
    ("status", "heading"),
    [
        (AlertStatus.ACTUAL, "ACTUAL ALERT   "),
        (AlertStatus.EXERCISE, "EXERCISE (ØVELSE)   "),
        (AlertStatus.TEST, "TEST   "),
    ],
)
def test_what_it_is_stands_first(status: AlertStatus, heading: str) -> None:
    assert preview_lines(draft(status), NUMBERS, TERMS)[0].startswith(heading)


CALLS = Chain(
    frozenset({Channel.SMS}),
    (ChainStep(Channel.SMS, 300.0), ChainStep(Channel.EMAIL, 600.0), ChainStep(Channel.VOICE, 300.0)),
)


def test_what_may_follow_stands_there_with_what_calls_may_cost_at_most() -> None:
    terms = replace(TERMS, calls_per_second=1.0, price_per_call=1.5)
    lines = preview_lines(replace(draft(), chain=CALLS), NUMBERS, terms)
    assert " Then       e-mail after 5 min without receipt" in lines
    assert " Calls      after 15 min without receipt (at most 1 744: 30 min, 2 616 kr)" in lines
    assert preview_json(replace(draft(), chain=CALLS), NUMBERS, terms)["fallback"] == [
        {"channel": "email", "after_seconds": 300.0},
        {
            "channel": "voice",
            "after_seconds": 900.0,
            "at_most": 1744,
            "expected_minutes_at_most": 30,
            "cost_nok_at_most": 2616.0,
        },
    ]


def test_nothing_is_said_of_what_cannot_follow() -> None:
    page = "\n".join(preview_lines(draft(), NUMBERS, TERMS))
    assert "Calls" not in page and "Then" not in page
    assert preview_json(draft(), NUMBERS, TERMS)["fallback"] == []


def test_an_alert_that_expires_on_another_day_says_which() -> None:
    terms = replace(TERMS, expires_seconds=36 * 3600)
    assert "expires 24.11. 20:40 (in 36 h)" in preview_lines(draft(), NUMBERS, terms)[0]


def test_the_sender_decides_the_minutes_and_the_segments_the_cost() -> None:
    assert (minutes(NUMBERS, TERMS), round(cost(NUMBERS, TERMS))) == (1, 1414)
    assert minutes(NUMBERS, replace(TERMS, segments_per_second=1.0)) == 29
    shown = preview_json(draft(), NUMBERS, TERMS)
    assert (shown["expected_minutes"], shown["sms_segments"], shown["cost_nok"]) == (1, 1704, 1414.32)


def test_an_alert_that_asks_for_an_answer_says_so() -> None:
    plain = draft()
    asking = replace(plain, composition=replace(plain.composition, ask_confirmation=True))
    line = "       each SMS ends by asking for 1 in answer (counted)"
    assert line in preview_lines(asking, NUMBERS, TERMS) and line not in preview_lines(plain, NUMBERS, TERMS)
    assert [preview_json(one, NUMBERS, TERMS)["ask_confirmation"] for one in (plain, asking)] == [False, True]


@given(
    st.text(st.characters(categories=("L", "N", "Zs")), min_size=1, max_size=60).filter(str.strip),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
)
def test_it_fits_whatever_the_school_and_the_numbers_and_no_command_is_cut(name: str, held: int, people: int) -> None:
    numbers = replace(
        NUMBERS,
        held=held,
        guardians=people,
        unreached_reasons={"no_contact_point": 4, "fixed_line_only": 2, "opted_out": 1, "stale_only": people},
    )
    lines = preview_lines(draft(school=name), numbers, TERMS)
    commands = [line for line in lines if "beredskap contacts held" in line]
    assert all(len(line) <= WIDTH for line in lines if line not in commands)
    assert len(lines) <= 22
    assert commands and commands[0].endswith(f'--school "{name}"')
