"""One alert as whoever runs the service sees it: its number in every process's log, and the metrics of each."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any
from urllib.request import urlopen

from tests.dispatcher.metering.reading import Scrape
from tests.services.server import free_port
from tests.services.waiting import eventually
from tests.whole.conftest import Installation
from tests.whole.school import fill
from tests.whole.test_no_persons import leaks, secrets_of


def test_one_number_leads_through_the_logs_of_all_processes_and_the_metrics_agree(distributed: Installation) -> None:
    school = fill(distributed.database, 10)
    web_port = free_port()
    distributed.set("web", port=web_port)
    # What a busy machine answers late is not to be looked up: each outcome is to be the worker's.
    distributed.set("sms", callback_base_url=f"http://127.0.0.1:{web_port}", timeout_seconds=10.0)
    distributed.set("smtp", timeout_seconds=10.0)
    distributed.set("dispatch", receipt_poll_seconds=600.0, lease_seconds=60.0)
    ports = {name: free_port() for name in ("scheduler", "worker", "web")}

    def start(*command: str) -> None:
        distributed.start(*command, environment={"BEREDSKAP_METRICS__PORT": str(ports[command[0]])})
        eventually(lambda: distributed.alive(command[0]) == 1, 60, what=f"{command[0]} is alive")

    # First, so that the upkeep is the scheduler's.
    start("scheduler")
    start("web")
    start("worker", "--lane", "alerts")
    sent = distributed.send("--json")
    assert sent.status == 0, sent.err
    number = sent.json["alert"]
    distributed.closed()
    assert distributed.run("report", number, "--json").status == 0
    ended = eventually(lambda: _lines(distributed, number)["scheduler"], what="the scheduler tells of the end")

    # One number from the command that sent it to the one that read its report.
    events = {process: [line["event"] for line in lines] for process, lines in _lines(distributed, number).items()}
    assert events["command"] == ["alert_confirmed", "report_read"]
    assert set(events["worker"]) == {"planned", "planning_ended", "claimed", "recorded"}
    assert set(events["web"]) == {"receipts"}
    assert (ended[0]["event"], ended[0]["state"]) == ("alert_ended", "closed")
    messages = len(school.numbers) + len(school.emails)

    def recorded() -> int:
        return sum(line.get("accepted", 0) for line in _lines(distributed, number)["worker"])

    eventually(lambda: recorded() == messages, what="the worker has told of every attempt")
    worker = _lines(distributed, number)["worker"]
    assert sum(line["messages"] for line in worker if line["event"] == "planned") == messages
    receipts = [line for line in _lines(distributed, number)["web"] if line["event"] == "receipts"]
    assert sum(line.get("delivered", 0) for line in receipts) == len(school.numbers)

    # The metrics say the same.
    worker_says, web_says = _scrape(ports["worker"]), _scrape(ports["web"])
    for channel, provider, count in (("sms", "twilio", len(school.numbers)), ("email", "smtp", len(school.emails))):
        of = {"lane": "alerts", "channel": channel, "provider": provider}
        assert worker_says.value("beredskap_attempts_total", **of, outcome="accepted") == count
        assert worker_says.value("beredskap_hand_over_wait_seconds_count", **of) == count
    assert worker_says.value("beredskap_database_answers") is None
    by_callback = {"provider": "twilio", "way": "callback", "status": "delivered"}
    assert web_says.value("beredskap_receipts_total", **by_callback) == len(school.numbers)
    assert web_says.value("beredskap_senders_alive", lane="alerts") == 1
    assert web_says.value("beredskap_redis_answers") == 1
    # The first audit is made at once.
    assert _scrape(ports["scheduler"]).value("beredskap_audit_content") == 1

    # And nothing of it is about anybody.
    pages = "".join(urlopen(f"http://127.0.0.1:{port}/metrics").read().decode() for port in ports.values())
    assert leaks(distributed.logs() + pages, set(secrets_of(distributed))) == set()
    assert "Prøvedal" not in pages
    assert number not in pages


def _lines(installation: Installation, number: str) -> dict[str, list[dict[str, Any]]]:
    """What the processes have written of this alert, by kind of process."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for text in installation.logs().splitlines():
        if text.startswith("{") and '"event"' in text:
            line = json.loads(text)
            if line.get("alert") == number:
                found[line["process"]].append(line)
    return found


def _scrape(port: int) -> Scrape:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        return Scrape(answer.read().decode())
