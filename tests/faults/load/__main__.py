"""`python -m tests.faults.load`: 720,000 events, an hour at 200 a second, as fast as they go.

Prints what each tenth brought, and exits with 1 where memory grows, the rate falls, or records pile up.
"""

from __future__ import annotations

import argparse
import sys

from rich.console import Console
from rich.table import Table

from tests.faults.load.run import Tenth, judge, run

EVENTS = 720_000
MEBIBYTE = 2**20
console = Console(width=140)


def shown(tenths: list[Tenth]) -> Table:
    """A line a tenth. Memory is each process's own (RssAnon); the database's file is mapped, and comes and goes."""
    names = list(tenths[-1].memory)
    table = Table("events", "events/s", "not final yet", *(f"{name}, MiB" for name in names), "database, MiB")
    for column in table.columns:
        column.justify = "right"
    for tenth in tenths:
        memory = [f"{tenth.memory[name] / MEBIBYTE:,.0f}" for name in names]
        database = f"{tenth.database_bytes / MEBIBYTE:,.0f}"
        table.add_row(f"{tenth.events:,}", f"{tenth.rate:,.0f}", f"{tenth.unanchored:,}", *memory, database)
    return table


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.load", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    asked = parser.parse_args()
    tenths, final_s = run(asked.events, lambda tenth: console.print(f"{tenth.events:,}", end=" "))
    console.print(shown(tenths))
    console.print(f"the last event was final {final_s:.1f} s after it was accepted")
    found = list(judge(tenths, final_s))
    for each in found:
        console.print(each, style="red")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
