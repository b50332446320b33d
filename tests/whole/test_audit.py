"""An alert that nobody works on any more: the audit and the scheduler say so, and the dead man's switch is silent."""

from __future__ import annotations

from typing import Any

from dispatcher.codes import AlertState, DeliveryState
from tests.services.dead_mans_switch import served_switch
from tests.services.waiting import eventually
from tests.whole.conftest import Installation
from tests.whole.school import fill

SECRET = "a1b2c3-whole"


def found(installation: Installation) -> dict[str, Any]:
    """What the audit finds, by code; the command's exit status goes with it."""
    done = installation.run("audit", "--json")
    assert done.status == done.json["exit_status"] == (1 if done.json["findings"] else 0), done.err
    return {one["code"]: one for one in done.json["findings"]}


def test_an_alert_whose_workers_are_all_gone(distributed: Installation) -> None:
    fill(distributed.database, 40)
    distributed.set("sms", segments_per_second=2.0)
    distributed.set("smtp", messages_per_second=2.0)
    with served_switch(SECRET) as switch:
        distributed.set("audit", grace_seconds=2.0, ping_url=switch.url)
        assert found(distributed) == {}
        (worker,) = distributed.workers("alerts")
        assert distributed.send("--no-watch", "--json").status == 0
        eventually(
            lambda: distributed.alert_state() is AlertState.OPEN and distributed.far_end.taken() > 2,
            what="the alert is planned, and some have left",
        )
        assert found(distributed) == {}
        worker.kill()

        waiting = eventually(lambda: found(distributed).get("due_waiting"), what="the audit finds that nobody sends")
        assert waiting["count"] > 0
        assert "No worker that sends alerts is alive" in waiting["remedy"]
        shown = distributed.run("audit")
        assert shown.status == 1
        assert "due_waiting" in shown.out
        assert "start beredskap worker --lane alerts" in " ".join(shown.out.split())
        doctor = distributed.run("doctor")
        assert doctor.status == 2
        assert "fail  audit" in doctor.out
        assert len(doctor.out.splitlines()) <= 48

        # Whatever ticks says it in its log, and leaves the switch alone.
        scheduler = distributed.start("scheduler")
        assert '"code": "due_waiting"' in scheduler.wait_for("audit_finding")
        scheduler.terminate()
        scheduler.wait()
        assert switch.asked == []

        distributed.set("sms", segments_per_second=500.0)
        distributed.set("smtp", messages_per_second=500.0)
        distributed.workers("alerts")
        distributed.closed()
        assert found(distributed) == {}
        assert distributed.run("audit", "--alert", "latest").status == 0
        assert not set(distributed.states()) & {DeliveryState.QUEUED, DeliveryState.DEFERRED, DeliveryState.SENDING}
        for command in ("scheduler", "run"):
            before = len(switch.asked)
            ticking = distributed.start(command)
            eventually(lambda before=before: len(switch.asked) > before, what=f"{command} tells that all is well")
            ticking.terminate()
            assert ticking.wait().status == 0
    assert set(switch.asked) == {f"/{SECRET}"}
    assert SECRET not in distributed.logs()


def test_an_alert_that_there_is_not(embedded: Installation) -> None:
    done = embedded.run("audit", "--alert", "A-2611-0042")
    assert done.status == 2
    assert "There is no alert with that number." in done.err
    nothing = embedded.run("audit")
    assert (nothing.status, nothing.out) == (0, "Nothing is wrong. Looked at 0 alerts.\n")
