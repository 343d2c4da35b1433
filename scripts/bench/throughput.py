"""From an event handed in to its record seen final on the chain, against one web3.py transaction an event."""

from __future__ import annotations

import secrets
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx

from ledger.abi import interface
from ledger.deployment import Deployment
from scripts.bench import Row, row
from scripts.bench.events import document
from scripts.bench.node import RunningChain, RunningNode, founded, running_chain, running_node
from scripts.bench.plain import send_plainly

REQUESTS, EVENTS_A_REQUEST, CLIENTS = 200, 500, 4
WARM_UP_REQUESTS = 6
PLAIN_EVENTS = 400
FINAL_S_MAX = 300.0


def measure() -> list[Row]:
    """One row: events a second, ours through HTTP, SQLite, batches and the chain; theirs a transaction each."""
    with running_chain() as chain, tempfile.TemporaryDirectory() as folder:
        deployment = founded(chain)
        with running_node(Path(folder) / "node", chain, deployment) as node:
            ours = _captured_to_final(node)
        theirs = _one_transaction_an_event(chain, deployment)
    return [row("capture to final, 500 events a request", ours, theirs, "events/s", 100, "higher")]


def _captured_to_final(node: RunningNode) -> float:
    now = datetime.now(UTC)
    documents = [
        document(number * EVENTS_A_REQUEST, EVENTS_A_REQUEST, now) for number in range(WARM_UP_REQUESTS + REQUESTS)
    ]
    _until_final(node, [_capture(node, body) for body in documents[:WARM_UP_REQUESTS]])
    begun = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        jobs = list(pool.map(lambda body: _capture(node, body), documents[WARM_UP_REQUESTS:]))
    seconds = _until_final(node, jobs) - begun
    return REQUESTS * EVENTS_A_REQUEST / seconds


def _capture(node: RunningNode, body: bytes) -> str:
    answer = node.client.post("/capture", content=body)
    if answer.status_code != httpx.codes.ACCEPTED:
        raise SystemExit(f"capture answered {answer.status_code}: {answer.text[:500]}")
    return answer.headers["Location"]


def _until_final(node: RunningNode, jobs: list[str]) -> float:
    """When the node said that nothing is left to anchor; that each event of each job is final is checked afterwards."""
    deadline = time.perf_counter() + FINAL_S_MAX
    while node.client.get("/health").raise_for_status().json()["anchoring"]["unanchored"]:
        if time.perf_counter() > deadline:
            raise SystemExit(f"there are records that are not final after {FINAL_S_MAX:.0f} s")
        time.sleep(0.05)
    ended = time.perf_counter()
    for job in jobs:
        events = node.client.get(job).raise_for_status().json()["events"]
        if len(events) != EVENTS_A_REQUEST or any(event["status"] != "final" for event in events):
            raise SystemExit(f"{job} has events that are not final")
    return ended


def _one_transaction_an_event(chain: RunningChain, deployment: Deployment) -> float:
    face = interface("EventLog")
    calls = [face.call("anchor", secrets.token_bytes(32), 1) for _ in range(PLAIN_EVENTS)]
    begun = time.perf_counter()
    send_plainly(chain.url, chain.signer.secret, deployment.event_log, calls)
    return PLAIN_EVENTS / (time.perf_counter() - begun)
