"""Where somebody who was told is told what follows: every way in which an address may have changed meanwhile."""

from __future__ import annotations

from datetime import date

import pytest

from contacts.codes import AddressChannel
from contacts.reach import PointFacts, ReachOptions, Unreachable
from dispatcher.alerts.follow_up_plan import follow_reach
from dispatcher.alerts.plan import PlanOptions
from dispatcher.outbox.following import Kind

OPTIONS = PlanOptions(date(2026, 11, 23), ReachOptions(frozenset(AddressChannel), use_stale=False), "nb")


def sms(number: int = 1, **facts: bool) -> PointFacts:
    return PointFacts(number, AddressChannel.SMS, **({"verified": True} | facts))


def mail(number: int = 9, **facts: bool) -> PointFacts:
    return PointFacts(number, AddressChannel.EMAIL, **({"verified": True} | facts))


@pytest.mark.parametrize(
    ("own", "former", "at", "update", "over"),
    [
        # As it was: the addresses used, and no others.
        ([sms(), mail()], [], {1}, [1], [1]),
        ([sms(), mail()], [], {1, 9}, [1, 9], [1, 9]),
        # STOP since: never by SMS, but by what is left.
        ([sms(opted_out=True), mail()], [], {1}, [9], [9]),
        ([sms(opted_out=True)], [], {1}, [], []),
        # Another number since: news go to the guardian; that it is over, also to whoever read of the danger.
        ([sms(2)], [sms(1)], {1}, [2], [1, 2]),
        ([sms(2)], [sms(1, shared_with_blocked=True)], {1}, [2], [2]),
        ([sms(2)], [sms(1, opted_out=True)], {1}, [2], [2]),
        # Nobody would use it for an alert any more; whoever reads it has read of the danger.
        ([sms(failing=True)], [], {1}, [], [1]),
        ([sms(stale=True)], [], {1}, [], [1]),
        ([sms(verified=False)], [], {1}, [], [1]),
        ([sms(replaced=True), sms(2)], [], {1}, [2], [1]),
        # A blocked guardian reads it now.
        ([sms(shared_with_blocked=True)], [], {1}, [], []),
        ([sms(shared_with_blocked=True), mail()], [], {1}, [9], [9]),
    ],
)
def test_where_what_follows_is_told(
    own: list[PointFacts], former: list[PointFacts], at: set[int], update: list[int], over: list[int]
) -> None:
    news = follow_reach(own, former, at, Kind.UPDATE, OPTIONS)
    assert sorted(point.address_id for point in news.points) == update
    assert (news.unreachable is None) == bool(update)
    for kind in (Kind.ALL_CLEAR, Kind.CANCEL):
        ended = follow_reach(own, former, at, kind, OPTIONS)
        assert sorted(point.address_id for point in ended.points) == over
        assert (ended.unreachable is None) == bool(over)


def test_why_nobody_can_be_told() -> None:
    found = follow_reach([], [sms(opted_out=True)], {1}, Kind.ALL_CLEAR, OPTIONS)
    assert found.unreachable is Unreachable.OPTED_OUT
