"""Export: pallets stuffed into containers that carry a data logger, across the sea, and out again in the warehouse."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import pi, sin
from typing import Any

from scripts.scenario import gs1
from scripts.scenario.diary import Diary, Event, Lot
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
from scripts.scenario.mill import Pallet
from scripts.scenario.parties import (
    CARRIER,
    EXPORTER,
    IMPORTER,
    MILL,
    PORT_DISCHARGE,
    PORT_LOADING,
    VESSEL,
    WAREHOUSE,
    Party,
    Place,
)

STUFFING_DAY, LOADING_DAY, SAILING_DAY, ARRIVAL_DAY, DELIVERY_DAY = 46, 48, 49, 68, 70
# Cartagena, Mona Passage, mid-Atlantic, Western Approaches, Strait of Dover, Hamburg: (share of the way, lat, lon).
TRACK = (
    (0.0, 10.402, -75.531),
    (0.14, 18.35, -67.75),
    (0.52, 34.6, -40.2),
    (0.84, 48.9, -6.1),
    (0.92, 51.02, 1.42),
    (1.0, 53.539, 9.913),
)
HUMIDITY_ALARM_PERCENT = 75.0


@dataclass(frozen=True, slots=True)
class Container:
    """A container (a returnable asset of the carrier's), its logger, and the pallets that it holds."""

    grai: str
    logger: str
    pallets: tuple[Pallet, ...]
    order: str

    def contents(self) -> list[tuple[Lot, int]]:
        """The lots in it, and how many kilograms of each."""
        lots = {pallet.lot.number: pallet.lot for pallet in self.pallets}
        return [
            (lot, sum(pallet.kilograms for pallet in self.pallets if pallet.lot.number == number))
            for number, lot in lots.items()
        ]

    @property
    def despatch(self) -> str:
        """The exporter's despatch advice for what is in it."""
        return despatch_advice(EXPORTER, f"DA-{self._number}")

    @property
    def papers(self) -> dict[str, Any]:
        """Bill of lading and despatch advice: what every event of the journey names. The carrier sees no order."""
        return transactions(bol=gs1.gdti(CARRIER.prefix, 1, f"BL-{self._number}"), desadv=self.despatch)

    @property
    def _number(self) -> str:
        return self.grai.rsplit(".", 1)[1]


def container(number: int, pallets: list[Pallet], order: str) -> Container:
    """The carrier's container of that number, with its logger."""
    return Container(
        gs1.grai(CARRIER.prefix, 20, f"ISGU{number:06}"),
        gs1.giai(CARRIER.prefix, f"LOGGER{number:04}"),
        tuple(pallets),
        order,
    )


def order(diary: Diary, boxes: list[Container], day: int) -> None:
    """The importer's purchase orders name the pallets that fulfil them."""
    events = [
        event(
            "TransactionEvent",
            diary.time(day, "16:10", WAREHOUSE) + timedelta(minutes=number),
            WAREHOUSE,
            None,
            action="ADD",
            epcList=[pallet.sscc for pallet in box.pallets],
            **transactions(po=purchase_order(IMPORTER, box.order)),
            **hand_over(EXPORTER, IMPORTER),
        )
        for number, box in enumerate(boxes)
    ]
    diary.capture(IMPORTER, events)


def export(diary: Diary, boxes: list[Container]) -> None:
    """Stuffing, the road to the port, loading, the crossing with its readings, discharge."""
    for hour, box in enumerate(boxes, start=8):
        _stuff(diary, box, hour)
    for box in boxes:
        _leg(diary, box, STUFFING_DAY + 1, "10:30", PORT_LOADING, "receiving", hands=(EXPORTER, CARRIER))
    diary.capture(CARRIER, [_moved(diary, box, LOADING_DAY, "20:15", PORT_LOADING, "loading") for box in boxes])
    diary.capture(CARRIER, [_moved(diary, box, SAILING_DAY, "04:40", VESSEL, "departing") for box in boxes])
    for day in range(SAILING_DAY, ARRIVAL_DAY):
        diary.capture(CARRIER, [_readings(diary, box, day, clock) for clock in ("11:00", "23:00") for box in boxes])
    diary.capture(CARRIER, [_moved(diary, box, ARRIVAL_DAY, "06:20", PORT_DISCHARGE, "arriving") for box in boxes])
    diary.capture(CARRIER, [_moved(diary, box, ARRIVAL_DAY, "15:50", PORT_DISCHARGE, "unloading") for box in boxes])


def deliver(diary: Diary, boxes: list[Container]) -> None:
    """The containers reach the importer's warehouse and are emptied, what was in them is weighed and booked.

    Logger and container go back to the carrier.
    """
    for number, box in enumerate(boxes):
        hour = 8 + 2 * number
        _leg(diary, box, DELIVERY_DAY, f"{hour:02}:10", PORT_DISCHARGE, "shipping", hands=(CARRIER, IMPORTER))
        pallets = [pallet.sscc for pallet in box.pallets]
        at = diary.time(DELIVERY_DAY, f"{hour + 1:02}:05", WAREHOUSE)
        received = event(
            "ObjectEvent",
            at,
            WAREHOUSE,
            "arriving",
            action="OBSERVE",
            disposition="container_closed",
            epcList=[box.grai, *pallets],
            **located(WAREHOUSE),
            **box.papers,
            **hand_over(CARRIER, IMPORTER, kind="possessing_party"),
        )
        emptied = event(
            "AggregationEvent",
            at + timedelta(minutes=50),
            WAREHOUSE,
            "unloading",
            action="DELETE",
            disposition="container_open",
            parentID=box.grai,
            childEPCs=pallets,
            **located(WAREHOUSE),
        )
        stored = event(
            "ObjectEvent",
            at + timedelta(minutes=95),
            WAREHOUSE,
            "storing",
            action="OBSERVE",
            disposition="sellable_not_accessible",
            persistentDisposition={"set": ["completeness_verified"]},
            epcList=pallets,
            **located(WAREHOUSE),
        )
        booked = event(
            "ObjectEvent",
            at + timedelta(minutes=125),
            WAREHOUSE,
            "receiving",
            action="OBSERVE",
            disposition="in_progress",
            quantityList=[quantity(lot, kilograms) for lot, kilograms in box.contents()],
            **located(WAREHOUSE),
            **transactions(po=purchase_order(IMPORTER, box.order), desadv=box.despatch),
            **hand_over(EXPORTER, IMPORTER),
        )
        diary.capture(IMPORTER, [received, emptied, stored, booked])
        _logger(diary, box, "DELETE", "removing", at + timedelta(minutes=55), WAREHOUSE)


def _stuff(diary: Diary, box: Container, hour: int) -> None:
    at = diary.time(STUFFING_DAY, f"{hour:02}:00", MILL)
    _logger(diary, box, "ADD", "installing", at, MILL)
    stuffed = event(
        "AggregationEvent",
        at + timedelta(minutes=50),
        MILL,
        "loading",
        action="ADD",
        disposition="container_closed",
        parentID=box.grai,
        childEPCs=[pallet.sscc for pallet in box.pallets],
        **located(MILL),
        **box.papers,
    ) | {
        "coffee:seal": f"CO{diary.chance.randint(100_000, 999_999)}",
        "coffee:lining": "kraft paper, 10 desiccant bags",
    }
    shipped = event(
        "ObjectEvent",
        at + timedelta(minutes=75),
        MILL,
        "shipping",
        action="OBSERVE",
        disposition="in_transit",
        epcList=[box.grai],
        **box.papers,
        **hand_over(EXPORTER, CARRIER, kind="possessing_party"),
    )
    diary.capture(EXPORTER, [stuffed, shipped])


def _logger(diary: Diary, box: Container, action: str, step: str, at: datetime, place: Place) -> None:
    fixed = event(
        "AssociationEvent", at, place, step, action=action, parentID=box.grai, childEPCs=[box.logger], **located(place)
    )
    diary.capture(CARRIER, [fixed])


def _moved(diary: Diary, box: Container, day: int, clock: str, place: Place, step: str) -> Event:
    # What leaves is nowhere until it is received: no business location then (CBV 2.0, 7.1.3).
    where = {} if step in {"shipping", "departing"} else located(place)
    return event(
        "ObjectEvent",
        diary.time(day, clock, place),
        place,
        step,
        action="OBSERVE",
        disposition="in_transit",
        epcList=[box.grai],
        **where,
        **box.papers,
    )


def _leg(
    diary: Diary, box: Container, day: int, clock: str, place: Place, step: str, *, hands: tuple[Party, Party]
) -> None:
    moved = _moved(diary, box, day, clock, place, step) | hand_over(*hands, kind="possessing_party")
    diary.capture(CARRIER, [moved])


def position(share: float) -> tuple[float, float]:
    """Latitude and longitude (degrees) when this share of the way from Cartagena to Hamburg is done."""
    for (share_a, lat_a, lon_a), (share_b, lat_b, lon_b) in pairwise(TRACK):
        if share <= share_b:
            part = (share - share_a) / (share_b - share_a)
            return round(lat_a + part * (lat_b - lat_a), 3), round(lon_a + part * (lon_b - lon_a), 3)
    return TRACK[-1][1:]


def _readings(diary: Diary, box: Container, day: int, clock: str) -> Event:
    """What the logger saw in the twelve hours before: cooler and damper with every degree of latitude."""
    at = diary.time(day, clock, VESSEL)
    hours = (day - SAILING_DAY) * 24 + at.hour
    latitude, longitude = position(hours / ((ARRIVAL_DAY - SAILING_DAY) * 24))
    swing = 2.4 * sin((at.hour - 6) * pi / 12)
    mean_celsius = round(34.5 - 0.42 * latitude + diary.chance.randint(-6, 6) / 10, 1)
    mean_humidity = round(58 + 0.32 * latitude + diary.chance.randint(-15, 15) / 10, 1)
    top_humidity = round(mean_humidity + 1.5 + diary.chance.randint(0, 15) / 10, 1)
    humidity = reading(
        "RelativeHumidity", mean_humidity, "P1", minValue=round(mean_humidity - 2.5, 1), maxValue=top_humidity
    )
    if top_humidity >= HUMIDITY_ALARM_PERCENT:
        humidity["exception"] = "ALARM_CONDITION"
    reports = [
        reading(
            "Temperature",
            round(mean_celsius + swing, 1),
            "CEL",
            minValue=round(mean_celsius - 2.6, 1),
            maxValue=round(mean_celsius + 2.6, 1),
            meanValue=mean_celsius,
        ),
        humidity,
        reading("Angle", latitude, "DD", component="latitude"),
        reading("Angle", longitude, "DD", component="longitude"),
    ]
    period = {"startTime": (at - timedelta(hours=12)).isoformat(), "endTime": at.isoformat()}
    reported = event(
        "ObjectEvent",
        at,
        VESSEL,
        "sensor_reporting",
        action="OBSERVE",
        disposition="in_transit",
        epcList=[box.grai],
        **sensed(at, box.logger, reports, **period),
    )
    return reported | {"coffee:position": f"geo:{latitude},{longitude}"}
