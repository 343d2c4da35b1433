"""The proof bundle: the one JSON file that travels with the goods (docs/proof-format.md, sections 2 and 5).

`parse` is step 1 of verification: it takes a file whole, or refuses it whole, and says why. `bundle_json` writes one.
Nothing is computed over the contents here: whether a bundle is true is judged in verification.py. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ledger.errors import BadChecksum, InvalidHex
from ledger.hexadecimal import address_from_text, from_hex, to_address, to_hex
from ledger.record import SIGNATURE_SIZE, Record
from traceability import strict_json
from traceability.epcis.canonical import canonical_json
from traceability.epcis.context import check_context
from traceability.epcis.times import check_event
from traceability.errors import MalformedBundle, MalformedJson

MEDIA_TYPE = "application/vnd.tallystick.proof+json"
FORMAT = "tallystick-proof/1"
RECORDS_MAX = 10_000
PROOF_STEPS_MAX = 64
INTEGER_MAX = 2**53 - 1
EVENT_LEVEL = 4
"""The level of `context` and `event` in the file: below the file's object, `records` and the record."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a record stands: its root and the siblings up to it. The other three are hints that nothing relies on."""

    root: bytes
    proof: tuple[bytes, ...]
    index: int
    transaction: bytes
    block: int


@dataclass(frozen=True, slots=True)
class BundleRecord:
    """One signed event. `context` and `event` are the JSON values as they stand; `anchor` is None until it has one."""

    context: list[Any]
    event: dict[str, Any]
    record: Record
    signature: bytes
    anchor: Anchor | None


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle of the right form. `chain_id` and the contracts are what the bundle says of itself, not yet trusted."""

    chain_id: int
    event_log: bytes
    party_registry: bytes
    records: tuple[BundleRecord, ...]


def parse(data: bytes) -> Bundle:
    """The bundle in a file's bytes. Raises MalformedJson (section 2) or MalformedBundle (section 5): rule and place."""
    value, depth = strict_json.scan(data, null_at=("records", "*", "anchor"))
    if _MINUS_ZERO.search(data):
        del value  # the file is read again, and there is room for one of them
        _refuse_minus_zero(data)
        value = orjson.loads(data)
    file = _members(value, "the file", _FILE)
    if file["format"] != FORMAT:
        raise MalformedBundle("format", f"is not {FORMAT!r}")
    chain = _members(file["chain"], "chain", _CHAIN)
    chain_id = _integer(chain["chainId"], "chain/chainId")
    if chain_id == 0:
        raise MalformedBundle("chain/chainId", "is zero")
    records = file["records"]
    if not isinstance(records, list) or not 1 <= len(records) <= RECORDS_MAX:
        raise MalformedBundle("records", f"is not a list of 1 to {RECORDS_MAX:,} records")
    check = _content_check(is_deep=depth > strict_json.EVENT_DEPTH_MAX + EVENT_LEVEL - 1)
    return Bundle(
        chain_id=chain_id,
        event_log=_address(chain["eventLog"], "chain/eventLog"),
        party_registry=_address(chain["partyRegistry"], "chain/partyRegistry"),
        records=tuple(_record_at(index, entry, check) for index, entry in enumerate(records)),
    )


def bundle_json(bundle: Bundle) -> bytes:
    """The bundle as a file: UTF-8 JSON, the same bytes for the same bundle; `parse` gives it back."""
    return orjson.dumps(
        {
            "format": FORMAT,
            "chain": {
                "chainId": bundle.chain_id,
                "eventLog": to_address(bundle.event_log),
                "partyRegistry": to_address(bundle.party_registry),
            },
            "records": [_record_json(entry) for entry in bundle.records],
        }
    )


_FILE = frozenset({"format", "chain", "records"})
_CHAIN = frozenset({"chainId", "eventLog", "partyRegistry"})
_RECORD = frozenset({"context", "event", "record", "signature", "anchor"})
_SIGNED_FIELDS = frozenset({"eventHash", "contentHash", "party", "sequence", "disclosureRoot"})
_ANCHOR = frozenset({"root", "index", "proof", "transaction", "block"})
_WHOLE_NUMBERS = frozenset({"chainId", "sequence", "index", "block"})

_MINUS_ZERO = re.compile(rb":\s*-0(?=[\s,}])")
_ContentCheck = Callable[[list[Any], dict[str, Any]], None]


def _refuse_minus_zero(data: bytes) -> None:
    """Raises MalformedBundle where -0 stands for one of the bundle's own whole numbers, which are digits alone.

    A parser makes 0 of it, as it should inside an event. So the file is read once more with -1 in its place.
    """
    marked = bytearray(data)
    for found in _MINUS_ZERO.finditer(data):
        marked[found.end() - 1] = ord("1")
    file = orjson.loads(marked)
    if not isinstance(file, dict):
        return
    holders = [("chain", file.get("chain"))]
    records = file.get("records")
    for index, entry in enumerate(records if isinstance(records, list) else []):
        if isinstance(entry, dict):
            holders += [(f"records/{index}/{name}", entry.get(name)) for name in ("record", "anchor")]
    for path, holder in holders:
        if isinstance(holder, dict):
            for name in _WHOLE_NUMBERS & holder.keys():
                _integer(holder[name], f"{path}/{name}")


