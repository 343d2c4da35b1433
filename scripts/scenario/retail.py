"""The shops: pallets arrive, cases are opened as shelves run empty, and bags are sold one by one."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta

from scripts.scenario.diary import Diary, Event
from scripts.scenario.events import despatch_advice, event, hand_over, located, purchase_order, transactions
from scripts.scenario.parties import ROASTER, ROASTERY, Party, Place
from scripts.scenario.roastery import Case

SHIPPING_DAY, RECEIVING_DAY, OPENING_DAY, CLOSING_DAY = 86, 87, 88, 116
SALES_PER_DAY = (1, 4)
BAGS_PER_SALE = (1, 1, 1, 2)
CLOSING_TIME = "19:00"


@dataclass(frozen=True, slots=True)
class Sale:
    """A bag (EPC URN) that was sold, so many minutes after 09:00 of the story's day."""

    bag: str
    day: int
    minute: int


@dataclass
class Shop:
    """A shop, its order at the roastery, and the pallets with their cases that it gets: one of each coffee.

    `cases` are opened in pairs, one of each coffee; `shelf` holds the bags for sale.
    """

    place: Place
    order: str
    pallets: dict[str, list[Case]]
    cases: list[list[Case]] = field(default_factory=list)
    shelf: deque[str] = field(default_factory=deque)
    sold: list[Sale] = field(default_factory=list)

    @property
    def party(self) -> Party:
        """Whose shop it is."""
        return self.place.party


def stock(diary: Diary, shop: Shop) -> None:
    """Order, shipping, arrival; the pallets are taken apart, and the cases counted are the receipt."""
    pallets = list(shop.pallets)
    order = {"po": purchase_order(shop.party, shop.order)}
    papers = transactions(**order, desadv=despatch_advice(ROASTER, f"DA-{shop.order.removeprefix('PO-')}"))
    ordered = event(
        "TransactionEvent",
        diary.time(SHIPPING_DAY, "08:20", ROASTERY),
        ROASTERY,
        None,
        action="ADD",
        epcList=pallets,
        **transactions(**order),
        **hand_over(ROASTER, shop.party),
    )
    shipped = event(
        "ObjectEvent",
        diary.time(SHIPPING_DAY, "10:30", ROASTERY),
        ROASTERY,
        "shipping",
        action="OBSERVE",
        disposition="in_transit",
        epcList=pallets,
        **papers,
        **hand_over(ROASTER, shop.party),
    )
    diary.capture(ROASTER, [ordered, shipped])
    received_at = diary.time(RECEIVING_DAY, "07:45", shop.place)
    arrived = event(
        "ObjectEvent",
        received_at,
        shop.place,
        "arriving",
        action="OBSERVE",
        disposition="in_transit",
        epcList=pallets,
        **located(shop.place),
        **papers,
    )
    unloaded = [
        event(
            "AggregationEvent",
            received_at + timedelta(minutes=30 + 20 * number),
            shop.place,
            "unpacking",
            action="DELETE",
            disposition="sellable_not_accessible",
            parentID=pallet,
            childEPCs=[case.epc for case in cases],
            **located(shop.place),
        )
        for number, (pallet, cases) in enumerate(shop.pallets.items())
    ]
    received = event(
        "ObjectEvent",
        received_at + timedelta(minutes=80),
        shop.place,
        "receiving",
        action="OBSERVE",
        disposition="in_progress",
        persistentDisposition={"set": ["completeness_verified"]},
        epcList=[case.epc for cases in shop.pallets.values() for case in cases],
        **located(shop.place),
        **papers,
        **hand_over(ROASTER, shop.party),
    )
    diary.capture(shop.party, [arrived, *unloaded, received])
    shop.cases = [list(pair) for pair in zip(*shop.pallets.values(), strict=False)]


def sell(diary: Diary, shop: Shop) -> None:
    """Four weeks of sales; the till hands in its day after closing time."""
    cases = iter(shop.cases)
    for day in range(OPENING_DAY, CLOSING_DAY + 1):
        minutes = sorted(diary.chance.sample(range(40, 520, 7), diary.chance.randint(*SALES_PER_DAY)))
        events: list[Event] = []
        if len(shop.shelf) < len(minutes) * max(BAGS_PER_SALE):
            opened = next(cases)
            events += [_open(diary, shop, case, day, minute) for case, minute in zip(opened, (5, 12), strict=True)]
            # Both coffees stand side by side: customers take one as often as the other.
            shop.shelf.extend(bag for pair in zip(*(case.bags for case in opened), strict=True) for bag in pair)
        for minute in minutes:
            bags = [shop.shelf.popleft() for _ in range(diary.chance.choice(BAGS_PER_SALE))]
            shop.sold += [Sale(bag, day, minute) for bag in bags]
            events.append(sale(diary, shop.place, bags, day, minute))
        diary.capture(shop.party, events, at=diary.time(day, CLOSING_TIME, shop.place))


def sale(diary: Diary, place: Place, bags: list[str], day: int, minute: int) -> Event:
    """The bags go over the counter, so many minutes after 09:00."""
    return event(
        "ObjectEvent",
        diary.time(day, "09:00", place) + timedelta(minutes=minute),
        place,
        "retail_selling",
        action="OBSERVE",
        disposition="retail_sold",
        epcList=bags,
        **located(place),
    )


def _open(diary: Diary, shop: Shop, case: Case, day: int, minute: int) -> Event:
    return event(
        "AggregationEvent",
        diary.time(day, "09:00", shop.place) + timedelta(minutes=minute),
        shop.place,
        "unpacking",
        action="DELETE",
        disposition="sellable_accessible",
        parentID=case.epc,
        childEPCs=list(case.bags),
        **located(shop.place),
    )
