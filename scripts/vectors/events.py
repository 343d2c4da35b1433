"""The inputs of the event hash's and identifiers' vectors: a small case for each rule of docs/proof-format.md, 8 and 9.

The first event is the page's example. Names say which rule a case shows.
"""

from __future__ import annotations

from typing import Any

from scripts.evidence import CONTEXT

FARM = {"farm": "https://farm.example/terms/"}
WITH_FARM: list[Any] = [*CONTEXT, FARM]


def _event(**members: Any) -> dict[str, Any]:
    return {
        "type": "ObjectEvent",
        "eventTime": "2026-03-01T09:00:00+01:00",
        "eventTimeZoneOffset": "+01:00",
        "action": "OBSERVE",
        **members,
    }


def _farm(value: Any) -> dict[str, Any]:
    return _event(**{"farm:x": value})


def _report(**members: Any) -> dict[str, Any]:
    return _event(sensorElementList=[{"sensorReport": [members]}])


_FIELDS: list[tuple[str, list[Any], dict[str, Any]]] = [
    (
        "the page's example",
        WITH_FARM,
        _event(
            epcList=["urn:epc:id:sgtin:9521234.012345.2", "https://id.gs1.org/01/09521234123453/21/1"],
            bizStep="shipping",
            bizTransactionList=[{"bizTransaction": "urn:epcglobal:cbv:bt:9521234000013:PO-1", "type": "po"}],
            readPoint={"id": "urn:epc:id:sgln:9521234.00001.0", "farm:gate": 7},
            sensorElementList=[{"sensorReport": [{"uom": "CEL", "value": 21.50, "type": "Temperature"}]}],
            ilmd={"farm:variety": "Bourbon"},
            eventID="urn:uuid:1",
        ),
    ),
    (
        "aggregation: parent before children",
        CONTEXT,
        _event(
            type="AggregationEvent",
            childEPCs=["urn:epc:id:sgtin:9521234.012345.1"],
            childQuantityList=[{"uom": "KGM", "quantity": 1.50, "epcClass": "urn:epc:class:lgtin:9521234.012345.L1"}],
            parentID="urn:epc:id:sscc:9521234.0123456789",
        ),
    ),
    (
        "transaction: parentID before epcList",
        CONTEXT,
        _event(
            type="TransactionEvent",
            epcList=["urn:epc:id:sgtin:9521234.012345.1"],
            parentID="urn:epc:id:sscc:9521234.0123456789",
            bizTransactionList=[{"type": "desadv", "bizTransaction": "b"}, {"bizTransaction": "a"}],
        ),
    ),
    (
        "transformation: inputs, outputs, transformationID",
        CONTEXT,
        _event(
            type="TransformationEvent",
            transformationID="urn:epc:id:gdti:9521234.00001.T1",
            outputQuantityList=[{"epcClass": "urn:epc:class:lgtin:9521234.012345.L2", "quantity": 3}],
            outputEPCList=["urn:epc:id:sgtin:9521234.012345.9"],
            inputQuantityList=[{"epcClass": "urn:epc:idpat:sgtin:9521234.012345.*", "quantity": 10, "uom": "KGM"}],
            inputEPCList=["urn:epc:id:sgtin:9521234.012345.8"],
            ilmd={"lot": "L2"},
        ),
    ),
    (
        "association",
        CONTEXT,
        _event(
            type="AssociationEvent",
            parentID="urn:epc:id:grai:9521234.00001.A",
            childEPCs=["urn:epc:id:giai:9521234.probe"],
        ),
    ),
    (
        "sources and destinations behind sensors, alphabetical",
        CONTEXT,
        _event(
            sourceList=[{"source": "urn:epc:id:pgln:9521234.00001", "type": "owning_party"}],
            destinationList=[
                {"type": "location", "destination": "urn:epc:id:sgln:9521234.00002.0"},
                {"destination": "urn:epc:id:pgln:9521234.00003", "type": "possessing_party"},
            ],
            sensorElementList=[
                {
                    "sensorMetadata": {"time": "2026-03-01T08:00:00.0005Z", "deviceID": "urn:epc:id:giai:9521234.p"},
                    "sensorReport": [{"type": "gs1:Humidity", "value": 1e-7}, {"type": "Speed", "value": 12}],
                }
            ],
        ),
    ),
    (
        "persistent dispositions",
        CONTEXT,
        _event(persistentDisposition={"unset": ["in_transit"], "set": ["completeness_verified", "cbv:Disp-active"]}),
    ),
    (
        "every field of a sensor report",
        WITH_FARM,
        _report(
            type="Temperature",
            exception="ALARM_CONDITION",
            deviceID="urn:epc:id:giai:9521234.d",
            deviceMetadata="https://m.example",
            rawData="https://r.example",
            dataProcessingMethod="https://d.example",
            time="2026-03-01T08:00:00Z",
            microorganism="https://o.example",
            chemicalSubstance="https://c.example",
            value=1.50,
            component="x",
            stringValue="1.50",
            booleanValue=True,
            hexBinaryValue="0E1",
            uriValue="https://u.example",
            minValue=-0.0,
            maxValue=2e3,
            meanValue=0.25,
            sDev=0.1,
            percRank=50,
            percValue=12.50,
            uom="CEL",
            coordinateReferenceSystem="https://crs.example",
            **{"farm:probe": "2"},
        ),
    ),
    (
        "eventID, recordTime, errorDeclaration and comments left out",
        CONTEXT,
        _event(
            eventID="ni:///sha-256;00?ver=CBV2.0",
            recordTime="2026-03-01T08:00:00Z",
            comment="c",
            **{"rdfs:comment": "d"},
            errorDeclaration={"declarationTime": "2026-03-02T00:00:00Z", "reason": "did_not_occur"},
        ),
    ),
    (
        "certification, place, white space around texts",
        CONTEXT,
        _event(
            certificationInfo=["https://b.example", " https://a.example\u00a0"],
            bizLocation={"id": "\turn:epc:id:sgln:9521234.00001.1 "},
            action="\u2003ADD\n",
        ),
    ),
    (
        "duplicates are kept, empty lists and texts are absent",
        CONTEXT,
        _event(
            epcList=["urn:epc:id:sgtin:9521234.012345.1", "https://id.gs1.org/01/09521234123453/21/1"],
            quantityList=[],
            bizTransactionList=[],
            disposition=" ",
            readPoint={},
            ilmd={},
        ),
    ),
]

