"""A node killed among 100,000 unanchored records, until all of them are final: against an orderly stop and start.

python -m scripts.bench.recovery --records 10000
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from scripts.bench import Row, row
from scripts.bench.events import document
from scripts.bench.node import RunningNode, founded, furnished, running_chain, serving

RECORDS, EVENTS_A_REQUEST, CLIENTS = 100_000, 500, 4
STARTS = 3
CLEAN_STARTS_MAX = 3
FINAL_S_MAX = 600.0
POLL_S = 0.02

_UNANCHORED = (
    "SELECT count(*) FROM records LEFT JOIN batches ON batches.id = records.batch_id "
    "LEFT JOIN anchors ON anchors.root = batches.root WHERE anchors.root IS NULL"
)
_FIRST_CLOSED = "SELECT min(closed_at_us) FROM batches WHERE id > ?"
_BATCHES = "SELECT coalesce(max(id), 0) FROM batches"
_ANCHORED = "SELECT (SELECT count(*) FROM batches), (SELECT count(*) FROM anchors), (SELECT count(*) FROM transactions)"


def measure(records: int = RECORDS) -> list[Row]:
    """One row: seconds from the start after a kill until all is final; theirs three clean starts and the anchoring."""
    with running_chain() as chain, tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "node"
        bench = _Bench(folder, furnished(folder, chain, founded(chain)))
        start_s = statistics.median(bench.start_s() for _ in range(STARTS))
        bench.capture(records)
        anchoring_s = bench.anchoring_s()
        bench.capture(records + records // 10)
        left = bench.killed_amid_anchoring()
        recovery_s = bench.recovery_s()
        bench.check(records + records + records // 10)
    allowed_s = CLEAN_STARTS_MAX * start_s + anchoring_s * left / records
    name = f"recovery, {left:,} unanchored, of 3 starts and anchoring"
    return [row(name, recovery_s, allowed_s, "s", 1.0, "lower")]


class _Bench:
    """A data folder, and what is done with it."""

    def __init__(self, folder: Path, key: str) -> None:
        self._folder, self._key = folder, key
        self._now = datetime.now(UTC)
        self._captured = 0

    def start_s(self) -> float:
        """Seconds from the command until the node with its worker is ready, where nothing is left to do."""
        begun = time.perf_counter()
        with serving(self._folder, self._key) as node:
            _until(lambda: node.client.get("/ready").status_code == httpx.codes.OK)
            return time.perf_counter() - begun

    def capture(self, count: int) -> None:
        """So many events, that nobody brings to the chain."""
        firsts = range(self._captured, self._captured + count, EVENTS_A_REQUEST)
        with serving(self._folder, self._key, "--no-worker") as node, ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(lambda first: self._post(node, first, min(EVENTS_A_REQUEST, self._captured + count - first)),
                          firsts))  # fmt: skip
        self._captured += count

    def anchoring_s(self) -> float:
        """Seconds from the first batch until all records are final, after an orderly stop."""
        (newest,) = self._ask(_BATCHES)
        with serving(self._folder, self._key) as node:
            _until(lambda: _unanchored(node) == 0)
            ended_us = time.time_ns() // 1000
        (first_us,) = self._ask(_FIRST_CLOSED, newest)
        return (ended_us - first_us) / 1_000_000

    def killed_amid_anchoring(self) -> int:
        """SIGKILL as soon as a batch is closed, on its way to the chain or there. How many are not anchored."""
        (newest,) = self._ask(_BATCHES)
        with serving(self._folder, self._key) as node:
            _until(lambda: self._ask(_BATCHES)[0] > newest)
            node.process.kill()
            node.process.wait()
        return self._ask(_UNANCHORED)[0]

    def recovery_s(self) -> float:
        """Seconds from the command until all records are final."""
        begun = time.perf_counter()
        with serving(self._folder, self._key) as node:
            _until(lambda: _unanchored(node) == 0)
            return time.perf_counter() - begun

    def check(self, records: int) -> None:
        """Raises SystemExit where a record is not anchored, or a batch was anchored by more than one transaction."""
        if self._ask("SELECT count(*) FROM records") != (records,) or self._ask(_UNANCHORED) != (0,):
            raise SystemExit("records were lost, or are not anchored")
        if len(set(self._ask(_ANCHORED))) != 1:
            raise SystemExit("batches, anchors and transactions are not one for one")

    def _post(self, node: RunningNode, first: int, count: int) -> None:
        answer = node.client.post("/capture", content=document(first, count, self._now))
        if answer.status_code != httpx.codes.ACCEPTED:
            raise SystemExit(f"capture answered {answer.status_code}: {answer.text[:500]}")

    def _ask(self, query: str, *values: object) -> tuple[int, ...]:
        with self._database() as database:
            found: tuple[int, ...] = database.execute(query, values).fetchone()
            return found

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        (file,) = self._folder.glob("*.db")
        with closing(sqlite3.connect(file, timeout=30)) as connection:
            yield connection


def _unanchored(node: RunningNode) -> int:
    count: int = node.client.get("/health").raise_for_status().json()["anchoring"]["unanchored"]
    return count


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.perf_counter() + FINAL_S_MAX
    while not is_so():
        if time.perf_counter() > deadline:
            raise SystemExit(f"nothing came of it in {FINAL_S_MAX:.0f} s")
        time.sleep(POLL_S)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m scripts.bench.recovery", description=__doc__)
    parser.add_argument("--records", type=int, default=RECORDS)
    for measured in measure(parser.parse_args().records):
        print(measured)
