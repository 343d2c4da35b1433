"""Hundreds of seeds, each another story of what goes wrong; and that a seed is the same story wherever it is told.

The long run and one seed's trace: `python -m tests.faults.simulation --seeds 10000`, `--seed N`.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.simulation.faults import Fault
from tests.faults.simulation.outcome import outcomes

SEEDS = 300


@pytest.mark.slow
def test_whatever_goes_wrong_everything_is_recorded_anchored_and_paid_once() -> None:
    struck: Counter[Fault] = Counter()
    for outcome in outcomes(range(SEEDS)):
        assert outcome.broken is None, "\n".join([*outcome.trace, f"seed {outcome.seed}: {outcome.broken}"])
        struck += outcome.faults
    assert set(struck) == set(Fault)


def test_a_seed_is_the_same_story_wherever_it_is_told() -> None:
    seeds = (3, 20, 17)
    once = {outcome.seed: outcome for outcome in outcomes(seeds)}
    again = {outcome.seed: outcome for outcome in outcomes(seeds[::-1])}
    for seed in seeds:
        assert once[seed].trace == again[seed].trace
    assert len({outcome.trace_hash for outcome in once.values()}) == len(seeds)
    assert any("0x" in line for line in once[20].trace), "the chain's last block belongs to the story"
