"""The event hash against the reference implementation on PyPI, over the whole model where the two do not disagree.

What the generator leaves out is what docs/proof-format.md decides otherwise (test_event_hash.py has a test for each):
booleans, times finer than half a millisecond, numbers beyond a double, prefixes in values that are no vocabulary's,
extension names that end in "List", namespaces that do not end in "/", Digital Links that are not canonical.
"""

from __future__ import annotations

import copy
import logging
import string
from datetime import datetime
from typing import Any

import pytest
from epcis_event_hash_generator import hash_generator, json_to_py
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from traceability.epcis import terms
from traceability.epcis.context import namespaces_of
from traceability.epcis.event_hash import event_hash, hash_id, prehash
from traceability.identifiers import check_digit

pytestmark = pytest.mark.slow

GS1 = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
NAMESPACES = {
    "ex": "https://example.org/ns/",
    "acme": "https://acme.example/vocab/",
    "my-co": "http://ns.beispiel.example/x/y/",
}
CONTEXT: list[Any] = [GS1, NAMESPACES]

DIGITS = string.digits
SERIAL = string.ascii_letters + DIGITS + "-._;='"
WORDS = st.sampled_from(["kelp", "onyx", "Ähre", "日晒", "vale-7", "a+b", "<b>", "{c}", "tern;moss"])
texts = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)
numbers = st.integers(-(10**9), 10**9) | st.decimals(-1000, 1000, places=3).map(float)


def digits(length: int) -> st.SearchStrategy[str]:
    return st.text(DIGITS, min_size=length, max_size=length)


@st.composite
def epc_urns(draw: st.DrawFn, kinds: str) -> str:
    """A URN of one of the named schemes, company prefix of 6 to 11 digits (the reference cannot read all of 12)."""
    company = draw(st.integers(6, 11).flatmap(digits))
    scheme = draw(st.sampled_from(kinds.split()))

    def reference(length: int) -> str:
        return f"{company}.{draw(digits(length - len(company)))}"

    serial = draw(st.text(SERIAL, min_size=1, max_size=12)) + draw(st.sampled_from(["", "%2F", "%22", "!(", "*", ","]))
    free = draw(st.text(string.ascii_uppercase + DIGITS, min_size=1, max_size=12))
    body = {
        "id:sgtin": lambda: f"{reference(13)}.{serial}",
        "class:lgtin": lambda: f"{reference(13)}.{serial}",
        "id:upui": lambda: f"{reference(13)}.{serial}",
        "id:itip": lambda: f"{reference(13)}.{draw(digits(2))}.{draw(digits(2))}.{serial}",
        "idpat:sgtin": lambda: f"{reference(13)}.*",
        "idpat:upui": lambda: f"{reference(13)}.*",
        "idpat:itip": lambda: f"{reference(13)}.{draw(digits(2))}.{draw(digits(2))}.*",
        "id:sscc": lambda: reference(17),
        "id:gsrn": lambda: reference(17),
        "id:gsrnp": lambda: reference(17),
        "id:gsin": lambda: reference(16),
        "id:pgln": lambda: reference(12),
        "id:sgln": lambda: f"{reference(12)}.{draw(st.sampled_from(['0', serial]))}",
        "id:grai": lambda: f"{reference(12)}.{serial}",
        "id:gdti": lambda: f"{reference(12)}.{serial}",
        "id:sgcn": lambda: f"{reference(12)}.{draw(st.integers(1, 12).flatmap(digits))}",
        "idpat:grai": lambda: f"{reference(12)}.*",
        "idpat:gdti": lambda: f"{reference(12)}.*",
        "idpat:sgcn": lambda: f"{reference(12)}.*",
        "id:giai": lambda: f"{company}.{serial}",
        "id:ginc": lambda: f"{company}.{serial}",
        "id:cpi": lambda: f"{company}.{free}.{draw(st.integers(1, 12).flatmap(digits))}",
        "idpat:cpi": lambda: f"{company}.{free}.*",
    }[scheme]()
    return f"urn:epc:{scheme}:{body}"


