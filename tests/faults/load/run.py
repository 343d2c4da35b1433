"""A real node on a real Anvil under all the events that it takes, and what its processes come to meanwhile."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from scripts.bench.events import document
from scripts.bench.node import RunningNode, founded, running_chain, running_node
from tests.scenarios.processes import children_of, command_of

EVENTS_A_REQUEST, CLIENTS = 500, 4
TENTHS = 10
FINAL_S_MAX = 600.0
POLL_S = 0.05

GROWTH_MAX, GROWTH_BYTES_MAX = 0.25, 48 * 2**20
"""What a process may gain from the second tenth on: caches fill; a hundred bytes kept of each event would be more."""
SLOWER_MAX = 0.6
"""The last tenths' rate to the first ones'. Rows land on random pages of an ever larger file."""
LAG_S_MAX = 15.0
CHAIN = "chain"
"""The chain's node keeps every block in memory: that is its own affair."""


@dataclass(frozen=True)
class Tenth:
    """How it stood when so many events had been accepted. Memory is in bytes, by process."""

    events: int
    seconds: float
    rate: float
    unanchored: int
    memory: dict[str, int]
    database_bytes: int


def run(events: int, tell: Callable[[Tenth], None] = lambda _: None) -> tuple[list[Tenth], float]:
    """Captures them; each tenth of it, and how long after the last answer everything was final.

    Raises AssertionError where a capture is refused, or an event is not there once and anchored once.
    """
    with running_chain() as chain, tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "node"
        with running_node(folder, chain, founded(chain)) as node:
            _await_worker(node)
            processes = {**_processes(node), CHAIN: chain.process.pid}
            tenths: list[Tenth] = []
            share = events // TENTHS
            for number in range(TENTHS):
                first = number * share
                count = events - first if number == TENTHS - 1 else share
                begun = time.perf_counter()
                _capture(node, first, count)
                seconds = time.perf_counter() - begun
                memory = {name: anonymous_bytes(process) for name, process in processes.items()}
                size = sum(file.stat().st_size for file in folder.glob("*.db*"))
                tenths.append(Tenth(first + count, seconds, count / seconds, _unanchored(node), memory, size))
                tell(tenths[-1])
            begun = time.perf_counter()
            while _unanchored(node):
                assert time.perf_counter() - begun < FINAL_S_MAX, "records are not final after ten minutes"
                time.sleep(POLL_S)
            final_s = time.perf_counter() - begun
            assert _processes(node).items() <= processes.items(), "a process has ended, and another took its place"
        _check(folder, events)
        return tenths, final_s


def judge(tenths: list[Tenth], final_s: float) -> Iterator[str]:
    """What is not as it should be, in words."""
    second, last = tenths[1], tenths[-1]
    for name, memory in last.memory.items():
        allowed = second.memory[name] * (1 + GROWTH_MAX) + GROWTH_BYTES_MAX
        if name != CHAIN and memory > allowed:
            yield f"{name} has grown from {second.memory[name]:,} bytes to {memory:,}"
    early, late = (sum(tenth.rate for tenth in some) for some in (tenths[:3], tenths[-3:]))
    if late < early * SLOWER_MAX:
        yield f"the last three tenths went at {late / early:.0%} of the rate of the first three"
    if final_s > LAG_S_MAX:
        yield f"records had piled up: the last was final {final_s:.0f} s after it was accepted"


def anonymous_bytes(process: int) -> int:
    """What a process has for itself: without the pages of files that it maps."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"process {process} has ended")


def _processes(node: RunningNode) -> dict[str, int]:
    """Those of the node, by what they do."""
    found = {"server 1": node.process.pid}
    for process in sorted(children_of(node.process.pid)):
        is_worker = " worker " in command_of(process)
        found["worker" if is_worker else f"server {len(found.keys() - {'worker'}) + 1}"] = process
    return found


def _await_worker(node: RunningNode) -> None:
    for _ in range(600):
        if node.client.get("/ready").status_code == httpx.codes.OK:
            return
        time.sleep(POLL_S)
    raise AssertionError("the node was not ready within thirty seconds")


def _capture(node: RunningNode, first: int, count: int) -> None:
    """So many events, from several clients at once."""
    now = datetime.now(UTC)
    end = first + count

    def post(begin: int) -> None:
        answer = node.client.post("/capture", content=document(begin, min(EVENTS_A_REQUEST, end - begin), now))
        assert answer.status_code == httpx.codes.ACCEPTED, f"{answer.status_code}: {answer.text[:500]}"

    with ThreadPoolExecutor(CLIENTS) as pool:
        for _ in pool.map(post, range(first, end, EVENTS_A_REQUEST)):
            pass


def _unanchored(node: RunningNode) -> int:
    with suppress(httpx.ReadTimeout):
        count: int = node.client.get("/health").raise_for_status().json()["anchoring"]["unanchored"]
        return count
    return -1


def _check(folder: Path, events: int) -> None:
    """Each event is recorded once, each record is in one batch, each batch has one anchor and one transaction."""
    (file,) = folder.glob("*.db")
    with closing(sqlite3.connect(file)) as database:
        asked = (
            "SELECT count(*) FROM records", "SELECT count(DISTINCT event_hash) FROM records",
            "SELECT count(*) FROM records JOIN batches b ON b.id = batch_id JOIN anchors a ON a.root = b.root",
            "SELECT sum(leaf_count) FROM anchors",
        )  # fmt: skip
        found = {query: database.execute(query).fetchone()[0] for query in asked}
        assert set(found.values()) == {events}, found
        counts = {database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                  for table in ("batches", "anchors", "transactions")}  # fmt: skip
        assert len(counts) == 1, counts
