"""A verifier written from docs/proof-format.md alone (tests/outsider) agrees with ours, and with all vectors."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.hexadecimal import from_hex, to_hex
from scripts.evidence import CONTEXT, TRUSTED, RecordedAnswers, Stand
from scripts.vectors.events import EVENTS, IDENTIFIERS
from tests.outsider import event_hash as outsiders
from tests.outsider import page
from tests.outsider.form import Malformed, check_no_null, parse, utc
from tests.outsider.identifiers import canonical as outsiders_canonical
from tests.outsider.verifier import verdict as outsiders_verdict
from traceability import strict_json
from traceability.epcis import terms
from traceability.epcis.context import namespaces_of
from traceability.epcis.event_hash import prehash
from traceability.epcis.times import instant
from traceability.errors import MalformedJson
from traceability.identifiers import canonical
from traceability.verification import verify

CHECKOUT = Path(__file__).resolve().parents[2]
GOLDEN = CHECKOUT.parent / "shared" / "vectors" / "proof-golden.json"
VECTORS = CHECKOUT / "tests" / "vectors"
THEIR_TRUST = (TRUSTED.chain_id, to_hex(TRUSTED.event_log), to_hex(TRUSTED.party_registry))


def golden() -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads(GOLDEN.read_bytes())["cases"] if GOLDEN.is_file() else []
    return cases


def file_of(case: dict[str, Any]) -> bytes:
    if "base64" in case:
        return base64.b64decode(case["base64"])
    return (case["text"] if "text" in case else json.dumps(case["bundle"])).encode()


def bundles() -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((VECTORS / "bundles.json").read_bytes())
    return cases


def files() -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((VECTORS / "files.json").read_bytes())
    return cases


def recorded(answers: dict[str, Any]) -> RecordedAnswers:
    return RecordedAnswers(
        now_at=answers["now"],
        anchors={from_hex(root, 32): at for root, at in answers["anchors"].items()},
        later={from_hex(root, 32) for root in answers["anchoredLater"]},
        stands={
            from_hex(one["signer"], 20): Stand(
                from_hex(one["party"], 20), one["uses"], one["from"], int(one["until"]), int(one["firstDisowned"])
            )
            for one in answers["stands"]
        },
        withdrawals={
            (from_hex(one["party"], 20), from_hex(one["recordHash"], 32)): one["at"] for one in answers["withdrawals"]
        },
    )


def ours(data: bytes, answers: dict[str, Any] | None, identifier: str | None) -> dict[str, Any]:
    asked: dict[str, Any] = {"trusted": TRUSTED, "answers": recorded(answers)} if answers else {}
    verdict = verify(data, identifier=identifier, **asked)
    return {
        "result": verdict.result.value,
        "code": verdict.code.value if verdict.code else None,
        "records": [str(record.code or record.result) for record in verdict.records],
        "withdrawalClaimed": list(verdict.withdrawal_claimed),
    }


def theirs(data: bytes, answers: dict[str, Any] | None, identifier: str | None) -> dict[str, Any]:
    return outsiders_verdict(data, THEIR_TRUST if answers else None, answers, identifier)


def in_short(verdict: dict[str, Any]) -> dict[str, Any]:
    """With the index of the first failed record, or of the first pending one where none failed, for all records."""
    records = verdict.pop("records")
    deciding = "pending" if verdict["code"] is None else verdict["code"]
    return {**verdict, "record": records.index(deciding) if deciding in records else None}


def test_the_page_has_gs1s_words_as_the_code_has_them() -> None:
    assert dict(terms.PREFIXES) == page.PREFIXES
    assert terms.TERMS | set(terms.PREFIXES) == page.TERMS
    assert terms.CONTEXT_ADDRESSES == page.ADDRESSES
    for vocabulary, read in (
        (terms.BUSINESS_STEP_IRIS, page.STEPS),
        (terms.DISPOSITION_IRIS, page.DISPOSITIONS),
        (terms.BUSINESS_TRANSACTION_TYPE_IRIS, page.BTT),
        (terms.SOURCE_DESTINATION_TYPE_IRIS, page.SDT),
        (terms.COMPONENT_IRIS, page.COMPONENTS),
        (terms.SENSOR_ALERT_IRIS, page.ALERTS),
        (terms.MEASUREMENT_TYPE_IRIS, page.MEASURES),
        (terms.CBV_URN_BASES, outsiders.CBV_URNS),
    ):
        assert dict(vocabulary) == read


@pytest.mark.parametrize("case", golden(), ids=lambda case: case["name"])
def test_the_outsider_judges_every_golden_bundle_as_its_case_says(case: dict[str, Any]) -> None:
    verdict = in_short(theirs(file_of(case), None, case.get("for")))
    assert verdict == {"withdrawalClaimed": [], **case["offline"]}


@pytest.mark.parametrize("case", bundles(), ids=lambda case: case["name"])
def test_both_judge_our_own_bundles_as_they_say(case: dict[str, Any]) -> None:
    data = json.dumps(case["bundle"]).encode()
    for verifier in (ours, theirs):
        assert verifier(data, None, case["for"]) == case["offline"]
        assert verifier(data, case["answers"], case["for"]) == case["online"]


@pytest.mark.parametrize("case", files(), ids=lambda case: case["name"])
def test_both_judge_our_own_files_as_they_say(case: dict[str, Any]) -> None:
    for verifier in (ours, theirs):
        assert in_short(verifier(file_of(case), None, case["for"])) == case["offline"]


@pytest.mark.parametrize("case", EVENTS, ids=lambda case: case[0])
def test_both_spell_each_event_of_the_vectors_alike(case: tuple[str, list[Any], dict[str, Any]]) -> None:
    _, context, event = case
    assert outsiders.prehash(context, event) == prehash(event, namespaces_of(context, event.get("@context")))


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_both_read_each_identifier_of_the_vectors_alike(identifier: str) -> None:
    assert outsiders_canonical(identifier) == canonical(identifier)


# Identifiers, events and files that nobody wrote down.

WORDS = """
    0 1 7 00 01 02 10 21 22 235 254 253 255 401 402 414 417 8003 8004 8006 8010 8011 8017 8018 gtin ser lot glnx
    9521234 952123 952123456789 95212 012345 00001 0123456789 000000001 09521234123453 9521234000013 95212349
    095212341234567891 09521234000013 952123400000000017 095212341234530102 95212340000000013 A a b-7 PQ7 # % %20
    %2F %2f %41 %C3 %zz * + ! " ' ( ) , : ; = < > ? _ . / . / . / é ſ https://id.gs1.org/ http://x/ HTTPS://a.example/b/
