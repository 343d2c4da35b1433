"""Laws of verification, over generated alterations: what a check relies on can't be changed, what none does can be.

The bundle is genuine and the chain's answers stay those of the genuine bundle: an alteration that is verified
nevertheless would be a forgery.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ledger.hexadecimal import from_hex, to_address, to_hex
from scripts.evidence import CONTEXT, TRUSTED, RecordedAnswers, Stand, anchor, bundle_of, key, seal
from traceability.bundle import bundle_json, parse
from traceability.epcis.times import epoch_ms
from traceability.verification import Code, Result, Verdict, verify

GROWER, ROASTER = key("grower"), key("roaster")
ANCHORED_AT = epoch_ms("2026-03-01T08:01:00Z") // 1000
EVENT: dict[str, Any] = {
    "type": "ObjectEvent",
    "eventTime": "2026-03-01T08:00:00.000Z",
    "eventTimeZoneOffset": "+01:00",
    "eventID": "urn:uuid:3f2b1c1e-0d1c-4b7e-9a6e-111111111111",
    "epcList": ["urn:epc:id:sgtin:9521234.012345.1", "https://id.gs1.org/01/09521234123453/21/2"],
    "quantityList": [{"epcClass": "urn:epc:class:lgtin:9521234.012345.L1", "quantity": 12.5, "uom": "KGM"}],
    "action": "OBSERVE",
    "bizStep": "inspecting",
    "readPoint": {"id": "urn:epc:id:sgln:9521234.00001.0"},
    "sensorElementList": [{"sensorReport": [{"type": "Temperature", "value": 21.25, "uom": "CEL"}]}],
    "ilmd": {"farm:variety": "Bourbon", "farm:organic": True},
    "farm:note": "洗 — washed",
}
FARM = [*CONTEXT, {"farm": "https://farm.example/terms/"}]
ENTRIES = anchor(
    [
        seal(GROWER, GROWER.address, 0, FARM, EVENT),
        seal(GROWER, GROWER.address, 1, FARM, EVENT | {"bizStep": "storing"}),
        seal(ROASTER, ROASTER.address, 0, FARM, EVENT | {"bizStep": "receiving"}),
    ]
)
FILE: dict[str, Any] = json.loads(bundle_json(bundle_of(ENTRIES)))
ANSWERS = RecordedAnswers(
    now_at=ANCHORED_AT + 1_000_000,
    anchors={ENTRIES[0].anchor.root: ANCHORED_AT} if ENTRIES[0].anchor else {},
    stands={signer.address: Stand(signer.address, uses=15) for signer in (GROWER, ROASTER)},
)
HINTS = {"index", "transaction", "block"}

Path = tuple[str | int, ...]


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every place of a JSON value, itself included."""
    yield path
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from paths(inner, (*path, name))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from paths(inner, (*path, index))


def at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def is_hint(path: Path) -> bool:
    return "anchor" in path and bool(HINTS & set(path))


RELIED_ON = [path for path in paths(FILE) if path and not is_hint(path)]
CONTENT = [path for path in RELIED_ON if path[2:3] in {("event",), ("context",)}]
SIGNED = [path for path in RELIED_ON if isinstance(at(FILE, path), str) and at(FILE, path).startswith("0x")]


def judged(file: Any) -> Verdict:
    return verify(json.dumps(file).encode(), trusted=TRUSTED, answers=ANSWERS)


GENUINE = judged(FILE)


def test_the_bundle_is_genuine_to_begin_with() -> None:
    assert GENUINE.result is Result.VERIFIED


