"""Harvest: ripe cherries picked, weighed and brought to the washing station on the same day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from scripts.scenario import gs1
from scripts.scenario.diary import Diary, Lot
from scripts.scenario.events import despatch_advice, event, hand_over, located, quantity, reading, sensed, transactions
from scripts.scenario.parties import COOPERATIVE, COOPERATIVE_DEPOT, FINCA, FINCA_PLOT, STATION, STATION_INTAKE, Place

CHERRY_ITEM = 1
SCALE = gs1.giai(STATION.prefix, "SCALE01")


@dataclass(frozen=True, slots=True)
class Picking:
    """A day's picking to come: where, what, and between which weights (kg)."""

    place: Place
    number: str
    day: int
    variety: str
    altitude_m: int
    kilograms: tuple[int, int]


PICKINGS = (
    *(
        Picking(FINCA_PLOT, f"EM-{number:02}", day, variety, 1_790, (1_500, 2_100))
        for number, (day, variety) in enumerate(
            [
                (0, "Pink Bourbon"),
                (2, "Pink Bourbon"),
                (4, "Pink Bourbon"),
                (6, "Caturra"),
                (8, "Caturra"),
                (10, "Caturra"),
            ],
            start=1,
        )
    ),
    *(
        Picking(COOPERATIVE_DEPOT, f"LC-{number:02}", day, variety, 1_650, (3_400, 4_600))
        for number, (day, variety) in enumerate(
            [
                (1, "Castillo"),
                (2, "Colombia"),
                (4, "Castillo"),
                (5, "Caturra"),
                (7, "Castillo"),
                (8, "Colombia"),
                (10, "Castillo"),
                (11, "Castillo"),
            ],
            start=1,
        )
    ),
)


def harvest(diary: Diary) -> list[Lot]:
    """The cherry lots, as they lie at the washing station's intake."""
    return [_pick(diary, picking) for picking in sorted(PICKINGS, key=lambda picking: (picking.day, picking.number))]


def _pick(diary: Diary, picking: Picking) -> Lot:
    grower, place = picking.place.party, picking.place
    lot = Lot(
        gs1.lgtin(grower.prefix, CHERRY_ITEM, picking.number),
        picking.number,
        diary.chance.randint(*picking.kilograms),
        picking.day,
    )
    weighed = diary.time(picking.day, "14:50", place) + timedelta(minutes=diary.chance.randint(0, 25))
    advice = transactions(desadv=despatch_advice(grower, f"DA-{lot.number}"))
    harvested = event(
        "ObjectEvent",
        weighed,
        place,
        "commissioning",
        action="ADD",
        disposition="active",
        quantityList=[quantity(lot)],
        **located(place),
        ilmd={
            "cbvmda:lotNumber": lot.number,
            "cbvmda:countryOfOrigin": "CO",
            "coffee:species": "Coffea arabica",
            "coffee:variety": picking.variety,
            "coffee:altitudeMetres": picking.altitude_m,
            "coffee:harvestDate": weighed.date().isoformat(),
            "coffee:ripeCherriesPercent": diary.chance.randint(94, 99),
            "coffee:brixDegrees": diary.chance.randint(190, 240) / 10,
            # The EU's deforestation regulation (2023/1115, art. 9) asks for the plot's position with six decimals.
            "coffee:plot": {"coffee:latitude": place.latitude, "coffee:longitude": place.longitude},
        },
    )
    if grower is COOPERATIVE:
        harvested["certificationInfo"] = "https://fair-harvest.example.org/certificates/FH-20731"
    shipped = event(
        "ObjectEvent",
        weighed + timedelta(minutes=40),
        place,
        "shipping",
        action="OBSERVE",
        disposition="in_transit",
        quantityList=[quantity(lot)],
        **advice,
        **hand_over(grower, STATION),
    )
    diary.capture(grower, [harvested, shipped])

    weighed_again = weighed + timedelta(minutes=100 if grower is FINCA else 140)
    received = event(
        "ObjectEvent",
        weighed_again,
        STATION_INTAKE,
        "receiving",
        action="OBSERVE",
        disposition="in_progress",
        quantityList=[quantity(lot)],
        **located(STATION_INTAKE),
        **advice,
        **hand_over(grower, STATION),
        **sensed(weighed_again, SCALE, [reading("Mass", lot.kilograms, "KGM")]),
    )
    diary.capture(STATION, [received])
    return lot
