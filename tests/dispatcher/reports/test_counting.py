"""Every number of a report equals a recount of the rows, done one by one."""

from __future__ import annotations

import io
import json
import math
from collections import Counter
from datetime import timedelta

from config.clock import bound_db_now
from config.database import Database
from contacts.entitlement import Verdict
from dispatcher.codes import DeliveryState
from dispatcher.reports.call_list import call_list
from dispatcher.reports.counting import report
from dispatcher.reports.report_files import write_report_json
from dispatcher.reports.times import channel_times
from providers.base import Channel
from tests.dispatcher.reports.conftest import Case
from tests.dispatcher.reports.recount import Rows
from tests.dispatcher.reports.world import CONFIRMED_AT, NOW, World, after

S = DeliveryState


def test_every_number_equals_a_recount(case: Case) -> None:
    rows = Rows(case)
    with case.database.read() as connection:
        found = report(connection, case.alert)

    classes = Counter(rows.class_of(student) for student in rows.students)
    assert found.classes.nobody_reached == classes["unreached"] + classes["held"] == 4
    assert found.classes.students == len(rows.students) == found.alert.students == found.alert.planned_students
    for name in ("confirmed", "handed_over", "unreached", "held", "nobody_may_be_told"):
        assert getattr(found.classes, name) == classes[name] > 0, name

    states = Counter((row.channel, row.state) for row in rows.deliveries)
    assert {(one.channel, one.state): one.deliveries for one in found.states} == states
    assert found.unknown == sum(row.state is S.UNKNOWN for row in rows.deliveries) == 1
    assert found.long_unknown == 1

    explained = {S.UNKNOWN, S.UNDELIVERED, S.REJECTED, S.CANCELLED}
    reasons = Counter((row.channel, row.state, row.code) for row in rows.deliveries if row.state in explained)
    assert {(one.channel, one.state, one.code): one.deliveries for one in found.reasons} == reasons
    assert {one.code: one.words for one in found.reasons} == {
        "30003": "the phone could not be reached (switched off, or without coverage)",
        "30005": "the number is not in use",
        "550 5.1.1": "the mailbox does not exist",
        "read_timeout": "the provider did not answer in time",
        "entitlement_lost": "nobody it was meant for may be told any more",
    }

    assert Counter({(one.verdict, one.reason): one.decisions for one in found.decisions}) == Counter(
        (row.verdict, row.reason) for row in rows.decisions
    )
    assert {one.code: one.guardians for one in found.unreachable} == Counter(
        row.unreachable for row in rows.decisions if row.unreachable
    )
    assert {one.outcome: one.attempts for one in found.attempts} == Counter(row.outcome for row in rows.attempts)
    assert found.refused_moves == sum(row.refused for row in rows.events) == 1
    assert found.email_repeats == sum(row.repeats for row in rows.deliveries if row.channel is Channel.EMAIL) == 1
    assert found.stale == len({row.delivery_id for row in rows.links if row.stale}) == 1
    assert found.unverified == len({row.delivery_id for row in rows.links if row.unverified}) == 1
    assert {one.language: one.deliveries for one in found.texts} == Counter(row.language for row in rows.deliveries)

    sms, email = found.times
    assert (sms.channel, email.channel) == (Channel.SMS, Channel.EMAIL)
    handed = sorted(row.accepted_at for row in rows.deliveries if row.channel is Channel.SMS and row.accepted_at)
    assert (sms.first_hand_over_at, sms.last_hand_over_at) == (handed[0], handed[-1]) == (after(1.0), after(61.0))
    assert (sms.hand_over.count, sms.hand_over.first, sms.hand_over.max) == (3, 1.0, 61.0)
    assert (sms.hand_over.p50, sms.hand_over.p95) == (1.5, 61.0)
    assert sms.delivery is not None
    assert (sms.delivery.count, sms.delivery.p50, sms.delivery.max) == (1, 4.25, 4.25)
    assert email.delivery is None
    assert email.hand_over.count == 1


def test_percentiles_are_those_of_a_sorted_list(database: Database) -> None:
    with database.write() as connection:
        world = World(connection)
        student = world.student("1A-001")
        guardian = world.guardian(of=student)
        alert = world.alert([student])
        # Outcomes recorded in batches share a time.
        taken = [0.4] * 7 + [0.9] * 30 + [1.3] + [2.0] * 3 + [8.5, 8.5, 12.0]
        for seconds in taken:
            world.delivery(alert, S.ACCEPTED, [(student, guardian)], accepted_after=seconds)
        (times,) = channel_times(connection, alert, CONFIRMED_AT)
    ranked = sorted(taken)

    def nearest(share: float) -> float:
        return ranked[math.ceil(share * len(ranked)) - 1]

    spread = times.hand_over
    assert (spread.count, spread.first, spread.max) == (len(taken), 0.4, 12.0)
    assert (spread.p50, spread.p95) == (nearest(0.5), nearest(0.95))


def test_an_unknown_outcome_is_long_after_a_minute(case: Case) -> None:
    with case.database.read() as connection:
        with bound_db_now(after(60.0)):
            assert report(connection, case.alert).long_unknown == 0
        with bound_db_now(after(61.0)):
            assert report(connection, case.alert).long_unknown == 1


def test_who_did_what_when(case: Case) -> None:
    with case.database.read() as connection:
        found = report(connection, case.alert).acts
    assert [(act.act, act.operator) for act in found] == [
        ("alert.preview", "K. Leder"),
        ("alert.send", "K. Leder"),
        ("alert.planned", "beredskap"),
        ("alert.resend_failed", "K. Leder"),
    ]
    assert [act.at for act in found] == [
        CONFIRMED_AT - timedelta(seconds=60),
        CONFIRMED_AT,
        CONFIRMED_AT + timedelta(seconds=2),
        NOW,
    ]
    assert dict(found[-1].details) == {"messages": 1}


def test_an_alert_that_nothing_has_happened_to(database: Database) -> None:
    with database.write() as connection:
        world = World(connection)
        alert = world.alert([world.student("1A-001"), world.student("1A-002")], cursor=0)
        found = report(connection, alert)
    assert (found.classes.unreached, found.classes.nobody_reached, found.alert.planned_students) == (2, 2, 0)
    assert (found.states, found.times, found.reasons, found.attempts) == ((), (), (), ())


def test_json_says_the_students_with_nobody_reached_first_and_everything_else(case: Case) -> None:
    stream = io.StringIO()
    with case.database.read() as connection:
        found = report(connection, case.alert)
        write_report_json(stream, found, call_list(connection, case.alert))
    document = json.loads(stream.getvalue())
    assert list(document)[:4] == ["nobody_reached", "classes", "alert", "call_list"]
    assert document["nobody_reached"] == 4
    assert document["alert"]["confirmed_at"] == "2026-11-23T07:40:12+00:00"
    assert [entry["ref"] for entry in document["call_list"]] == ["1A-003", "2B-002", "2B-003", "1A-004"]
    assert document["decisions"][0]["verdict"] == Verdict.ENTITLED.value
    assert document["times"][0]["hand_over"]["p50"] == 1.5
    assert len(document["states"]) == len(found.states)
