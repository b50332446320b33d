"""An alert that is taken back halfway: at the far end, who was told is told so, in that order, and nobody else is."""

from __future__ import annotations

from config.errors import ExitStatus
from dispatcher.codes import AlertState
from tests.services.waiting import eventually
from tests.whole.conftest import Installation
from tests.whole.school import NAME, fill


def test_an_alert_is_taken_back_from_those_who_were_told(installation: Installation) -> None:
    # Slow enough to be halfway when the second command has started.
    installation.set("sms", segments_per_second=1.5)
    school = fill(installation.database, 12)
    if installation.distributed:
        installation.workers("alerts")
    first = installation.send("--json").json["alert"]
    eventually(lambda: installation.far_end.counts()["sms"] >= 2, what="the first messages have left")
    refused = installation.run("alert", "update", first, "--yes", "--hold", "0", "--json")
    assert refused.status == ExitStatus.UNUSABLE
    assert "still hold {melding}" in refused.json["error"]["what"]

    taken_back = installation.run("alert", "cancel", first, "--yes", "--hold", "0", "--json")
    assert taken_back.status == 0, taken_back.out + taken_back.err
    second = taken_back.json["alert"]
    follows = taken_back.json["preview"]["follow_up"]
    assert (follows["kind"], follows["refers_to"]) == ("cancel", [first])
    assert follows["held_back"] > 0
    again = installation.run("alert", "cancel", first, "--yes", "--hold", "0", "--json").json
    assert (again["alert"], again["already_sent"]) == (second, True)
    eventually(lambda: installation.alert_state() is AlertState.CLOSED, 60, what="the second alert is closed")

    told = {number: [one["body"] for one in installation.far_end.sms(number)] for number in school.numbers}
    assert 0 < sum(len(bodies) == 2 for bodies in told.values()) < len(told)
    for bodies in told.values():
        assert len(bodies) in (0, 2)
        if bodies:
            assert "låst" in bodies[0] or "locked" in bodies[0] or "lohkkaduvvon" in bodies[0]
            assert "gjelder ikke" in bodies[1] or "gjeld ikkje" in bodies[1] or "not apply" in bodies[1]

    listed = installation.run("alert", "list").out
    assert f"{NAME}  follows {first}" in listed
    assert f"followed by {second}" in installation.run("alert", "show", first).out
    report = installation.run("report", second, "--json").json
    assert (report["alert"]["refers_to"], report["alert"]["state"], report["nobody_reached"]) == (first, "closed", 0)
    assert [act["act"] for act in report["acts"]].count("alert.cancel") == 1
    earlier = installation.run("report", first, "--json").json
    assert (earlier["alert"]["followed_by"], earlier["alert"]["state"]) == (second, "stopped")
    assert "alert.replaced" in {act["act"] for act in earlier["acts"]}
    document = installation.run("alert", "cap", second).out
    assert "<msgType>Cancel</msgType>" in document
    assert f"varsling@provedal.example,{first}," in document

    late = installation.run("alert", "all-clear", first, "--yes", "--hold", "0")
    assert late.status == ExitStatus.UNUSABLE
    assert f"Nothing can follow alert {first}: {second} has taken it back." in late.err
    assert installation.run("audit").status == 0
    if not installation.distributed:
        installation.drained()
