"""The importer's warehouse: coffee is checked on arrival, and bags of three lots are drawn for the roaster's order."""

from __future__ import annotations

from datetime import timedelta

from scripts.scenario.diary import Diary, Event, Lot
from scripts.scenario.events import (
    despatch_advice,
    event,
    hand_over,
    located,
    purchase_order,
    quantity,
    transactions,
)
from scripts.scenario.mill import BAG_KG, Pallet
from scripts.scenario.parties import IMPORTER, INSPECTOR, ROASTER, ROASTERY, WAREHOUSE
from scripts.scenario.voyage import Container

ARRIVAL_CHECK_DAY, ORDER_DAY, SHIPPING_DAY, RECEIVING_DAY = 71, 74, 75, 76
ORDER = "PO-M-2207"
DEDUCTION, DEDUCTION_PERCENT = "coffee:deductionPercent", 12.5


def check_arrival(diary: Diary, boxes: list[Container], graded: str) -> None:
    """The inspector draws samples in the warehouse: nothing has suffered at sea, but what `graded` ordered got damp.

    For that order the inspector names what is to come off the price.
    """
    events: list[Event] = []
    for number, box in enumerate(boxes):
        is_graded = box.order == graded
        order = {"po": purchase_order(IMPORTER, box.order)} if is_graded else {}
        checked = event(
            "ObjectEvent",
            diary.time(ARRIVAL_CHECK_DAY, "13:30", WAREHOUSE) + timedelta(minutes=40 * number),
            WAREHOUSE,
            "inspecting",
            action="OBSERVE",
            disposition="conformant",
            quantityList=[quantity(lot, kilograms) for lot, kilograms in box.contents()],
            **located(WAREHOUSE),
            **transactions(**order, desadv=box.despatch),
        )
        found = {"coffee:moisturePercent": 11.9 if is_graded else 11.1, "coffee:waterActivity": 0.55}
        events.append(checked | found | ({DEDUCTION: DEDUCTION_PERCENT} if is_graded else {}))
    diary.capture(INSPECTOR, events)


def supply(diary: Diary, draws: list[tuple[Pallet, int]]) -> list[Lot]:
    """The lots that reach the roaster: so many bags drawn from each pallet."""
    drawn = [Lot(pallet.lot.epc_class, pallet.lot.number, bags * BAG_KG, RECEIVING_DAY) for pallet, bags in draws]
    papers = transactions(
        po=purchase_order(ROASTER, ORDER), desadv=despatch_advice(IMPORTER, f"DA-{ORDER.removeprefix('PO-')}")
    )
    ordered = event(
        "TransactionEvent",
        diary.time(ORDER_DAY, "09:40", WAREHOUSE),
        WAREHOUSE,
        None,
        action="ADD",
        quantityList=[quantity(lot) for lot in drawn],
        **transactions(po=purchase_order(ROASTER, ORDER)),
        **hand_over(IMPORTER, ROASTER),
    )
    unpacked = [
        event(
            "AggregationEvent",
            diary.time(SHIPPING_DAY, "07:30", WAREHOUSE) + timedelta(minutes=12 * number),
            WAREHOUSE,
            "picking",
            action="DELETE",
            disposition="in_progress",
            parentID=pallet.sscc,
            childQuantityList=[quantity(lot)],
            **located(WAREHOUSE),
        )
        for number, ((pallet, _), lot) in enumerate(zip(draws, drawn, strict=True))
    ]
    shipped = event(
        "ObjectEvent",
        diary.time(SHIPPING_DAY, "09:15", WAREHOUSE),
        WAREHOUSE,
        "shipping",
        action="OBSERVE",
        disposition="in_transit",
        quantityList=[quantity(lot) for lot in drawn],
        **papers,
        **hand_over(IMPORTER, ROASTER),
    )
    diary.capture(IMPORTER, [ordered])
    diary.capture(IMPORTER, [*unpacked, shipped])
    received = event(
        "ObjectEvent",
        diary.time(RECEIVING_DAY, "08:05", ROASTERY),
        ROASTERY,
        "receiving",
        action="OBSERVE",
        disposition="in_progress",
        persistentDisposition={"set": ["completeness_verified"]},
        quantityList=[quantity(lot) for lot in drawn],
        **located(ROASTERY),
        **papers,
        **hand_over(IMPORTER, ROASTER),
    )
    diary.capture(ROASTER, [received])
    return drawn
