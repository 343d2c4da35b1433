"""How the files of tests/vectors/files.json are made: a genuine bundle, and what is done to it.

Each case states what it is meant to show; `scripts.vectors` stops where the verdict is another.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from ledger.record import record_hash
from scripts.evidence import CONTEXT, DOMAIN, anchor, bundle_of, key, seal
from traceability.bundle import BundleRecord, bundle_json

GROWER, ROASTER = key("grower"), key("roaster")
ITEM = "urn:epc:id:sgtin:9521234.012345.1"
FARM = [*CONTEXT, {"farm": "https://farm.example/"}]
EVENT: dict[str, Any] = {
    "type": "ObjectEvent", "eventTime": "2026-03-01T09:00:00+01:00", "eventTimeZoneOffset": "+01:00",
    "action": "ADD", "epcList": [ITEM]}  # fmt: skip
TAKEN, REFUSED = "consistent", "malformed"
RAW = "\N{BLACK SQUARE}"
"""What `spelled` puts other bytes for: no case holds it."""


@dataclass(frozen=True)
class FileCase:
    """A file, and what must come of it: the code of its first failed record, or its result where none failed."""

    name: str
    data: bytes
    expected: str
    identifier: str | None = None


def record(event: dict[str, Any] = EVENT, context: list[Any] = FARM, sequence: int = 0) -> BundleRecord:
    """The grower's record of an event, not anchored yet."""
    return seal(GROWER, GROWER.address, sequence, context, event)


def signed(entry: BundleRecord, r: int, s: int, v: int) -> BundleRecord:
    """The record with another signature, whatever that is worth."""
    return replace(entry, signature=r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([v]))


def digest(entry: BundleRecord) -> int:
    """The recordHash as a number."""
    return int.from_bytes(record_hash(DOMAIN, entry.record), "big")


def file_of(*entries: BundleRecord) -> bytes:
    """The bundle of one batch."""
    return bundle_json(bundle_of(anchor(entries)))


GENUINE = file_of(record())


def written(file: Any) -> bytes:
    """A JSON value as a file, letters as they are."""
    return json.dumps(file, ensure_ascii=False, separators=(",", ":")).encode()


def changed(*path: str | int, to: Any, data: bytes = GENUINE) -> bytes:
    """The file with another value (or a member more) at that path."""
    file = json.loads(data)
    place = file
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return written(file)


def without(*path: str | int) -> bytes:
    """The genuine file without the member at that path."""
    file = json.loads(GENUINE)
    place = file
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    return written(file)


def spelled(raw: bytes, value: Any) -> bytes:
    """A bundle of the event with the extension `farm:x`: `value` is signed, `raw` is what the file has for it."""
    data = file_of(record(EVENT | {"farm:x": value}))
    return respelled(raw, "records", 0, "event", "farm:x", data=data)


def respelled(raw: bytes, *path: str | int, data: bytes = GENUINE) -> bytes:
    """The file with these bytes as the value at that path."""
    return changed(*path, to=RAW, data=data).replace(f'"{RAW}"'.encode(), raw)


def swapped(old: bytes, new: bytes, data: bytes = GENUINE) -> bytes:
    """The file with the first of these bytes replaced."""
    if old not in data:
        raise ValueError(f"{old!r} is not in the file")
    return data.replace(old, new, 1)


def of_events(expected: str, cases: Iterable[tuple[str, dict[str, Any]]]) -> list[FileCase]:
    """A case for each set of members that an event has in place of, or besides, its own.

    A refused event is put into the genuine bundle: what can't be hashed can't be signed either.
    """
    made = []
    for name, members in cases:
        event = EVENT | members
        data = file_of(record(event)) if expected == TAKEN else changed("records", 0, "event", to=event)
        made.append(FileCase(name, data, expected))
    return made


def of_contexts(expected: str, cases: Iterable[tuple[str, Any]]) -> list[FileCase]:
    """A case for each context."""
    made = []
    for name, context in cases:
        data = file_of(record(context=context)) if expected == TAKEN else changed("records", 0, "context", to=context)
        made.append(FileCase(name, data, expected))
    return made


def nested(levels: int) -> Any:
    """Objects and lists in turn, so many in each other, an object around all."""
    value: Any = 1
    for level in range(levels, 0, -1):
        value = {"farm:in": value} if level % 2 else [value]
    return value
