"""Examples for the OpenAPI document: one event of one bag of coffee, all the way. Hashes are made up, forms are not."""

from __future__ import annotations

from typing import Any

EVENT: dict[str, Any] = {
    "type": "ObjectEvent",
    "eventTime": "2026-03-02T09:30:00+01:00",
    "eventTimeZoneOffset": "+01:00",
    "epcList": ["urn:epc:id:sgtin:9521008.000101.77"],
    "action": "OBSERVE",
    "bizStep": "shipping",
    "disposition": "in_transit",
    "readPoint": {"id": "urn:epc:id:sgln:9521008.00001.0"},
}
CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"]
DOCUMENT: dict[str, Any] = {
    "@context": CONTEXT,
    "type": "EPCISDocument",
    "schemaVersion": "2.0",
    "creationDate": "2026-03-02T09:31:00+01:00",
    "epcisBody": {"eventList": [EVENT]},
}

EVENT_HASH = "0x" + "1b" * 32
RECORD_HASH = "0x" + "2c" * 32
ROOT = "0x" + "3d" * 32
SIGNATURE = "0x" + "4e" * 64 + "1b"
PARTY = "0x5B38Da6a701c568545dCfcB03FcB875f56beddC4"
SIGNER = "0xAb8483F64d9C6d1EcF9b849Ae677dD3315835cb2"
EVENT_ID = f"ni:///sha-256;{EVENT_HASH[2:]}?ver=CBV2.0"
RECORD: dict[str, Any] = {
    "eventHash": EVENT_HASH,
    "contentHash": "0x" + "5f" * 32,
    "party": PARTY,
    "sequence": 7,
    "disclosureRoot": "0x" + "6a" * 32,
}

SIGNED_CAPTURE = {"document": DOCUMENT, "records": [{"record": RECORD, "signature": SIGNATURE}]}
CAPTURE_JOB = {
    "captureID": "0d4c5f3e7a9b4c1d8e2f6a7b8c9d0e1f",
    "createdAt": "2026-03-02T08:31:00.120Z",
    "finishedAt": "2026-03-02T08:31:00.120Z",
    "running": False,
    "success": True,
    "captureErrorBehaviour": "rollback",
    "errors": [],
    "events": [{"index": 0, "eventID": EVENT_ID, "recordHash": RECORD_HASH, "status": "accepted"}],
    "receipt": {
        "recordHashes": [RECORD_HASH],
        "receivedAt": 1772440260,
        "anchorBy": 1772526660,
        "signature": SIGNATURE,
    },
}
ENTRY = {
    "eventID": EVENT_ID,
    "state": "verified",
    "code": None,
    "meaning": "genuine, and anchored",
    "recordHash": RECORD_HASH,
    "record": RECORD,
    "signer": SIGNER,
    "signature": SIGNATURE,
    "anchoredAt": 1772440262,
    "secondsToAnchor": 62.0,
    "foreign": False,
    "notes": [],
    "withdrawnBy": [],
    "because": {"relation": "itself", "thing": "https://id.gs1.org/01/09521008001019/21/77", "of": None},
    "step": "shipping",
    "place": "urn:epc:id:sgln:9521008.00001.0",
    "context": CONTEXT,
    "event": EVENT,
}
HISTORY: dict[str, Any] = {
    "product": "https://id.gs1.org/01/09521008001019/21/77",
    "direction": "backward",
    "truncated": False,
    "events": [ENTRY],
    "links": [],
}
BUNDLE = {
    "format": "tallystick-proof/1",
    "chain": {
        "chainId": 952000000017,
        "eventLog": "0x5FbDB2315678afecb367f032d93F642f64180aa3",
        "partyRegistry": "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512",
    },
    "records": [
        {
            "context": CONTEXT,
            "event": EVENT,
            "record": RECORD,
            "signature": SIGNATURE,
            "anchor": {"root": ROOT, "index": 3, "proof": [RECORD_HASH], "transaction": ROOT, "block": 123},
        }
    ],
}
VERDICT = {
    "result": "verified",
    "code": None,
    "reason": "Verified: the one record is genuine.",
    "records": [
        {
            "eventID": EVENT_ID,
            "recordHash": RECORD_HASH,
            "result": "verified",
            "code": None,
            "reason": "genuine, and anchored",
            "anchoredAt": 1772440262,
            "secondsToAnchor": 62.0,
        }
    ],
    "withdrawalClaimed": [],
}
RECEIVED: dict[str, Any] = {"result": "verified", "taken": [RECORD_HASH], "known": [], "contradicting": []}
PARTIES = [
    {
        "account": PARTY,
        "name": "Rösterei Morgenrot",
        "gln": "9521008000002",
        "roles": ["manufacturer", "supplier"],
        "status": "active",
        "endpoint": None,
        "encryptionKey": None,
        "controller": PARTY,
        "signers": [
            {
                "address": SIGNER,
                "party": PARTY,
                "uses": ["record"],
                "from": "2026-01-10T08:00:01Z",
                "until": None,
                "firstDisowned": None,
            }
        ],
    }
]
HEALTH = {
    "status": "ok",
    "chainId": 952000000017,
    "chain": "eip155:952000000017",
    "eventLog": "0x5FbDB2315678afecb367f032d93F642f64180aa3",
    "partyRegistry": "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512",
    "anchoringKey": SIGNER,
    "chainReachable": True,
    "chainReason": None,
    "followed": {"block": 240, "finalBlock": 240, "finalAt": "2026-03-02T08:31:02Z"},
    "finality": {"rule": "12 confirmations", "expectedInS": 146.0},
    "records": 523,
    "anchoring": {"unanchored": 0, "lagSeconds": 0.0},
    "outbox": {"open": 0, "failed": []},
    "contradictions": [],
}
READY = {
    "status": "ready",
    "checks": [
        {"name": "database", "ok": True, "detail": "can be written"},
        {"name": "disk", "ok": True, "detail": "41,200 MiB are free, 256 are needed"},
        {"name": "keys", "ok": True, "detail": f"{SIGNER} is open"},
        {"name": "chain", "ok": True, "detail": "last reached 3 s ago, 60 at most"},
        {"name": "follower", "ok": True, "detail": "0 blocks behind, 64 at most"},
        {"name": "anchoring", "ok": True, "detail": f"{SIGNER} stands for anchoring"},
    ],
}
METRICS = """\
# HELP tally_unanchored_oldest_seconds Age of the oldest of them, 0 without any.
# TYPE tally_unanchored_oldest_seconds gauge
tally_unanchored_oldest_seconds 1.4
"""
