"""The washing station: cherries are pulped, fermented and washed, and the parchment coffee is dried on raised beds."""

from __future__ import annotations

from datetime import timedelta

from scripts.scenario import gs1
from scripts.scenario.diary import COFFEE, Diary, Lot
from scripts.scenario.events import (
    despatch_advice,
    event,
    hand_over,
    located,
    purchase_order,
    quantity,
    reading,
    sensed,
    transactions,
)
from scripts.scenario.parties import EXPORTER, MILL, STATION, STATION_BEDS, STATION_INTAKE

WET_ITEM, PARCHMENT_ITEM = 1, 2
WET_PER_CHERRY_PERCENT = (45, 48)
DRY_PER_WET_PERCENT = (45, 46)
DRYING_DAYS = 12
MOISTURE_BY_DAY = {3: 32.0, 7: 19.0, 11: 11.8}
PROBE = gs1.giai(STATION.prefix, "PROBE07")


def process(diary: Diary, cherries: list[Lot]) -> list[Lot]:
    """The lots of dry parchment coffee that became of the cherries, one each, of the same number."""
    return [_dry(diary, _wash(diary, lot)) for lot in cherries]


def deliver(diary: Diary, parchment: list[Lot], day: int, truck: str, order: str | None = None) -> None:
    """One truck takes the lots to the dry mill and arrives there on the same day; `order` is the mill's, if any."""
    ordered = {} if order is None else {"po": purchase_order(EXPORTER, order)}
    advice = transactions(**ordered, desadv=despatch_advice(STATION, f"DA-{truck}"))
    quantities = [quantity(lot) for lot in parchment]
    shipped = event(
        "ObjectEvent",
        diary.time(day, "05:40", STATION_BEDS),
        STATION_BEDS,
        "shipping",
        action="OBSERVE",
        disposition="in_transit",
        quantityList=quantities,
        **advice,
        **hand_over(STATION, EXPORTER),
    )
    diary.capture(STATION, [shipped])
    received = event(
        "ObjectEvent",
        diary.time(day, "11:15", MILL),
        MILL,
        "receiving",
        action="OBSERVE",
        disposition="in_progress",
        persistentDisposition={"set": ["completeness_verified"]},
        quantityList=quantities,
        **located(MILL),
        **advice,
        **hand_over(STATION, EXPORTER),
    )
    diary.capture(EXPORTER, [received])


def _wash(diary: Diary, cherries: Lot) -> Lot:
    percent = diary.chance.randint(*WET_PER_CHERRY_PERCENT)
    number = cherries.number
    day = cherries.day + 2
    wet = Lot(gs1.lgtin(STATION.prefix, WET_ITEM, number), number, int(cherries.kilograms * percent / 100), day)
    washed_at = diary.time(day, "07:10", STATION_INTAKE) + timedelta(minutes=diary.chance.randint(0, 80))
    washed = event(
        "TransformationEvent",
        washed_at,
        STATION_INTAKE,
        "commissioning",
        disposition="in_progress",
        inputQuantityList=[quantity(cherries)],
        outputQuantityList=[quantity(wet)],
        **located(STATION_BEDS),
        ilmd={
            "cbvmda:lotNumber": number,
            "coffee:process": "washed",
            "coffee:fermentationHours": diary.chance.randint(30, 38),
            "coffee:fermentationEndPH": diary.chance.randint(41, 46) / 10,
        },
    )
    diary.capture(STATION, [washed])
    return wet


def _dry(diary: Diary, wet: Lot) -> Lot:
    for after_days, moisture_percent in MOISTURE_BY_DAY.items():
        measured_at = diary.time(wet.day + after_days, "09:30", STATION_BEDS)
        value = round(moisture_percent + diary.chance.randint(-4, 4) / 10, 1)
        air_celsius = diary.chance.randint(210, 290) / 10
        measured = event(
            "ObjectEvent",
            measured_at + timedelta(minutes=diary.chance.randint(0, 50)),
            STATION_BEDS,
            "inspecting",
            action="OBSERVE",
            disposition="in_progress",
            quantityList=[{"epcClass": wet.epc_class}],
            **located(STATION_BEDS),
            **sensed(
                measured_at,
                PROBE,
                [reading(f"{COFFEE}MoistureContent", value, "P1"), reading("Temperature", air_celsius, "CEL")],
            ),
        )
        diary.capture(STATION, [measured])
    percent = diary.chance.randint(*DRY_PER_WET_PERCENT)
    day = wet.day + DRYING_DAYS
    dry = Lot(
        gs1.lgtin(STATION.prefix, PARCHMENT_ITEM, wet.number), wet.number, int(wet.kilograms * percent / 100), day
    )
    dried = event(
        "TransformationEvent",
        diary.time(day, "16:20", STATION_BEDS) + timedelta(minutes=diary.chance.randint(0, 40)),
        STATION_BEDS,
        "commissioning",
        disposition="active",
        inputQuantityList=[quantity(wet)],
        outputQuantityList=[quantity(dry)],
        **located(STATION_BEDS),
        ilmd={"cbvmda:lotNumber": wet.number, "coffee:drying": "raised beds", "coffee:dryingDays": DRYING_DAYS},
    )
    diary.capture(STATION, [dried])
    return dry
