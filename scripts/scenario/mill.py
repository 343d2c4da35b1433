"""The dry mill: parchment is hulled and sorted into export lots, cupped by the inspector, bagged on pallets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scripts.scenario import gs1
from scripts.scenario.diary import Diary, Event, Lot
from scripts.scenario.events import despatch_advice, event, hand_over, located, quantity, transactions
from scripts.scenario.parties import EXPORTER, INSPECTOR, LABORATORY, MILL, MILL_QUARANTINE

GREEN_ITEM, BROKEN_ITEM = 1, 2
GREEN_PER_PARCHMENT_PERCENT = (75, 77)
BROKEN_PER_PARCHMENT_PERCENT = 5
BAG_KG = 70
BAGS_PER_PALLET = 10


@dataclass(frozen=True, slots=True)
class ExportLot:
    """An export lot to come: which harvest lots it is made of, and what the inspector will find in the cup."""

    number: str
    harvest_lots: tuple[str, ...]
    day: int
    score: float
    moisture_percent: float
    notes: str

    @property
    def is_conformant(self) -> bool:
        """Speciality grade: 80 points or more on the SCA scale, and dry enough to travel."""
        return self.score >= 80 and self.moisture_percent <= 12


PINK_BOURBON = ExportLot("HU-101", ("EM-01", "EM-02", "EM-03"), 33, 88.25, 10.9, "jasmine, peach, panela; long, clean")
REGIONAL = ExportLot(
    "HU-102", ("LC-01", "LC-02", "LC-03", "LC-04", "LC-05"), 34, 84.5, 11.2, "cocoa, red apple, caramel"
)
CATURRA = ExportLot("HU-103", ("EM-04", "EM-05", "EM-06"), 35, 86.0, 11.0, "orange, hazelnut, brown sugar")
FAULTY = ExportLot("HU-104", ("LC-06", "LC-07", "LC-08"), 36, 71.5, 13.6, "phenolic, mouldy; three of five cups faulty")
EXPORT_LOTS = (PINK_BOURBON, REGIONAL, CATURRA, FAULTY)


@dataclass(frozen=True, slots=True)
class Pallet:
    """A pallet of green coffee: its SSCC, and what is on it."""

    sscc: str
    lot: Lot
    kilograms: int


def hull(diary: Diary, planned: ExportLot, parchment: list[Lot]) -> Lot:
    """The export lot of green coffee; what is broken or small goes into a lot of its own."""
    inputs = [lot for lot in parchment if lot.number in planned.harvest_lots]
    parchment_kg = sum(lot.kilograms for lot in inputs)
    green_kg = int(parchment_kg * diary.chance.randint(*GREEN_PER_PARCHMENT_PERCENT) / 100)
    broken_kg = int(parchment_kg * BROKEN_PER_PARCHMENT_PERCENT / 100)
    green = Lot(gs1.lgtin(EXPORTER.prefix, GREEN_ITEM, planned.number), planned.number, green_kg, planned.day)
    broken = Lot(gs1.lgtin(EXPORTER.prefix, BROKEN_ITEM, planned.number), planned.number, broken_kg, planned.day)
    hulled = event(
        "TransformationEvent",
        diary.time(planned.day, "13:45", MILL),
        MILL,
        "commissioning",
        disposition="in_progress",
        inputQuantityList=[quantity(lot) for lot in inputs],
        outputQuantityList=[quantity(green), quantity(broken)],
        **located(MILL),
        ilmd={"cbvmda:lotNumber": planned.number, "coffee:screenSize": "15+", "coffee:grade": "Excelso EP"},
    )
    sampled = event(
        "ObjectEvent",
        diary.time(planned.day, "15:05", MILL),
        MILL,
        "sampling",
        action="OBSERVE",
        disposition="in_progress",
        quantityList=[quantity(green, 1)],
        **transactions(desadv=despatch_advice(EXPORTER, f"S-{planned.number}")),
        **hand_over(EXPORTER, INSPECTOR, kind="possessing_party"),
    )
    diary.capture(EXPORTER, [hulled, sampled])
    return green


def inspect(diary: Diary, planned: ExportLot, green: Lot) -> bool:
    """Whether the lot may be exported: cupped by the inspector, a second time where it fails."""
    diary.capture(INSPECTOR, [_cupping(diary, planned, green, planned.day + 3, 1)])
    if planned.is_conformant:
        return True
    diary.capture(INSPECTOR, [_cupping(diary, planned, green, planned.day + 5, 2)])
    held = event(
        "ObjectEvent",
        diary.time(planned.day + 6, "08:30", MILL_QUARANTINE),
        MILL_QUARANTINE,
        "holding",
        action="OBSERVE",
        disposition="non_conformant",
        quantityList=[quantity(green)],
        **located(MILL_QUARANTINE),
        **transactions(testres=_report(planned, 2)),
    )
    diary.capture(EXPORTER, [held])
    return False


def palletise(diary: Diary, green: Lot, day: int, first_serial: int) -> list[Pallet]:
    """Full bags of 70 kg, ten on a pallet; less than a bag stays at the mill."""
    bags = int(green.kilograms) // BAG_KG
    pallets: list[Pallet] = []
    events: list[Event] = []
    while bags > 0:
        count = min(bags, BAGS_PER_PALLET)
        pallet = Pallet(gs1.sscc(EXPORTER.prefix, first_serial + len(pallets)), green, count * BAG_KG)
        packed = event(
            "AggregationEvent",
            diary.time(day, f"{9 + len(pallets)}:20".zfill(5), MILL),
            MILL,
            "packing",
            action="ADD",
            disposition="in_progress",
            parentID=pallet.sscc,
            childQuantityList=[quantity(green, pallet.kilograms)],
            **located(MILL),
        )
        events.append(packed | {"coffee:bags": count, "coffee:bagKilograms": BAG_KG})
        pallets.append(pallet)
        bags -= count
    diary.capture(EXPORTER, events)
    return pallets


def _report(planned: ExportLot, round_: int) -> str:
    return gs1.gdti(INSPECTOR.prefix, 1, f"{planned.number}-{round_}")


def _cupping(diary: Diary, planned: ExportLot, green: Lot, day: int, round_: int) -> Event:
    members: dict[str, Any] = transactions(testres=_report(planned, round_))
    if planned.is_conformant:
        certificate = f"AC-{planned.number}"
        members |= transactions(testres=_report(planned, round_), cert=gs1.gdti(INSPECTOR.prefix, 2, certificate))
        members["certificationInfo"] = f"https://andean-cup.example.org/certificates/{certificate}"
    return event(
        "ObjectEvent",
        diary.time(day, "10:40", LABORATORY),
        LABORATORY,
        "inspecting",
        action="OBSERVE",
        disposition="conformant" if planned.is_conformant else "non_conformant",
        quantityList=[{"epcClass": green.epc_class}],
        **members,
    ) | {
        "coffee:cupping": {
            "coffee:protocol": "SCA",
            "coffee:score": planned.score,
            "coffee:cups": 5,
            "coffee:notes": planned.notes,
        },
        "coffee:moisturePercent": planned.moisture_percent,
        "coffee:cupper": f"Q-grader {diary.chance.randint(1, 3)}",
    }
