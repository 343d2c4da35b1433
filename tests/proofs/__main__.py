"""`python -m tests.proofs`: the long runs, each with its table. Without options all of them, one after the other."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter, defaultdict

from rich.console import Console
from rich.table import Table

from scripts.bench.bounded import MEBIBYTE, all_judged
from tests.proofs.matrix import LEAVES, PLACES, TABLES, assert_alike, assert_refused, tampered
from tests.proofs.swaps import ONLINE, rule_of
from tests.proofs.trees import SIZE_MAX, all_leaves, mutated, proved

MUTATIONS, SEED = 1_000_000, 20_260_301
console = Console()


def trees() -> None:
    """Every leaf of every batch from 1 to 1,025 records."""
    started = time.perf_counter()
    leaves = all_leaves()
    count = sum(proved(size, leaves, range(size)) for size in range(1, SIZE_MAX + 1))
    report("every leaf of every batch", [("batch sizes", SIZE_MAX), ("proofs that lead to the root", count)], started)


def mutations(count: int, seed: int) -> None:
    """So many mutated proofs. Stops at one that proves, and prints it."""
    started = time.perf_counter()
    counts: Counter[str] = Counter()
    for kind, claim in mutated(seed, count):
        if claim.proves:
            raise SystemExit(f"{kind} proves, with seed {seed}: {claim}")
        counts[kind] += 1
    rows = [*counts.items(), ("that prove", 0), ("in all", counts.total())]
    report(f"mutated proofs, seed {seed}", rows, started)


def swaps() -> None:
    """Every alteration of every place of a bundle, judged with a chain and without, and by the outsider."""
    started = time.perf_counter()
    counts: dict[str, int] = defaultdict(int)
    for path in PLACES:
        leaf = next(leaf for leaf in LEAVES if leaf[: len(path)] == path)
        step = rule_of(ONLINE, leaf)[1].step
        for alteration in tampered(path):
            data = json.dumps(alteration.file).encode()
            for way in TABLES:
                assert_refused(data, way, alteration)
            assert_alike(data, alteration.name)
            relied_on = f"that step {step} relies on" if step else "that are hints"
            counts[relied_on if alteration.is_well_formed else "that are no bundle any more"] += 1
    rows = [("places", len(PLACES)), *sorted(counts.items()), ("in all", sum(counts.values()))]
    report("altered bundles, judged as the table says by two verifiers", rows, started)


def bounded() -> None:
    """A hostile bundle of 10 MB of each kind."""
    table = Table("hostile bundle", "bytes", "verdict", "seconds", "MiB")
    for column in (1, 3, 4):
        table.columns[column].justify = "right"
    for found in all_judged():
        peak = f"{found.peak_bytes / MEBIBYTE:.0f}"
        table.add_row(found.name, f"{found.size:,}", found.code or "-", f"{found.seconds:.2f}", peak)
    console.print(table)


def report(title: str, rows: list[tuple[str, int]], started: float) -> None:
    """A table of counts, and how long it took."""
    table = Table(title, "count")
    table.columns[1].justify = "right"
    for name, count in rows:
        table.add_row(name, f"{count:,}")
    console.print(table)
    console.print(f"{time.perf_counter() - started:.0f} seconds\n")


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs", description=__doc__)
    parser.add_argument("--swaps", action="store_true", help="the whole field-swap matrix, by both verifiers")
    parser.add_argument("--trees", action="store_true", help="every leaf of every batch of 1 to 1,025 records")
    parser.add_argument("--mutations", type=int, metavar="N", help="so many mutated proofs")
    parser.add_argument("--bounded", action="store_true", help="a hostile bundle of 10 MB of each kind")
    parser.add_argument("--seed", type=int, default=SEED, help="of the mutations")
    asked = parser.parse_args()
    is_all = not (asked.swaps or asked.trees or asked.mutations or asked.bounded)
    if asked.swaps or is_all:
        swaps()
    if asked.trees or is_all:
        trees()
    if asked.mutations or is_all:
        mutations(asked.mutations or MUTATIONS, asked.seed)
    if asked.bounded or is_all:
        bounded()
    return 0


if __name__ == "__main__":
    sys.exit(main())
