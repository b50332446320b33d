"""The table of allowed moves, written down once more and independently, pair by pair and proof by proof."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.codes import AttemptOutcome, DeliveryState
from dispatcher.outbox.transitions import (
    DUE,
    FINAL,
    PROVES_ACCEPTANCE,
    Proof,
    allowed,
    attempt_outcome,
    retry_delay,
    sources_of,
    state_after,
    state_after_receipt,
)
from providers.base import Accepted, Deferred, Outcome, ReceiptStatus, Rejected, Unknown

# Rows: from. Columns: to, in the order of the line above. y: always; o: by the claim's owner, never handed over;
# l: after a completed look-up that found nothing; .: never.
_HEAD = "queued sending accepted deferred unknown delivered undelivered rejected expired cancelled"
TO = _HEAD.split()
TABLE = {
    "queued": ". y y . . y y . y y",
    "deferred": ". y y . . y y . y y",
    "sending": "o . y y y y y y o o",
    "unknown": "l . y . . y y y l .",
    "accepted": ". . . . . y y . . .",
    "delivered": ". . . . . . . . . .",
    "undelivered": ". . . . . . . . . .",
    "rejected": ". . . . . . . . . .",
    "expired": ". . . . . . . . . .",
    "cancelled": ". . . . . . . . . .",
}
PROOFS = {
    "": Proof(),
    "o": Proof(owner_never_sent=True),
    "l": Proof(lookup_found_nothing=True),
    "ol": Proof(owner_never_sent=True, lookup_found_nothing=True),
}
STATES = st.sampled_from(list(DeliveryState))


def test_the_table_speaks_of_every_state() -> None:
    assert {state.value for state in DeliveryState} == set(TABLE) == set(TO)


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof or "no proof")
@pytest.mark.parametrize("before", TABLE)
def test_what_may_follow(before: str, proof: str) -> None:
    expected = {to for to, mark in zip(TO, TABLE[before].split(), strict=True) if mark == "y" or mark in proof}
    found = {to.value for to in DeliveryState if allowed(DeliveryState(before), to, PROOFS[proof])}
    assert found == expected


def test_the_sources_of_a_move_are_those_from_which_it_is_allowed() -> None:
    for to, proof in product(DeliveryState, PROOFS.values()):
        assert sources_of(to, proof) == {before for before in DeliveryState if allowed(before, to, proof)}


def test_final_states_are_those_that_nothing_follows() -> None:
    assert {state for state in DeliveryState if set(TABLE[state].split()) == {"."}} == FINAL
    assert {state for state in DeliveryState if allowed(state, DeliveryState.SENDING)} == DUE


def test_the_states_that_prove_acceptance_are_those_that_a_receipt_can_bring() -> None:
    assert {state_after_receipt(status) for status in ReceiptStatus} == PROVES_ACCEPTANCE


@given(st.lists(st.tuples(STATES, st.sampled_from(list(PROOFS.values())))))
def test_no_walk_leaves_a_final_state(wishes: list[tuple[DeliveryState, Proof]]) -> None:
    state = DeliveryState.QUEUED
    for wish, proof in wishes:
        after = wish if allowed(state, wish, proof) else state
        assert state not in FINAL or after is state
        state = after


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Accepted("SM1"), "accepted"),
        (Rejected("21211"), "rejected"),
        (Rejected("21610", opted_out=True), "rejected"),
        (Deferred("20429", 3.0), "deferred"),
        (Unknown("read_timeout"), "unknown"),
    ],
)
def test_where_an_outcome_leaves_the_delivery(outcome: Outcome, state: str) -> None:
    assert state_after(outcome) is DeliveryState(state)
    assert attempt_outcome(outcome) is AttemptOutcome(state)


def test_what_a_receipt_proves() -> None:
    assert {status.value: state_after_receipt(status).value for status in ReceiptStatus} == {
        "pending": "accepted",
        "delivered": "delivered",
        "undelivered": "undelivered",
    }


@pytest.mark.parametrize(
    ("deferrals", "named", "wait"),
    [
        (0, None, 5),
        (1, None, 10),
        (3, None, 40),
        (9, None, 300),
        (10_000, None, 300),
        (4, 7.5, 7.5),
        (0, 0, 1),
        (0, 900, 300),
    ],
)
def test_the_wait_doubles_unless_the_provider_names_a_time(deferrals: int, named: float | None, wait: float) -> None:
    assert retry_delay(deferrals, named, first=5.0, longest=300.0) == wait
