"""The roastery: green coffee is roasted in batches, two lots are blended, and retail bags get a serial number each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from scripts.scenario import gs1
from scripts.scenario.diary import Diary, Event, Lot
from scripts.scenario.events import event, located, quantity, reading, sensed
from scripts.scenario.parties import PACKING_LINE, ROASTER, ROASTERY

ROASTED_ITEM, BLEND_ITEM = 1, 2
SINGLE_ORIGIN_BAG_ITEM, BLEND_BAG_ITEM = 11, 12
ROASTING_DAY, BLENDING_DAY, PACKING_DAY, PALLETISING_DAY = 78, 81, 82, 85
BATCH_KG = 35
BAG_KG = 0.25
BAGS_PER_CASE = 12
DRUM = gs1.giai(ROASTER.prefix, "DRUM01")
BLENDING = f"{gs1.gdti(ROASTER.prefix, 1, 'BLEND-7')}"


@dataclass(frozen=True, slots=True)
class Case:
    """A case of twelve retail bags, as EPC URNs."""

    epc: str
    bags: tuple[str, ...]


def roast(diary: Diary, green: Lot, first_number: int) -> Lot:
    """The roasted lot: every 35 kg are a batch, each loses 15 to 16 % of its weight, to a quarter of a kilogram."""
    roasted = Lot(gs1.lgtin(ROASTER.prefix, ROASTED_ITEM, f"R-{green.number}"), f"R-{green.number}", 0)
    batches = int(green.kilograms) // BATCH_KG
    for number in range(first_number, first_number + batches):
        yield_kg = BATCH_KG - diary.chance.randint(21, 22) / 4
        roasted = replace(roasted, kilograms=roasted.kilograms + yield_kg)
        day, slot = ROASTING_DAY + number // 4, number % 4
        dropped_at = diary.time(day, f"{9 + slot}:25".zfill(5), ROASTERY)
        drop_celsius = diary.chance.randint(2080, 2160) / 10
        batch = event(
            "TransformationEvent",
            dropped_at,
            ROASTERY,
            "commissioning",
            disposition="in_progress",
            inputQuantityList=[quantity(green, BATCH_KG)],
            outputQuantityList=[quantity(roasted, yield_kg)],
            **located(ROASTERY),
            **sensed(dropped_at, DRUM, [reading("Temperature", drop_celsius, "CEL", maxValue=drop_celsius)]),
            ilmd={
                "cbvmda:lotNumber": roasted.number,
                "coffee:roastDate": dropped_at.date().isoformat(),
                "coffee:batch": number + 1,
                "coffee:roastSeconds": diary.chance.randint(610, 690),
                "coffee:colourAgtron": diary.chance.randint(58, 66),
            },
        )
        diary.capture(ROASTER, [batch])
    return roasted


def blend(diary: Diary, parts: list[Lot]) -> Lot:
    """One lot made of several: a transformation told by two events, what went in and what came out."""
    blended = Lot(
        gs1.lgtin(ROASTER.prefix, BLEND_ITEM, "B-7"), "B-7", sum(lot.kilograms for lot in parts), BLENDING_DAY
    )
    started = diary.time(BLENDING_DAY, "10:05", ROASTERY)
    filled = event(
        "TransformationEvent",
        started,
        ROASTERY,
        "commissioning",
        disposition="in_progress",
        transformationID=BLENDING,
        inputQuantityList=[quantity(lot) for lot in parts],
        **located(ROASTERY),
    )
    emptied = event(
        "TransformationEvent",
        started + timedelta(minutes=35),
        ROASTERY,
        "commissioning",
        disposition="in_progress",
        transformationID=BLENDING,
        outputQuantityList=[quantity(blended)],
        **located(ROASTERY),
        ilmd={
            "cbvmda:lotNumber": blended.number,
            "coffee:recipe": [
                f"{lot.kilograms / blended.kilograms:.1%} {lot.number}".replace(".0%", "%") for lot in parts
            ],
        },
    )
    diary.capture(ROASTER, [filled])
    diary.capture(ROASTER, [emptied])
    return blended


def pack(diary: Diary, roasted: Lot, item: int, day: int, name: str) -> list[Case]:
    """Full cases of serialised bags; what would not fill a case is kept for tasting."""
    case_count = int(roasted.kilograms / BAG_KG) // BAGS_PER_CASE
    serials = iter(range(10_001, 10_001 + case_count * BAGS_PER_CASE))
    cases: list[Case] = []
    for number in range(case_count):
        bags = tuple(gs1.sgtin(ROASTER.prefix, item, str(next(serials))) for _ in range(BAGS_PER_CASE))
        cases.append(Case(gs1.sgtin(ROASTER.prefix, item, str(501 + number), indicator=1), bags))
    for run, start in enumerate(range(0, case_count, 10)):
        day_of_run, slot = day + run // 4, run % 4
        _pack_run(diary, roasted, cases[start : start + 10], day_of_run, 8 + 2 * slot, name)
    return cases


def palletise(diary: Diary, cases: list[Case], serial: int, hour: int) -> str:
    """The pallet (SSCC) on which the cases are put."""
    pallet = gs1.sscc(ROASTER.prefix, serial)
    loaded = event(
        "AggregationEvent",
        diary.time(PALLETISING_DAY, f"{hour:02}:15", ROASTERY),
        ROASTERY,
        "packing",
        action="ADD",
        disposition="in_progress",
        parentID=pallet,
        childEPCs=[case.epc for case in cases],
        **located(ROASTERY),
    )
    diary.capture(ROASTER, [loaded])
    return pallet


def _pack_run(diary: Diary, roasted: Lot, cases: list[Case], day: int, hour: int, name: str) -> None:
    filled_at = diary.time(day, f"{hour:02}:00", PACKING_LINE)
    bags = [bag for case in cases for bag in case.bags]
    filled = event(
        "TransformationEvent",
        filled_at,
        PACKING_LINE,
        "commissioning",
        disposition="active",
        inputQuantityList=[quantity(roasted, len(bags) * BAG_KG)],
        outputEPCList=bags,
        **located(PACKING_LINE),
        ilmd={
            "cbvmda:lotNumber": roasted.number,
            "cbvmda:netWeight": "0.25",
            "cbvmda:bestBeforeDate": (filled_at.date() + timedelta(days=270)).isoformat(),
            "coffee:product": name,
        },
    )
    packed: list[Event] = [
        event(
            "AggregationEvent",
            filled_at + timedelta(minutes=25 + 4 * number),
            PACKING_LINE,
            "packing",
            action="ADD",
            disposition="in_progress",
            parentID=case.epc,
            childEPCs=list(case.bags),
            **located(PACKING_LINE),
        )
        for number, case in enumerate(cases)
    ]
    diary.capture(ROASTER, [filled, *packed])
