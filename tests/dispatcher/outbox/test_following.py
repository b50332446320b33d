"""Whom an earlier message has told, and whether what follows it may leave: the whole tables."""

from __future__ import annotations

import pytest

from config.catalogue import MsgType, ResponseType
from dispatcher.codes import DeliveryState
from dispatcher.outbox.following import (
    NEVER_TOLD,
    REPLACED,
    UNKNOWN_SECONDS,
    Before,
    Kind,
    Step,
    gives_way,
    kind_of,
    may_have_told,
    next_step,
)

S = DeliveryState
TOLD = {S.SENDING, S.ACCEPTED, S.UNKNOWN, S.DELIVERED, S.UNDELIVERED}


@pytest.mark.parametrize("kind", Kind)
def test_a_kind_is_found_again_in_what_is_stored(kind: Kind) -> None:
    assert kind_of(kind.msg_type, kind.response_type) is kind


def test_the_words_of_cap() -> None:
    assert [(kind.msg_type, kind.response_type, kind.ends_it) for kind in Kind] == [
        (MsgType.UPDATE, None, False),
        (MsgType.UPDATE, ResponseType.ALL_CLEAR, True),
        (MsgType.CANCEL, None, True),
    ]


def test_what_is_stored_and_promised() -> None:
    assert (REPLACED, NEVER_TOLD, UNKNOWN_SECONDS) == ("replaced", "never_told", 60.0)


@pytest.mark.parametrize("state", S)
def test_who_may_have_read_a_message(state: DeliveryState) -> None:
    assert may_have_told(state, repeats=0) is (state in TOLD)
    # An e-mail that cannot be looked up was on its way once, whatever became of its repeat.
    assert may_have_told(state, repeats=1)


@pytest.mark.parametrize("state", S)
def test_what_gives_way_to_an_update(state: DeliveryState) -> None:
    assert gives_way(state, None, replaced=True) is (state in {S.QUEUED, S.DEFERRED})
    assert gives_way(state, REPLACED, replaced=True) is (state in {S.QUEUED, S.DEFERRED, S.CANCELLED})
    assert not gives_way(state, REPLACED, replaced=False)
    assert not gives_way(S.CANCELLED, "stopped", replaced=True)
    assert not gives_way(S.CANCELLED, "entitlement_lost", replaced=True)


def before(state: DeliveryState, age: float = 0.0, repeats: int = 0) -> Before:
    return Before(state, repeats, age)


@pytest.mark.parametrize(
    ("earlier", "update", "over"),
    [
        ([], Step.GO, Step.NEVER_TOLD),
        ([before(S.ACCEPTED)], Step.GO, Step.GO),
        ([before(S.DELIVERED)], Step.GO, Step.GO),
        ([before(S.UNDELIVERED)], Step.GO, Step.GO),
        ([before(S.SENDING)], Step.WAIT, Step.WAIT),
        ([before(S.SENDING, age=3600.0)], Step.WAIT, Step.WAIT),
        ([before(S.UNKNOWN, age=UNKNOWN_SECONDS - 0.1)], Step.WAIT, Step.WAIT),
        ([before(S.UNKNOWN, age=UNKNOWN_SECONDS)], Step.GO, Step.GO),
        # Its alert is stopped: it never leaves.
        ([before(S.QUEUED)], Step.GO, Step.NEVER_TOLD),
        ([before(S.DEFERRED)], Step.GO, Step.NEVER_TOLD),
        ([before(S.QUEUED, repeats=1)], Step.GO, Step.GO),
        ([before(S.CANCELLED)], Step.GO, Step.NEVER_TOLD),
        ([before(S.EXPIRED)], Step.GO, Step.NEVER_TOLD),
        ([before(S.REJECTED)], Step.GO, Step.NEVER_TOLD),
        # Another channel has told; another channel is still on its way.
        ([before(S.DEFERRED), before(S.ACCEPTED)], Step.GO, Step.GO),
        ([before(S.DELIVERED), before(S.SENDING)], Step.WAIT, Step.WAIT),
    ],
)
def test_whether_a_follow_up_may_leave(earlier: list[Before], update: Step, over: Step) -> None:
    assert next_step(earlier, Kind.UPDATE) is update
    assert next_step(iter(earlier), Kind.ALL_CLEAR) is over
    assert next_step(earlier, Kind.CANCEL) is over
