"""The eight orders of the story, each of which ends in another way."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.scenario import gs1, importer
from scripts.scenario.diary import COFFEE, Diary, Lot
from scripts.scenario.mill import PINK_BOURBON
from scripts.scenario.parties import (
    EXPORTER,
    FINANCIER,
    FINCA,
    IMPORTER,
    INSPECTOR,
    MILL,
    OPERATOR,
    ROASTER,
    ROASTERY,
    STATION,
    WAREHOUSE,
)
from scripts.scenario.retail import Shop
from scripts.scenario.roastery import BLEND_BAG_ITEM, SINGLE_ORIGIN_BAG_ITEM
from scripts.scenario.station import PARCHMENT_ITEM
from scripts.scenario.trade import (
    DISPUTED,
    GRADED,
    LATE,
    NEVER_DELIVERED,
    SOLD,
    Action,
    Line,
    Order,
    Step,
    Trade,
    classes,
    kilograms,
)
from scripts.scenario.voyage import DELIVERY_DAY, Container

PARCHMENT_PRICE, GREEN_PRICE, QUALITY_PRICE, SPOT_PRICE = 520, 752, 188, 1_150
"""Cents a kilogram; the quality price is what of an export lot's depends on the inspector."""
CASE_PRICES = {SINGLE_ORIGIN_BAG_ITEM: 9_480, BLEND_BAG_ITEM: 7_320}
"""Cents a case of twelve bags."""
ADVANCE_BPS = 9_600
"""What the financier pays for a receivable, of its amount."""
MISSING_CASES = 4
ROYALTY_BPS = 300
RULED_BPS = 4_000


@dataclass(frozen=True, slots=True)
class Goods:
    """What the orders are about: parchment by order, containers, what the roaster draws, what the shops get."""

    parchment: dict[str, list[Lot]]
    boxes: list[Container]
    drawn: list[Lot]
    berlin: Shop
    vienna: Shop


def strike(diary: Diary, goods: Goods) -> tuple[Order, ...]:
    """All orders, in the order in which they are placed."""
    trade = Trade(diary, [])
    _sold(trade, goods.parchment[SOLD])
    _disputed(trade, goods.parchment[DISPUTED])
    _never_delivered(trade)
    for box in goods.boxes:
        (_graded if box.order == GRADED else _late)(trade, box)
    _paid_in_full(trade, goods.drawn)
    _partly_delivered(trade, goods.berlin)
    _with_royalty(trade, goods.vienna)
    return tuple(trade.orders)


def _sold(trade: Trade, lots: list[Lot]) -> None:
    day = PINK_BOURBON.day - 1
    time = trade.diary.time
    line = Line(
        classes(lots),
        kilograms(lots),
        "KGM",
        PARCHMENT_PRICE,
        EXPORTER,
        MILL,
        "receiving",
        due=time(day, "18:00", MILL),
        grace_days=5,
    )
    start = trade.diary.start
    later = [
        Step(time(day - 2, "09:15", MILL) - start, SOLD, STATION, Action.TOKENISE),
        Step(
            time(day - 2, "15:30", MILL) - start,
            SOLD,
            STATION,
            Action.SELL,
            other=FINANCIER,
            price=line.amount * ADVANCE_BPS // 10_000,
        ),
    ]
    story = "receivable sold before delivery: the financier is paid"
    trade.order(SOLD, story, EXPORTER, STATION, [line], time(day - 4, "08:00", MILL), later=later)


def _disputed(trade: Trade, lots: list[Lot]) -> None:
    day = 35
    time = trade.diary.time
    line = Line(
        classes(lots),
        kilograms(lots),
        "KGM",
        PARCHMENT_PRICE,
        EXPORTER,
        MILL,
        "receiving",
        due=time(day, "18:00", MILL),
        grace_days=2,
        window_days=10,
        arbitration_days=14,
    )
    later = [
        Step(time(day + 7, "10:20", MILL) - trade.diary.start, DISPUTED, EXPORTER, Action.DISPUTE),
        Step(
            time(day + 12, "16:00", MILL) - trade.diary.start,
            DISPUTED,
            OPERATOR,
            Action.RULE,
            payee_bps=RULED_BPS,
        ),
    ]
    story = "disputed after the cupping, and ruled by the arbiter"
    ordered = time(day - 4, "08:10", MILL)
    trade.order(DISPUTED, story, EXPORTER, STATION, [line], ordered, arbiter=OPERATOR, later=later)