def _content_check(is_deep: bool) -> _ContentCheck:
    """A check of `context` and `event` by section 2 that looks at equal contexts once."""
    known: set[bytes] = set()

    def check(context: list[Any], event: dict[str, Any]) -> None:
        if is_deep:
            strict_json.check_depth(context, "context")
            strict_json.check_depth(event, "event")
        event_context = event.get("@context")
        written = canonical_json(context)
        if event_context is not None or written not in known:
            check_context(context, event_context)
            known.add(written)
        check_event(event)

    return check


def _record_at(index: int, value: Any, check: _ContentCheck) -> BundleRecord:
    """The record at that place of the file; whatever is wrong with it is told with the place."""
    try:
        return _record(value, check)
    except MalformedBundle as error:
        raise MalformedBundle(f"records/{index}/{error.path}".rstrip("/"), error.reason) from None
    except MalformedJson as error:
        raise MalformedJson(f"records/{index}/{error.reason}") from None


def _record(value: Any, check: _ContentCheck) -> BundleRecord:
    entry = _members(value, "", _RECORD)
    context, event = entry["context"], entry["event"]
    if not isinstance(context, list):
        raise MalformedBundle("context", "is not a list")
    if not isinstance(event, dict):
        raise MalformedBundle("event", "is not an object")
    check(context, event)
    fields = _members(entry["record"], "record", _SIGNED_FIELDS)
    record = Record(
        event_hash=_bytes(fields["eventHash"], 32, "record/eventHash"),
        content_hash=_bytes(fields["contentHash"], 32, "record/contentHash"),
        party=_address(fields["party"], "record/party"),
        sequence=_integer(fields["sequence"], "record/sequence"),
        disclosure_root=_bytes(fields["disclosureRoot"], 32, "record/disclosureRoot"),
    )
    if not any(record.disclosure_root):
        raise MalformedBundle("record/disclosureRoot", "is zero")
    signature = _bytes(entry["signature"], SIGNATURE_SIZE, "signature")
    return BundleRecord(context, event, record, signature, _anchor(entry["anchor"]))


def _anchor(value: Any) -> Anchor | None:
    if value is None:
        return None
    fields = _members(value, "anchor", _ANCHOR)
    proof = fields["proof"]
    if not isinstance(proof, list) or len(proof) > PROOF_STEPS_MAX:
        raise MalformedBundle("anchor/proof", f"is not a list of at most {PROOF_STEPS_MAX} steps")
    return Anchor(
        root=_bytes(fields["root"], 32, "anchor/root"),
        proof=tuple([_bytes(step, 32, "anchor/proof") for step in proof]),
        index=_integer(fields["index"], "anchor/index"),
        transaction=_bytes(fields["transaction"], 32, "anchor/transaction"),
        block=_integer(fields["block"], "anchor/block"),
    )


def _members(value: Any, path: str, names: frozenset[str]) -> Mapping[str, Any]:
    """The object itself, if it has these members and no other."""
    if not isinstance(value, dict):
        raise MalformedBundle(path, "is not an object")
    if value.keys() != names:
        odd = min(value.keys() ^ names)
        raise MalformedBundle(path, f"{'has an unknown' if odd in value else 'lacks the'} member {odd[:80]!r}")
    return value


def _integer(value: Any, path: str) -> int:
    if type(value) is not int or not 0 <= value <= INTEGER_MAX:
        raise MalformedBundle(path, "is not a whole number of digits alone, at most 2^53-1")
    return value


def _bytes(value: Any, size: int, path: str) -> bytes:
    try:
        return from_hex(value, size)
    except InvalidHex as error:
        raise MalformedBundle(path, str(error)) from error


def _address(value: Any, path: str) -> bytes:
    try:
        return address_from_text(value)
    except (InvalidHex, BadChecksum) as error:
        raise MalformedBundle(path, str(error)) from error


def _record_json(entry: BundleRecord) -> dict[str, Any]:
    record, anchor = entry.record, entry.anchor
    return {
        "context": entry.context,
        "event": entry.event,
        "record": {
            "eventHash": to_hex(record.event_hash),
            "contentHash": to_hex(record.content_hash),
            "party": to_address(record.party),
            "sequence": record.sequence,
            "disclosureRoot": to_hex(record.disclosure_root),
        },
        "signature": to_hex(entry.signature),
        "anchor": None if anchor is None else _anchor_json(anchor),
    }


def _anchor_json(anchor: Anchor) -> dict[str, Any]:
    return {
        "root": to_hex(anchor.root),
        "index": anchor.index,
        "proof": [to_hex(step) for step in anchor.proof],
        "transaction": to_hex(anchor.transaction),
        "block": anchor.block,
    }
