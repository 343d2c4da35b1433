"""An order of green coffee for the tests of delivery: the roaster buys from the grower, the laboratory inspects.

Milestone 0 is paid on receipt, milestone 1 on the inspector's word, milestone 2 is a second product.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ledger.orders import NOBODY, Milestone, Terms
from tests.traceability.nodes import GROWER, ROASTER, key
from traceability.terms import (
    Deduction,
    DeductionUnit,
    DeliveryName,
    MilestoneRule,
    Outcome,
    TermsDocument,
    document_hash,
)

INSPECTOR = key("inspector")
GREEN_KIND = "urn:epc:idpat:sgtin:9521234.033333.*"
GREEN_LOT, OTHER_LOT = (f"urn:epc:class:lgtin:9521234.033333.GR-{number}" for number in (1, 2))
SACKS_KIND = "urn:epc:idpat:sgtin:9521234.077777.*"
SACKS = [f"urn:epc:id:sgtin:9521234.077777.{serial}" for serial in range(1, 6)]
STRANGE_LOT = "urn:epc:class:lgtin:9521234.088888.X"
ROASTERY, DEPOT, LABORATORY = (f"urn:epc:id:sgln:{prefix}.00001.0" for prefix in ("9524321", "9524322", "9525555"))
PURCHASE_ORDER = "urn:epcglobal:cbv:bt:9524321000002:PO-7"
OTHER_ORDER = "urn:epcglobal:cbv:bt:9524321000002:PO-8"
ORDER_GDTI = "urn:epc:id:gdti:9524321.00001.7"
ORDER_PAGE = "https://roaster.example/orders/7"
DESPATCH_ADVICE, OTHER_ADVICE = (f"urn:epcglobal:cbv:bt:9521234000006:DA-{number}" for number in (1, 2))
PALLET, OTHER_PALLET = (f"urn:epc:id:sscc:9521234.200000000{serial}" for serial in (1, 2))
SALT = b"\x5a" * 32
ORDER = b"\x0d" * 32
RECORD = b"\xec" * 32
TOKEN = b"\x70" * 20
COFFEE_CONTEXT = [
    "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
    {"coffee": "https://example.com/coffee/", "cbvbtt": "https://ref.gs1.org/cbv/BTT-"},
]
TAKEN = {"in_progress": Outcome.ACCEPT, "conformant": Outcome.ACCEPT, "damaged": Outcome.REJECT}
RULES = (
    MilestoneRule("receiving", (GREEN_KIND,), "KGM", 1, (ROASTERY, DEPOT), TAKEN),
    MilestoneRule("inspecting", (GREEN_KIND,), "KGM", 1, (LABORATORY,),
                  {"conformant": Outcome.ACCEPT, "non_conformant": Outcome.REJECT},
                  Deduction("https://example.com/coffee/deductionPercent", DeductionUnit.PERCENT)),
    MilestoneRule("receiving", (SACKS_KIND,), "EA", 0, (ROASTERY,), TAKEN),
)  # fmt: skip
DOCUMENT = TermsDocument((PURCHASE_ORDER, ORDER_GDTI, ORDER_PAGE), DeliveryName.DESPATCH_ADVICE, SALT, RULES)
AT = datetime(2026, 4, 1, 8, 5, tzinfo=UTC)
AT_S = int(AT.timestamp())
DUE_AT = AT_S + 86_400
DAY_S = 86_400


def terms_of(document: TermsDocument, *milestones: Milestone, due_at: int = DUE_AT, window_s: int = 0,
             fund_by: int = DUE_AT - 86_000) -> Terms:  # fmt: skip
    """The order's terms on chain: the roaster attests what it receives, the inspector what it inspects."""
    usual = (
        Milestone(1_000_00, 15_000, 0b01, 1, due_at, grace_s=3 * DAY_S, window_s=window_s, late_bps=50,
                  late_cap_bps=500),
        Milestone(200_00, 15_000, 0b10, 1, due_at, grace_s=3 * DAY_S, window_s=window_s, deduction_cap_bps=1_000),
        Milestone(50_00, 5, 0b01, 1, due_at, grace_s=3 * DAY_S, window_s=window_s),
    )  # fmt: skip
    return Terms(
        buyer=ROASTER.address, seller=GROWER.address, token=TOKEN, document=document_hash(document), arbiter=NOBODY,
        fund_by=fund_by, splits=(), attestors=(ROASTER.address, INSPECTOR.address),
        milestones=milestones or usual,
    )  # fmt: skip


TERMS = terms_of(DOCUMENT)


def kilograms(value: float | None, lot: str = GREEN_LOT, uom: str | None = "KGM") -> dict[str, Any]:
    element: dict[str, Any] = {"epcClass": lot}
    return element | ({} if value is None else {"quantity": value}) | ({} if uom is None else {"uom": uom})


def papers(*named: tuple[str | None, str]) -> list[dict[str, str]]:
    """Business transactions by type; None has no type."""
    return [{"bizTransaction": name} if kind is None else {"type": kind, "bizTransaction": name}
            for kind, name in named]  # fmt: skip


def received(**changes: Any) -> dict[str, Any]:
    """The roaster's receiving event: 1,500 kg of green coffee under PO-7 and DA-1. ... takes a member out."""
    event: dict[str, Any] = {
        "type": "ObjectEvent",
        "eventTime": AT.isoformat(timespec="seconds"),
        "eventTimeZoneOffset": "+00:00",
        "action": "OBSERVE",
        "bizStep": "receiving",
        "disposition": "in_progress",
        "readPoint": {"id": ROASTERY},
        "quantityList": [kilograms(1000), kilograms(500, OTHER_LOT)],
        "bizTransactionList": papers(("po", PURCHASE_ORDER), ("desadv", DESPATCH_ADVICE)),
    }
    return {name: value for name, value in (event | changes).items() if value is not ...}


def inspected(**changes: Any) -> dict[str, Any]:
    """The inspector's event about the same delivery."""
    return received(
        **{"bizStep": "inspecting", "disposition": "conformant", "readPoint": {"id": LABORATORY}, **changes}
    )
