"""What is counted while a node runs, in the form that Prometheus reads. docs/operations.md says what each means.

A node is several processes: those that answer, and the worker. Each keeps its counters in files of its own in
DATA/metrics (prometheus_client's multi-process mode), and whichever answers GET /metrics adds them all up. What can be
read off the database is not counted but read, at that moment: see api/gauges.py.

https://prometheus.github.io/client_python/multiprocess/
"""

from __future__ import annotations

import os
from collections import Counter as Counts
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from api.logs import note
from ledger import rpc
from ledger.errors import ChainReason
from traceability.jobs import CaptureJob

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter, Histogram

FOLDER = "metrics"
EVENTS_NOTED_MAX = 20
"""Event ids in a request's line. GET /capture/{id} has them all."""
_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_REQUEST_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_RPC_S = (0.001, 0.005, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0)


@dataclass(frozen=True, slots=True)
class Meters:
    """The counters and histograms of this process. `folder` is where they are added up; None: this process is all."""

    folder: str | None
    registry: CollectorRegistry
    requests: Counter
    events: Counter
    capture_s: Histogram
    rpc_s: Histogram
    rpc_errors: Counter


def gather_in(data: Path) -> None:
    """From now on what this process counts is added up with what others of that data folder count.

    Has to come before anything is counted. What processes that are no more have counted since the last start is let go.
    """
    folder = data / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    os.environ[_FOLDER_VARIABLE] = str(folder.resolve())


def let_go(data: Path) -> None:
    """Removes what processes have counted that are gone: for who starts a node anew. A rate takes no harm from it."""
    for file in (data / FOLDER).glob("*_*.db"):
        process = file.stem.rpartition("_")[2]
        if process.isdecimal() and not _is_alive(int(process)):
            file.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@cache
def meters() -> Meters:
    """The meters of this process, made when something is first counted: a command that counts nothing loads nothing."""
    from prometheus_client import CollectorRegistry, Counter, Histogram, values  # noqa: PLC0415

    # The library looks at the variable when it is imported, which may have been before `gather_in`.
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()

    def counter(name: str, meaning: str, *labels: str) -> Counter:
        return Counter(name, meaning, labels, registry=registry)

    def histogram(name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(name, meaning, labels, buckets=buckets, registry=registry)

    return Meters(
        folder=os.environ.get(_FOLDER_VARIABLE),
        registry=registry,
        requests=counter("tally_http_requests", "Requests answered.", "method", "route", "status"),
        events=counter("tally_capture_events", "Events of captured documents, by what became of them.", "outcome"),
        capture_s=histogram("tally_capture_seconds", "From a document's coming to its being durable.", _REQUEST_S),
        rpc_s=histogram("tally_rpc_seconds", "Requests to the chain's node, answered or not.", _RPC_S, "method"),
        rpc_errors=counter("tally_rpc_errors", "Requests to the chain's node that failed, and refusals.", "reason"),
    )  # fmt: skip


def count_capture(job: CaptureJob, seconds: float) -> None:
    """Counts a capture that is durable, and notes it for the line of its request."""
    outcomes = Counts(item.status.value for item in job.items)
    found = meters()
    found.capture_s.observe(seconds)
    for outcome, count in outcomes.items():
        found.events.labels(outcome).inc(count)
    names = [item.event_id for item in job.items[:EVENTS_NOTED_MAX]]
    note(capture_id=job.capture_id, events=len(job.items), **outcomes, event_ids=names)


def watch_rpc() -> None:
    """From now on what this process asks the chain's node is counted."""
    rpc.watch(_count_request)


def _count_request(method: str, seconds: float, reasons: tuple[ChainReason, ...]) -> None:
    found = meters()
    found.rpc_s.labels(method).observe(seconds)
    for reason in reasons:
        found.rpc_errors.labels(reason.value).inc()
