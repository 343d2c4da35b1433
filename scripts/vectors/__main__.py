"""`python -m scripts.vectors`: writes tests/vectors/*.json, the golden data that docs/proof-format.md points to.

Inputs are plain values in this file, keys are hashes of names, nothing is random: the same run gives the same files
everywhere. Expected values are computed by our own code, which tests hold against independent tools (eth-account,
@openzeppelin/merkle-tree, rfc8785, the reference event hash); each case says how it was made.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ledger.hexadecimal import to_address, to_hex
from ledger.merkle import Tree, leaf
from ledger.record import capture_receipt_digest, record_hash, withdrawal_digest
from scripts.evidence import CONTEXT, DOMAIN, TRUSTED, RecordedAnswers, Stand, anchor, bundle_of, key, seal
from scripts.vectors.bundle_files import bundle_files
from scripts.vectors.cases import FileCase, changed
from scripts.vectors.events import EVENTS, IDENTIFIERS
from scripts.vectors.json_files import json_files
from traceability.bundle import BundleRecord, bundle_json, parse
from traceability.epcis.canonical import content_hash
from traceability.epcis.context import namespaces_of
from traceability.epcis.event_hash import event_hash, hash_id, prehash
from traceability.identifiers import canonical
from traceability.verdict import Result, Verdict
from traceability.verification import verify

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "vectors"
GROWER, ROASTER, SCANNER = key("grower"), key("roaster"), key("grower's scanner")
ANCHORED_AT, NOW = 1_772_352_060, 1_780_272_000
ITEMS = ["urn:epc:id:sgtin:9521234.012345.1", "urn:epc:id:sgtin:9521234.012345.2"]
PALLET = "urn:epc:id:sscc:9521234.0123456789"
COMMISSIONING: dict[str, Any] = {
    "type": "ObjectEvent", "eventTime": "2026-03-01T08:00:00.000Z", "eventTimeZoneOffset": "+01:00",
    "action": "ADD", "bizStep": "commissioning", "epcList": ITEMS}  # fmt: skip
PACKING: dict[str, Any] = {
    "type": "AggregationEvent", "eventTime": "2026-03-01T08:00:10.000Z", "eventTimeZoneOffset": "+01:00",
    "action": "ADD", "bizStep": "packing", "parentID": PALLET, "childEPCs": ITEMS}  # fmt: skip
RECEIVING: dict[str, Any] = {
    "type": "ObjectEvent", "eventTime": "2026-03-01T08:00:20.000Z", "eventTimeZoneOffset": "+01:00",
    "action": "OBSERVE", "bizStep": "receiving", "epcList": [PALLET]}  # fmt: skip
DECLARATION = COMMISSIONING | {
    "errorDeclaration": {"declarationTime": "2026-03-01T08:00:30Z", "reason": "incorrect_data"}
}


def event_hashes() -> list[dict[str, Any]]:
    """Events with their pre-hash, event hash and content hash.

    Raises MalformedJson where one is not as section 2 takes it: a bundle of it must be readable.
    """
    for _, context, event in EVENTS:
        parse(bundle_json(bundle_of([seal(GROWER, GROWER.address, 0, context, event)])))
    return [
        {
            "name": name,
            "context": context,
            "event": event,
            "prehash": prehash(event, namespaces_of(context, event.get("@context"))),
            "hashID": hash_id(event_hash(event, context)),
            "contentHash": to_hex(content_hash(context, event)),
        }
        for name, context, event in EVENTS
    ]


def identifiers() -> list[dict[str, str]]:
    """Texts as written, and their canonical form: the same where the text is no key."""
    return [{"written": written, "canonical": canonical(written)} for written in IDENTIFIERS]


def records() -> dict[str, Any]:
    """Records with digests and signatures, the tree over each number of them, and the other typed data."""
    entries = [
        seal(GROWER, GROWER.address, 0, CONTEXT, COMMISSIONING),
        seal(SCANNER, GROWER.address, 0, CONTEXT, PACKING),
        seal(ROASTER, ROASTER.address, 0, CONTEXT, RECEIVING),
        seal(GROWER, GROWER.address, 1, CONTEXT, DECLARATION),
        seal(ROASTER, ROASTER.address, 2**53 - 1, CONTEXT, RECEIVING | {"eventID": "urn:uuid:1"}),
    ]
    names = [record_hash(DOMAIN, entry.record) for entry in entries]
    leaves = [leaf(name, entry.signature) for name, entry in zip(names, entries, strict=True)]
    receipt = capture_receipt_digest(DOMAIN, names, ANCHORED_AT, ANCHORED_AT + 86_400)
    return {
        "how": "the key of a signer is keccak256('tallystick vectors, key of the ' + its name)",
        "domain": {"chainId": DOMAIN.chain_id, "eventLog": to_address(DOMAIN.event_log)},
        "domainSeparator": to_hex(DOMAIN.separator),
        "signers": {name: to_address(key(name).address) for name in ("grower", "grower's scanner", "roaster")},
        "records": [
            {
                "record": json.loads(bundle_json(bundle_of([entry])))["records"][0]["record"],
                "recordHash": to_hex(name),
                "signature": to_hex(entry.signature),
                "leaf": to_hex(one),
            }
            for entry, name, one in zip(entries, names, leaves, strict=True)
        ],
        "trees": [_tree(leaves[:count]) for count in range(1, len(leaves) + 1)],
        "withdrawal": {"recordHash": to_hex(names[0]), "digest": to_hex(withdrawal_digest(DOMAIN, names[0]))},
        "captureReceipt": {"recordHashes": [to_hex(name) for name in names], "receivedAt": ANCHORED_AT,
                           "anchorBy": ANCHORED_AT + 86_400, "digest": to_hex(receipt)},
    }  # fmt: skip


def _tree(leaves: Sequence[bytes]) -> dict[str, Any]:
    tree = Tree.of(leaves)
    return {"root": to_hex(tree.root), "proofs": [[to_hex(step) for step in tree.proof(one)] for one in leaves]}


def bundles() -> list[dict[str, Any]]:
    """Whole bundles, and the verdict without settings or network, and with those settings and a chain's answers."""
    cases = [
        _judged(name, how, bundle_json(bundle_of(entries)), replace(_answers(entries), **change), identifier)
        for name, how, entries, change, identifier in _bundle_cases()
    ]
    return [*cases, *_elsewhere()]