_WORDS: list[tuple[str, list[Any], dict[str, Any]]] = [
    ("a bare word, its CURIE, its address and its CBV 1 URN: one word (bare)", CONTEXT, _event(bizStep="shipping")),
    ("the same as a CURIE", CONTEXT, _event(bizStep="cbv:BizStep-shipping")),
    ("the same as an address", CONTEXT, _event(bizStep="https://ref.gs1.org/cbv/BizStep-shipping")),
    ("the same as a URN of CBV 1", CONTEXT, _event(bizStep="urn:epcglobal:cbv:bizstep:shipping")),
    ("a word is no word in another field", CONTEXT, _event(bizStep="in_transit", disposition="shipping")),
    ("a user's word by a prefix", WITH_FARM, _event(bizStep="farm:milling", disposition="unknown:thing")),
    ("words in extensions stay texts", WITH_FARM, _farm(["shipping", "farm:milling", "urn:epcglobal:cbv:disp:active"])),
    (
        "local that begins with // has no namespace",
        [*CONTEXT, {"https": "https://x.example/"}],
        _event(bizStep="https://farm.example/step", **{"https://farm.example/name": "1"}),
    ),
    (
        "white space at the end of a prefix's IRI is cut off a word like any other",
        [*CONTEXT, {"shop": "urn:x\u3000"}],
        _event(bizStep="shop:", disposition="shop:\u3000y"),
    ),
    ("the event's own context wins", WITH_FARM, _farm("v") | {"@context": [{"farm": "https://other.example/"}]}),
    ("equal namespaces under another prefix", [*CONTEXT, {"f": "https://farm.example/terms/"}], _event(**{"f:x": "v"})),
    ("a prefix that nobody declared", CONTEXT, _farm("v")),
    (
        "a term definition changes nothing",
        [*CONTEXT, {"harvest": {"@id": "https://x.example/"}}],
        _event(harvest="v", **{"harvest:y": "w"}),
    ),
]

_SHAPES: list[tuple[str, list[Any], dict[str, Any]]] = [
    (f"an extension: {repr(value)[:120]}", WITH_FARM, _farm(value))
    for value in (
        "12.50",
        "-0.0",
        "1e3",
        "1E-7",
        "007",
        "+1",
        ".5",
        "1.",
        "9007199254740993",
        "1e63",
        "1e64",
        "0e9999999",
        "-0.00e9999999",
        "1e1000000",
        "1000e-3",
        "0.001e3",
        "1" + "0" * 80 + "e-80",
        "0." + "0" * 80 + "1e81",
        "1e" + "0" * 5000 + "2",
        "Infinity",
        12.50,
        1e3,
        -0.0,
        True,
        "true",
        "",
        " ",
        [],
        [""],
        {},
        ["b", "a", 1],
        [["b", ["a"]], "c"],
        {"farm:b": 1, "farm:a": [2, 1], "c": "d", "comment": "no"},
        {"#text": "7.0", "farm:unit": "kg"},
        {"farm:unit": "kg", "#text": True},
        {"#text": " ", "a": ["b", "c"]},
        {"#text": {"a": "b"}},
        "urn:epc:id:sscc:9521234.0123456789",
        "a\u0301",
        "\u00e1",
        "\ufffd",
        "\U0001f33f",
        "\ufeffx\u200b",
        "x\u0085",
    )
]

