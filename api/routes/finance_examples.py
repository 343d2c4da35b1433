"""What the routes of finance answer, as OpenAPI shows it."""

from __future__ import annotations

_ORDER = "0x6f0c5e1b0f7f7a1e1f0a9a3f3a0f6f1c9d2a4b8e7c6d5f4e3d2c1b0a99887766"
_TRANSACTION = "0x1c9d2a4b8e7c6d5f4e3d2c1b0a998877666f0c5e1b0f7f7a1e1f0a9a3f3a0f6f"

INVOICES = (
    "invoice,order,seller,quantity,uom,amount,currency,date\n"
    "BLE-0104,PO-E-104,Beneficio La Esperanza,2559,KGM,5322.72,XTS,2026-09-15\n"
)
JOURNAL = (
    "date,time,block,log,transaction,kind,order,milestone,delivery,counterparty,account,amount,currency\n"
    f"2026-09-13,21:00:01,137,4,{_TRANSACTION},collected,{_ORDER},0,,,Assets:Credit,-5322.72,XTS\n"
)
INVOICES_TAKEN = {"invoices": 12}
RECONCILIATION = {
    "party": "Exportadora Alto Magdalena",
    "inOrder": False,
    "states": {"amount differs": 1},
    "items": [
        {
            "state": "amount differs",
            "invoice": "R-2026-0917",
            "row": 3,
            "seller": "Beneficio La Esperanza",
            "order": _ORDER,
            "milestone": 0,
            "milestones": [0],
            "deliveries": ["0x7b0a99887766f0c5e1b0f7f7a1e1f0a9a3f3a0f6f1c9d2a4b8e7c6d5f4e3d2c1"],
            "difference": {"money": "120.00", "quantity": "0", "currency": "XTS", "uom": "KGM"},
            "invoiced": "5522.80",
            "expected": "5402.80",
            "paid": "5402.80",
            "events": ["ni:///sha-256;df7bb3c352fef055578554f09f5e2aa41782150ced7bd0b8af24dd3ccb30ba69?ver=CBV2.0"],
            "transactions": [_TRANSACTION],
            "note": "",
        }
    ],
}
STATEMENTS = {
    "party": "Exportadora Alto Magdalena",
    "statements": [
        {
            "account": "eip155:31337:0x5B38Da6a701c568545dCfcB03FcB875f56beddC4",
            "token": "eip155:31337/erc20:0xAb8483F64d9C6d1EcF9b849Ae677dD3315835cb2",
            "currency": "XTS",
            "from": "2026-10-01T00:00:00Z",
            "until": "2026-11-01T00:00:00Z",
            "opening": "500000.00",
            "movements": [
                {
                    "at": "2026-10-07T09:12:44Z",
                    "amount": "-5402.80",
                    "kind": "funded",
                    "order": _ORDER,
                    "milestone": None,
                    "counterparty": "Beneficio La Esperanza",
                    "transaction": _TRANSACTION,
                    "log": 2,
                }
            ],
            "closing": "494597.20",
        }
    ],
}