def _elsewhere() -> list[dict[str, Any]]:
    """The genuine bundle, said to be of another chain: what a verifier's own settings are for."""
    story = _story()
    elsewhere = {"chainId": 1, "eventLog": to_address(bytes([17] * 20)), "partyRegistry": to_address(bytes([17] * 20))}
    return [
        _judged(f"of another {name}", "not what the verifier trusts",
                changed("chain", name, to=to, data=bundle_json(bundle_of(story))), _answers(story), None)
        for name, to in elsewhere.items()
    ]  # fmt: skip


def _story() -> list[BundleRecord]:
    return anchor(
        [
            seal(GROWER, GROWER.address, 0, CONTEXT, COMMISSIONING),
            seal(SCANNER, GROWER.address, 0, CONTEXT, PACKING),
            seal(ROASTER, ROASTER.address, 0, CONTEXT, RECEIVING),
        ]
    )


def _bundle_cases() -> list[tuple[str, str, list[BundleRecord], dict[str, Any], str | None]]:
    story = _story()
    root = story[0].anchor.root if story[0].anchor else b""
    stands = _answers(story).stands
    declared = [*story, *anchor([seal(GROWER, GROWER.address, 1, CONTEXT, DECLARATION)])]
    by_scanner = [*story, *anchor([seal(SCANNER, GROWER.address, 1, CONTEXT, DECLARATION)])]
    twice = [*story, *anchor([seal(SCANNER, GROWER.address, 0, CONTEXT, PACKING | {"bizStep": "loading"})])]
    late = anchor([seal(GROWER, GROWER.address, 0, CONTEXT, COMMISSIONING | {"eventTime": "2026-03-01T08:06:00.001Z"})])
    altered = [replace(story[0], event=COMMISSIONING | {"epcList": ITEMS[:1]}), *story[1:]]
    first = record_hash(DOMAIN, story[0].record)
    disowned = stands | {ROASTER.address: replace(stands[ROASTER.address], first_disowned=0)}
    return [
        ("genuine", "three records of one batch", story, {}, None),
        ("genuine, for an item", "related through the pallet", story, {}, ITEMS[1]),
        ("for another item", "no event names it", story, {}, ITEMS[1] + "9"),
        ("altered", "an item taken out of the first event", altered, {}, None),
        ("not anchored", "the chain does not know the root", story, {"anchors": {}}, None),
        ("anchored after the block", "the root is anchored in a later block only", story,
         {"anchors": {}, "later": {root}}, None),
        ("no such signer", "the scanner was never authorised", story,
         {"stands": {signer: stand for signer, stand in stands.items() if signer != SCANNER.address}}, None),
        ("postdated", "an event a millisecond more than five minutes after its anchor", late, {}, None),
        ("equivocal", "the scanner used its number 0 for two records", twice, {}, None),
        ("disowned", "the roaster's key was revoked from number 0 on", story, {"stands": disowned}, None),
        ("withdrawn on chain", "the grower withdrew the first record", story,
         {"withdrawals": {(GROWER.address, first): NOW - 1}}, None),
        ("withdrawn by a declaration", "the grower declared the first event wrong", declared, {}, None),
        ("declared by a key that may not withdraw", "the scanner may record only", by_scanner, {}, None),
        ("not anchored yet", "the last record has no anchor", [*story[:2], replace(story[2], anchor=None)], {}, None),
    ]  # fmt: skip


