"""`python -m tests.faults.books`: a million operations booked and checked one by one, and invoices with mistakes.

A seed that fails is printed with what is wrong, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from rich.console import Console
from rich.table import Table

from tests.faults.books.mistakes import MISTAKES, clean, mistaken
from tests.faults.books.season import OPERATIONS, play

console = Console()


def operations(count: int, seed: int) -> Counter[str]:
    """So many operations, in seasons of a few hundred."""
    done: Counter[str] = Counter()
    for season in range(-(-count // OPERATIONS)):
        done += play(seed + season, min(OPERATIONS, count - season * OPERATIONS))
    return done


def mistakes(count: int, seed: int) -> Counter[str]:
    """So many offices with one mistake each, of each kind in turn."""
    done: Counter[str] = Counter()
    names = list(MISTAKES)
    for number in range(count):
        name = names[number % len(names)]
        mistaken(seed + number, name)
        done[name] += 1
    return done


def clean_runs(count: int, seed: int) -> Counter[str]:
    """So many offices without any."""
    return Counter({"items": sum(clean(seed + number) for number in range(count)), "offices": count})


def report(title: str, counts: Counter[str], begun: float) -> None:
    """A table of counts, and how long it took."""
    table = Table(title, "count")
    table.columns[1].justify = "right"
    for name, count in counts.items():
        table.add_row(name, f"{count:,}")
    console.print(table)
    console.print(f"{time.perf_counter() - begun:.0f} seconds\n")


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.books", description=__doc__)
    parser.add_argument("--operations", type=int, default=1_000_000)
    parser.add_argument("--mistakes", type=int, default=1_000)
    parser.add_argument("--clean", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=20_260_301, help="of the first season and office")
    asked = parser.parse_args()
    parts = (
        ("operations, each booked as the model says, to the last unit", operations, asked.operations),
        ("mistakes, all found and nothing else", mistakes, asked.mistakes),
        ("clean offices, no false alarm", clean_runs, asked.clean),
    )
    for title, run, count in parts:
        begun = time.perf_counter()
        try:
            report(title, run(count, asked.seed), begun)
        except AssertionError as error:
            console.print(f"{title}: {error}", style="red")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
