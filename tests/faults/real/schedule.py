"""Which faults come when, and how long the node takes to recover from each."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median

from tests.faults.real.faults import Kind, NotDone
from tests.faults.real.run import World, say

RECOVERY_S_MAX = 30.0
"""What is promised: from a fault's end until a new event is final, and nothing lags behind."""
GIVE_UP_S = 150.0
TOGETHER, TOGETHER_SHORT = (1, 1, 2, 2, 3), (3,)
"""How many faults overlap."""
HOLD_S = (0.3, 2.5)


class NeverRecovered(Exception):
    """The node did not come back at all."""


@dataclass
class Recoveries:
    """Seconds of recovery by kind of fault, and which faults hit nothing."""

    by_kind: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    missed: int = 0

    @property
    def count(self) -> int:
        return sum(map(len, self.by_kind.values()))

    @property
    def late(self) -> list[tuple[str, float]]:
        """Those that took longer than is promised."""
        return [(kind, each) for kind, all_s in self.by_kind.items() for each in all_s if each > RECOVERY_S_MAX]

    def rows(self) -> list[tuple[str, int, float, float]]:
        """Kind, count, median and worst recovery."""
        return [(kind, len(all_s), median(all_s), max(all_s)) for kind, all_s in sorted(self.by_kind.items())]


def disturb(world: World, kinds: Sequence[Kind], faults: int) -> Recoveries:
    """At least so many faults, a few at once, each few followed by recovery. Raises NeverRecovered."""
    recoveries, deck = Recoveries(), _deck(kinds, world.rng)
    while recoveries.count < faults:
        episode = _drawn(deck, world.rng.choice(TOGETHER_SHORT if world.asked.is_short else TOGETHER))
        ended = _happen(world, episode, recoveries)
        begun_s = time.monotonic()
        recovered_s = world.probe.await_recovery(GIVE_UP_S, world.look_after)
        while recovered_s is not None and world.rollbacks > world.resumed:
            # What is stopped is not recovered; a node that never saw the lost blocks has nothing to stop for.
            world.look_after()
            if time.monotonic() - begun_s > RECOVERY_S_MAX / 2:
                world.resumed = world.rollbacks
            else:
                recovered_s = time.monotonic()
        if recovered_s is None:
            raise NeverRecovered(f"after {', '.join(ended)}: {GIVE_UP_S:.0f} seconds were not enough")
        for kind, ended_s in ended.items():
            recoveries.by_kind[kind].append(recovered_s - ended_s)
        worst_s = max((recovered_s - ended_s for ended_s in ended.values()), default=0.0)
        say(f"{recoveries.count:4} {worst_s:5.1f} s  {' + '.join(ended)}")
    return recoveries


def _deck(kinds: Sequence[Kind], rng: random.Random) -> Iterator[Kind]:
    """The kinds as often as their weights say, in an order of the seed's; then again in another."""
    cards = [kind for kind in kinds for _ in range(kind.weight)]
    while True:
        rng.shuffle(cards)
        yield from cards


def _drawn(deck: Iterator[Kind], count: int) -> list[Kind]:
    """So many kinds, or fewer where one would come together with another of its group."""
    found: dict[str, Kind] = {}
    for kind in deck:
        if kind.group in found:
            # It is drawn again with the next shuffle.
            break
        found[kind.group] = kind
        if len(found) == count:
            break
    return list(found.values())


def _happen(world: World, episode: Sequence[Kind], recoveries: Recoveries) -> dict[str, float]:
    """The faults begin one after the other and end in another order. When each has ended (time.monotonic())."""
    begun = []
    ended: dict[str, float] = {}
    with ExitStack() as emergency:
        for kind in episode:
            fault = ExitStack()
            fault.enter_context(kind.begin(world, world.rng))
            emergency.push(fault)
            begun.append((kind, fault))
            world.wait(world.rng.uniform(0.0, 0.5))
        world.wait(world.rng.uniform(*HOLD_S))
        world.rng.shuffle(begun)
        for kind, fault in begun:
            try:
                fault.close()
            except NotDone:
                recoveries.missed += 1
            else:
                ended[kind.name] = time.monotonic()
    return ended