_OFF_SCHEMA: list[tuple[str, list[Any], dict[str, Any]]] = [
    (
        "members that no one knows, at the top and aside",
        WITH_FARM,
        _event(
            zeta="z",
            readPoint={"id": "r", "name": "gate", "farm:n": 1},
            quantityList=[{"epcClass": "c", "odd": 2}, {"odd": 1}],
            bizTransactionList=[{"type": "po", "odd": 3, "farm:n": 4}],
            sensorElementList=[{"sensorMetadata": {"odd": 5}, "sensorReport": [{"odd": 6, "value": 7}]}],
        ),
    ),
    (
        "texts and numbers where lists and objects stand",
        WITH_FARM,
        _event(
            epcList="e",
            quantityList="1.50",
            readPoint="r",
            bizStep=7,
            disposition={"farm:d": "x"},
            action=["b", "a"],
            sourceList="s",
            sensorElementList=True,
            parentID=[["p"], "o"],
        ),
    ),
    (
        "lists in lists",
        CONTEXT,
        _event(
            epcList=[["b", "a"], "c", 3],
            readPoint=[{"id": "s"}, [{"id": "r"}]],
            sensorElementList=[[{"sensorReport": [[{"time": "2026-03-01T08:00:00Z"}]]}]],
            destinationList=[[{"type": "location", "destination": "d"}], "t"],
        ),
    ),
    ("names sort by code point", CONTEXT, _event(**{"\U0001f33f": 1, "\uff5e": 2, "z": 3, "Z": 4})),
    ("a time of another calendar day, rounded up", CONTEXT, _event(eventTime="2026-02-28T23:59:59.9995-00:30")),
    ("fractions of microseconds", CONTEXT, _event(eventTime="0001-01-01T00:00:00.00049999999Z")),
    ("pairs are written type first", CONTEXT, _event(bizTransactionList=[{"bizTransaction": "1", "type": "inv"}])),
    (
        "put aside at three levels",
        CONTEXT,
        _event(sensorElementList=[{"sensorMetadata": {"odd": 5}, "sensorReport": [{"odd": 6, "value": 7}]}]),
    ),
    ("#text means nothing but inside an extension", CONTEXT, _event(**{"#text": "7.0"}, readPoint={"#text": "7.0"})),
    (
        "a comment by any prefix, or written in full",
        [*CONTEXT, {"f": "http://www.w3.org/2000/01/rdf-schema#"}],
        _event(**{"f:comment": 1, "{http://www.w3.org/2000/01/rdf-schema#}comment": 2, "f:label": 3, "{a}b": 4}),
    ),
    (
        "odd prefixes: empty, with a space, with a colon (never met)",
        [*CONTEXT, {"": "urn:empty:", "a b": "urn:space:", "a:b": "urn:colon:"}],
        _event(**{":x": 1, "a b:x": 2, "a:b:x": 3}, bizStep=":x", disposition="a:b:x"),
    ),
    (
        "two different events with one event hash",
        CONTEXT,
        _event(bizStep="https://ref.gs1.org/cbv/BizStep-shippingdisposition=https://ref.gs1.org/cbv/Disp-active"),
    ),
    ("the other one: only the content hash tells", CONTEXT, _event(bizStep="shipping", disposition="active")),
]

EVENTS = [*_FIELDS, *_WORDS, *_SHAPES, *_OFF_SCHEMA]

