"""The terms document: read strictly, written in one form, and known by the hash that stands on chain."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from traceability.errors import BadTermsDocument
from traceability.terms import (
    Deduction,
    DeductionUnit,
    DeliveryName,
    MilestoneRule,
    Outcome,
    TermsDocument,
    check_document,
    document_hash,
    parse_terms,
    terms_bytes,
)

CHECKOUT = Path(__file__).resolve().parent.parent.parent

COFFEE: dict[str, Any] = {
    "format": "tallystick-terms/1",
    "references": ["urn:epcglobal:cbv:bt:9521008000003:PO-M-2207", "urn:epc:id:gdti:9521008.00001.2207"],
    "delivery": "despatch_advice",
    "salt": "0x" + "5a" * 32,
    "milestones": [
        {
            "businessStep": "receiving",
            "products": ["urn:epc:idpat:sgtin:9521004.000101.*"],
            "uom": "KGM",
            "decimals": 1,
            "readPoints": ["urn:epc:id:sgln:9521008.00001.0"],
            "dispositions": {"in_progress": "accept", "damaged": "reject"},
        },
        {
            "businessStep": "inspecting",
            "products": ["urn:epc:idpat:sgtin:9521004.000101.*"],
            "uom": "KGM",
            "decimals": 1,
            "readPoints": ["https://id.gs1.org/414/9521005000013"],
            "dispositions": {"conformant": "accept", "non_conformant": "reject"},
            "deduction": {"field": "https://example.com/coffee/deductionPercent", "unit": "percent"},
        },
    ],
}


def file_of(value: Any) -> bytes:
    return json.dumps(value, indent=2).encode()


def changed(path: str, value: Any) -> bytes:
    """The coffee document with another value at that path; ... takes the member out."""
    whole = json.loads(json.dumps(COFFEE))
    *parents, last = [int(step) if step.isdecimal() else step for step in path.split("/")]
    holder: Any = whole
    for step in parents:
        holder = holder[step]
    if value is ...:
        del holder[last]
    else:
        holder[last] = value
    return file_of(whole)


class TestForm:
    def test_the_file_is_rfc_8785_and_its_sha256_is_the_documents_name(self) -> None:
        document = parse_terms(file_of(COFFEE))
        assert terms_bytes(document) == rfc8785.dumps(COFFEE)
        assert document_hash(document) == hashlib.sha256(rfc8785.dumps(COFFEE)).digest()

    def test_spaces_and_the_order_of_members_change_nothing(self) -> None:
        turned = dict(reversed(COFFEE.items()))
        assert document_hash(parse_terms(file_of(turned))) == document_hash(parse_terms(rfc8785.dumps(COFFEE)))

    def test_every_value_is_in_the_hash(self) -> None:
        hashes = {
            document_hash(parse_terms(file))
            for file in (
                file_of(COFFEE),
                changed("references", COFFEE["references"][:1]),
                changed("references", COFFEE["references"][::-1]),
                changed("delivery", "sscc"),
                changed("salt", "0x" + "5b" * 32),
                changed("milestones/0/businessStep", "accepting"),
                changed("milestones/0/products/0", "https://id.gs1.org/01/09521004001011"),
                changed("milestones/0/uom", "GRM"),
                changed("milestones/0/decimals", 0),
                changed("milestones/0/readPoints/0", "https://id.gs1.org/414/9521008000010"),
                changed("milestones/0/dispositions/in_progress", ...).replace(b'"reject"', b'"accept"', 1),
                changed("milestones/0/dispositions/damaged", "accept"),
                changed("milestones/1/deduction", ...),
                changed("milestones/1/deduction/unit", "basis_points"),
            )
        }
        assert len(hashes) == 14

    def test_the_documented_examples_are_read(self) -> None:
        text = (CHECKOUT / "docs" / "terms-document.md").read_text()
        examples = [part.partition("```")[0] for part in text.split("```json\n")[1:]]
        documents = [example for example in examples if '"format"' in example]
        assert documents
        for example in documents:
            stated = text.partition("SHA-256 0x")[2][:64]
            assert document_hash(parse_terms(example.encode())).hex() == stated


WRONG: list[tuple[str, Any, str]] = [
    ("format", "tallystick-terms/2", "format is not"),
    ("format", ..., "format is missing"),
    ("extra", 1, "extra is no field"),
    ("references", [], "references is no list of 1 to 32"),
    ("references", "PO-1", "references is no list"),
    ("references/0", "PO-1", "references/0 'PO-1' is no identifier"),
    ("references/0", 7, "references/0 is no text"),
    ("references/0", "urn:epcglobal:cbv:bt:9521008000005:PO-1", "with a valid GLN"),
    ("references/0", "urn:epcglobal:cbv:btt:po", "with a valid GLN"),
    ("references/0", "urn:epc:id:sscc:9521004.0000000001", "is a SSCC, which names no document"),
    ("references/0", "urn:epc:idpat:gdti:9521008.00001.*", "is a kind of document"),
    ("references/0", "https://id.gs1.org/253/9521008000011", "the check digit of GDTI"),
    ("references/0", "https://buyer.example/253/9521008000011", "the check digit of GDTI"),
    ("references/0", "https://id.gs1.org/253/95210080000102207", "references/1 is the same as number 0"),
    ("delivery", "invoice", "delivery is not one of despatch_advice, sscc"),
    ("delivery", [], "delivery is not one of"),
    ("salt", "0x" + "00" * 32, "or is zero"),
    ("salt", "0x" + "5A" * 32, "lower-case hex digits"),
    ("salt", "0x5a", "lower-case hex digits"),
    ("milestones", [], "milestones is no list of 1 to 16"),
    ("milestones/0", [], "milestones/0 is no object"),
    ("milestones/0/note", "x", "milestones/0/note is no field"),
    ("milestones/0/uom", ..., "milestones/0/uom is missing"),
    ("milestones/0/businessStep", "recieving", "'recieving' is no business step"),
    ("milestones/0/products", [], "milestones/0/products is no list of 1 to 256"),
    ("milestones/0/products/0", "urn:epc:id:sscc:9521004.0000000001", "is no GTIN"),
    ("milestones/0/products/0", "https://id.gs1.org/01/09521004001015", "the check digit of GTIN"),
    ("milestones/0/uom", "kg", "'kg' is no code"),
    ("milestones/0/decimals", -1, "is not 0 to 18"),
    ("milestones/0/decimals", 19, "is not 0 to 18"),
    ("milestones/0/decimals", 1.5, "is no whole number"),
    ("milestones/0/decimals", True, "is no whole number"),
    ("milestones/0/uom", "EA", "EA counts whole pieces"),
    ("milestones/0/readPoints/0", "geo:1,2", "is no identifier"),
    ("milestones/0/readPoints/0", "urn:epc:id:pgln:9521008.00000", "is a PGLN, which names no place"),
    ("milestones/0/readPoints/0", "https://x.example/414/9521008000012", "the check digit of GLN"),
    ("milestones/0/dispositions", {}, "is no object of dispositions"),
    ("milestones/0/dispositions", {"damaged": "reject"}, "none that accepts"),
    ("milestones/0/dispositions/perfect", "accept", "'perfect' is no disposition"),
    ("milestones/0/dispositions/damaged", "half", "is not one of accept, reject"),
    ("milestones/1/deduction", {"field": "https://a.example/b"}, "unit is missing"),
    ("milestones/1/deduction/field", "deductionPercent", "is no IRI"),
    ("milestones/1/deduction/unit", "promille", "is not one of percent, basis_points"),
]


class TestRefusals:
    @pytest.mark.parametrize(("path", "value", "reason"), WRONG, ids=[f"{path} {text}" for path, _, text in WRONG])
    def test_what_is_wrong_is_named_by_field_and_reason(self, path: str, value: Any, reason: str) -> None:
        with pytest.raises(BadTermsDocument) as refused:
            parse_terms(changed(path, value))
        assert reason in str(refused.value)
        assert refused.value.field

    @pytest.mark.parametrize(
        ("file", "reason"),
        [
            (b"", "is no JSON"),
            (b"[]", "is no object"),
            (b'{"format": 1, "format": 1}', "is no JSON"),
            (b"\xff{}", "is no JSON"),
            (file_of(COFFEE).replace(b'"decimals": 1', b'"decimals": null', 1), "is no JSON"),
            (b" " * (1 << 20) + b"{}", "at most 1,048,576 are taken"),
        ],
    )
    def test_what_is_no_such_file_is_refused_whole(self, file: bytes, reason: str) -> None:
        with pytest.raises(BadTermsDocument, match=reason):
            parse_terms(file)

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            (lambda document: replace(document, salt=b"short"), "salt"),
            (lambda document: replace(document, references=()), "references"),
            (lambda document: replace(document, milestones=()), "milestones"),
            (lambda document: replace(document, milestones=document.milestones * 9), "milestones"),
        ],
    )
    def test_a_document_made_in_code_is_held_to_the_same(
        self, change: Callable[[TermsDocument], TermsDocument], field: str
    ) -> None:
        with pytest.raises(BadTermsDocument) as refused:
            check_document(change(parse_terms(file_of(COFFEE))))
        assert refused.value.field == field


LOTS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", min_size=1, max_size=20)
RULES = st.builds(
    MilestoneRule,
    business_step=st.sampled_from(["receiving", "inspecting", "accepting"]),
    products=st.lists(LOTS.map(lambda lot: f"urn:epc:class:lgtin:9521004.000101.{lot}"), min_size=1, max_size=5,
                      unique=True).map(tuple),
    uom=st.sampled_from(["KGM", "LTR", "GRM"]),
    decimals=st.integers(0, 18),
    read_points=st.just(("urn:epc:id:sgln:9521008.00001.0",)),
    dispositions=st.dictionaries(st.sampled_from(["conformant", "damaged", "in_progress"]), st.sampled_from(Outcome))
    .map(lambda words: {**words, "sellable_accessible": Outcome.ACCEPT}),
    deduction=st.none() | st.builds(Deduction, st.just("https://a.example/deduction"),
                                    st.sampled_from(DeductionUnit)),
)  # fmt: skip
DOCUMENTS = st.builds(
    TermsDocument,
    references=st.just(("urn:epcglobal:cbv:bt:9521008000003:PO-M-2207",)),
    delivery=st.sampled_from(DeliveryName),
    salt=st.binary(min_size=32, max_size=32).filter(any),
    milestones=st.lists(RULES, min_size=1, max_size=4).map(tuple),
)


@settings(deadline=None)
@given(DOCUMENTS)
def test_what_is_written_is_read_back_the_same(document: TermsDocument) -> None:
    assert parse_terms(terms_bytes(document)) == document


@settings(deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)),
       st.sampled_from([path for path, _, _ in WRONG if path != "extra"]))  # fmt: skip
def test_any_json_in_any_place_is_taken_or_refused_by_our_error(value: Any, path: str) -> None:
    try:
        document = parse_terms(changed(path, value))
    except BadTermsDocument:
        return
    assert parse_terms(terms_bytes(document)) == document
