"""What the routes of orders take and answer, as OpenAPI shows it."""

from __future__ import annotations

from typing import Any

_ID = "0x96f672b3007072b3d202162eeb3646911e755517c003c3a70375d1c3b5d59905"
_BUYER = {"account": "0x5B38Da6a701c568545dCfcB03FcB875f56beddC4", "name": "Exportadora Alto Magdalena"}
_SELLER = {"account": "0xAb8483F64d9C6d1EcF9b849Ae677dD3315835cb2", "name": "Beneficio La Esperanza"}
_MONEY = {"currency": "XTS", "amount": "13306.80", "held": "13306.80", "paid": "0.00", "returned": "0.00"}

PURCHASE_ORDER = {
    "buyer": "9521004000007",
    "seller": "9521003000000",
    "currency": "XTS",
    "fundBy": "2026-12-03",
    "references": ["PO-E-104"],
    "milestones": [
        {
            "products": ["urn:epc:class:lgtin:9521003.000002.LC-06"],
            "quantity": 2559,
            "uom": "KGM",
            "amount": "13306.80",
            "businessStep": "receiving",
            "readPoints": ["urn:epc:id:sgln:9521004.00001.0"],
            "due": "2026-12-10",
            "grace": "2d",
            "window": "10d",
        }
    ],
}
PURCHASE_ORDER_CSV = (
    "buyer,seller,currency,fundBy,references,products,quantity,uom,amount,readPoints,due\n"
    "9521004000007,9521003000000,XTS,2026-12-03,PO-E-104,urn:epc:class:lgtin:9521003.000002.LC-06,2559,KGM,13306.80,"
    "urn:epc:id:sgln:9521004.00001.0,2026-12-10\n"
)
TERMS: dict[str, Any] = {
    "format": "tallystick-terms/1", "references": ["urn:epcglobal:cbv:bt:9521004000007:PO-E-104"],
    "delivery": "despatch_advice", "salt": "0x" + "7a" * 32,
    "milestones": [{
        "businessStep": "receiving", "products": ["urn:epc:class:lgtin:9521003.000002.LC-06"], "uom": "KGM",
        "decimals": 0, "readPoints": ["urn:epc:id:sgln:9521004.00001.0"], "dispositions": {"in_progress": "accept"},
    }],
}  # fmt: skip
ITEM = {"milestone": 0, "delivery": "urn:epcglobal:cbv:bt:9521003000008:DA-TRUCK-HU-104"}
RULING = ITEM | {"share": "40%"}
OFFER = ITEM | {"toPayee": "5322.72", "toBuyer": "7984.08"}
COLLECT = {"creditor": "Beneficio La Esperanza"}
TRANSFER = {"receiver": "Puente Trade Finance", "version": 3}
DECISION = ITEM | {"event": "ni:///sha-256;df7bb3c352fef055578554f09f5e2aa41782150ced7bd0b8af24dd3ccb30ba69?ver=CBV2.0",
                   "accepted": 2559}  # fmt: skip
PLANNED = {"order": _ID, "planned": [f"propose:{_ID}:4f2d1c0b9a887766:1764080000000000"]}
IMPORTED = {"document": "0x7b0a99887766f0c5e1b0f7f7a1e1f0a9a3f3a0f6f1c9d2a4b8e7c6d5f4e3d2c1", "orders": [_ID]}
DIVISION = {
    "format": "tallystick-division/1",
    "order": _ID,
    "milestone": 0,
    "delivery": "0x31f145e6b6fa1191389e4bfd252bad1460ef6d0541969619b8feb5d5347b4660",
    "itemVersion": 2,
    "toPayee": "532272",
    "toBuyer": "798408",
    "deadlineAt": 1764680000,
    "signature": "0x" + "5c" * 64 + "1b",
}
LINE: dict[str, Any] = {
    "order": _ID, "references": ["PO-E-104"], "state": "funded", "buyer": _BUYER, "seller": _SELLER, "payee": _SELLER,
    **_MONEY, "proposedAt": "2026-11-24T12:00:00Z", "changedAt": "2026-11-25T12:00:00Z",
}  # fmt: skip
ORDER: dict[str, Any] = {
    "order": _ID, "references": ["PO-E-104"], "state": "funded",
    "next": "deliveries; settled by itself from 2026-12-22T23:59:59Z", "buyer": _BUYER, "seller": _SELLER,
    "payee": _SELLER, "arbiter": None, "attestors": [_BUYER], "splits": [],
    "token": "0x1FCfE54a3025Dcf92FBa436d5eC97a6fb3668889", **_MONEY, "document": IMPORTED["document"],
    "hasTerms": True, "fundBy": "2026-12-03T23:59:59Z", "version": 3, "milestones": [], "events": [], "history": [],
}  # fmt: skip