@st.composite
def digital_links(draw: st.DrawFn) -> str:
    """A Digital Link in canonical form but for its domain and query."""

    def checked(length: int) -> str:
        number = draw(digits(length - 1))
        return number + check_digit(number)

    serial = draw(st.text(string.ascii_letters + DIGITS + "-_", min_size=1, max_size=12))
    path = draw(
        st.sampled_from(
            [
                lambda: f"00/{checked(18)}",
                lambda: f"01/{checked(14)}",
                lambda: f"01/{checked(14)}/21/{serial}",
                lambda: f"01/{checked(14)}/10/{serial}",
                lambda: f"01/{checked(14)}/235/{serial}",
                lambda: f"253/{checked(13)}{serial}",
                lambda: f"255/{checked(13)}{draw(digits(5))}",
                lambda: f"401/{draw(digits(7))}{serial}",
                lambda: f"402/{checked(17)}",
                lambda: f"414/{checked(13)}",
                lambda: f"414/{checked(13)}/254/x{serial}",
                lambda: f"417/{checked(13)}",
                lambda: f"8003/{checked(14)}{serial}",
                lambda: f"8004/{draw(digits(7))}{serial}",
                lambda: f"8006/{checked(14)}0102/21/{serial}",
                lambda: f"8010/{draw(digits(7))}AB-1/8011/{draw(digits(3))}",
                lambda: f"8017/{checked(18)}",
                lambda: f"8018/{checked(18)}",
            ]
        )
    )()
    domain = draw(st.sampled_from(["https://id.gs1.org/", "https://example.com/", "http://brand.example.org/a/b/"]))
    return domain + path + draw(st.sampled_from(["", "?linkType=gs1:pip", "?exp=2601&abc=1"]))


addresses = st.sampled_from(["https://example.org/a?b=1", "urn:uuid:3ff2e236-aaaa-4000-8000-8c67d7b4c846", "geo:1.5,2"])
INSTANCES = "id:sgtin id:sscc id:grai id:giai id:gsrn id:gsrnp id:gdti id:cpi id:sgcn id:ginc id:gsin id:itip id:upui"
CLASSES = "class:lgtin idpat:sgtin idpat:grai idpat:gdti idpat:cpi idpat:sgcn idpat:itip idpat:upui"
things = epc_urns(INSTANCES) | digital_links() | addresses
classes = epc_urns(CLASSES) | digital_links()
places = epc_urns("id:sgln id:pgln") | digital_links() | addresses
epcs = st.lists(things, min_size=1, max_size=4)


@st.composite
def date_times(draw: st.DrawFn) -> str:
    """Any instant, spelled in any offset, with up to three digits of a second or more that round without a carry."""
    moment = draw(st.datetimes(min_value=datetime(1950, 1, 2)))  # noqa: DTZ001 - the offset comes after
    fraction = draw(st.sampled_from(["", ".5", ".07", ".116", ".116000", ".12341", ".9876"]))
    offset = draw(st.sampled_from(["Z", "+00:00", "-00:00", "+05:30", "-09:30", "+14:00", "+12:45"]))
    moment = moment.replace(microsecond=0, year=min(moment.year, 9998))
    return moment.isoformat(timespec="seconds") + fraction + offset


