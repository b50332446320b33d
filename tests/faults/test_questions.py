"""What the provider is asked: what became of messages without an answer, and receipts that did not come.

It is asked page by page, and left in peace for as long as it asks for.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from dispatcher.codes import DeliveryState
from providers.base import Channel
from tests.faults.conftest import Trial, embedded_by_hand
from tests.services.waiting import eventually

_QUESTIONS = ("list", "fetch")
# A question that was under way when the provider said "not now".
_UNDER_WAY = 0.3
# Seconds between two pages of one walk through the list; two walks are further apart (dispatch.poll_seconds).
_SAME_WALK = 0.4
# How an attempt ends whose answer is lost; on a busy machine we may give up on it before we see that it was cut off.
_NO_ANSWER = ("connection_lost", "read_timeout", "lease_lost")


def _begin(trial: Trial) -> None:
    installation = trial.installation
    if installation.distributed:
        installation.workers("alerts", "alerts")
    trial.struck()
    assert installation.send("--json", "--no-watch").status == 0


def _questions(trial: Trial) -> list[dict[str, Any]]:
    asked = [call for what in _QUESTIONS for call in trial.installation.far_end.calls(what)]
    return sorted(asked, key=lambda call: float(call["began"]))


def _left_in_peace(questions: list[dict[str, Any]], seconds: float) -> bool:
    """Whether no question came in the time after each 429 that the provider asked for."""
    refused = [float(call["ended"]) for call in questions if call["status"] == 429]
    assert refused, "the provider was never asked too much"
    return not [
        call for at in refused for call in questions if at + _UNDER_WAY < float(call["began"]) < at + seconds - 0.05
    ]


@embedded_by_hand
def test_no_receipt_at_all(trial: Trial) -> None:
    """Receipts are fetched, page by page; after a 429 nobody asks before the time is over that the provider named."""
    far_end = trial.installation.far_end
    installation = trial.installation
    school = trial.school_of(400)
    # Receipts become overdue one after the other: while one batch is refused, there are others to ask for.
    installation.set("sms", segments_per_second=100.0)
    far_end.behave(to="*", behaviour="delivered", callbacks=False)
    far_end.behave(to="list", behaviour="busy", times=2, seconds=1.5)
    far_end.behave(most_per_page=120)
    _begin(trial)
    trial.all_told_once()
    assert installation.states(Channel.SMS) == {DeliveryState.DELIVERED: school.guardians}
    questions = _questions(trial)
    assert _left_in_peace(questions, 1.5), questions
    # More than one page for one batch, and no question for each message.
    lists = [call for call in questions if call["what"] == "list" and call["status"] == 200]
    assert len(lists) >= 2
    assert any(float(after["began"]) - float(before["ended"]) < _SAME_WALK for before, after in pairwise(lists))


def _answers_lost(trial: Trial) -> int:
    """The answer to each SMS is lost once, but for every third: a provider that never answers is left alone."""
    numbers = [number for place, number in enumerate(trial.numbers()) if place % 3]
    for number in numbers:
        trial.installation.far_end.behave(to=number, behaviour="cut_silent", times=1, callbacks=False)
    return len(numbers)


def _unanswered(trial: Trial) -> int:
    codes = trial.codes(Channel.SMS)
    return sum(codes[code] for code in _NO_ANSWER)


@embedded_by_hand
def test_answers_lost_while_the_messages_wait_at_the_provider(trial: Trial) -> None:
    """Its list says of none of them that it was sent, and of few when: they are found all the same, and not doubled."""
    installation, far_end = trial.installation, trial.installation.far_end
    trial.school_of(200)
    lost, sent = _answers_lost(trial), len(trial.numbers())
    far_end.behave(segments_per_second=10.0, most_per_page=50)
    # Nobody may ask until all of them are unknown and were put off once more: then they are asked about together.
    far_end.behave(to="list", behaviour="busy", seconds=1.0)
    _begin(trial)
    eventually(
        lambda: installation.states(Channel.SMS) == {DeliveryState.UNKNOWN: lost, DeliveryState.ACCEPTED: sent - lost},
        what="the answers are lost",
    )
    asked = len(far_end.calls("list"))
    eventually(lambda: len(far_end.calls("list")) > asked, what="the provider is asked again")
    far_end.behave(to="list", behaviour="delivered")
    eventually(
        lambda: installation.states(Channel.SMS)[DeliveryState.UNKNOWN] == 0,
        what="what is unknown was found",
    )
    assert [one for one in far_end.sms() if one["date_sent"] is None], "all had left before they were looked up"
    trial.all_told_once()
    assert _unanswered(trial) == lost
    # More than fifty unknown ones are looked for in the pages of the list, not number by number.
    assert len([call for call in far_end.calls("list") if not call["to"] and call["status"] == 200]) >= 2


@embedded_by_hand
def test_a_provider_that_may_not_be_asked_for_a_while(trial: Trial) -> None:
    """Nothing is concluded from that, nothing is sent again, and nobody asks before the time is over."""
    far_end = trial.installation.far_end
    trial.school_of(60)
    lost = _answers_lost(trial)
    far_end.behave(to="list", behaviour="busy", times=2, seconds=1.5)
    _begin(trial)
    trial.all_told_once()
    assert _unanswered(trial) == lost
    assert _left_in_peace(_questions(trial), 1.5), _questions(trial)
