"""Seeds played and judged, each with what is to be said of it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.faults.simulation.faults import Fault
from tests.faults.simulation.run import Run
from tests.faults.simulation.world import World, opened

SEEDS_MAX = 150
"""After so many seeds the chain is made anew: Anvil keeps what forks have taken back."""


@dataclass(frozen=True)
class Outcome:
    """What became of a seed. `broken` says which promise was not kept, None where all were."""

    seed: int
    trace_hash: str
    trace: Sequence[str]
    faults: Counter[Fault]
    broken: str | None
    counts: Counter[str] = field(default_factory=Counter)


def outcome_of(world: World, seed: int) -> Outcome:
    """Plays a seed and judges it. Whatever is raised meanwhile is a promise that was not kept."""
    run = Run(world, seed)
    broken = None
    try:
        run.play()
        run.check()
    except Exception as error:  # noqa: BLE001 - the outermost edge
        # A bug may show as any exception, and has to be told with its seed.
        broken = f"{type(error).__name__}: {error}"
    finally:
        world.database.faults = world.beside.faults = None
    told = run.told
    counts = Counter({"events": len(told.accepted), "orders": len(told.funded), "losses of final blocks": told.losses})
    return Outcome(seed, run.faults.trace_hash(), run.faults.trace, run.counts, broken, counts)


def outcomes(seeds: Sequence[int]) -> Iterator[Outcome]:
    """What becomes of these seeds, one after the other."""
    logging.getLogger("ledger").setLevel(logging.CRITICAL)
    for start in range(0, len(seeds), SEEDS_MAX):
        with opened() as world:
            for seed in seeds[start : start + SEEDS_MAX]:
                yield outcome_of(world, seed)