def members(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object, its members in any order."""
    return st.fixed_dictionaries(required, optional=optional).flatmap(
        lambda made: st.permutations(sorted(made)).map(lambda order: {name: made[name] for name in order})
    )


names = st.tuples(st.sampled_from(sorted(NAMESPACES)), st.sampled_from(["Kind", "a-color", "myRef", "x1", "Zeta"]))
extension_names = names.map(":".join)
extension_values = st.recursive(
    texts | numbers | things | st.just(""),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(extension_names | st.just("rdfs:comment"), inner, max_size=3)
    ),
    max_leaves=6,
)
extensions = st.dictionaries(extension_names, extension_values, max_size=3)


def with_extensions(base: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(base, extensions).map(lambda both: both[0] | both[1])


def words(vocabulary: frozenset[str], urn: str = "") -> st.SearchStrategy[str]:
    bare = st.sampled_from(sorted(vocabulary))
    own = st.sampled_from(["https://voc.acme.example/own/tern", "ex:tern", "my-co:moss"])
    return bare | own | (bare.map(lambda word: urn + word) if urn else bare)


def pairs(name: str, types: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    pair = st.tuples(types, values).map(lambda both: {"type": both[0], name: both[1]})
    return st.lists(pair, min_size=1, max_size=3)


quantities = st.lists(
    members({"epcClass": classes}, {"quantity": numbers, "uom": st.sampled_from(["KGM", "2N", "EA"])}), max_size=3
)
sensor_metadata = with_extensions(
    members(
        {"deviceID": places},
        {"time": date_times(), "startTime": date_times(), "endTime": date_times(), "deviceMetadata": places}
        | {"rawData": places, "dataProcessingMethod": places, "bizRules": places},
    )
)
sensor_report = with_extensions(
    members(
        {"type": words(terms.MEASUREMENT_TYPES)},
        {"exception": st.sampled_from(sorted(terms.SENSOR_ALERTS)), "component": words(terms.COMPONENTS)}
        | dict.fromkeys(("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod", "bizRules"), places)
        | dict.fromkeys(("microorganism", "chemicalSubstance", "uriValue", "coordinateReferenceSystem"), addresses)
        | dict.fromkeys(("value", "minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue"), numbers)
        | {"time": date_times(), "stringValue": texts, "hexBinaryValue": st.just("4C3F"), "uom": st.just("CEL")},
    )
)
sensor_elements = st.lists(
    with_extensions(
        members({"sensorReport": st.lists(sensor_report, min_size=1, max_size=3)}, {"sensorMetadata": sensor_metadata})
    ),
    min_size=1,
    max_size=2,
)
dispositions = words(terms.DISPOSITIONS, "urn:epcglobal:cbv:disp:")
PARTIES = words(terms.SOURCE_DESTINATION_TYPES, "urn:epcglobal:cbv:sdt:")


def place() -> st.SearchStrategy[dict[str, Any]]:
    return with_extensions(members({"id": places}, {}))


events = with_extensions(
    members(
        {
            "type": st.sampled_from(sorted(terms.EVENT_TYPES)),
            "eventTime": date_times(),
            "eventTimeZoneOffset": st.sampled_from(["+00:00", "-06:00", "+14:00"]),
        },
        dict.fromkeys(("epcList", "childEPCs", "inputEPCList", "outputEPCList"), epcs)
        | dict.fromkeys(("quantityList", "childQuantityList", "inputQuantityList", "outputQuantityList"), quantities)
        | {
            "eventID": st.just("urn:uuid:62c0e2e4-1111-4000-8000-1c221d500336"),
            "recordTime": date_times(),
            "errorDeclaration": st.just({"declarationTime": "2026-01-01T00:00:00Z", "reason": "incorrect_data"}),
            "certificationInfo": addresses | st.lists(addresses, min_size=1, max_size=2),
            "parentID": things,
            "action": st.sampled_from(["ADD", "OBSERVE", "DELETE"]),
            "transformationID": things,
            "bizStep": words(terms.BUSINESS_STEPS, "urn:epcglobal:cbv:bizstep:"),
            "disposition": dispositions,
            "persistentDisposition": members({"set": st.lists(dispositions, min_size=1, max_size=2)}, {}),
            "readPoint": place(),
            "bizLocation": place(),
            "bizTransactionList": pairs(
                "bizTransaction", words(terms.BUSINESS_TRANSACTION_TYPES, "urn:epcglobal:cbv:btt:"), things
            ),
            "sourceList": pairs("source", PARTIES, places),
            "destinationList": pairs("destination", PARTIES, places),
            "sensorElementList": sensor_elements,
            "ilmd": st.dictionaries(extension_names, extension_values, max_size=3),
        },
    )
)


def reference_prehashes(document: dict[str, Any]) -> list[str]:
    """As the reference spells the events. It keeps prefixes from one document to the next: they are cleared."""
    json_to_py._namespaces.clear()
    logging.disable(logging.CRITICAL)
    try:
        listed = json_to_py.event_list_from_epcis_document_json(copy.deepcopy(document))
        return list(hash_generator.derive_prehashes_from_events(listed))
    finally:
        logging.disable(logging.NOTSET)


# The reference opens its copy of GS1's context in a way that Python will drop.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(events, min_size=1, max_size=3))
def test_every_event_of_the_model_is_spelled_as_the_reference_spells_it(made: list[dict[str, Any]]) -> None:
    document = {
        "@context": CONTEXT,
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-01-01T00:00:00Z",
        "epcisBody": {"eventList": made},
    }
    theirs = reference_prehashes(document)
    assert [prehash(event, namespaces_of(CONTEXT)) for event in made] == theirs
    assert [hash_id(event_hash(event, CONTEXT)) for event in made] == (
        hash_generator.calculate_hashes_from_pre_hashes(theirs)
    )