"""
URN_KINDS = """
    id:sgtin id:sscc id:sgln id:grai id:giai id:gsrn id:gsrnp id:gdti id:cpi id:sgcn id:ginc id:gsin id:itip id:upui
    id:pgln class:lgtin idpat:sgtin idpat:grai idpat:gdti idpat:cpi idpat:sgcn idpat:itip
    idpat:upui id:bic id: class:sgtin
"""
PIECES = st.sampled_from([*WORDS.split(), *(f"urn:epc:{kind}:" for kind in URN_KINDS.split()), " ", ""])
KEYS = [text for text in IDENTIFIERS if text.startswith(("urn:epc:", "http"))]


@settings(max_examples=600)
@given(st.lists(PIECES, max_size=8).map("".join))
def test_both_read_any_pile_of_pieces_alike(text: str) -> None:
    assert outsiders_canonical(text) == canonical(text)


@settings(max_examples=600)
@given(st.sampled_from(KEYS), st.integers(0, 80), st.integers(0, 3), PIECES)
def test_both_read_a_changed_identifier_alike(text: str, place: int, cut: int, piece: str) -> None:
    changed = text[:place] + piece + text[place + cut :]
    assert outsiders_canonical(changed) == canonical(changed)


MEMBERS = """
    type id action bizStep disposition persistentDisposition set unset readPoint bizLocation epcList childEPCs parentID
    inputEPCList outputEPCList quantityList childQuantityList inputQuantityList outputQuantityList epcClass quantity uom
    transformationID bizTransactionList bizTransaction sourceList source destinationList destination certificationInfo
    sensorElementList sensorMetadata sensorReport exception deviceID deviceMetadata rawData bizRules
    dataProcessingMethod
    microorganism chemicalSubstance value component stringValue booleanValue hexBinaryValue uriValue minValue maxValue
    meanValue sDev percRank percValue coordinateReferenceSystem ilmd comment rdfs:comment eventID errorDeclaration #text
    farm:a farm:b f:a other:a x y cbv:z {q :p https://h.example/ gs1:w farm://x
"""
NAMES = st.sampled_from(MEMBERS.split())
WRITTEN = """
    shipping active po owning_party Temperature ALARM_CONDITION x latitude cbv:BizStep-shipping farm:mill farm: f: f:a
    12.50 -0.0 1e3 1E-7 007 +1 1e63 1e64 -1e62 0e99999999 1e1000000 1e0000001 .5 1. Infinity 9007199254740993 NaN
    urn:epc:id:sgtin:9521234.012345.1 urn:epcglobal:cbv:bizstep:shipping https://id.gs1.org/01/9521234123453
"""
SPACED = ["a urn:epcglobal:cbv:er:x urn:epcglobal:cbv:er:", " \u0085\u00a0x\u2003", "\ufeff", "\u200bx", "", " "]
TEXTS = st.sampled_from([*WRITTEN.split(), *SPACED, "\U0001f33f", "\uff5e"]) | st.text(max_size=6)
FLOATS = st.floats(-(2.0**53) + 1, 2.0**53 - 1) | st.sampled_from([0.0, -0.0, 1e-7, 12.5, 5e-324])
SCALARS = TEXTS | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | FLOATS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
CONTEXTS = st.sampled_from([
    CONTEXT, [*CONTEXT, {"farm": "https://farm.example/"}], [{"farm": "urn:f:", "f": "urn:f:"}, {"farm": "urn:g:"}],
    [{"farm": {"@id": "x"}, "x": "urn:x:", "": "urn:empty:"}], [{"f": "http://www.w3.org/2000/01/rdf-schema#"}],
    [{"farm": "urn:f\u3000", "f": "\x41:\u00a0"}],
])  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(CONTEXTS, st.none() | CONTEXTS, st.dictionaries(NAMES, VALUES, max_size=6))
def test_both_spell_events_of_any_shape_alike(
    context: list[Any], own: list[Any] | None, members: dict[str, Any]
) -> None:
    event = members | {"type": "ObjectEvent", "eventTime": "2026-03-01T08:00:00Z", "eventTimeZoneOffset": "+00:00"}
    event |= {"@context": own} if own else {}
    assert outsiders.prehash(context, event) == prehash(event, namespaces_of(context, own))


SPELLINGS = r"""
    { } [ ] , : "a" "\u0061" "b" "" null true false 0 -0 1.0 0.1 1e3 1e22 0.10000000000000001 9007199254740993
    9007199254740991 -9007199254740992 5e-324 1e-400 1e400 01 .5 NaN "\ud83c" "\ud83c\udf3f" "\"" "\\" "\x" " 'a' 0e0
    0.0000 1E+2 -1e-1 12.50 123456789012345678
"""
TOKENS = st.sampled_from(
    [*SPELLINGS.split(), " ", "\n", "\ufeff", "\x00", "\u00a0", '"\x1f"', '"\U0001f33f"', "5e-3249007199254740993"]
)


def taken(parser: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return [parser(data)]
    except (Malformed, MalformedJson):
        return "refused"


def parse_without_null(data: bytes) -> Any:
    value = parse(data)
    check_no_null(value)
    return value


@settings(max_examples=600)
@given(st.lists(TOKENS, min_size=1, max_size=9).map("".join))
def test_both_take_the_same_json(text: str) -> None:
    assert_alike(text.encode())


@settings(max_examples=300)
@given(st.lists(TOKENS, min_size=1, max_size=5), st.lists(TOKENS, max_size=5))
def test_both_take_the_same_lists_and_objects(values: list[str], others: list[str]) -> None:
    assert_alike(("[" + ",".join(values) + "]").encode())
    pairs = [f"{name}:{value}" for name, value in zip(values, others, strict=False)]
    assert_alike(("{" + ",".join(pairs) + "}").encode())


def assert_alike(data: bytes) -> None:
    assert taken(parse_without_null, data) == taken(strict_json.parse, data)


@settings(max_examples=400)
@given(
    st.sampled_from(["2026-03-01T08:00:00", "0001-01-01T00:30:00", "9999-12-31T23:59:59", "2024-02-29T23:59:59"]),
    st.sampled_from(["", ".", ".5", ".9994999", ".9995", ".9999", ".000499999999", ".12345678901234567890"]),
    st.sampled_from(["Z", "+00:00", "-00:00", "+14:00", "-14:00", "+14:01", "+13:60", "-00:30", "z", "", "+0100"]),
    st.integers(0, 32),
    st.sampled_from([*"0123456789-:T.Z+ t", "٣", ""]),
)
def test_both_read_date_times_alike(moment: str, fraction: str, offset: str, place: int, character: str) -> None:
    written = moment + fraction + offset
    for text in (written, written[:place] + character + written[place + 1 :]):
        try:
            expected: str | None = f"{utc(text).isoformat(timespec='milliseconds')}Z"
        except Malformed:
            expected = None
        try:
            assert instant(text).utc == expected
        except MalformedJson:
            assert expected is None


CASES = bundles()


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(CASES), st.data())
def test_both_judge_altered_bundles_alike(case: dict[str, Any], data: st.DataObject) -> None:
    file = copy.deepcopy(case["bundle"])
    for _ in range(data.draw(st.integers(1, 2))):
        place: Any = file
        while True:
            names = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not names:
                break
            name = data.draw(st.sampled_from(names))
            if isinstance(place[name], dict | list) and data.draw(st.integers(0, 4)):
                place = place[name]
                continue
            other = copy.deepcopy(place[data.draw(st.sampled_from(names))])
            place[name] = data.draw(VALUES | st.none() | st.just(other))
            break
    written = json.dumps(file).encode()
    for answers in (None, case["answers"]):
        assert ours(written, answers, case["for"]) == theirs(written, answers, case["for"])


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(CASES), st.data())
def test_both_judge_changed_bytes_alike(case: dict[str, Any], data: st.DataObject) -> None:
    written = bytearray(json.dumps(case["bundle"], ensure_ascii=False).encode())
    place = data.draw(st.integers(0, len(written) - 1))
    written[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    for answers in (None, case["answers"]):
        assert ours(bytes(written), answers, case["for"]) == theirs(bytes(written), answers, case["for"])
