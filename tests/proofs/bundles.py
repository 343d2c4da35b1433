"""Genuine bundles to be tampered with, each with a twin of the same shape whose every value is as genuine.

The grower commissions two bags, packs them on a pallet and finds one of them spoiled; the roaster receives the pallet
and has not anchored that yet. The twin tells of other bags on another day. All roots of both are anchored, all signers
stand: a value that is taken from the twin is a good one, in the wrong place.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from scripts.evidence import CONTEXT, RecordedAnswers, Stand, anchor, bundle_of, key, seal
from traceability.bundle import BundleRecord, bundle_json
from traceability.epcis.times import epoch_ms

GROWER, SCANNER, ROASTER = key("grower"), key("grower's scanner"), key("roaster")
FARM = [*CONTEXT, {"farm": "https://farm.example/terms/", "grade": {"@id": "https://farm.example/grade"}}]
DAYS = ("2026-03-01", "2026-03-02")


@dataclass(frozen=True)
class Story:
    """One day's records as a file, and the goods that all of them are about."""

    file: dict[str, Any]
    bags: tuple[str, str]

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records of the file."""
        records: list[dict[str, Any]] = self.file["records"]
        return records


def _events(day: int) -> list[dict[str, Any]]:
    moment = f"{DAYS[day]}T08:0{day}"
    bags = [f"urn:epc:id:sgtin:9521234.012345.{day}{number}" for number in range(2)]
    pallet = f"urn:epc:id:sscc:9521234.000000000{day}"
    masses, measures, kinds = ("KGM", "LBR"), ("CEL", "A93"), ("po", "inv")
    common = {"eventTimeZoneOffset": ("+01:00", "-05:00")[day]}
    commissioning = {
        **common, "type": "ObjectEvent", "eventTime": f"{moment}:00.000Z", "action": "ADD", "epcList": bags,
        "bizStep": ("commissioning", "packing")[day], "readPoint": {"id": f"urn:epc:id:sgln:9521234.0000{day}.0"},
        "eventID": f"urn:uuid:3f2b1c1e-0d1c-4b7e-9a6e-11111111111{day}", "recordTime": f"{moment}:01Z",
        "quantityList": [
            {"epcClass": f"urn:epc:class:lgtin:9521234.012345.L{day}", "quantity": 12.5 + day, "uom": masses[day]}
        ],
        "sensorElementList": [{
            "sensorMetadata": {"time": f"{moment}:02Z", "deviceID": f"https://farm.example/sensor/{day}"},
            "sensorReport": [{"type": ("Temperature", "Humidity")[day], "value": 21.25 + day, "uom": measures[day]}],
        }],
        "ilmd": {"farm:variety": ("Bourbon", "Caturra")[day], "farm:organic": day == 0},
        "farm:note": ("洗 — washed", "日 — natural")[day], "farm:counts": [day, day + 3],
    }  # fmt: skip
    packing = {
        **common, "@context": [{"mill": f"https://mill.example/{day}/"}], "type": "AggregationEvent", "action": "ADD",
        "eventTime": f"{moment}:10Z", "parentID": pallet, "childEPCs": bags, "mill:line": day + 1,
        "bizTransactionList": [{"type": kinds[day], "bizTransaction": f"urn:epcglobal:cbv:bt:9521234000006:{day}"}],
    }  # fmt: skip
    spoiled = commissioning | {
        "errorDeclaration": {"declarationTime": f"{moment}:20Z", "reason": ("incorrect_data", "did_not_occur")[day]},
    }
    receiving = {
        **common, "type": "ObjectEvent", "eventTime": f"{moment}:30Z", "action": "OBSERVE", "epcList": [pallet],
        "disposition": ("in_progress", "active")[day],
    }  # fmt: skip
    return [commissioning, packing, spoiled, receiving]


def _entries(day: int) -> list[BundleRecord]:
    commissioning, packing, spoiled, receiving = _events(day)
    batch = anchor([
        seal(GROWER, GROWER.address, 2 * day, FARM, commissioning),
        seal(SCANNER, GROWER.address, day, FARM, packing),
        seal(GROWER, GROWER.address, 2 * day + 1, FARM, spoiled),
    ], block=7 + day)  # fmt: skip
    return [*batch, seal(ROASTER, ROASTER.address, day, FARM, receiving)]


def _story(day: int) -> Story:
    first = _events(day)[0]
    return Story(json.loads(bundle_json(bundle_of(_entries(day)))), tuple(first["epcList"]))


STORY, TWIN = _story(0), _story(1)
RESULTS = ["corrected", "verified", "verified", "pending"]
"""What becomes of a story's records."""
NOW = epoch_ms("2026-06-01T00:00:00Z") // 1000
ANSWERS = RecordedAnswers(
    now_at=NOW,
    anchors={
        entry.anchor.root: epoch_ms(f"{DAYS[day]}T08:0{day + 1}:00Z") // 1000
        for day in (0, 1)
        for entry in _entries(day)
        if entry.anchor
    },
    stands={
        GROWER.address: Stand(GROWER.address, uses=15),
        SCANNER.address: Stand(GROWER.address, uses=1),
        ROASTER.address: Stand(ROASTER.address, uses=15),
    },
)
