"""What goes wrong in every real chain, for the demo to show how it is seen: a cloned code, a slip at the till."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from scripts.scenario.diary import Diary
from scripts.scenario.retail import CLOSING_DAY, CLOSING_TIME, Shop, sale

MINUTES_BETWEEN = 60


def clone_a_code(diary: Diary, genuine: Shop, deceived: Shop) -> str:
    """The bag's EPC: sold in one city, and an hour later, with the same code, over a counter 500 km away."""
    sold = genuine.sold[len(genuine.sold) // 2]
    copied = sale(diary, deceived.place, [sold.bag], sold.day, sold.minute + MINUTES_BETWEEN)
    diary.capture(deceived.party, [copied], at=diary.time(sold.day, "20:40", deceived.place))
    return sold.bag


def scan_the_wrong_bag(diary: Diary, shop: Shop) -> str:
    """The EPC that was reported sold by mistake: the next morning the shop withdraws that and says which bag it was."""
    mistaken, sold = shop.shelf.popleft(), shop.shelf.popleft()
    wrong = sale(diary, shop.place, [mistaken], CLOSING_DAY, 545)
    diary.capture(shop.party, [wrong], at=diary.time(CLOSING_DAY, CLOSING_TIME, shop.place))

    noticed = diary.time(CLOSING_DAY + 1, "08:50", shop.place)
    right = sale(diary, shop.place, [sold], CLOSING_DAY, 545)
    right["eventID"] = UUID(int=diary.chance.getrandbits(128), version=4).urn
    declaration: dict[str, Any] = {
        "declarationTime": noticed.isoformat(),
        "reason": "incorrect_data",
        "correctiveEventIDs": [right["eventID"]],
    }
    # A till may record, not withdraw: its key has not that use. The office does it.
    diary.capture(shop.party, [wrong | {"errorDeclaration": declaration}, right], at=noticed, by_office=True)
    return mistaken
