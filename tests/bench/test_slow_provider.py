"""The slow provider's limit: one second's requests at once, and then no more than its rate."""

from __future__ import annotations

from bench.slow_provider import Limit


def test_a_second_of_requests_is_taken_at_once_and_then_the_rate() -> None:
    limit = Limit(100.0)
    assert [limit.admits(50.0) for _ in range(101)] == [True] * 100 + [False]
    assert limit.admits(50.02)
    assert limit.admits(50.02)
    assert not limit.admits(50.02)


def test_what_was_not_used_does_not_pile_up() -> None:
    limit = Limit(100.0)
    limit.admits(1.0)
    assert sum(limit.admits(1000.0) for _ in range(500)) == 100


def test_without_a_limit_all_is_taken() -> None:
    assert all(Limit(0.0).admits(1.0) for _ in range(10_000))
