"""Events as a packing line writes them: some 750 bytes each, no two alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", {"line": "https://example.com/line/"}]


def event(number: int, at: datetime) -> dict[str, Any]:
    """The `number`-th event: four items observed at a packing station, with two transactions and an extension."""
    moment = at - timedelta(milliseconds=number % 86_400_000)
    time = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "type": "ObjectEvent",
        "eventTime": time,
        "eventTimeZoneOffset": "+02:00",
        "epcList": [
            f"urn:epc:id:sgtin:9521234.0{10_000 + number // 500 % 40}.{number * 4 + item}" for item in range(4)
        ],
        "action": "OBSERVE",
        "bizStep": "packing",
        "disposition": "in_progress",
        "readPoint": {"id": "urn:epc:id:sgln:9521234.00001.line-7"},
        "bizLocation": {"id": "urn:epc:id:sgln:9521234.00001.0"},
        "bizTransactionList": [
            {"type": "po", "bizTransaction": f"urn:epcglobal:cbv:bt:9521234000006:PO-{number // 100}"},
            {"type": "desadv", "bizTransaction": f"urn:epcglobal:cbv:bt:9521234000006:DA-{number // 40}"},
        ],
        "line:operator": f"shift-{number % 3}",
    }


def document(first: int, count: int, at: datetime) -> bytes:
    """A capture document with the events `first` to `first + count - 1`."""
    return orjson.dumps(
        {
            "@context": CONTEXT,
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "epcisBody": {"eventList": [event(first + number, at) for number in range(count)]},
        }
    )
