"""The reckoning of a country's alert: the slowest part decides, and what was not measured is not invented."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.country import Costs, Setup, extrapolated, in_words, read_costs, simulate, table

COSTS = Costs(worker=200e-6, postgresql=100e-6, planning=100e-6, bytes_stored=2000)


def test_the_sender_decides_when_it_is_the_slowest() -> None:
    told = simulate(COSTS, Setup(100, 1000, 8, 8), students=1000, deliveries=20_000)
    assert (told.half, told.most, told.last) == (50, 95, 100)
    assert told.mail_last == 10


def test_planning_decides_when_it_is_the_slowest() -> None:
    slow = Costs(COSTS.worker, COSTS.postgresql, planning=0.01, bytes_stored=1)
    told = simulate(slow, Setup(1e9, 1e9, 8, 8), students=1000, deliveries=2000)
    assert told.last == told.mail_last == 10


def test_the_machines_decide_when_they_are_the_slowest() -> None:
    # Two workers at 70 % and 200 µs a delivery: 7,000 a second, SMS first.
    told = simulate(COSTS, Setup(1e9, 1e9, 2, 8), students=1, deliveries=140_000)
    assert (told.last, told.mail_last) == (10, 20)


@given(st.floats(1, 20_000), st.floats(1, 20_000), st.integers(1, 16), st.integers(1, 16))
def test_more_of_anything_is_never_slower(segments: float, mails: float, workers: int, cores: int) -> None:
    def last(*setup: float) -> float:
        told = simulate(COSTS, Setup(setup[0], setup[1], int(setup[2]), int(setup[3])), 1000, 3000)
        assert told.half <= told.most <= told.last
        assert told.busy <= 0.7 + 1e-9
        return max(told.last, told.mail_last)

    now = last(segments, mails, workers, cores)
    assert last(segments, mails, workers + 1, cores + 1) <= now
    assert last(2 * segments, 2 * mails, workers, cores) <= now


def test_a_cost_grows_on_as_it_grew_and_never_falls() -> None:
    assert extrapolated({10_000: 1.0, 1_000_000: 2.0}, 100_000_000) == pytest.approx(3.0)
    assert extrapolated({10_000: 2.0, 1_000_000: 1.0}, 100_000_000) == 1.0
    assert extrapolated({10_000: 2.0}, 100_000) == 2.0


def test_the_costs_are_those_of_the_measured_rows(tmp_path: Path) -> None:
    figures = {"workers, 10000": 1e-4, "workers, 1000000": 1e-4, "PostgreSQL, 10000": 2e-4, "bytes, 10000": 900.0}
    written = json.dumps({"rows": [{"what": "x"}, {"figures": figures}, {"figures": {"seconds a student": 3e-4}}]})
    assert read_costs(json.loads(written), 2_500_000) == Costs(1e-4, 2e-4, 3e-4, 900.0)
    with pytest.raises(LookupError):
        read_costs({"rows": []}, 1)


def test_the_table_has_a_line_for_each_setup() -> None:
    lines = table(COSTS, 700_000, 2_500_000).splitlines()
    assert len(lines) == 2 + 6
    assert "11.6 h" in lines[2]


@pytest.mark.parametrize(("seconds", "words"), [(90, "90 s"), (600, "10 min"), (9000, "2.5 h")])
def test_times_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
