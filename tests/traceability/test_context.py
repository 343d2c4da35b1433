"""Which contexts are taken, and what a prefix means: docs/proof-format.md, section 2."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from traceability.epcis.context import check_context, check_no_inner_context, namespaces_of
from traceability.epcis.terms import CONTEXT_ADDRESSES, PREFIXES, TERMS
from traceability.errors import MalformedJson

GS1 = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
ROASTER = {"roast": "https://roaster.example/ns/"}


@pytest.mark.parametrize("address", sorted(CONTEXT_ADDRESSES))
def test_each_address_of_gs1s_context_is_taken(address: str) -> None:
    check_context([address])


@pytest.mark.parametrize(
    "context",
    [
        [ROASTER],
        [GS1, ROASTER, {}],
        [GS1, {"gs1": "https://gs1.org/voc/", "rdfs": "http://www.w3.org/2000/01/rdf-schema#"}],
        [GS1, {"roast:degree": {"@id": "https://roaster.example/ns/degree", "@type": "xsd:decimal"}}],
        [GS1, {"tag": "urn:x"}, {"a+b.c-1": "a+b.c-1:é"}],
    ],
)
def test_prefixes_and_term_definitions_are_taken(context: list[Any]) -> None:
    check_context(context)
    check_context([GS1], context)


@pytest.mark.parametrize(
    ("context", "reason"),
    [
        (GS1, "context: must be a list that is not empty"),
        ([], "context: must be a list that is not empty"),
        (ROASTER, "context: must be a list that is not empty"),
        (["https://roaster.example/context.jsonld"], "context/0: .* is no address of GS1's EPCIS context"),
        ([GS1, [ROASTER]], "context/1: must be an address of GS1's EPCIS context or an object of prefixes"),
        ([GS1, 5], "context/1: must be an address"),
        ([{"@vocab": "https://roaster.example/"}], "a name must not begin with @"),
        ([{"@base": "https://roaster.example/"}], "a name must not begin with @"),
        ([{"bizStep": "https://roaster.example/step"}], "gives a term of GS1 another meaning"),
        ([{"shipping": "https://roaster.example/ship"}], "gives a term of GS1 another meaning"),
        ([{"sensorReport": {"@id": "https://roaster.example/r"}}], "gives a term of GS1 another meaning"),
        ([{"cbvmda": "https://roaster.example/"}], "gives a term of GS1 another meaning"),
        ([{"gs1": {"@id": "https://gs1.org/voc/"}}], "gives a term of GS1 another meaning"),
        ([{"roast": "../ns/"}], "is no absolute IRI"),
        ([{"roast": "https:"}], "is no absolute IRI"),
        ([{"roast": "https://roaster.example/a b/"}], "is no absolute IRI"),
        ([{"roast": "https://roaster.example/\n"}], "is no absolute IRI"),
        ([{"roast": "1http://roaster.example/"}], "is no absolute IRI"),
        ([{"roast": 5}], "must be a prefix's IRI or a term definition"),
        ([{"roast": ["https://roaster.example/"]}], "must be a prefix's IRI or a term definition"),
        ([{"roast:a": {"@id": "x:y", "@context": {}}}], "/@context: a term definition must not hold an @context"),
        ([{"roast:a": {"b": [{"c": {"@context": "x"}}]}}], "b/0/c/@context: a term definition must not hold"),
    ],
)
def test_any_other_context_is_refused_by_name_outside_and_inside_the_event(context: object, reason: str) -> None:
    with pytest.raises(MalformedJson, match=reason):
        check_context(context)
    with pytest.raises(MalformedJson, match=f"event/@{reason}" if reason.startswith("context") else reason):
        check_context([GS1], context)


def test_a_context_deeper_inside_the_event_is_refused_with_its_path() -> None:
    check_no_inner_context({"@context": [ROASTER], "roast:note": {"roast:lots": [{"roast:lot": 5}]}})
    with pytest.raises(MalformedJson, match="event/roast:note/roast:lots/1/@context: an @context is taken at the top"):
        check_no_inner_context({"roast:note": {"roast:lots": [1, {"@context": [ROASTER]}]}})


def test_a_context_is_looked_for_without_recursion() -> None:
    deep: dict[str, Any] = {"@context": []}
    for _ in range(100_000):
        deep = {"a": deep}
    with pytest.raises(MalformedJson, match="an @context is taken at the top"):
        check_no_inner_context({"roast:note": deep})


def test_a_prefix_names_its_namespace_in_names_and_in_words() -> None:
    namespaces = namespaces_of([GS1, ROASTER])
    assert namespaces.element_name("roast:degree") == "{https://roaster.example/ns/}degree"
    assert namespaces.expand("roast:degree") == "https://roaster.example/ns/degree"
    assert namespaces.element_name("grow:altitude") == "grow:altitude"
    assert namespaces.expand("plain") == "plain"


def test_gs1s_own_prefixes_need_no_declaration() -> None:
    namespaces = namespaces_of([ROASTER])
    assert namespaces.element_name("cbvmda:lotNumber") == "{urn:epcglobal:cbv:mda:}lotNumber"
    assert namespaces.expand("gs1:Temperature") == "https://gs1.org/voc/Temperature"


def test_the_events_own_context_wins_and_leaks_into_no_other_event() -> None:
    context = [GS1, ROASTER]
    own = namespaces_of(context, [{"roast": "https://other.example/"}])
    assert own.element_name("roast:degree") == "{https://other.example/}degree"
    assert namespaces_of(context).element_name("roast:degree") == "{https://roaster.example/ns/}degree"
    assert namespaces_of([GS1]).element_name("roast:degree") == "roast:degree"


def test_the_later_declaration_in_a_context_wins() -> None:
    namespaces = namespaces_of([ROASTER, GS1, {"roast": "https://later.example/"}])
    assert namespaces.expand("roast:degree") == "https://later.example/degree"


def test_a_web_address_is_no_prefixed_name_even_where_its_scheme_is_a_prefix() -> None:
    namespaces = namespaces_of([{"https": "https://roaster.example/trap/"}])
    assert namespaces.expand("https://ref.gs1.org/cbv/BizStep-shipping") == "https://ref.gs1.org/cbv/BizStep-shipping"


def test_a_term_definition_is_not_interpreted() -> None:
    context = [GS1, ROASTER, {"roast:degree": {"@id": "https://elsewhere.example/"}}]
    assert namespaces_of(context) is namespaces_of([GS1, ROASTER])


def test_more_names_than_are_remembered_still_expand_right() -> None:
    namespaces = namespaces_of([{"many": "https://many.example/"}])
    for number in range(10_100):
        assert namespaces.element_name(f"many:{number}") == f"{{https://many.example/}}{number}"


def test_the_terms_are_those_of_gs1s_context(vectors: Path) -> None:
    facts = json.loads((vectors / "gs1-terms.json").read_text())
    assert set(facts["terms"]) == TERMS
    assert facts["prefixes"] == dict(PREFIXES)
