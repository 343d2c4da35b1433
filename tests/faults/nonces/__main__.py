"""`python -m tests.faults.nonces`: 16 workers x 500 sends on one key over a line that loses things, then two instances.

Each on SQLite and PostgreSQL, with one table at the end. Exit code 1 where an intent is in no block, or in two.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.databases import KINDS, NO_SERVER, Databases
from tests.faults.nonces.contest import Outcome, contest
from tests.faults.nonces.line import Fate
from tests.postgresql import binaries, running_server

WORKERS, SENDS, SEED = 16, 500, 20_260_301
APART = "two instances, a database each"
SHAPES = ("one instance", "two instances", APART)
console = Console(width=140)


@contextmanager
def databases(kind: str) -> Iterator[Databases]:
    """Databases of that kind, gone after the block. Raises SystemExit where there is no server."""
    with ExitStack() as stack:
        server = None
        if kind == "postgresql":
            installed = binaries()
            if installed is None:
                raise SystemExit(NO_SERVER)
            server = stack.enter_context(running_server(installed))
        yield Databases(kind, Path(stack.enter_context(tempfile.TemporaryDirectory())), server)


def measured(kind: str, shape: str, asked: argparse.Namespace) -> Outcome:
    """One contest."""
    instances = 1 if shape == "one instance" else 2
    # Who does not know of the other loses every second number: a tenth of the sends takes as long.
    sends = asked.sends // 10 if shape == APART else asked.sends
    with databases(kind) as made, ExitStack() as stack:
        count = 2 if shape == APART else 1
        urls = []
        for _ in range(count):
            engine = stack.enter_context(made.ready())
            urls.append(engine.url.render_as_string(hide_password=False))
            engine.dispose()
        return contest(
            (urls * instances)[:instances], workers=asked.workers // instances, sends=sends, seed=asked.seed,
            block_s=asked.block_s,
        )  # fmt: skip


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.nonces", description=__doc__)
    parser.add_argument("--workers", type=int, default=WORKERS, help="in all instances together")
    parser.add_argument("--sends", type=int, default=SENDS, help="of each worker")
    parser.add_argument("--seed", type=int, default=SEED, help="of what gets lost")
    parser.add_argument("--block-s", type=int, default=1, help="seconds from block to block; 0: one a transaction")
    parser.add_argument("--database", choices=KINDS, help="on this kind alone")
    parser.add_argument("--shape", choices=SHAPES, help="this one alone")
    asked = parser.parse_args()
    table = Table("on one key", "database", "intents", "mined", "handed in", "dropped", "already known", "unanswered",
                  "signed", "number lost", "s")  # fmt: skip
    for column in table.columns[2:]:
        column.justify = "right"
    for kind in [asked.database] if asked.database else KINDS:
        for shape in [asked.shape] if asked.shape else SHAPES:
            try:
                found = measured(kind, shape, asked)
            except AssertionError as error:
                console.print(table)
                console.print(f"{shape} on {kind}, seed {asked.seed}: {error}", style="red")
                return 1
            fates = found.fates
            table.add_row(
                shape, kind, *(f"{number:,}" for number in (
                    found.intents, found.mined, fates.total(), fates[Fate.CUT] + fates[Fate.FORGOTTEN],
                    fates[Fate.KNOWN] + fates[Fate.NEVER_KNOWN], fates[Fate.UNANSWERED], found.attempts,
                    found.nonces_lost, round(found.seconds),
                )),
            )  # fmt: skip
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
