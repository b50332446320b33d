"""Reports on paper have Norwegian words for everything that they can say."""

from __future__ import annotations

import inspect
import re
from itertools import product

import pytest

from dispatcher.codes import AlertState, AlertStatus, AttemptOutcome, DeliveryState, StudentClass
from dispatcher.outbox import following, questions, record, sweep
from dispatcher.paper.document import LABEL_SIZE, Label, Stroke
from dispatcher.reports import call_list, norwegian, words
from dispatcher.reports.acts import Act
from dispatcher.reports.breakdown import Curve, Milestone, Point
from dispatcher.reports.charts import curve_chart, curve_line
from dispatcher.reports.norwegian import act_words, code_words, in_norwegian, share
from dispatcher.reports.reasons_in_norwegian import REASONS
from dispatcher.retention import norwegian as export_words
from providers import errors
from providers.base import Channel
from providers.error_codes import OWN, TWILIO
from tests.dispatcher.reports.world import NOW


def test_every_reason_has_norwegian_words() -> None:
    english = {meaning.words for meaning in (*TWILIO.values(), *OWN.values())}
    for table in (errors._HTTP_WORDS, errors._BAD_MAILBOX, errors._SMTP_WORDS):
        english |= set(table.values())
    english |= set(re.findall(r'(?:return|else|if code) "(the [^"]+)"', inspect.getsource(errors.in_plain_words)))
    english |= {words.delivery_reason(state, None) for state in DeliveryState}
    for own in (words._DELIVERY_WORDS, words._UNREACHABLE_WORDS, words._HELD_WORDS):
        english |= set(own.values())
    english |= {call_list.NOT_PLANNED, call_list.PROTECTED, call_list.MAYBE_PROTECTED, call_list.NO_LONGER}
    assert english - set(REASONS) == set()
    assert len(english) > 100


@pytest.mark.parametrize(
    "code",
    [
        questions.NO_LONGER_ASKED,
        questions.NO_LONGER_NEEDED,
        record.CRASHED,
        following.REPLACED,
        following.NEVER_TOLD,
        sweep.LEASE_LOST,
        sweep.EXPIRED,
        sweep.STOPPED,
    ],
)
def test_what_the_outbox_writes_has_words(code: str) -> None:
    assert code in words._DELIVERY_WORDS
    assert code in export_words._CODES


def test_every_code_has_norwegian_words() -> None:
    for table, codes in (
        (norwegian.STATUSES, AlertStatus),
        (norwegian.ALERT_STATES, AlertState),
        (norwegian.CLASSES, StudentClass),
        (norwegian.STATES, DeliveryState),
        (norwegian.CALL_STATES, DeliveryState),
        (norwegian.OUTCOMES, AttemptOutcome),
        (norwegian.CHANNELS, Channel),
    ):
        assert set(table) == set(codes)


def test_every_curve_has_a_line_of_its_own() -> None:
    lines = [curve_line(*pair) for pair in product(Channel, Milestone)]
    assert len({dash for _colour, dash in lines}) == len(lines)


def test_the_names_of_all_lines_stand_within_the_picture_and_apart() -> None:
    chart = curve_chart([Curve(*pair, (Point(0, 0), Point(60, 9))) for pair in product(Channel, Milestone)])
    assert chart is not None
    named = [shape for shape in chart.shapes if isinstance(shape, Label) and shape.words[0].isalpha()]
    assert len(named) == 7
    for label in named:
        width = LABEL_SIZE * 0.55 * len(label.words)
        assert (label.x if label.anchor == "end" else label.x + width) <= chart.width, label
        right = [other.x - 28 for other in named if other.y == label.y and other.x > label.x]
        assert label.x + width <= min(right, default=chart.width) or label.anchor == "end", label
    top = min(min(y for _x, y in shape.points) for shape in chart.shapes if isinstance(shape, Stroke))
    assert min(label.y for label in named) >= top


def test_of_a_code_the_paper_says_what_a_provider_can_look_up() -> None:
    assert [code_words(one) for one in ("30005", "550 5.1.1", "call_no_answer", "smtputf8_missing", "", None)] == [
        " (30005)",
        " (550 5.1.1)",
        *[""] * 4,
    ]


def test_several_reasons_and_reasons_of_others() -> None:
    both = "the student is protected, the student's birth date is unknown"
    assert in_norwegian(both) == "eleven har adressesperre, elevens fødselsdato er ukjent"
    assert in_norwegian("something else, the student is protected") == "something else, the student is protected"


def test_a_share_is_100_per_cent_of_all_alone() -> None:
    assert [share(*pair) for pair in ((0, 0), (0, 9), (1, 100_000), (99_999, 100_000), (7, 7))] == [
        "–",
        "0,0\u00a0%",
        "0,1\u00a0%",
        "99,9\u00a0%",
        "100,0\u00a0%",
    ]


@pytest.mark.parametrize(
    ("act", "details", "told"),
    [
        ("alert.send", {"students": 8}, "bekreftet og sendte varselet"),
        ("alert.break_glass", {"reason": "leder borte"}, "sendte varselet uten å ha rollen for det: leder borte"),
        ("county.told", {"e-mail": "rejected", "code": "550 5.1.1"}, "e-post til fylket: avvist"),
        ("something.new", {}, "something.new"),
    ],
)
def test_who_did_what(act: str, details: dict[str, object], told: str) -> None:
    assert act_words(Act(NOW, "k.leder", act, details)) == told
