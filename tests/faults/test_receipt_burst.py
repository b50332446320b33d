"""Ten thousand receipts at once, and `beredskap web` told to end among them: what was answered well is stored."""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait

from sqlalchemy import select

from dispatcher.codes import DeliveryState
from dispatcher.tables import RECEIPT
from providers.base import Channel
from tests.faults.callbacks import Callback, healthy, post, start_web, take_callbacks
from tests.faults.conftest import Trial, embedded_by_hand
from tests.faults.ledger import Entry
from tests.portal.serving import accepted_deliveries
from tests.services.waiting import eventually

_STORED = 204
_MESSAGES = 5_000
_AT_ONCE = 250
# How often Twilio repeats a callback that was not answered well.
_REPEATS = 5
_STOP_SECONDS = 15.0


@embedded_by_hand
def test_ten_thousand_receipts_in_a_burst(trial: Trial) -> None:
    """Two of each message, in any order: all are kept, web answers others meanwhile, and no final state goes back."""
    installation = trial.installation
    url = take_callbacks(installation)
    references = accepted_deliveries(installation.database, _MESSAGES)
    start_web(installation)
    burst = [
        Callback(f"{url}/callbacks/twilio/status/{delivery}/1", sid, status)
        for delivery, sid in references.items()
        for status in ("sent", "delivered")
    ]
    random.Random().shuffle(burst)
    began = time.monotonic()
    asked = 0
    with ThreadPoolExecutor(1) as thread:
        posting = thread.submit(_post_as_a_provider, burst)
        while wait([posting], timeout=0.25).not_done:
            assert healthy(installation)
            asked += 1
        answers = posting.result()
    took = time.monotonic() - began
    assert asked >= 3, "nobody could ask anything else meanwhile"
    assert answers == {_STORED: len(burst)}
    failed = [Callback(one.url, one.sid, "undelivered", "30003") for one in burst[: _AT_ONCE * 2]]
    assert set(post(failed, at_once=_AT_ONCE)) == {_STORED}
    with installation.database.read() as connection:
        stored = Counter(connection.execute(select(RECEIPT.c.status)).scalars())
    lost = len(burst) - stored["pending"] - stored["delivered"]
    rate = f"{len(burst) / took:,.0f} receipts a second"
    trial.record(Entry(f"{trial.name}: {rate}", _MESSAGES, _MESSAGES, 0, 0, 0, lost, took))
    assert stored == {"pending": _MESSAGES, "delivered": _MESSAGES, "undelivered": len({one.sid for one in failed})}
    assert installation.states() == {DeliveryState.DELIVERED: _MESSAGES}


def _post_as_a_provider(callbacks: list[Callback]) -> Counter[int]:
    """Post them at once, and again what was not answered well; the last answers."""
    answers: Counter[int] = Counter()
    for _ in range(1 + _REPEATS):
        statuses = post(callbacks, at_once=_AT_ONCE)
        answers[_STORED] += statuses.count(_STORED)
        callbacks = [one for one, status in zip(callbacks, statuses, strict=True) if status != _STORED]
        if not callbacks:
            break
    answers.update({0: len(callbacks)} if callbacks else {})
    return answers


@embedded_by_hand
def test_web_told_to_end_while_receipts_come(trial: Trial) -> None:
    """What it answered well is stored; the rest comes again, or is asked for."""
    installation, far_end = trial.installation, trial.installation.far_end
    take_callbacks(installation)
    count = trial.school_of(400).guardians
    installation.set("dispatch", receipt_poll_seconds=3.0)
    far_end.behave(segments_per_second=40.0)
    web = start_web(installation)
    if installation.distributed:
        installation.workers("alerts")
    assert installation.send("--json", "--no-watch").status == 0
    eventually(lambda: _answered(trial) >= 30, what="some receipts have come")
    began = time.monotonic()
    web.terminate()
    assert web.wait().status == 0
    assert time.monotonic() - began < _STOP_SECONDS
    answered, stored = {sms["sid"]: sms["callbacks_sent"] for sms in far_end.sms()}, _stored(trial)
    assert sum(answered.values()) < 2 * count, "it ended after the last receipt"
    assert all(stored[sid] >= times for sid, times in answered.items())
    trial.struck()
    start_web(installation)
    trial.all_told_once()
    assert installation.states(Channel.SMS) == {DeliveryState.DELIVERED: count}


def _answered(trial: Trial) -> int:
    """How many callbacks of the far end were answered well."""
    return sum(int(sms["callbacks_sent"]) for sms in trial.installation.far_end.sms())


def _stored(trial: Trial) -> Counter[str]:
    with trial.installation.database.read() as connection:
        return Counter(connection.execute(select(RECEIPT.c.reference)).scalars())
