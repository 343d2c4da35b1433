"""`python -m tests.faults.crash_points`: every point of both journeys, killed before and after, and torn; or a sample.

With `--disk` a disk that fails takes the place of kill -9. Ends with 1 where anything was lost, doubled or
left pending.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack

from rich.console import Console
from rich.table import Table

from tests.databases import KINDS, NO_SERVER
from tests.faults.crash_points.points import DISK_FAULTS, KILLS, Fault, Point
from tests.faults.crash_points.runs import Theatre, Verdict, broken, open_theatre, traced
from tests.postgresql import Server, binaries, running_server

console = Console()
JOURNEYS = {False: "orders, on a chain of others", True: "founding, on a chain of its own"}


def travel(
    server: Server | None, faults: Sequence[Fault], sample: int | None, seed: int, *, is_embedded: bool, shows: bool
) -> list[Verdict]:
    """Each of the faults at each point of one journey, or at so many of them. Prints what fails, as it comes."""
    with open_theatre(server, is_embedded=is_embedded) as theatre:
        started = time.perf_counter()
        points = traced(theatre)
        if shows:
            for point in points:
                console.print(str(point), highlight=False)
        cases = [(point, fault) for point in points for fault in point.faults(faults)]
        if sample is not None:
            cases = random.Random(seed).sample(cases, min(sample, len(cases)))
        verdicts = [_told(theatre, point, fault) for point, fault in cases]
    _report(points, verdicts, started, is_embedded=is_embedded)
    return verdicts


def _told(theatre: Theatre, point: Point, fault: Fault) -> Verdict:
    verdict = broken(theatre, point, fault)
    for problem in verdict.problems:
        console.print(f"{fault} {point}: {problem}", style="red", highlight=False)
    return verdict


def _report(points: Sequence[Point], verdicts: Sequence[Verdict], started: float, *, is_embedded: bool) -> None:
    table = Table(JOURNEYS[is_embedded], "count")
    table.columns[1].justify = "right"
    for kind, count in Counter(point.kind for point in points).most_common():
        table.add_row(f"points: {kind}", f"{count:,}")
    table.add_row("points in all (N)", f"{len(points):,}")
    for fault, count in Counter(verdict.fault for verdict in verdicts).items():
        table.add_row(f"runs: {fault}", f"{count:,}")
    table.add_row("runs that died or met the fault, and started again", f"{sum(v.is_reached for v in verdicts):,}")
    table.add_row("whose point was of a pass that no later run had", f"{sum(not v.is_reached for v in verdicts):,}")
    if any(verdict.fault in DISK_FAULTS for verdict in verdicts):
        table.add_row("of these, ended with an error at once", f"{sum(v.said is not None for v in verdicts):,}")
        table.add_row("damage that the doctor names", f"{sum(bool(v.damage) for v in verdicts):,}")
    table.add_row("wrong afterwards", f"{sum(bool(v.problems) for v in verdicts):,}")
    console.print(table)
    console.print(f"{time.perf_counter() - started:.0f} seconds\n")


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.crash_points", description=__doc__)
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    parser.add_argument("--sample", type=int, metavar="K", help="so many of each journey's cases, drawn by the seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--disk", action="store_true", help="writes, syncs and renames fail once: ENOSPC, and EIO")
    parser.add_argument("--journey", choices=("orders", "founding"), help="one of the two alone")
    parser.add_argument("--show", action="store_true", help="print every point by number and name")
    asked = parser.parse_args()
    faults = DISK_FAULTS if asked.disk else (*KILLS, Fault.TORN)
    journeys = [is_embedded for is_embedded in JOURNEYS if asked.journey in (None, ("orders", "founding")[is_embedded])]
    with ExitStack() as stack:
        server = None
        if asked.database == "postgresql":
            installed = binaries()
            if installed is None:
                raise SystemExit(NO_SERVER)
            server = stack.enter_context(running_server(installed))
        verdicts = [
            verdict
            for is_embedded in journeys
            for verdict in travel(server, faults, asked.sample, asked.seed, is_embedded=is_embedded, shows=asked.show)
        ]
    return int(any(verdict.problems for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