@settings(max_examples=200)
@given(st.sampled_from(SIGNED), st.data())
def test_a_bit_flipped_in_any_hash_address_signature_or_proof_never_verifies(path: Path, data: st.DataObject) -> None:
    text = at(FILE, path)
    value = bytearray(from_hex(text.lower(), (len(text) - 2) // 2))
    place = data.draw(st.integers(0, len(value) * 8 - 1))
    value[place // 8] ^= 1 << place % 8
    file = copy.deepcopy(FILE)
    at(file, path[:-1])[path[-1]] = to_address(bytes(value)) if len(value) == 20 else to_hex(bytes(value))
    assert judged(file).result is Result.FAILED


scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats() | st.text(max_size=12)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=400)
@given(st.sampled_from(RELIED_ON), values)
def test_another_value_in_any_place_that_a_check_relies_on_never_verifies(path: Path, value: Any) -> None:
    before = at(FILE, path)
    # 1 == True and 1.0 == 1 for Python; True is no number of JSON, 1.0 is the number 1.
    assume(before != value or (isinstance(before, bool) is not isinstance(value, bool)))
    file = copy.deepcopy(FILE)
    at(file, path[:-1])[path[-1]] = value
    # A record without anchor is another claim, not a forged one: pending.
    expected = Result.PENDING if value is None and path[-1] == "anchor" else Result.FAILED
    assert judged(file).result is expected


@settings(max_examples=200)
@given(st.sampled_from([path for path in RELIED_ON if isinstance(at(FILE, path), dict)]), st.text(max_size=8), values)
def test_another_member_in_any_object_never_verifies(path: Path, name: str, value: Any) -> None:
    file = copy.deepcopy(FILE)
    assume(name not in at(file, path))
    at(file, path)[name] = value
    assert judged(file).result is Result.FAILED


@given(st.sampled_from(RELIED_ON))
def test_nothing_can_be_left_out(path: Path) -> None:
    file = copy.deepcopy(FILE)
    del at(file, path[:-1])[path[-1]]
    expected = {("records", index) for index in range(3)}
    # A whole record may be: nothing shows that there are no others.
    assert judged(file).result is (Result.VERIFIED if path in expected else Result.FAILED)


@settings(max_examples=200)
@given(st.sampled_from(CONTENT), st.sampled_from(CONTENT))
def test_values_of_an_event_can_not_trade_places(one: Path, other: Path) -> None:
    first, second = at(FILE, one), at(FILE, other)
    assume(first != second and one[: len(other)] != other and other[: len(one)] != one)
    file = copy.deepcopy(FILE)
    at(file, one[:-1])[one[-1]], at(file, other[:-1])[other[-1]] = copy.deepcopy(second), copy.deepcopy(first)
    assert judged(file).result is Result.FAILED


@given(st.permutations(range(3)), st.permutations(range(3)))
def test_records_and_signatures_can_not_trade_places(records: list[int], signatures: list[int]) -> None:
    assume(records != signatures)
    file = copy.deepcopy(FILE)
    for place, (record, signature) in enumerate(zip(records, signatures, strict=True)):
        file["records"][place] = FILE["records"][record] | {"signature": FILE["records"][signature]["signature"]}
    assert judged(file).result is Result.FAILED


whole_numbers = st.integers(0, 2**53 - 1)


@given(st.integers(0, 2), whole_numbers, st.binary(min_size=32, max_size=32), whole_numbers)
def test_hints_change_nothing(place: int, index: int, transaction: bytes, block: int) -> None:
    file = copy.deepcopy(FILE)
    file["records"][place]["anchor"] |= {"index": index, "transaction": to_hex(transaction), "block": block}
    assert judged(file) == GENUINE


@given(st.permutations(range(3)))
def test_the_order_of_the_records_changes_only_their_order(order: list[int]) -> None:
    file = FILE | {"records": [FILE["records"][place] for place in order]}
    assert judged(file).records == tuple(GENUINE.records[place] for place in order)


def shuffled(value: Any, source: Any) -> Any:
    if isinstance(value, dict):
        names = list(value)
        source.shuffle(names)
        return {name: shuffled(value[name], source) for name in names}
    return [shuffled(item, source) for item in value] if isinstance(value, list) else value


@given(st.randoms(use_true_random=False), st.booleans(), st.sampled_from([None, 0, 3, "\t"]))
def test_another_spelling_of_the_same_values_is_judged_the_same(source: Any, is_ascii: bool, indent: Any) -> None:
    written = json.dumps(shuffled(FILE, source), ensure_ascii=is_ascii, indent=indent)
    assert verify(written.encode(), trusted=TRUSTED, answers=ANSWERS) == GENUINE


@settings(max_examples=300)
@given(st.data())
def test_a_changed_byte_of_the_file_is_harmless_or_fails(data: st.DataObject) -> None:
    """Whatever the byte: there is a verdict, and it is good only where all that is relied on reads the same."""
    written = bytearray(bundle_json(bundle_of(ENTRIES)))
    written[data.draw(st.integers(0, len(written) - 1))] = data.draw(st.integers(0, 255))
    verdict = verify(bytes(written), trusted=TRUSTED, answers=ANSWERS)
    if verdict.result is not Result.FAILED:
        assert verdict == GENUINE
        for entry, before in zip(parse(bytes(written)).records, ENTRIES, strict=True):
            assert (entry.context, entry.event, entry.record, entry.signature) == (
                before.context, before.event, before.record, before.signature)  # fmt: skip


@given(st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_get_a_verdict(data: bytes) -> None:
    assert verify(data, trusted=TRUSTED, answers=ANSWERS).code is Code.MALFORMED


ODD_VALUES: list[Any] = [
    *(0, -0.0, 1e-7, "", "x", True, [], {}, [[]], [{}], ["x"], [1]),
    *({"type": []}, {"id": {}}, {"type": "Temperature"}, [{"type": "po"}], [{"epcClass": 1}]),
    *([[{"sensorReport": {"time": "x"}}]], {"sensorMetadata": [{"time": 1}]}),
]
odd_values = st.sampled_from(ODD_VALUES)
OTHER_FIELDS = """
    bizTransactionList sourceList destinationList persistentDisposition disposition bizLocation childEPCs parentID
    inputEPCList outputQuantityList transformationID errorDeclaration sensorElementList x farm:x @x
"""
FIELDS = sorted({name for path in CONTENT for name in path if isinstance(name, str)} | {*OTHER_FIELDS.split()})


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(FIELDS), odd_values | st.lists(odd_values, max_size=2), max_size=5))
def test_an_event_off_the_schema_is_hashed_signed_and_judged_like_any_other(odd: dict[str, Any]) -> None:
    """The schema is capture's business: whatever shape an event has, verification must not stumble over it."""
    file = copy.deepcopy(FILE)
    file["records"][0]["event"] |= odd
    verdict = judged(file)
    assume(verdict.code is not Code.MALFORMED)
    event = file["records"][0]["event"]
    (entry,) = anchor([seal(GROWER, GROWER.address, 0, FARM, event)])
    answers = ANSWERS.anchoring(entry)
    again = verify(bundle_json(bundle_of([entry])), trusted=TRUSTED, answers=answers, identifier="x")
    assert again.code in (None, Code.UNRELATED, Code.POSTDATED)