def _never_delivered(trade: Trade) -> None:
    time = trade.diary.time
    line = Line(
        (gs1.lgtin(STATION.prefix, PARCHMENT_ITEM, "LC-09"),),
        900,
        "KGM",
        PARCHMENT_PRICE,
        EXPORTER,
        MILL,
        "receiving",
        due=time(48, "18:00", MILL),
        grace_days=3,
    )
    story = "never delivered, and refunded"
    trade.order(NEVER_DELIVERED, story, EXPORTER, STATION, [line], time(40, "08:00", MILL))


def _graded(trade: Trade, box: Container) -> None:
    time = trade.diary.time
    lots = [lot for lot, _ in box.contents()]
    weight = sum(weight for _, weight in box.contents())
    delivered = Line(
        classes(lots),
        weight,
        "KGM",
        GREEN_PRICE,
        IMPORTER,
        WAREHOUSE,
        "receiving",
        due=time(DELIVERY_DAY + 1, "18:00", WAREHOUSE),
        grace_days=10,
    )
    judged = Line(
        classes(lots),
        weight,
        "KGM",
        QUALITY_PRICE,
        INSPECTOR,
        WAREHOUSE,
        "inspecting",
        due=time(DELIVERY_DAY + 5, "18:00", WAREHOUSE),
        grace_days=10,
        deduction_field=f"{COFFEE}{importer.DEDUCTION.split(':')[1]}",
        deduction_cap_bps=5_000,
    )
    story = "paid on receipt, less what the inspector took off for quality"
    trade.order(GRADED, story, IMPORTER, EXPORTER, [delivered, judged], time(42, "09:00", WAREHOUSE))


def _late(trade: Trade, box: Container) -> None:
    time = trade.diary.time
    lots = [lot for lot, _ in box.contents()]
    line = Line(
        classes(lots),
        sum(weight for _, weight in box.contents()),
        "KGM",
        GREEN_PRICE + QUALITY_PRICE,
        IMPORTER,
        WAREHOUSE,
        "receiving",
        due=time(DELIVERY_DAY - 2, "23:00", WAREHOUSE),
        grace_days=10,
        late_bps=150,
        late_cap_bps=1_000,
    )
    story = "two days late: paid less the penalty"
    trade.order(LATE, story, IMPORTER, EXPORTER, [line], time(42, "09:20", WAREHOUSE))


def _paid_in_full(trade: Trade, drawn: list[Lot]) -> None:
    time = trade.diary.time
    line = Line(
        classes(drawn),
        kilograms(drawn),
        "KGM",
        SPOT_PRICE,
        ROASTER,
        ROASTERY,
        "receiving",
        due=time(importer.RECEIVING_DAY + 1, "18:00", ROASTERY),
        grace_days=5,
    )
    ordered = time(importer.ORDER_DAY - 2, "09:00", ROASTERY)
    trade.order(importer.ORDER, "paid in full on receipt", ROASTER, IMPORTER, [line], ordered)


def _partly_delivered(trade: Trade, shop: Shop) -> None:
    story = "partly delivered: what is missing is refunded"
    lines = _case_lines(trade, shop, missing={BLEND_BAG_ITEM: MISSING_CASES})
    trade.order(shop.order, story, shop.party, ROASTER, lines, trade.diary.time(82, "09:00", shop.place))


def _with_royalty(trade: Trade, shop: Shop) -> None:
    story = "paid in full, a royalty to the grower split off"
    lines = _case_lines(trade, shop, window_days=2)
    ordered = trade.diary.time(82, "09:30", shop.place)
    trade.order(shop.order, story, shop.party, ROASTER, lines, ordered, splits=((FINCA, ROYALTY_BPS),))


def _case_lines(
    trade: Trade, shop: Shop, *, missing: dict[int, int] | None = None, window_days: int = 0
) -> list[Line]:  # fmt: skip
    """A line for each coffee, in cases; so many more were ordered as are `missing`."""
    due = trade.diary.time(88, "18:00", shop.place)
    return [
        Line(
            (gs1.gtin(ROASTER.prefix, item, indicator=1),),
            len(cases) + (missing or {}).get(item, 0),
            "C62",
            CASE_PRICES[item],
            shop.party,
            shop.place,
            "receiving",
            due=due,
            grace_days=3,
            window_days=window_days,
        )
        for item, cases in zip((SINGLE_ORIGIN_BAG_ITEM, BLEND_BAG_ITEM), shop.pallets.values(), strict=True)
    ]
