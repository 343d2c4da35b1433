"""The event hash ID beside the reference implementation, on identical events, with identical results.

Both get the events as parsed JSON. The reference takes a whole document, whose JSON-LD it expands first; it keeps
prefixes from one document to the next, so they are cleared. Both run in one thread: the time of the processor counts.
"""

from __future__ import annotations

import copy
import logging
import time
import warnings
from datetime import UTC, datetime
from typing import Any

from epcis_event_hash_generator import hash_generator, json_to_py  # type: ignore[import-untyped]

from scripts.bench import Row, row
from scripts.bench.events import CONTEXT, event
from traceability.epcis.event_hash import event_hash, hash_id

EVENTS = 100
ROUNDS = 5
RATIO_MIN = 10


def measure() -> list[Row]:
    """One row: events hashed a second by both, each the best of its rounds. Raises AssertionError if a hash differs."""
    at = datetime(2026, 3, 1, tzinfo=UTC)
    ours_s, theirs_s = float("inf"), float("inf")
    for number in range(ROUNDS):
        # New events each round: nobody may remember a hash or an identifier.
        events = [event(number * EVENTS + index, at) for index in range(EVENTS)]
        elapsed_s, ours = _ours(events)
        ours_s = min(ours_s, elapsed_s)
        elapsed_s, theirs = _theirs(events)
        theirs_s = min(theirs_s, elapsed_s)
        if ours != theirs:
            raise AssertionError("the event hashes differ from the reference implementation's")
    name = "event hash IDs, identical to the reference implementation's"
    return [row(name, EVENTS / ours_s, EVENTS / theirs_s, "events/s", RATIO_MIN, "higher")]


def _ours(events: list[dict[str, Any]]) -> tuple[float, list[str]]:
    started = time.process_time()
    hashes = [hash_id(event_hash(event, CONTEXT)) for event in events]
    return time.process_time() - started, hashes


def _theirs(events: list[dict[str, Any]]) -> tuple[float, list[str]]:
    document = {
        "@context": CONTEXT,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-03-01T00:00:00Z",
        "epcisBody": {"eventList": copy.deepcopy(events)},
    }
    json_to_py._namespaces.clear()
    logging.getLogger().setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        started = time.process_time()
        listed = json_to_py.event_list_from_epcis_document_json(document)
        hashes = hash_generator.epcis_hashes_from_events(listed)
        return time.process_time() - started, hashes


if __name__ == "__main__":
    for measured in measure():
        print(measured)