IDENTIFIERS = [
    "urn:epc:id:sgtin:9521234.012345.77",
    "https://example.com/shop/gtin/09521234123453/ser/77?x=1#y",
    "https://id.gs1.org/01/9521234123453/21/77/",
    "HTTPS://ID.GS1.ORG/01/09521234123453/10/L1/21/77",
    "http://id.gs1.org/01/09521234123453/22/V/10/L1",
    "https://id.gs1.org/01/09521234123453/22/V",
    "https://id.gs1.org/01/09521234123453/21/77/10/L1",
    "https://id.gs1.org/01/09521234123453/21/77//",
    "https://id.gs1.org/01/09521234123453/21",
    "https://id.gs1.org/01/09521234123453/22/V/235/X",
    "https://id.gs1.org/01/09521234123453/235/X/21/77",
    "https://id.gs1.org/01/09521234123453/22/V#/21/77",
    "https://id.gs1.org/01/09521234123453/22/V%23/21/77",
    "https://id.gs1.org/01/09521234123453/10//21/77",
    "https://id.gs1.org/01/09521234123453/21/" + "%41" * 20,
    "https://id.gs1.org/01/09521234123453/21/" + "%41" * 21,
    "https://id.gs1.org/01/%30%39521234123453/21/77",
    "https://id.gs1.org/%30%31/09521234123453/21/77",
    "https://id.gs1.org/GTIN/09521234123453/21/77",
    "https://id.gs1.org/01/09521234123453/21/'-.0;=_%C3%A9",
    "https://a.example/01/09521234123453/21/'-.0;=_",
    "https://a.example/253/9521234000013",
    "https://a.example/255/9521234000013",
    "https://a.example/8003/09521234000013",
    "https://a.example/8006/09521234123453",
    "https://id.gs1.org/01/95212349",
    "https://id.gs1.org/01/95212340",
    "https://example.com/01/x/00/095212341234567891",
    "https://example.com/00/00/095212341234567891",
    "urn:epc:class:lgtin:9521234.012345.L%2F1",
    "https://id.gs1.org/01/09521234123453/10/L%2f1",
    "https://id.gs1.org/01/09521234123453/10/L%1",
    "https://id.gs1.org/01/09521234123453/10/L%20",
    "urn:epc:id:sgtin:9521234.012345.%41",
    "urn:epc:id:sgtin:9521234.012345.a/b",
    "urn:epc:id:sgtin:9521234.012345.!%22%25%26'()*+,-.%2F:;=%3E%3C%3F_",
    "urn:epc:idpat:sgtin:9521234.012345.*",
    "urn:epc:idpat:sgtin:9521234.012345.7",
    "urn:epc:idpat:upui:9521234.012345.*",
    "urn:epc:idpat:grai:9521234.00001.*",
    "urn:epc:idpat:gdti:9521234.00001.*",
    "urn:epc:idpat:sgcn:9521234.00001.*",
    "urn:epc:idpat:itip:9521234.012345.01.02.*",
    "urn:epc:idpat:cpi:9521234.PQ7.*",
    "urn:epc:id:sscc:9521234.0123456789",
    "urn:epc:id:sscc:9521234.012345678",
    "urn:epc:id:sgln:9521234.00001.0",
    "urn:epc:id:sgln:9521234.00001.%30",
    "urn:epc:id:sgln:9521234.00001.line-7",
    "urn:epc:id:sgln:9521234.00001",
    "urn:epc:id:sgln:952123456789..0",
    "https://id.gs1.org/414/9521234000013/254/0",
    "https://id.gs1.org/gln/9521234000013/glnx/%30",
    "urn:epc:id:grai:952123456789..A1",
    "urn:epc:id:grai:9521234.00001.A-1",
    "https://id.gs1.org/8003/09521234000013A-1",
    "urn:epc:id:giai:9521234.probe.7",
    "https://id.gs1.org/8004/9521234probe.7",
    "https://id.gs1.org/8004/952x",
    "urn:epc:id:giai:9521234." + "a" * 24,
    "urn:epc:id:gsrn:9521234.0000000001",
    "urn:epc:id:gsrnp:9521234.0000000001",
    "urn:epc:id:gdti:9521234.00001.D-1",
    "urn:epc:id:sgcn:9521234.00001.123",
    "urn:epc:id:sgcn:9521234.00001.A",
    "urn:epc:id:ginc:9521234.R%2F7",
    "urn:epc:id:gsin:9521234.000000001",
    "urn:epc:id:cpi:9521234.PQ7-9.123",
    "urn:epc:id:cpi:9521234.PQ7%239.%31",
    "urn:epc:id:cpi:9521234.PQ.7.1",
    "urn:epc:id:cpi:9521234.pq7.1",
    "urn:epc:id:itip:9521234.012345.01.02.77",
    "https://id.gs1.org/8006/095212341234530102/21/77",
    "https://id.gs1.org/8006/09521234123453/21/77",
    "urn:epc:id:pgln:9521234.00001",
    "urn:epc:id:pgln:9521234.00001.0",
    "urn:epc:id:upui:9521234.012345.51qIgY)",
    "https://id.gs1.org/01/09521234123453/235/51qIgY)",
    "urn:epc:id:sgtin:9521234.01234.77",
    "urn:epc:id:sgtin:95212.01234567.77",
    "urn:epc:id:sgtin:9521234.012345.",
    "urn:epc:id:sgtin:9521234.012345.123456789012345678901",
    "https://id.gs1.org/01/09521234123450/21/77",
    "urn:epc:id:bic:CSQU3054383",
    "URN:EPC:id:sscc:9521234.0123456789",
    " urn:epc:id:sscc:9521234.0123456789",
    "https://id.gs1.org",
    "https://id.gs1.org/",
    "https:///01/09521234123453",
    "ftp://id.gs1.org/01/09521234123453",
    "",
]
