"""`python -m tests.faults.simulation --seeds 10000`: so many seeds, and one table of what went wrong in them.

A seed in which a promise was not kept is printed with its trace, and ends the run with exit code 1. `--seed N` plays
one and prints its trace: it is the same one, wherever it is played.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack

from rich.console import Console
from rich.table import Table

from tests.faults.simulation.faults import Fault
from tests.faults.simulation.outcome import SEEDS_MAX, Outcome, outcomes

console = Console(soft_wrap=True)


def played(first: int, count: int, processes: int) -> Iterator[Outcome]:
    """The outcomes in the order of the seeds."""
    seeds = range(first, first + count)
    if processes == 1:
        yield from outcomes(seeds)
        return
    parts = [seeds[start : start + SEEDS_MAX] for start in range(0, count, SEEDS_MAX)]
    with ExitStack() as stack:
        pool = ProcessPoolExecutor(processes)
        # Whoever has seen enough does not wait for those that nobody asks for any more.
        stack.callback(pool.shutdown, cancel_futures=True)
        for found in pool.map(_all, parts):
            yield from found


def _all(seeds: range) -> list[Outcome]:
    return list(outcomes(seeds))


def tell(outcome: Outcome) -> None:
    """The trace, and what is to be said of it."""
    for line in outcome.trace:
        console.print(line, markup=False, highlight=False)
    verdict = "every promise was kept" if outcome.broken is None else outcome.broken
    console.print(f"seed {outcome.seed}, trace {outcome.trace_hash}: {verdict}", markup=False)


def main() -> int:
    """Plays what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=300, metavar="N", help="how many seeds (300)")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="the first of them (0)")
    parser.add_argument("--seed", type=int, metavar="N", help="this one alone, with its trace")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="how many at a time (1)")
    asked = parser.parse_args()
    if asked.seed is not None:
        (outcome,) = outcomes([asked.seed])
        tell(outcome)
        return 0 if outcome.broken is None else 1
    started, faults, counts = time.perf_counter(), Counter[Fault](), Counter[str]()
    traces = hashlib.sha256()
    for outcome in played(asked.first, asked.seeds, asked.processes):
        if outcome.broken is not None:
            tell(outcome)
            return 1
        faults += outcome.faults
        counts += outcome.counts
        traces.update(outcome.trace_hash.encode())
    table = Table("in all seeds", "count")
    table.columns[1].justify = "right"
    for name, count in [("seeds", asked.seeds), *counts.items(), ("faults", faults.total())]:
        table.add_row(name, f"{count:,}")
    for fault in Fault:
        table.add_row(f"  {fault}", f"{faults[fault]:,}")
    console.print(table)
    console.print(f"traces {traces.hexdigest()[:16]}, {time.perf_counter() - started:.0f} seconds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
