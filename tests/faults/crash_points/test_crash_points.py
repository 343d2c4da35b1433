"""A seeded sample of what `python -m tests.faults.crash_points` does whole; and that its checker can fail."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.faults.crash_points.points import KILLS, Fault
from tests.faults.crash_points.runs import Theatre, broken, open_theatre, traced

SEED = 6
ORDERS_SAMPLE, FOUNDING_SAMPLE = 13, 7


@pytest.fixture(params=[ORDERS_SAMPLE, FOUNDING_SAMPLE], ids=["orders", "founding"])
def sample(request: pytest.FixtureRequest) -> int:
    size: int = request.param
    return size


@pytest.fixture
def theatre(sample: int) -> Iterator[Theatre]:
    with open_theatre(None, is_embedded=sample == FOUNDING_SAMPLE) as theatre:
        yield theatre


@pytest.mark.slow
def test_killed_at_any_point_nothing_is_lost_and_nothing_done_twice(theatre: Theatre, sample: int) -> None:
    points = traced(theatre)
    assert len(points) > 100
    cases = [(point, fault) for point in points for fault in point.faults((*KILLS, Fault.TORN))]
    for point, fault in random.Random(SEED).sample(cases, sample):
        verdict = broken(theatre, point, fault)
        assert (verdict.problems, verdict.is_reached) == ((), True), f"{fault} {point}"
