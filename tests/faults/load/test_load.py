"""Events as fast as they go: each recorded once and anchored once, none piles up. A short run of tests.faults.load."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.faults.load.run import CHAIN, Tenth, judge, run

EVENTS = 5_000


@pytest.mark.slow
def test_all_that_is_handed_in_is_final_soon_after() -> None:
    tenths, final_s = run(EVENTS)
    assert [tenth.events for tenth in tenths] == [EVENTS * number // 10 for number in range(1, 11)]
    assert set(tenths[0].memory) == {"server 1", "server 2", "worker", CHAIN}
    assert not [each for each in judge(tenths, final_s) if "grown" in each]


FLAT = [
    Tenth(number * 100, 1.0, 100.0, 50, {"server": 100 * 2**20, CHAIN: number * 2**30}, 1) for number in range(1, 11)
]


def test_memory_that_stays_a_rate_that_stays_and_records_that_go_are_in_order() -> None:
    assert list(judge(FLAT, 2.0)) == []


@pytest.mark.parametrize(
    ("tenths", "final_s", "word"),
    [
        ([*FLAT[:9], replace(FLAT[9], memory={"server": 180 * 2**20, CHAIN: 0})], 2.0, "grown"),
        ([*FLAT[:7], *(replace(tenth, rate=50.0) for tenth in FLAT[7:])], 2.0, "rate"),
        (FLAT, 20.0, "piled up"),
    ],
)
def test_what_is_not_is_said(tenths: list[Tenth], final_s: float, word: str) -> None:
    (said,) = judge(tenths, final_s)
    assert word in said
