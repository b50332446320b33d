"""What a mail server does to an alert: it puts off at each stage, refuses a recipient, and leaves at the worst time."""

from __future__ import annotations

import pytest

from providers.base import Channel
from tests.faults.conftest import Trial, embedded_by_hand

# The replies of each stage, told apart by their enhanced status.
_BEFORE_ANY_RECIPIENT = (
    ("connect", "421 4.3.2 Not just now"),
    ("ehlo", "451 4.3.5 Not just now"),
    ("mail", "451 4.3.1 Not just now"),
)
_OF_ONE_RECIPIENT = (
    ("at_rcpt", "450 4.2.0 Greylisted"),
    ("at_data", "451 4.3.0 Not just now"),
    ("at_end", "452 4.3.1 No room"),
)
_CODES = {"greeting 421 4.3.2", "greeting 451 4.3.5", "sender 451 4.3.1", "450 4.2.0", "451 4.3.0", "452 4.3.1"}
# One connection at a time: with more of them, a server that refuses one has not refused a mail.
_ONE = 1


def _begin(trial: Trial, **smtp: object) -> None:
    installation = trial.installation
    # Nothing here hangs: a busy machine is to be given the time that it needs.
    installation.set("dispatch", lease_seconds=10.0)
    installation.set("smtp", timeout_seconds=2.5, **smtp)
    if installation.distributed:
        installation.workers("alerts")
    trial.struck()
    assert installation.send("--json", "--no-watch").status == 0


def _put_off_at_each_stage(trial: Trial, *, pipelining: bool) -> None:
    far_end = trial.installation.far_end
    trial.school_of(40)
    for stage, reply in _BEFORE_ANY_RECIPIENT:
        far_end.behave(stage=stage, reply=reply, times=1)
    for to, (behaviour, reply) in zip(trial.mailboxes(), _OF_ONE_RECIPIENT, strict=False):
        far_end.behave(to=to, behaviour=behaviour, code=reply, times=1)
    _begin(trial, connections=_ONE, pipelining=pipelining)
    trial.all_told_once()
    codes = trial.codes(Channel.EMAIL)
    assert codes.keys() == _CODES, codes
    # Each stands for the one mail that met it, and nothing was sent twice for it.
    assert all(codes[code] == 1 for code in ("450 4.2.0", "451 4.3.0", "452 4.3.1"))


def test_mail_put_off_at_each_stage(trial: Trial) -> None:
    """Every 4xx is certain: nothing was taken, and it goes again by itself."""
    _put_off_at_each_stage(trial, pipelining=True)


@pytest.mark.by_hand
def test_mail_put_off_at_each_stage_without_pipelining(embedded_trial: Trial) -> None:
    _put_off_at_each_stage(embedded_trial, pipelining=False)


@embedded_by_hand
def test_a_family_that_is_refused(trial: Trial) -> None:
    """By SMS and by e-mail, each in another way: they are on the call list, and all others are told."""
    far_end = trial.installation.far_end
    trial.school_of(40)
    # The guardians of one family; they have one student, or two.
    for to in trial.numbers()[:2]:
        far_end.behave(to=to, behaviour="refused", code="21211")
    for to, behaviour, reply in zip(
        trial.mailboxes(), ("at_rcpt", "at_end"), ("550 5.1.1 No such user", "554 5.7.1 Refused"), strict=False
    ):
        far_end.behave(to=to, behaviour=behaviour, code=reply)
    _begin(trial)
    trial.all_told_once(but={Channel.SMS: 2, Channel.EMAIL: 2})
    refused = {(Channel.SMS, "21211"), (Channel.EMAIL, "550 5.1.1"), (Channel.EMAIL, "554 5.7.1")}
    called = trial.to_call()
    assert set(called) == refused
    assert called.count((Channel.SMS, "21211")) == 2 * called.count((Channel.EMAIL, "550 5.1.1"))


@pytest.mark.parametrize(
    "pipelining", [True, pytest.param(False, marks=pytest.mark.by_hand)], ids=["pipelining", "one-by-one"]
)
def test_cut_after_the_final_dot(embedded_trial: Trial, pipelining: bool) -> None:
    _cut_after_the_final_dot(embedded_trial, pipelining)


def test_cut_after_the_final_dot_of_workers(distributed_trial: Trial) -> None:
    _cut_after_the_final_dot(distributed_trial, True)


def _cut_after_the_final_dot(trial: Trial, pipelining: bool) -> None:
    """Taken, and nobody said so: each of these comes once more, under the Message-ID that it had, and is counted."""
    trial.school_of(60)
    far_end = trial.installation.far_end
    cut = trial.mailboxes()[:10]
    for to in cut:
        far_end.behave(to=to, behaviour="cut", times=1)
    _begin(trial, pipelining=pipelining)
    trial.all_told_once()
    assert trial.codes(Channel.EMAIL)["connection_lost"] == len(cut)
    twice = {name.rpartition(" ")[2] for name, count in far_end.counts()["email_by_message_id"].items() if count == 2}
    assert twice == set(cut)


@pytest.mark.parametrize(
    "pipelining", [True, pytest.param(False, marks=pytest.mark.by_hand)], ids=["pipelining", "one-by-one"]
)
def test_a_server_that_takes_ten_and_closes(embedded_trial: Trial, pipelining: bool) -> None:
    _takes_ten_and_closes(embedded_trial, pipelining)


def test_a_server_that_takes_ten_of_a_worker_and_closes(distributed_trial: Trial) -> None:
    _takes_ten_and_closes(distributed_trial, True)


def _takes_ten_and_closes(trial: Trial, pipelining: bool) -> None:
    """With the envelope of the eleventh under way: what it answered is told, what it did not answer goes again."""
    trial.school_of(400)
    far_end = trial.installation.far_end
    far_end.behave(mails_per_connection=10)
    before = far_end.sandbox.smtp.connections_made
    _begin(trial, pipelining=pipelining)
    entry = trial.all_told_once()
    assert far_end.sandbox.smtp.connections_made - before >= 200 / 10
    assert entry.repeats == 0
