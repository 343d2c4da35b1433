"""The bundle's form: what docs/proof-format.md, section 5, asks of a file, and section 2 of the events in it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from scripts.evidence import CONTEXT, anchor, bundle_of, key, seal
from traceability.bundle import RECORDS_MAX, bundle_json, parse
from traceability.errors import MalformedBundle, MalformedJson

GROWER = key("grower")
EVENT: dict[str, Any] = {
    "type": "ObjectEvent",
    "eventTime": "2026-03-01T08:00:00Z",
    "eventTimeZoneOffset": "+01:00",
    "epcList": ["urn:epc:id:sgtin:9521234.012345.1"],
    "action": "OBSERVE",
}
BUNDLE = bundle_of(anchor([seal(GROWER, GROWER.address, number, CONTEXT, EVENT) for number in range(2)]))
FILE: dict[str, Any] = json.loads(bundle_json(BUNDLE))
MISSING = object()


def changed(path: str, value: Any) -> bytes:
    """The file with one place set to `value`, or without it."""
    file = copy.deepcopy(FILE)
    *way, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    place: Any = file
    for step in way:
        place = place[step]
    if value is MISSING:
        del place[last]
    else:
        place[last] = value
    return json.dumps(file).encode()


def test_a_bundle_is_written_and_read_without_loss() -> None:
    assert parse(bundle_json(BUNDLE)) == BUNDLE


def test_the_same_bundle_is_written_as_the_same_bytes() -> None:
    assert bundle_json(parse(bundle_json(BUNDLE))) == bundle_json(BUNDLE)


def test_addresses_are_written_in_mixed_case_and_read_in_lower_case_too() -> None:
    assert FILE["chain"]["eventLog"] == "0x5FbDB2315678afecb367f032d93F642f64180aa3"
    assert parse(changed("chain/eventLog", FILE["chain"]["eventLog"].lower())) == BUNDLE


@pytest.mark.parametrize(
    "path",
    ["format", "chain", "records", "chain/chainId", "chain/eventLog", "chain/partyRegistry", "records/0/context",
     "records/0/event", "records/0/record", "records/0/signature", "records/0/anchor", "records/0/record/eventHash",
     "records/0/record/contentHash", "records/0/record/party", "records/0/record/sequence",
     "records/0/record/disclosureRoot", "records/0/anchor/root", "records/0/anchor/index", "records/0/anchor/proof",
     "records/0/anchor/transaction", "records/0/anchor/block"],
)  # fmt: skip
def test_every_member_is_there_and_of_its_kind(path: str) -> None:
    parent, _, name = path.rpartition("/")
    with pytest.raises(MalformedBundle, match=f"{parent or 'the file'} lacks the member '{name}'"):
        parse(changed(path, MISSING))
    values: list[Any] = [True, 1.5, -1, 2**53 - 1, "x", [], {}, [[]]]
    for value in values:
        if path.endswith(("sequence", "index", "block", "chainId")) and value == 2**53 - 1:
            continue
        if path.endswith("proof") and value == []:
            continue
        with pytest.raises((MalformedBundle, MalformedJson)):
            parse(changed(path, value))


@pytest.mark.parametrize("path", ["x", "chain/x", "records/1/x", "records/1/record/x", "records/1/anchor/x"])
def test_no_other_member_is_there(path: str) -> None:
    with pytest.raises(MalformedBundle, match="has an unknown member 'x'"):
        parse(changed(path, 1))


@pytest.mark.parametrize(
    "path, size",
    [("records/0/record/eventHash", 32), ("records/0/record/disclosureRoot", 32), ("records/0/signature", 65),
     ("records/0/anchor/root", 32), ("records/0/anchor/transaction", 32), ("records/0/anchor/proof/0", 32),
     ("records/0/record/party", 20), ("chain/partyRegistry", 20)],
)  # fmt: skip
def test_hex_has_exactly_the_fields_length_and_lower_case(path: str, size: int) -> None:
    for digits in ("ab" * (size - 1), "ab" * (size + 1), "ab" * size + " ", "AB" * size, "ab" * (size - 1) + "g0"):
        with pytest.raises(MalformedBundle, match=path.removesuffix("/0")):
            parse(changed(path, "0x" + digits))
    for text in ("ab" * size, "0X" + "ab" * size, "0x" + "ab" * (size - 1) + "١٢"):
        with pytest.raises(MalformedBundle, match=path.removesuffix("/0")):
            parse(changed(path, text))


def test_an_address_in_mixed_case_must_have_its_checksum() -> None:
    with pytest.raises(MalformedBundle, match="checksum does not hold"):
        parse(changed("chain/eventLog", "0x5fbDB2315678afecb367f032d93F642f64180aa3"))


@pytest.mark.parametrize("spelling", ["7.0", "7e0", "-7", "-0", "-0 ", "9007199254740992", '"7"', "true"])
@pytest.mark.parametrize("name", ["chainId", "sequence", "index", "block"])
def test_whole_numbers_are_digits_alone(name: str, spelling: str) -> None:
    data = bundle_json(BUNDLE).decode()
    start = data.index(f'"{name}":') + len(name) + 3
    end = start + next(place for place, character in enumerate(data[start:]) if character in ",}")
    with pytest.raises((MalformedBundle, MalformedJson)):
        parse((data[:start] + spelling + data[end:]).encode())


def test_minus_zero_is_zero_inside_an_event() -> None:
    entry = seal(GROWER, GROWER.address, 0, CONTEXT, EVENT | {"farm:depth": 0})
    data = bundle_json(bundle_of([entry])).replace(b'"farm:depth":0', b'"farm:depth":-0')
    assert parse(data).records[0].event["farm:depth"] == 0


def test_chain_number_zero_is_refused() -> None:
    with pytest.raises(MalformedBundle, match="chain/chainId is zero"):
        parse(changed("chain/chainId", 0))


def test_a_disclosure_root_of_zero_is_refused() -> None:
    with pytest.raises(MalformedBundle, match="records/1/record/disclosureRoot is zero"):
        parse(changed("records/1/record/disclosureRoot", "0x" + "00" * 32))


def test_a_bundle_has_one_record_at_least_and_not_too_many() -> None:
    with pytest.raises(MalformedBundle, match="not a list of 1 to 10,000 records"):
        parse(changed("records", []))
    with pytest.raises(MalformedBundle, match="not a list of 1 to 10,000 records"):
        parse(changed("records", [0] * (RECORDS_MAX + 1)))


def test_a_proof_has_at_most_64_steps() -> None:
    step = "0x" + "11" * 32
    assert len(parse(changed("records/0/anchor/proof", [step] * 64)).records[0].anchor.proof) == 64  # type: ignore[union-attr]
    with pytest.raises(MalformedBundle, match="at most 64 steps"):
        parse(changed("records/0/anchor/proof", [step] * 65))


def test_null_stands_nowhere_but_as_an_anchor() -> None:
    assert parse(changed("records/0/anchor", None)).records[0].anchor is None
    for path in ("chain", "records/0/event/anchor", "records/0/anchor/root", "records/0/context/0", "records/0/event"):
        with pytest.raises((MalformedBundle, MalformedJson)):
            parse(changed(path, None))


@pytest.mark.parametrize(
    "path, value, reason",
    [
        ("records/1/context", [], "context"),
        ("records/1/context", ["https://stranger.example/context.jsonld"], "context/0"),
        ("records/1/event/@context", "https://gs1.github.io/EPCIS/epcis-context.jsonld", "event/@context"),
        ("records/1/event/ilmd", {"@context": []}, "event/ilmd/@context"),
        ("records/1/event/type", "Event", "event/type"),
        ("records/1/event/eventTime", "2026-03-01T08:00:00", "event/eventTime"),
        ("records/1/event/eventTimeZoneOffset", "+1:00", "event/eventTimeZoneOffset"),
        ("records/1/event/recordTime", 7, "event/recordTime"),
        ("records/1/event/sensorElementList", [[{"sensorReport": [[{"time": "x"}]]}]], "event/sensorElementList/0/0/"),
    ],
)
def test_context_and_event_are_as_section_2_takes_them(path: str, value: Any, reason: str) -> None:
    with pytest.raises(MalformedJson, match=f"records/1/{reason}"):
        parse(changed(path, value))


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize("place", ["context/0", "event"])
def test_context_and_event_are_nested_64_deep_and_no_deeper(place: str) -> None:
    def file(levels: int) -> bytes:
        if place == "event":
            return changed("records/1/event/farm:deep", nested(levels - 1))
        return changed("records/1/context/0", {"term": {"deep": nested(levels - 3)}})

    parse(file(64))
    with pytest.raises(MalformedJson, match="nested more than 64 levels deep"):
        parse(file(65))


def test_equal_contexts_of_many_records_are_looked_at_once_but_none_escapes() -> None:
    wrong = [*CONTEXT, {"type": "https://stranger.example/"}]
    with pytest.raises(MalformedJson, match="gives a term of GS1 another meaning"):
        parse(changed("records/1/context", wrong))
