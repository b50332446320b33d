"""Several providers of SMS: one falls out in the middle of an alert, the next goes on, and nobody is told twice."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator

import pytest

from dispatcher.codes import DeliveryState
from providers.base import Channel
from providers.sandbox.server import Sandbox, SandboxConfig
from tests.faults.conftest import Trial, embedded_by_hand
from tests.faults.relay import Relay
from tests.services.sms_gateway import SmsGateway
from tests.services.waiting import eventually
from tests.whole.conftest import FarEnd

_SECOND_ACCOUNT = "AC" + "0" * 31 + "2"


@pytest.fixture
def first(trial: Trial) -> Iterator[Relay]:
    """The way to the first provider."""
    relay = Relay(int(trial.installation.far_end.sandbox.sms_url.rpartition(":")[2]))
    trial.installation.set("sms", api_base_url=f"http://127.0.0.1:{relay.port}")
    yield relay
    relay.close()


@pytest.fixture
def second(trial: Trial) -> Iterator[FarEnd]:
    """Another account, at a far end of its own."""
    config = SandboxConfig(account_sid=_SECOND_ACCOUNT, auth_token="another-token", delivery_seconds=0.1)
    with Sandbox(config) as sandbox:
        trial.installation.set(
            "sms_backup",
            account_sid=config.account_sid,
            auth_token=config.auth_token,
            api_base_url=sandbox.sms_url,
            timeout_seconds=1.0,
            segments_per_second=100.0,
        )
        far_end = FarEnd(sandbox)
        far_end.behave(to="*", behaviour="delivered")
        trial.others.append(lambda: far_end.counts()["sms_by_delivery"])
        yield far_end


@pytest.fixture
def last(trial: Trial) -> Iterator[SmsGateway]:
    """The last resort."""
    with SmsGateway() as gateway:
        # What this service does not answer in time stays unknown: no test of speed may make it so.
        trial.installation.set("dispatch", lease_seconds=60.0)
        trial.installation.set(
            "sms_last_resort", url=gateway.url, timeout_seconds=10.0, segments_per_second=100.0, connections=4
        )
        trial.others.append(
            lambda: Counter(f"{to} {hashlib.sha256(text.encode()).hexdigest()[:12]}" for to, text in gateway.asked)
        )
        yield gateway


def _school(trial: Trial, messages: int) -> None:
    trial.school_of(messages)
    trial.installation.set("sms", segments_per_second=100.0)


def _send(trial: Trial) -> None:
    installation = trial.installation
    if installation.distributed:
        installation.workers("alerts", "alerts")
    assert installation.send("--json", "--no-watch").status == 0


@embedded_by_hand
def test_the_first_provider_away_and_back(trial: Trial, first: Relay, second: FarEnd) -> None:
    """The second goes on within seconds; the first is tried with single messages, and then has the rest."""
    far_end = trial.installation.far_end
    _school(trial, 2_000)
    _send(trial)
    eventually(lambda: far_end.counts()["sms"] >= 60, what="some have left")
    first.close()
    at_its_fall = far_end.counts()["sms"]
    eventually(lambda: second.taken() >= 60, what="the second provider goes on")
    first.open()
    trial.struck()
    eventually(lambda: far_end.counts()["sms"] >= at_its_fall + 60, what="the first provider has the rest", seconds=60)
    trial.all_told_once()


@embedded_by_hand
def test_the_first_provider_takes_and_does_not_answer(trial: Trial, first: Relay, second: FarEnd) -> None:
    """What it may have taken is looked up there, and never given to the second."""
    far_end = trial.installation.far_end
    _school(trial, 600)
    for number in trial.numbers():
        far_end.behave(to=number, behaviour="hang")
    trial.struck()
    _send(trial)
    trial.all_told_once()
    assert far_end.counts()["sms"] > 0
    assert second.taken() > 0


@embedded_by_hand
def test_neither_account_answers_and_the_last_resort_goes_on(
    trial: Trial, first: Relay, second: FarEnd, last: SmsGateway
) -> None:
    """It tells nothing of what becomes of a message: accepted is all that is known."""
    gone = Relay(int(second.sandbox.sms_url.rpartition(":")[2]))
    trial.installation.set("sms_backup", api_base_url=f"http://127.0.0.1:{gone.port}")
    for relay in (first, gone):
        relay.close()
    trial.struck()
    _school(trial, 400)
    _send(trial)
    trial.all_told_once()
    assert len(last.asked) == trial.installation.states(Channel.SMS)[DeliveryState.ACCEPTED] == 200
