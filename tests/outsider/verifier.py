"""Sections 1, 3 and 6: whether a bundle is genuine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import rfc8785
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

from tests.outsider.event_hash import event_hash
from tests.outsider.form import Malformed, check_bundle, utc
from tests.outsider.identifiers import canonical

N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
WORST_FIRST = ("failed", "disowned", "corrected", "pending", "consistent", "verified")
EPC_LISTS = ("epcList", "childEPCs", "inputEPCList", "outputEPCList")
QUANTITY_LISTS = ("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList")


def verdict(
    data: bytes,
    trusted: tuple[int, str, str] | None = None,
    answers: dict[str, Any] | None = None,
    identifier: str | None = None,
) -> dict[str, Any]:
    """{"result", "code", "records", "withdrawalClaimed"}: `records` has each one's code, or its result.

    `trusted` is chain, EventLog and PartyRegistry (lower case); `answers` as in tests/vectors/bundles.json.
    """
    try:
        file = check_bundle(data)
    except Malformed:
        return {"result": "failed", "code": "malformed", "records": [], "withdrawalClaimed": []}
    chain = file["chain"]
    if trusted and trusted != (chain["chainId"], chain["eventLog"].lower(), chain["partyRegistry"].lower()):
        return {"result": "failed", "code": "wrong_chain", "records": [], "withdrawalClaimed": []}
    cases = [Case(chain, entry) for entry in file["records"]]
    for case in cases:
        case.check_alone()
        if answers:
            case.check_by(answers)
    good = [case for case in cases if not case.code]
    for case in good:
        if any(other.number == case.number and other.name != case.name for other in good):
            case.code = "equivocal"
    if identifier is not None:
        relate([case for case in cases if not case.code], canonical(identifier))
    good = [case for case in cases if not case.code]
    declared = [case for case in good if case.is_declaration and (not answers or case.may_withdraw(answers))]
    withdrawn = [
        case for case in good
        if not case.is_declaration and any(other.event == case.event and other.name != case.name for other in declared)
    ]  # fmt: skip
    results = [case.result(answers, case in withdrawn) for case in cases]
    codes = [case.code for case in cases if case.code]
    return {
        "result": min(results, key=WORST_FIRST.index),
        "code": codes[0] if codes else None,
        "records": [case.code or result for case, result in zip(cases, results, strict=True)],
        "withdrawalClaimed": [] if answers else [place for place, case in enumerate(cases) if case in withdrawn],
    }


class Case:
    """One record of the bundle."""

    def __init__(self, chain: dict[str, Any], entry: dict[str, Any]) -> None:
        self.entry, self.record, self.code = entry, entry["record"], ""
        self.signature, self.signer = bytes.fromhex(entry["signature"][2:]), ""
        self.is_declaration, self.is_disowned, self.anchored_at = "errorDeclaration" in entry["event"], False, 0
        self.name = record_hash(chain, self.record)
        self.event = (self.record["party"].lower(), self.record["eventHash"])

    @property
    def number(self) -> tuple[str, int]:
        return self.signer, self.record["sequence"]

    def check_alone(self) -> None:
        """Steps 3 to 5."""
        context, event, anchor = self.entry["context"], self.entry["event"], self.entry["anchor"]
        content = hashlib.sha256(rfc8785.dumps({"context": context, "event": event})).hexdigest()
        if (
            self.record["contentHash"] != f"0x{content}"
            or self.record["eventHash"] != f"0x{event_hash(context, event).hex()}"
        ):
            self.code = "event_altered"
            return
        r, s, v = (
            int.from_bytes(self.signature[:32], "big"),
            int.from_bytes(self.signature[32:64], "big"),
            self.signature[64],
        )
        try:
            if not (0 < r < N and 0 < s <= (N - 1) // 2 and v in (27, 28)):
                raise BadSignature
            key = Signature(vrs=(v - 27, r, s)).recover_public_key_from_msg_hash(self.name)
        except (BadSignature, ValidationError):
            self.code = "bad_signature"
            return
        self.signer = key.to_address()
        if anchor and follow(self.leaf(), anchor["proof"]) != anchor["root"]:
            self.code = "not_in_batch"

    def leaf(self) -> bytes:
        word: Callable[[int], bytes] = lambda number: number.to_bytes(32, "big")  # noqa: E731
        return keccak(keccak(self.name + word(64) + word(65) + self.signature + bytes(31)))

    def check_by(self, answers: dict[str, Any]) -> None:
        """Steps 6 to 8."""
        anchor = self.entry["anchor"]
        if self.code:
            return
        if anchor:
            self.anchored_at = answers["anchors"].get(anchor["root"], 0)
            if not self.anchored_at and anchor["root"] not in answers["anchoredLater"]:
                self.code = "root_not_anchored"
                return
        party, self.is_disowned = self.stands(answers, 1)
        if party != self.event[0]:
            self.code = "signer_not_authorised"
            return
        latest = datetime(1970, 1, 1) + timedelta(seconds=self.time(answers), minutes=5)  # noqa: DTZ001
        if utc(self.entry["event"]["eventTime"]) > latest:
            self.code = "postdated"

    def time(self, answers: dict[str, Any]) -> int:
        return self.anchored_at or int(answers["now"])

    def stands(self, answers: dict[str, Any], use: int) -> tuple[str | None, bool]:
        for stand in answers["stands"]:
            if stand["signer"] == self.signer:
                is_there = stand["uses"] & use and stand["from"] <= self.time(answers) < int(stand["until"])
                return (stand["party"] if is_there else None), self.record["sequence"] >= int(stand["firstDisowned"])
        return None, False

    def may_withdraw(self, answers: dict[str, Any]) -> bool:
        party, _ = self.stands(answers, 8)
        return bool(party == self.event[0])

    def result(self, answers: dict[str, Any] | None, is_withdrawn: bool) -> str:
        """What becomes of a record: steps 11 to 13."""
        if self.code:
            return "failed"
        if answers is None:
            return "consistent" if self.entry["anchor"] else "pending"
        name = {"party": self.event[0], "recordHash": "0x" + self.name.hex()}
        if self.is_disowned:
            return "disowned"
        if is_withdrawn or any(name == {key: entry[key] for key in name} for entry in answers["withdrawals"]):
            return "corrected"
        return "verified" if self.anchored_at else "pending"

    def identifiers(self) -> set[str]:
        event = self.entry["event"]
        found = [event.get("parentID"), event.get("transformationID")]
        for name in EPC_LISTS:
            found += event[name] if isinstance(event.get(name), list) else []
        for name in QUANTITY_LISTS:
            items = event[name] if isinstance(event.get(name), list) else []
            found += [item.get("epcClass") for item in items if isinstance(item, dict)]
        return {canonical(text) for text in found if isinstance(text, str)}


def relate(cases: list[Case], identifier: str) -> None:
    """Step 10."""
    reached, before = {identifier}, 0
    while len(reached) > before:
        before = len(reached)
        for case in cases:
            if case.identifiers() & reached:
                reached |= case.identifiers()
    for case in cases:
        if not case.identifiers() & reached:
            case.code = "unrelated"


def follow(node: bytes, proof: list[str]) -> str:
    """The root that leaf and proof lead to."""
    for step in proof:
        node = keccak(b"".join(sorted([node, bytes.fromhex(step[2:])])))
    return "0x" + node.hex()


def record_hash(chain: dict[str, Any], record: dict[str, Any]) -> bytes:
    """The EIP-712 digest."""

    def text(value: str) -> bytes:
        return keccak(value.encode())

    def word(value: str | int) -> bytes:
        return value.to_bytes(32, "big") if isinstance(value, int) else bytes.fromhex(value[2:]).rjust(32, b"\0")

    domain = text("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    domain = keccak(domain + text("Tallystick") + text("1") + word(chain["chainId"]) + word(chain["eventLog"]))
    struct = text("Record(bytes32 eventHash,bytes32 contentHash,address party,uint64 sequence,bytes32 disclosureRoot)")
    names = ("eventHash", "contentHash", "party", "sequence", "disclosureRoot")
    return keccak(b"\x19\x01" + domain + keccak(struct + b"".join(word(record[name]) for name in names)))
