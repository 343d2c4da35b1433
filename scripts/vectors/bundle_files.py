"""Files for sections 5 and 6 of docs/proof-format.md: the bundle's form, and each check that needs no chain."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from ledger.merkle import leaf, root_of
from ledger.record import CURVE_ORDER, record_hash
from scripts.evidence import DOMAIN, anchor, bundle_of, seal
from scripts.vectors.cases import (
    EVENT,
    FARM,
    GENUINE,
    GROWER,
    ITEM,
    REFUSED,
    ROASTER,
    TAKEN,
    FileCase,
    changed,
    digest,
    file_of,
    record,
    respelled,
    signed,
    without,
    written,
)
from traceability.bundle import Anchor, BundleRecord, bundle_json

_FIELD = 2**256 - 2**32 - 977
_GENERATOR_X = 0x79BE667E_F9DCBBAC_55A06295_CE870B07_029BFCDB_2DCE28D9_59F2815B_16F81798
"""x of the group's generator, whose y is even (SEC 2, section 2.4.1)."""
_HALF = (CURVE_ORDER - 1) // 2
_RECORD = ("records", 0)
_SIGNED = (*_RECORD, "record")
_ANCHOR = (*_RECORD, "anchor")
_LARGEST = str(2**53 - 1)


def bundle_files() -> list[FileCase]:
    """Every case of sections 5 and 6."""
    return [*_form(), *_digits(), *_hex(), *_addresses(), *_proofs(), *_altered(), *_signatures(), *_together(),
            *_related()]  # fmt: skip


