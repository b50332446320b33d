"""When a self-test is due, how it ends, and what is told of what did not arrive: tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from config.settings import Settings, load_settings
from dispatcher.codes import DeliveryState, SelfTestResult
from dispatcher.routine.self_test import SelfTestNow
from dispatcher.routine.self_test_rules import (
    StaffMessage,
    is_due,
    judge,
    last_moment,
    next_moment,
    what_to_do,
    why_not,
)
from dispatcher.running.doctor import Status
from dispatcher.running.doctor_self_test import self_test_result
from providers.base import Channel

S, R = DeliveryState, SelfTestResult
TUESDAY = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)  # 10:30 in Oslo
SUMMER = datetime(2026, 7, 7, 8, 30, tzinfo=UTC)  # 10:30 in Oslo, a Tuesday, too


def sms(state: DeliveryState, code: str | None = None) -> StaffMessage:
    return StaffMessage("twilio", Channel.SMS, "+47 9xx xx x01", "A-2611-0001", state, code)


def mail(state: DeliveryState) -> StaffMessage:
    return StaffMessage("smtp", Channel.EMAIL, "d…@example.no", "A-2611-0002", state, None)


@pytest.mark.parametrize(
    ("messages", "over", "actual", "result"),
    [
        ([sms(S.DELIVERED), mail(S.ACCEPTED)], False, False, R.PASSED),
        ([sms(S.DELIVERED), mail(S.DELIVERED)], True, True, R.PASSED),
        ([sms(S.ACCEPTED), mail(S.ACCEPTED)], False, False, None),
        ([sms(S.ACCEPTED), mail(S.ACCEPTED)], True, False, R.FAILED),
        ([sms(S.QUEUED)], False, True, None),
        ([sms(S.QUEUED)], True, True, R.INTERRUPTED),
        ([sms(S.UNDELIVERED)], False, False, R.FAILED),
        # What has failed is told together with the rest.
        ([sms(S.UNDELIVERED), mail(S.SENDING)], False, False, None),
        ([sms(S.DELIVERED), mail(S.UNDELIVERED)], False, False, R.FAILED),
        ([sms(S.UNKNOWN)], False, False, None),
        ([sms(S.UNKNOWN)], True, False, R.FAILED),
        # Nothing is left of one that is long ago.
        ([], True, False, R.FAILED),
    ],
)
def test_how_it_ends(messages: list[StaffMessage], over: bool, actual: bool, result: SelfTestResult | None) -> None:
    assert judge(messages, over=over, actual=actual) is result


@pytest.mark.parametrize(
    ("message", "why", "what"),
    [
        (sms(S.ACCEPTED), "no receipt came in time", "callback address"),
        (sms(S.UNDELIVERED, "30005"), "(30005)", "self_test.phones"),
        (sms(S.REJECTED, "21610"), "(21610)", "Look the code up"),
        (mail(S.UNDELIVERED), "no reason was given", "Look the code up"),
        (sms(S.EXPIRED), "it was not sent in time", "beredskap doctor"),
        (sms(S.EXPIRED, "20003"), "not sent in time: Twilio does not accept the account SID", "beredskap doctor"),
        (sms(S.DEFERRED, "20003"), "(20003)", "beredskap doctor"),
        (sms(S.CANCELLED, "opted_out"), "answered STOP", "send START"),
        (sms(S.CANCELLED, "stopped"), "stopped before it left", "make another"),
        (sms(S.UNKNOWN, "read_timeout"), "(read_timeout)", "status page"),
    ],
)
def test_what_is_told_of_a_message_that_did_not_arrive(message: StaffMessage, why: str, what: str) -> None:
    assert why in why_not(message)
    assert what in what_to_do(message)


@pytest.mark.parametrize("moment", [TUESDAY, SUMMER])
def test_the_moment_of_each_week_is_by_the_clock_in_oslo(moment: datetime) -> None:
    second, week = timedelta(seconds=1), timedelta(days=7)
    assert last_moment(moment, "tuesday", "10:30") == moment
    assert last_moment(moment - second, "tuesday", "10:30") == moment - week
    assert last_moment(moment + week - second, "tuesday", "10:30") == moment


def test_the_week_in_which_the_clock_changes_has_an_hour_more() -> None:
    winter, summer = TUESDAY.replace(month=10, day=27), TUESDAY.replace(month=10, day=20, hour=8)
    assert last_moment(winter - timedelta(seconds=1), "tuesday", "10:30") == summer
    assert last_moment(winter, "tuesday", "10:30") == winter


@pytest.mark.parametrize(
    ("now", "last_begun", "due"),
    [
        (TUESDAY, None, True),
        (TUESDAY - timedelta(seconds=1), None, False),
        (TUESDAY + timedelta(hours=11), TUESDAY - timedelta(days=7), True),
        # Not in the night, nor on any other day, whoever was down: the next week's is soon enough.
        (TUESDAY + timedelta(hours=12), TUESDAY - timedelta(days=7), False),
        (TUESDAY + timedelta(hours=1), TUESDAY, False),
        (TUESDAY + timedelta(hours=1), TUESDAY + timedelta(minutes=2), False),
        (TUESDAY, TUESDAY - timedelta(minutes=1), True),
    ],
)
def test_when_it_is_due(now: datetime, last_begun: datetime | None, due: bool) -> None:
    assert is_due(now, "tuesday", "10:30", last_begun) is due
    assert is_due(now, "", "10:30", last_begun) is False


@pytest.mark.parametrize(
    ("now", "following"),
    [
        (TUESDAY, TUESDAY + timedelta(days=7)),
        (TUESDAY - timedelta(seconds=1), TUESDAY),
        (TUESDAY + timedelta(days=6), TUESDAY + timedelta(days=7)),
        # Clocks go back on 25 October: 10:30 in Oslo is an hour later.
        (datetime(2026, 10, 21, 8, 0, tzinfo=UTC), datetime(2026, 10, 27, 9, 30, tzinfo=UTC)),
    ],
)
def test_when_the_next_one_is(now: datetime, following: datetime) -> None:
    assert next_moment(now, "tuesday", "10:30") == following


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("BEREDSKAP_SELF_TEST__PHONES", '["+4799990001"]')
    monkeypatch.setenv("BEREDSKAP_SMS__ACCOUNT_SID", "AC0")
    monkeypatch.setenv("BEREDSKAP_SMTP__HOST", "localhost")
    return load_settings()


def held(age: timedelta, *messages: StaffMessage) -> SelfTestNow:
    begun, over = TUESDAY - age, age > timedelta(minutes=10)
    result = judge(messages, over=over, actual=False)
    return SelfTestNow(1, "drift", begun, begun + timedelta(minutes=10), False, result, messages, TUESDAY)


@pytest.mark.parametrize(
    ("last", "status", "words"),
    [
        (None, Status.WARN, "none was made yet"),
        (held(timedelta(minutes=1), sms(S.ACCEPTED)), Status.OK, "one is going on"),
        (
            held(timedelta(days=3), sms(S.DELIVERED)),
            Status.OK,
            "passed 3 days ago (2026-11-21 10:30); the next one 2026-12-01 10:30 in Oslo",
        ),
        (held(timedelta(hours=1), sms(S.DELIVERED)), Status.OK, "not tested: e-mail (self_test.emails is empty)"),
        (held(timedelta(days=8, minutes=1), sms(S.DELIVERED)), Status.WARN, "8 days ago"),
        (
            held(timedelta(hours=3), sms(S.UNDELIVERED, "30005"), sms(S.ACCEPTED)),
            Status.FAIL,
            "failed 3 hours ago (2026-11-24 07:30): SMS by twilio: ",
        ),
        # However long ago: nobody has shown since that it works.
        (held(timedelta(days=30), sms(S.EXPIRED)), Status.FAIL, "failed 30 days ago"),
    ],
)
def test_what_doctor_says(last: SelfTestNow | None, status: Status, words: str, settings: Settings) -> None:
    result = self_test_result(settings, last, TUESDAY)
    assert (result.status, words in result.what) == (status, True), result
    assert "9999" not in result.what + result.remedy


def test_without_a_schedule_doctor_asks_for_no_age(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEREDSKAP_SELF_TEST__WEEKDAY", "")
    last = held(timedelta(days=90), sms(S.DELIVERED))
    assert self_test_result(load_settings(), last, TUESDAY).status is Status.OK


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SELF_TEST__PHONES", '["+4799990001", "+4721000000"]', "self_test.phones, number 2 of 2"),
        ("SELF_TEST__EMAILS", '["drift.example.no"]', "self_test.emails, number 1 of 1"),
        ("SMS__ACCOUNT_SID", "", "sms.account_sid is empty"),
        ("SELF_TEST__TIME", "25:00", "self_test.time"),
    ],
)
def test_doctor_fails_where_the_settings_can_test_nothing(
    name: str, value: str, words: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"BEREDSKAP_{name}", value)
    result = self_test_result(load_settings(), None, TUESDAY)
    assert (result.status, words in result.what) == (Status.FAIL, True), result
    assert not {"21000000", "drift.example.no", "99990001"} & set(result.what.replace(":", " ").split())


def test_nobody_named_is_no_fault() -> None:
    assert self_test_result(load_settings(), None, TUESDAY).status is Status.OK
