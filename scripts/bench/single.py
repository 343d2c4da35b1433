"""One event a request over HTTP: ours against a bare FastAPI route that stores the same body in SQLite."""

from __future__ import annotations

import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx

from scripts.bench import Row, row
from scripts.bench.events import document
from scripts.bench.node import founded, running_bare_api, running_chain, running_node

WARM_UP, REQUESTS = 100, 500


def measure() -> list[Row]:
    """One row: the median time of a request in milliseconds, the two servers asked in turns."""
    with running_chain() as chain, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        deployment = founded(chain)
        with running_node(folder / "node", chain, deployment) as node, running_bare_api(folder / "bare.db") as bare:
            ours, theirs = _medians(node.client, bare)
    return [row("capture of one event, p50", ours, theirs, "ms", 3, "lower")]


def _medians(ours: httpx.Client, bare: httpx.Client) -> tuple[float, float]:
    now = datetime.now(UTC)
    bodies = [document(number, 1, now) for number in range(WARM_UP + REQUESTS)]
    times_ms: dict[httpx.Client, list[float]] = {ours: [], bare: []}
    for body in bodies:
        for client, taken in times_ms.items():
            begun = time.perf_counter()
            answer = client.post("/capture", content=body)
            taken.append((time.perf_counter() - begun) * 1000)
            if answer.status_code != httpx.codes.ACCEPTED:
                raise SystemExit(f"capture answered {answer.status_code}: {answer.text[:500]}")
    return statistics.median(times_ms[ours][WARM_UP:]), statistics.median(times_ms[bare][WARM_UP:])