def _form() -> list[FileCase]:
    file = json.loads(GENUINE)
    backwards = json.loads(GENUINE, object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    objects: dict[str, tuple[str | int, ...]] = {
        "the file": (), "chain": ("chain",), "a record of the list": _RECORD, "record": _SIGNED, "anchor": _ANCHOR,
    }  # fmt: skip
    refused: list[tuple[str, bytes]] = []
    for name, path in objects.items():
        members = file
        for step in path:
            members = members[step]
        refused.append((f"a member more in {name}", changed(*path, "note", to="n")))
        refused += [(f"{member} missing in {name}", without(*path, member)) for member in members]
    refused += [
        ("another version of the format", changed("format", to="tallystick-proof/2")),
        ("no records", changed("records", to=[])),
        ("records that are an object", changed("records", to={"0": file["records"][0]})),
        ("a record that is a list", changed("records", to=[[]])),
        ("a record signed as a text", changed(*_SIGNED, to="{}")),
        ("an anchor that is a text", changed(*_ANCHOR, to="")),
        ("an anchor that is false", changed(*_ANCHOR, to=False)),
        ("a proof that is an object", changed(*_ANCHOR, "proof", to={})),
        ("a file that is a list", written([file])),
    ]
    return [
        FileCase("genuine", GENUINE, TAKEN),
        FileCase("members in another order", written(backwards), TAKEN),
        FileCase("not anchored yet", bundle_json(bundle_of([record()])), "pending"),
        *(FileCase(name, data, REFUSED) for name, data in refused),
    ]


def _digits() -> list[FileCase]:
    places: dict[str, tuple[str | int, ...]] = {
        "chainId": ("chain", "chainId"), "sequence": (*_SIGNED, "sequence"),
        "index": (*_ANCHOR, "index"), "block": (*_ANCHOR, "block"),
    }  # fmt: skip
    cases = []
    for name, path in places.items():
        # Another chain or number is another recordHash: a signer it recovers to, but not the leaf.
        kept = TAKEN if name in ("index", "block") else "not_in_batch"
        cases.append(FileCase(f"{name}: {_LARGEST}", respelled(_LARGEST.encode(), *path), kept))
        cases += [
            FileCase(f"{name}: {raw}", respelled(raw.encode(), *path), REFUSED)
            for raw in (str(2**53), "7.0", "7e0", "70e-1", "-0", "-7", '"7"', "true", "[7]")
        ]
    cases.append(FileCase("chainId: 0", respelled(b"0", "chain", "chainId"), REFUSED))
    cases.append(FileCase(f"signed with the number {_LARGEST}", file_of(record(sequence=2**53 - 1)), TAKEN))
    return cases


def _hex() -> list[FileCase]:
    places: dict[str, tuple[str | int, ...]] = {
        **{name: (*_SIGNED, name) for name in ("eventHash", "contentHash", "disclosureRoot")},
        "signature": (*_RECORD, "signature"), "root": (*_ANCHOR, "root"), "transaction": (*_ANCHOR, "transaction"),
        "a step of the proof": (*_ANCHOR, "proof", 0),
    }  # fmt: skip
    data = file_of(record(), record(sequence=1))
    cases = []
    for name, path in places.items():
        value: Any = json.loads(data)
        for step in path:
            value = value[step]
        odd = {
            "in upper case": "0x" + value[2:].upper(), "with 0X": "0X" + value[2:], "without 0x": value[2:],
            "a digit short": value[:-1], "a byte short": value[:-2], "a byte more": value + "00",
            "with a space": value[:-1] + " ", "as a number": 0,
        }  # fmt: skip
        cases += [FileCase(f"{name} {how}", changed(*path, to=to, data=data), REFUSED) for how, to in odd.items()]
    zero = "0x" + "00" * 32
    return [
        *cases,
        FileCase("disclosureRoot zero", changed(*_SIGNED, "disclosureRoot", to=zero), REFUSED),
        FileCase("a root of zero", changed(*_ANCHOR, "root", to=zero), "not_in_batch"),
        FileCase("a transaction of zero: a hint", changed(*_ANCHOR, "transaction", to=zero), TAKEN),
    ]


def _addresses() -> list[FileCase]:
    def party(text: str) -> bytes:
        entry = seal(GROWER, bytes.fromhex(text[2:]), 0, FARM, EVENT)
        return changed(*_SIGNED, "party", to=text, data=file_of(entry))

    # The first three are examples of EIP-55.
    taken = {
        "a party whose checksum has all letters upper": "0x52908400098527886E0F7030069857D2E4169EE7",
        "a party whose checksum has all letters lower": "0xde709f2102306220921060314715629080e2fb77",
        "a party in mixed case": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "the same in lower case": "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
        "a party of digits alone": "0x" + "1234567890" * 4,
        "a party of zero": "0x" + "0" * 40,
    }
    refused = {
        "a party with one letter in the wrong case": "0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "a party in upper case": "0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED",
        "a party with 0X": "0X5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
        "a party of 19 bytes": "0x5aaeb6053f3e94c9b9a09f33669435e7ef1bea",
        "a party of 32 bytes": "0x" + "00" * 32,
    }
    contracts = json.loads(GENUINE)["chain"]
    lower = {name: value.lower() if isinstance(value, str) else value for name, value in contracts.items()}
    upper = {name: "0x" + contracts[name][2:].upper() for name in ("eventLog", "partyRegistry")}
    return [
        *(FileCase(name, party(text), TAKEN) for name, text in taken.items()),
        *(FileCase(name, changed(*_SIGNED, "party", to=text), REFUSED) for name, text in refused.items()),
        FileCase("contracts in lower case", changed("chain", to=lower), TAKEN),
        *(FileCase(f"{name} in upper case", changed("chain", name, to=to), REFUSED) for name, to in upper.items()),
        FileCase("an EventLog of zero", changed("chain", "eventLog", to="0x" + "0" * 40), "not_in_batch"),
    ]


def _proofs() -> list[FileCase]:
    entry = record()
    steps = tuple(bytes([step]) * 32 for step in range(65))

    def proved(count: int) -> bytes:
        start = leaf(record_hash(DOMAIN, entry.record), entry.signature)
        place = Anchor(root_of(start, steps[:count]), steps[:count], 0, bytes(32), 0)
        return bundle_json(bundle_of([replace(entry, anchor=place)]))

    two = file_of(entry, record(sequence=1))
    path = (*_ANCHOR, "proof")
    sibling = json.loads(two)["records"][0]["anchor"]["proof"][0]
    other = json.loads(file_of(record(sequence=2)))["records"][0]["anchor"]["root"]
    return [
        FileCase("a proof of 64 steps", proved(64), TAKEN),
        FileCase("a proof of 65 steps", proved(65), REFUSED),
        FileCase("a batch of two", two, TAKEN),
        FileCase("a step missing", changed(*path, to=[], data=two), "not_in_batch"),
        FileCase("a step twice", changed(*path, to=[sibling, sibling], data=two), "not_in_batch"),
        FileCase("another sibling", changed(*path, to=[other], data=two), "not_in_batch"),
        FileCase("another root", changed(*_ANCHOR, "root", to=other), "not_in_batch"),
        FileCase("other hints", changed(*_ANCHOR, "index", to=9, data=changed(*_ANCHOR, "block", to=9)), TAKEN),
    ]


def _altered() -> list[FileCase]:
    code = "event_altered"
    event = (*_RECORD, "event")
    other = json.loads(file_of(record(EVENT | {"action": "OBSERVE"})))["records"][0]["record"]
    alterations: list[tuple[str, bytes, str]] = [
        ("an action altered", changed(*event, "action", to="OBSERVE"), code),
        ("an item added", changed(*event, "epcList", to=[ITEM, ITEM + "1"]), code),
        ("the same item spelled another way: another content",
         changed(*event, "epcList", to=["https://id.gs1.org/01/09521234123453/21/1"]), code),
        ("an eventID slipped in", changed(*event, "eventID", to="urn:uuid:1"), code),
        ("an error declaration slipped in", changed(*event, "errorDeclaration", to={}), code),
        ("the same text in other code points",
         changed(*event, "farm:x", to="\u00e9", data=file_of(record(EVENT | {"farm:x": "e\u0301"}))), code),
        ("a prefix of the context altered", changed(*_RECORD, "context", 1, "farm", to="https://f.example/"), code),
        ("GS1's address of another version: another content",
         changed(*_RECORD, "context", 0, to="https://gs1.github.io/EPCIS/epcis-context.jsonld"), code),
        ("another eventHash", changed(*_SIGNED, "eventHash", to=other["eventHash"]), code),
        ("another contentHash", changed(*_SIGNED, "contentHash", to=other["contentHash"]), code),
        ("another party: another signer, not this leaf",
         changed(*_SIGNED, "party", to="0x" + ROASTER.address.hex()), "not_in_batch"),
        ("another sequence", changed(*_SIGNED, "sequence", to=1), "not_in_batch"),
        ("another disclosureRoot", changed(*_SIGNED, "disclosureRoot", to="0x" + "11" * 32), "not_in_batch"),
        ("another chainId", changed("chain", "chainId", to=1), "not_in_batch"),
        ("another EventLog", changed("chain", "eventLog", to="0x" + "11" * 20), "not_in_batch"),
        ("another PartyRegistry: only the verifier's settings can tell",
         changed("chain", "partyRegistry", to="0x" + "11" * 20), TAKEN),
    ]  # fmt: skip
    return [FileCase(*one) for one in alterations]


def _signatures() -> list[FileCase]:
    entry = record()
    r, s = (int.from_bytes(entry.signature[part], "big") for part in (slice(32), slice(32, 64)))
    v = entry.signature[64]
    bad = "bad_signature"
    z = digest(entry) % CURVE_ORDER
    # With r the generator's x and s = z, s·R - z·G is the point at infinity.
    infinity = (_GENERATOR_X, z, 27) if z <= _HALF else (_GENERATOR_X, CURVE_ORDER - z, 28)
    off_curve = next(x for x in range(1, 100) if not _is_coordinate(x))
    wrapped = next(x for x in range(1, 1000) if not _is_coordinate(x) and _is_coordinate(x + CURVE_ORDER))
    on_curve = next(x for x in range(1, 100) if _is_coordinate(x))
    forms: list[tuple[str, tuple[int, int, int], str]] = [
        ("the twin of high s", (r, CURVE_ORDER - s, 55 - v), bad),
        ("v 0 or 1", (r, s, v - 27), bad),
        ("v 29", (r, s, 29), bad),
        ("the other v: another signer, in a batch of its own", (r, s, 55 - v), TAKEN),
        ("r zero", (0, s, v), bad),
        ("r = n", (CURVE_ORDER, s, v), bad),
        ("s zero", (r, 0, v), bad),
        ("s = n", (r, CURVE_ORDER, v), bad),
        ("s = (n+1)/2", (r, _HALF + 1, v), bad),
        ("s = (n-1)/2: some signer", (r, _HALF, v), TAKEN),
        ("r is the x of no point", (off_curve, s, v), bad),
        ("r is the x of no point, r + n is", (wrapped, s, v), bad),
        ("r is the x of a point: some signer", (on_curve, 1, 27), TAKEN),
        ("recovers to the point at infinity", infinity, bad),
    ]
    moved = file_of(entry)
    return [
        *(FileCase(f"signature: {name}", file_of(signed(entry, *form)), expected) for name, form, expected in forms),
        FileCase("signed again with another key: another leaf",
                 changed(*_RECORD, "signature", to="0x" + ROASTER.sign(digest(entry).to_bytes(32, "big")).hex(),
                         data=moved), "not_in_batch"),
    ]  # fmt: skip


def _is_coordinate(x: int) -> bool:
    """Whether a point of secp256k1, y² = x³ + 7, has this x (Euler's criterion)."""
    return x < _FIELD and pow(pow(x, 3, _FIELD) + 7, (_FIELD - 1) // 2, _FIELD) == 1


def _together() -> list[FileCase]:
    declared = EVENT | {"errorDeclaration": {"declarationTime": "2026-03-02T08:00:00Z"}}
    first, second = record(), record(sequence=1)
    declaration = record(declared, sequence=2)
    by_other = seal(ROASTER, ROASTER.address, 0, FARM, declared)
    other_story = record(EVENT | {"action": "OBSERVE"})
    broken = replace(other_story, event=EVENT | {"action": "DELETE"})
    bad_form = signed(second, 0, 1, 27)
    cases: list[tuple[str, list[BundleRecord], str]] = [
        ("the same record twice", [first, first], TAKEN),
        ("one number, two records", [first, other_story], "equivocal"),
        ("one number, two parties", [first, seal(GROWER, ROASTER.address, 0, FARM, EVENT)], "equivocal"),
        ("one number of two signers", [first, seal(ROASTER, GROWER.address, 0, FARM, EVENT)], TAKEN),
        ("a record that failed before accuses no other", [first, broken], "event_altered"),
        ("the first failed record of the file gives the code", [first, bad_form, broken], "bad_signature"),
        ("withdrawn by a declaration", [first, second, declaration], TAKEN),
        ("the declaration first", [declaration, first], TAKEN),
        ("a declaration withdraws no declaration", [declaration, record(declared, sequence=3), first], TAKEN),
        ("a declaration that is a text", [first, record(EVENT | {"errorDeclaration": "x"}, sequence=2)], TAKEN),
        ("a declaration of another party", [first, by_other], TAKEN),
        ("a declaration of another event", [first, record(declared | {"action": "OBSERVE"}, sequence=2)], TAKEN),
        ("a declaration of the same event, of other content",
         [first, record(declared | {"epcList": ["https://id.gs1.org/01/09521234123453/21/1"]}, sequence=2)], TAKEN),
        ("a declaration that failed withdraws nothing", [first, signed(declaration, 0, 1, 27)], "bad_signature"),
        ("a failed record is not withdrawn", [bad_form, first, declaration], "bad_signature"),
    ]  # fmt: skip
    placed = anchor([first, declaration])
    return [
        *(FileCase(name, file_of(*entries), expected) for name, entries, expected in cases),
        FileCase("a declaration that is not anchored yet",
                 bundle_json(bundle_of([placed[0], replace(declaration, anchor=None)])), "pending"),
    ]  # fmt: skip


def _related() -> list[FileCase]:
    pallet, lot = "urn:epc:id:sscc:9521234.0123456789", "urn:epc:class:lgtin:9521234.012345.L1"
    packing = record(EVENT | {"type": "AggregationEvent", "parentID": pallet, "childEPCs": [ITEM]}, sequence=1)
    milling = record(
        EVENT | {"epcList": [pallet], "transformationID": "m", "outputQuantityList": [{"epcClass": lot}]}, sequence=2
    )
    chain = [record(), packing, milling]

    def having(*events: dict[str, Any]) -> list[BundleRecord]:
        return [record(EVENT | event, sequence=number) for number, event in enumerate(events)]

    odd = having({"epcList": [[ITEM]], "parentID": ["m"], "quantityList": {"epcClass": lot}, "childEPCs": ITEM})
    spaced = having({"epcList": [f" {ITEM}"]})
    nothing = having({"epcList": ["", "a"]}, {"epcList": [""]})
    no = "unrelated"
    cases: list[tuple[str, list[BundleRecord], str, str]] = [
        ("the item", chain, ITEM, TAKEN),
        ("the item as a Digital Link", chain, "https://shop.example/gtin/09521234123453/ser/1?a=b", TAKEN),
        ("a lot, two links away", chain, lot, TAKEN),
        ("a transformation's number", chain, "m", TAKEN),
        ("an item that no event names", chain, f"{ITEM}9", no),
        ("the lot's class: none stands for its lots", chain, "urn:epc:idpat:sgtin:9521234.012345.*", no),
        ("the link in the middle left out", [chain[0], chain[2]], lot, no),
        ("a failed record joins nothing", [chain[0], signed(packing, 0, 1, 27), chain[2]], ITEM, "bad_signature"),
        ("the item in a list in the list", odd, ITEM, no),
        ("the lot in an object in place of a list", odd, lot, no),
        ("white space makes it another text", spaced, ITEM, no),
        ("white space as written", spaced, f" {ITEM}", TAKEN),
        ("the empty text is an identifier like any other", nothing, "a", TAKEN),
        ("the empty text named", nothing, "", TAKEN),
        ("the empty text, where no event has it", chain, "", no),
    ]
    return [
        FileCase(f"for {name}", file_of(*entries), expected, identifier)
        for name, entries, identifier, expected in cases
    ]