def _answers(entries: Sequence[BundleRecord]) -> RecordedAnswers:
    return RecordedAnswers(
        now_at=NOW,
        anchors={entry.anchor.root: ANCHORED_AT for entry in entries if entry.anchor},
        stands={
            GROWER.address: Stand(GROWER.address, uses=15),
            ROASTER.address: Stand(ROASTER.address, uses=15),
            SCANNER.address: Stand(GROWER.address, uses=1, from_at=ANCHORED_AT - 1000, until_at=ANCHORED_AT + 1000),
        },
    )


def _judged(name: str, how: str, data: bytes, answers: RecordedAnswers, identifier: str | None) -> dict[str, Any]:
    trusted = {"chainId": TRUSTED.chain_id, "eventLog": to_address(TRUSTED.event_log),
               "partyRegistry": to_address(TRUSTED.party_registry)}  # fmt: skip
    return {
        "name": name,
        "how": how,
        "for": identifier,
        "bundle": json.loads(data),
        "trusted": trusted,
        "answers": answers.to_json(),
        "offline": _in_short(verify(data, identifier=identifier)),
        "online": _in_short(verify(data, trusted=TRUSTED, answers=answers, identifier=identifier)),
    }


def _in_short(verdict: Verdict) -> dict[str, Any]:
    return {
        "result": verdict.result.value,
        "code": verdict.code.value if verdict.code else None,
        "records": _outcomes(verdict),
        "withdrawalClaimed": list(verdict.withdrawal_claimed),
    }


def _outcomes(verdict: Verdict) -> list[str]:
    """Each record's code, or its result where it did not fail."""
    return [str(record.code or record.result) for record in verdict.records]


def whole_files() -> list[dict[str, Any]]:
    """Files byte by byte, with the verdict without settings or network.

    Raises ValueError where that is not the one which the case is meant to have.
    """
    return [_read(case) for case in [*json_files(), *bundle_files()]]


def _read(case: FileCase) -> dict[str, Any]:
    verdict = verify(case.data, identifier=case.identifier)
    code = verdict.code.value if verdict.code else None
    if case.expected != (code or verdict.result):
        raise ValueError(f"{case.name}: meant as {case.expected}, but {code or verdict.result}: {verdict.words()}")
    # What decided: the first failed record, or the first pending one of those that none failed with.
    deciding = [index for index, record in enumerate(verdict.records) if record.result == verdict.result]
    return {
        "name": case.name,
        "base64": base64.b64encode(case.data).decode(),
        "for": case.identifier,
        "offline": {
            "result": verdict.result.value,
            "code": code,
            "record": None if verdict.result == Result.CONSISTENT or not deciding else deciding[0],
            "withdrawalClaimed": list(verdict.withdrawal_claimed),
        },
    }


def files() -> dict[str, bytes]:
    """The content of each file of tests/vectors."""
    made: dict[str, Any] = {
        "event-hash.json": event_hashes(),
        "identifiers.json": identifiers(),
        "records.json": records(),
        "bundles.json": bundles(),
        "files.json": whole_files(),
    }
    return {name: (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode() for name, value in made.items()}


def main() -> None:
    """Write all files anew."""
    FOLDER.mkdir(exist_ok=True)
    for name, content in files().items():
        (FOLDER / name).write_bytes(content)


if __name__ == "__main__":
    main()
