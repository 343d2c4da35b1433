"""The story that the demo plays: speciality coffee from two growers in Huila to two shops, in some 120 days.

Pure, and from a fixed seed: the same start gives the same documents, and any start the same identifiers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from random import Random

from scripts.scenario import deals, farms, importer, mill, mishaps, retail, roastery, station, trade, voyage
from scripts.scenario.diary import Capture, Diary, Lot
from scripts.scenario.mill import CATURRA, EXPORT_LOTS, FAULTY, PINK_BOURBON, REGIONAL, Pallet
from scripts.scenario.parties import ADMITTED, FOUNDERS, PARTIES, PURSES, SHOP_BERLIN, SHOP_VIENNA, Party, Place
from scripts.scenario.retail import Shop
from scripts.scenario.roastery import BLEND_BAG_ITEM, SINGLE_ORIGIN_BAG_ITEM
from scripts.scenario.trade import Order

__all__ = ["ADMITTED", "FOUNDERS", "PARTIES", "PURSES", "Capture", "Party", "Place", "Story", "tell"]

SEED = 952
DAYS = 119
BAGGING_DAY, CONTRACT_DAY = 43, 44
PRODUCT_COUNT = 20


@dataclass(frozen=True, slots=True)
class Story:
    """All captures in time order, and what is worth looking at: EPC URNs of retail bags, LGTINs of lots.

    `products` are 20 bags that were sold, the last one `cloned`; `mistaken` is the bag whose sale was withdrawn;
    `rejected_lot` failed inspection and is used nowhere. `orders` are what was bought, and what
    both sides did about it.
    """

    captures: tuple[Capture, ...]
    products: tuple[str, ...]
    lots: tuple[str, ...]
    cloned: str
    mistaken: str
    rejected_lot: str
    orders: tuple[Order, ...]

    @property
    def event_count(self) -> int:
        """How many events all captures hold together."""
        return sum(len(capture.events) for capture in self.captures)


def tell(start: datetime) -> Story:
    """The whole story from `start` (aware) on: every event lies between it and `DAYS` days later."""
    diary = Diary(start, Random(SEED))  # noqa: S311 - a story wants the same dice every time
    cherries = farms.harvest(diary)
    parchment = station.process(diary, cherries)
    green = _export_lots(diary, parchment)
    pallets = {
        planned.number: mill.palletise(diary, green[planned.number], BAGGING_DAY, 10 * number + 1)
        for number, planned in enumerate(lot for lot in EXPORT_LOTS if lot.is_conformant)
    }
    boxes = _ship(diary, pallets)
    importer.check_arrival(diary, boxes, trade.GRADED)
    parchment_of = {
        order: [lot for lot in parchment if lot.number in planned.harvest_lots]
        for planned in EXPORT_LOTS
        if (order := trade.PARCHMENT.get(planned.number))
    }
    draws = [(pallets[PINK_BOURBON.number][0], 1), (pallets[REGIONAL.number][0], 2), (pallets[CATURRA.number][0], 1)]
    drawn = importer.supply(diary, draws)
    roasted, berlin, vienna = _roast_and_sell(diary, drawn)
    cloned = mishaps.clone_a_code(diary, berlin, vienna)
    mistaken = mishaps.scan_the_wrong_bag(diary, berlin)
    sold = [sale.bag for pair in zip(berlin.sold, vienna.sold, strict=False) for sale in pair if sale.bag != cloned]
    return Story(
        captures=tuple(sorted(diary.captures, key=lambda capture: capture.at)),
        products=(*sold[: PRODUCT_COUNT - 1], cloned),
        lots=tuple(lot.epc_class for lot in [*cherries, *parchment, *green.values(), *roasted]),
        cloned=cloned,
        mistaken=mistaken,
        rejected_lot=green[FAULTY.number].epc_class,
        orders=deals.strike(diary, deals.Goods(parchment_of, boxes, drawn, berlin, vienna)),
    )


def _export_lots(diary: Diary, parchment: list[Lot]) -> dict[str, Lot]:
    """The export lots by number, hulled and inspected, the faulty one among them."""
    green: dict[str, Lot] = {}
    for planned in EXPORT_LOTS:
        load = [lot for lot in parchment if lot.number in planned.harvest_lots]
        station.deliver(diary, load, planned.day - 1, f"TRUCK-{planned.number}", trade.PARCHMENT.get(planned.number))
        green[planned.number] = mill.hull(diary, planned, load)
        is_conformant = mill.inspect(diary, planned, green[planned.number])
        assert is_conformant == planned.is_conformant
    return green


def _ship(diary: Diary, pallets: dict[str, list[Pallet]]) -> list[voyage.Container]:
    boxes = [
        voyage.container(301_744, pallets[PINK_BOURBON.number] + pallets[CATURRA.number], trade.GRADED),
        voyage.container(301_868, pallets[REGIONAL.number], trade.LATE),
    ]
    voyage.order(diary, boxes, CONTRACT_DAY)
    voyage.export(diary, boxes)
    voyage.deliver(diary, boxes)
    return boxes


def _roast_and_sell(diary: Diary, green: list[Lot]) -> tuple[list[Lot], Shop, Shop]:
    """The roasted lots, the blend among them, and both shops after four weeks of sales."""
    pink, regional, caturra = (
        roastery.roast(diary, lot, first_number) for lot, first_number in zip(green, (0, 2, 6), strict=True)
    )
    house_blend = roastery.blend(diary, [regional, caturra])
    single = roastery.pack(diary, pink, SINGLE_ORIGIN_BAG_ITEM, roastery.PACKING_DAY, "El Mirador Pink Bourbon 250 g")
    blended = roastery.pack(diary, house_blend, BLEND_BAG_ITEM, roastery.PACKING_DAY + 1, "Hausmischung 250 g")
    shops: list[Shop] = []
    for number, (place, order) in enumerate([(SHOP_BERLIN, "PO-L-0311"), (SHOP_VIENNA, "PO-D-0078")]):
        loads = [cases[number::2] for cases in (single, blended)]
        stacked = {
            roastery.palletise(diary, cases, 10 * number + kind, 8 + 3 * number + kind): cases
            for kind, cases in enumerate(loads, start=1)
        }
        shop = Shop(place, order, stacked)
        retail.stock(diary, shop)
        retail.sell(diary, shop)
        shops.append(shop)
    return [pink, regional, caturra, house_blend], shops[0], shops[1]
