"""Whoever an SMS does not reach is called, on the embedded store with nobody's help: once, and until they confirm."""

from __future__ import annotations

import json
from collections import Counter

from dispatcher.codes import DeliveryState
from providers.base import Channel
from tests.services.server import free_port
from tests.services.waiting import eventually
from tests.whole.conftest import Installation
from tests.whole.school import UNDELIVERED, fill

# Filtered out as an SMS; whoever is called there answers and presses 2.
FILTERED = "0007"
STEPS = [
    {"channel": "sms", "wait_minutes": 0.05},
    {"channel": "email", "wait_minutes": 0.05},
    {"channel": "voice", "wait_minutes": 0.05, "severities": ["extreme"]},
]
CHAIN = {"BEREDSKAP_FALLBACK__STEPS": json.dumps(STEPS)}


def test_whoever_an_sms_does_not_reach_is_called(embedded: Installation) -> None:
    port = free_port()
    embedded.set("web", port=port)
    embedded.set("sms", callback_base_url=f"http://127.0.0.1:{port}")
    embedded.set("voice", caller="+4722000000", calls_per_second=50.0, detect_machines=True)
    school = fill(embedded.database, 3, endings=[FILTERED, UNDELIVERED])
    embedded.start("web", environment=CHAIN)
    eventually(lambda: embedded.alive("web") == 1, 30, what="the web application is alive")

    sent = embedded.send("--json", environment=CHAIN)
    assert sent.status == 0, sent.err
    (step,) = sent.json["preview"]["fallback"]
    assert (step["channel"], step["after_seconds"]) == ("voice", 3.0)
    embedded.closed(90)
    embedded.drained()

    calls = embedded.far_end.phone_calls()
    assert Counter(call["to"] for call in calls) == {school.number(FILTERED): 1, school.number(UNDELIVERED): 1}
    by_number = {call["to"]: call for call in calls}
    assert "låst" in by_number[school.number(FILTERED)]["words"][0]
    assert {call["to"]: call["keys"] for call in calls} == {
        school.number(FILTERED): "2",
        school.number(UNDELIVERED): "",
    }
    assert embedded.far_end.counts()["doubled"] == {}
    assert embedded.states(Channel.VOICE) == {DeliveryState.DELIVERED: 1, DeliveryState.UNDELIVERED: 1}
    report = embedded.run("report", "latest", "--json").json
    assert {one["code"] for one in report["reasons"] if one["channel"] == "voice"} == {"call_machine"}
    assert report["confirmed_by_answer"] == 1
    assert embedded.run("audit").status == 0
