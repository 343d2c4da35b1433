"""Files for section 2 of docs/proof-format.md: which JSON, contexts and events are taken."""

from __future__ import annotations

from typing import Any

from scripts.evidence import CONTEXT
from scripts.vectors.cases import (
    EVENT,
    GENUINE,
    REFUSED,
    TAKEN,
    FileCase,
    changed,
    file_of,
    nested,
    of_contexts,
    of_events,
    record,
    respelled,
    spelled,
    swapped,
)

_OWN = ("records", 0, "event", "farm:x")


def json_files() -> list[FileCase]:
    """Every case of section 2."""
    return [*_whole_file(), *_texts(), *_numbers(), *_depth(), *_contexts(), *_own_contexts(), *_events(), *_times()]


def _whole_file() -> list[FileCase]:
    start, end = GENUINE[:1], GENUINE[1:]
    nothing_else = [
        ("white space around and inside", b" \t\r\n" + swapped(b":", b" :\r\n\t") + b"\n\n", TAKEN),
        ("a byte order mark", b"\xef\xbb\xbf" + GENUINE, REFUSED),
        ("UTF-16", GENUINE.decode().encode("utf-16"), REFUSED),
        ("an empty file", b"", REFUSED),
        ("a text alone", b'"tallystick-proof/1"', REFUSED),
        ("cut off", GENUINE[:-1], REFUSED),
        ("text after the end", GENUINE + b"x", REFUSED),
        ("a second value after the end", GENUINE + b"\n{}", REFUSED),
        ("zero byte after the end", GENUINE + b"\0", REFUSED),
        ("no-break space after the end", GENUINE + b"\xc2\xa0", REFUSED),
        ("form feed before the value", b"\x0c" + GENUINE, REFUSED),
        ("a comma too many in an object", start + b"," + end, REFUSED),
        ("a comma too many in a list", respelled(b"[1,]", *_OWN), REFUSED),
        ("a comma missing", respelled(b"[1 2]", *_OWN), REFUSED),
        ("a comment", start + b"/**/" + end, REFUSED),
        ("a name without quotes", swapped(b'"format"', b"format"), REFUSED),
        ("a word that JSON has not", respelled(b"True", *_OWN), REFUSED),
        ("a member name twice in the event", swapped(b'"action":', b'"action":"ADD","action":'), REFUSED),
        ("a member name twice, once escaped", swapped(b'"action":', b'"acti\\u006fn":"ADD","action":'), REFUSED),
        ("a member name twice outside of events", swapped(b'"chainId":', b'"chainId":1,"chainId":'), REFUSED),
        ("a member name twice in an extension", respelled(b'{"a":1,"b":2,"a":1}', *_OWN), REFUSED),
        ("__proto__ twice", respelled(b'{"__proto__":1,"__proto__":1}', *_OWN), REFUSED),
        ("__proto__ once", spelled(b'{"__proto__":1}', {"__proto__": 1}), TAKEN),
        ("one name in two objects", spelled(b'{"a":{"a":1}}', {"a": {"a": 1}}), TAKEN),
        ("two names that only normalisation makes equal",
         spelled('{"\u00e9":1,"e\u0301":1}'.encode(), {"\u00e9": 1, "e\u0301": 1}), TAKEN),
        ("null in the event", respelled(b"null", *_OWN), REFUSED),
        ("null in a list of the event", respelled(b"[null]", *_OWN), REFUSED),
        ("null as a member `anchor` of the event", respelled(b'{"anchor":null}', *_OWN), REFUSED),
        ("null as the event's @context", changed("records", 0, "event", "@context", to=None), REFUSED),
        ("null in a term definition", changed("records", 0, "context", to=[{"a": {"@id": None}}]), REFUSED),
        ("null as a hint of the anchor", changed("records", 0, "anchor", "index", to=None), REFUSED),
        ("null as signature", changed("records", 0, "signature", to=None), REFUSED),
        ("true and false in the event", spelled(b"[true,false]", [True, False]), TAKEN),
    ]  # fmt: skip
    return [FileCase(name, data, expected) for name, data, expected in nothing_else]


def _texts() -> list[FileCase]:
    taken: list[tuple[str, bytes, str]] = [
        ("a surrogate pair, escaped", rb'"\ud83c\udf3f"', "\U0001f33f"),
        ("letters escaped that need not be", rb'"\u0061\/"', "a/"),
        ("U+0000, escaped", rb'"\u0000"', "\0"),
        ("U+007F and U+FEFF as they are", b'"\x7f\xef\xbb\xbf"', "\x7f\ufeff"),
        ("U+10FFFF", b'"\xf4\x8f\xbf\xbf"', "\U0010ffff"),
        ("U+FFFF, escaped", rb'"\uFFFF"', "\uffff"),
    ]
    refused: list[tuple[str, bytes]] = [
        ("half a surrogate pair, escaped", rb'"\ud83c"'),
        ("the other half, escaped", rb'"\udf3f"'),
        ("a surrogate pair the wrong way round", rb'"\udf3f\ud83c"'),
        ("half a surrogate pair in a name", rb'{"\ud83c":1}'),
        ("a surrogate pair as UTF-8 of each half", b'"\xed\xa0\xbc\xed\xbc\xbf"'),
        ("a byte that is no UTF-8", b'"\xff"'),
        ("UTF-8 longer than need be", b'"\xc0\xaf"'),
        ("UTF-8 beyond U+10FFFF", b'"\xf4\x90\x80\x80"'),
        ("a character of UTF-8 cut off", b'"\xc3"'),
        ("a line feed in a text", b'"\n"'),
        ("an escape that JSON has not", rb'"\x61"'),
        ("an escape of three digits", rb'"\u061"'),
    ]
    names = {"\U0001f33f": 1, "\uff5e": 2, "z": 3}
    return [
        *(FileCase(name, spelled(raw, value), TAKEN) for name, raw, value in taken),
        FileCase("names beyond U+FFFF: RFC 8785 sorts them by UTF-16", file_of(record(EVENT | names)), TAKEN),
        *(FileCase(name, respelled(raw, *_OWN), REFUSED) for name, raw in refused),
    ]


_NUMBERS_REFUSED = """
    9007199254740992 -9007199254740992 9007199254740993 9007199254740991.4 0.10000000000000001
    0.1000000000000000055511151231257827 0.300000000000000044 4e-324 1e-400 -1e-400 1e400 1e99999999999999999999
    01 -01 .5 1. 1.e1 +1 1e 1e+ 0x10 --1 1_000 - NaN Infinity -Infinity
"""


def _numbers() -> list[FileCase]:
    taken: dict[str, int | float] = {
        "12.50": 12.5, "1e3": 1000, "1E+2": 100, "0.1": 0.1, "-0": 0, "-0.00": 0, "0e999999999": 0, "0.000e-5": 0,
        "9007199254740991": 2**53 - 1, "-9007199254740991": 1 - 2**53, "9007199254740991.0": 2**53 - 1,
        "900719925474099.1e1": 2**53 - 1, "5e-324": 5e-324, "2.2250738585072014e-308": 2.2250738585072014e-308,
        "0.30000000000000004": 0.30000000000000004, "1" + "0" * 30 + "e-30": 1, "0." + "0" * 30 + "1e31": 1,
        "1e0000000000000000003": 1000, "1e-7": 1e-7,
    }  # fmt: skip
    return [
        *(FileCase(f"a number: {raw}", spelled(raw.encode(), value), TAKEN) for raw, value in taken.items()),
        *(FileCase(f"a number: {raw}", respelled(raw.encode(), *_OWN), REFUSED) for raw in _NUMBERS_REFUSED.split()),
    ]


def _depth() -> list[FileCase]:
    def definition(levels: int) -> list[Any]:
        return [*CONTEXT, {"deep": nested(levels)}]

    return [
        *of_events(TAKEN, [("an event nested 64 deep", {"farm:x": nested(63)})]),
        *of_events(REFUSED, [("an event nested 65 deep", {"farm:x": nested(64)})]),
        *of_events(TAKEN, [("an event's own context, nested 64 deep", {"@context": definition(61)})]),
        *of_events(REFUSED, [("an event's own context, nested 65 deep", {"@context": definition(62)})]),
        *of_contexts(TAKEN, [("a context nested 64 deep", definition(62))]),
        *of_contexts(REFUSED, [("a context nested 65 deep", definition(63))]),
        FileCase("an event nested thousands deep", respelled(b"[" * 3000 + b"]" * 3000, *_OWN), REFUSED),
    ]


def _contexts() -> list[FileCase]:
    place = "https://ref.gs1.org/standards/epcis/"
    gs1 = {"gs1": "https://gs1.org/voc/", "cbvmda": "urn:epcglobal:cbv:mda:"}
    taken: list[tuple[str, Any]] = [
        ("GS1's other addresses", [f"{place}epcis-context.jsonld", f"{place}2.0.1/epcis-context.jsonld",
                                   "https://gs1.github.io/EPCIS/epcis-context.jsonld"]),
        ("a context without GS1's address", [{"farm": "https://farm.example/"}]),
        ("an empty object in the context", [{}]),
        ("prefixes of GS1's with their own IRIs", [gs1]),
        ("a scheme and one character more", [{"a": "b:c"}]),
        ("a scheme of every kind of character", [{"a": "Z9+-.:x"}]),
        ("an IRI with characters above U+0020 only", [{"a": "urn:!\u00a0\u3000\u007f"}]),
        ("an IRI of 255 characters", [{"a": "urn:" + "\U0001f33f" * 251}]),
        ("odd names for prefixes", [{"": "urn:empty:", "a b": "urn:space:", "a:b": "urn:colon:", "a@": "urn:at:"}]),
        ("a term definition", [{"harvest": {"@id": "https://farm.example/h", "@type": "@id", "@protected": True}}]),
        ("numbers, lists and GS1's terms in a term definition", [{"a": {"b": [1, {"x": {"gs1": "y"}}], "@id": 1}}]),
        ("an empty term definition", [{"a": {}}]),
    ]  # fmt: skip
    refused: list[tuple[str, Any]] = [
        ("an empty context", []),
        ("a context that is a text", CONTEXT[0]),
        ("a context that is an object", {"farm": "https://farm.example/"}),
        ("GS1's address with http", ["http" + CONTEXT[0].removeprefix("https")]),
        ("GS1's address of another version", [f"{place}2.0.2/epcis-context.jsonld"]),
        ("an address of a stranger's", ["https://farm.example/context.jsonld"]),
        ("a list in the context", [CONTEXT]),
        ("a number in the context", [1]),
        ("true in the context", [True]),
        ("@vocab", [{"@vocab": "https://farm.example/"}]),
        ("a name that begins with @", [{"@farm": "https://farm.example/"}]),
        ("a term of GS1's as prefix", [{"epcList": "https://farm.example/"}]),
        ("a term deep in GS1's context as prefix", [{"x": "https://farm.example/"}]),
        ("a word of GS1's as term definition", [{"shipping": {"@id": "https://farm.example/"}}]),
        ("a prefix of GS1's with another IRI", [{"gs1": "https://farm.example/"}]),
        ("a prefix of GS1's with its own IRI as an object", [{"gs1": {"@id": "https://gs1.org/voc/"}}]),
        ("a prefix that is true", [{"a": True}]),
        ("a prefix that is a number", [{"a": 1}]),
        ("a prefix that is a list", [{"a": ["urn:a:"]}]),
        ("an IRI without scheme", [{"a": "farm.example/x"}]),
        ("an IRI whose scheme begins with a digit", [{"a": "1a:b"}]),
        ("an IRI whose scheme has another character", [{"a": "a_b:c"}]),
        ("an IRI that ends after the colon", [{"a": "urn:"}]),
        ("an IRI with a space", [{"a": "urn:a b"}]),
        ("an IRI with a line feed at its end", [{"a": "urn:a\n"}]),
        ("an empty IRI", [{"a": ""}]),
        ("an IRI of 256 characters", [{"a": "urn:" + "x" * 252}]),
        ("a term definition with a context in it", [{"a": {"@context": {}}}]),
        ("a term definition with a context deep in it", [{"a": {"b": [{"@context": "c"}]}}]),
    ]
    return [*of_contexts(TAKEN, taken), *of_contexts(REFUSED, refused)]


def _own_contexts() -> list[FileCase]:
    taken: list[tuple[str, dict[str, Any]]] = [
        ("the event's own context wins", {"@context": [{"farm": "https://other.example/"}], "farm:x": 1}),
        ("@context as a text, other names with @", {"farm:x": "@context", "farm:y": {"@type": "z"}}),
    ]
    refused: list[tuple[str, dict[str, Any]]] = [
        ("the event's own context, empty", {"@context": []}),
        ("the event's own context as a text", {"@context": CONTEXT[0]}),
        ("the event's own context as an object", {"@context": {"a": "urn:a:"}}),
        ("a term of GS1's in the event's own context", {"@context": [{"uom": "urn:a:"}]}),
        ("a context deeper in the event", {"ilmd": {"@context": [{"a": "urn:a:"}]}}),
        ("a context deep in lists of the event", {"farm:x": [[{"@context": CONTEXT}]]}),
    ]
    return [*of_events(TAKEN, taken), *of_events(REFUSED, refused)]


def _events() -> list[FileCase]:
    kinds = ("Aggregation", "Transaction", "Transformation", "Association")
    offsets = ("+14:00", "-14:00", "+13:59", "-00:00")
    taken: list[tuple[str, dict[str, Any]]] = [
        *((f"an event of type {kind}Event", {"type": f"{kind}Event"}) for kind in kinds),
        *((f"the offset {offset}", {"eventTimeZoneOffset": offset}) for offset in offsets),
    ]
    refused: list[tuple[str, dict[str, Any]]] = [
        ("an event of another type", {"type": "QuantityEvent"}),
        ("an event of the type's address", {"type": "https://ref.gs1.org/epcis/ObjectEvent"}),
        ("an event of a list of types", {"type": ["ObjectEvent"]}),
        ("the offset as a number", {"eventTimeZoneOffset": 1}),
        *((f"the offset {offset}", {"eventTimeZoneOffset": offset})
          for offset in ("+14:01", "+13:60", "-15:00", "Z", "+1:00", "01:00", "+0100", "+01:00 ", "+0\u0661:00")),
    ]  # fmt: skip
    lacking = []
    for name in ("type", "eventTime", "eventTimeZoneOffset"):
        event = {member: value for member, value in EVENT.items() if member != name}
        lacking.append(FileCase(f"an event without {name}", changed("records", 0, "event", to=event), REFUSED))
    lacking.append(FileCase("an event that is a list", changed("records", 0, "event", to=[EVENT]), REFUSED))
    return [*of_events(TAKEN, taken), *of_events(REFUSED, refused), *lacking]


_TIMES_TAKEN = """
    2026-03-01T08:00:00Z 2026-03-01T00:00:00-00:00 2026-03-01T23:59:59+14:00 2026-03-01T08:00:00-14:00
    2026-03-01T08:00:00.5Z 2026-03-01T08:00:00.12345678901234567890Z 2024-02-29T08:00:00Z 2000-02-29T08:00:00Z
    0001-01-01T00:00:00Z 0001-01-01T14:00:00+14:00 9999-12-31T23:59:59.9994999Z 1969-12-31T23:59:59.9995Z
"""
_TIMES_REFUSED = """
    2026-03-01T08:00:00 2026-03-01T08:00Z 2026-03-01 20260301T080000Z 2026-060T08:00:00Z 2026-03-01t08:00:00Z
    2026-03-01T08:00:00z 2026-03-01T08:00:00.Z 2026-03-01T08:00:00,5Z 2026-03-01T08:00:00+0100 2026-03-01T08:00:00+01
    2026-03-01T24:00:00Z 2026-03-01T08:60:00Z 2026-03-01T08:00:60Z 2016-12-31T23:59:60Z 2026-13-01T08:00:00Z
    2026-00-01T08:00:00Z 2026-03-00T08:00:00Z 2026-04-31T08:00:00Z 2026-02-29T08:00:00Z 1900-02-29T08:00:00Z
    2026-03-01T08:00:00+14:01 2026-03-01T08:00:00+13:60 2026-03-01T08:00:00-15:00 0000-12-31T23:00:00-14:00
    0001-01-01T00:00:00+00:01 9999-12-31T23:59:59-00:01 9999-12-31T23:59:59.9995Z 12026-03-01T08:00:00Z
    -0001-01-01T00:00:00Z 2026-03-01T0\u0668:00:00Z 2026-3-1T8:00:00Z
"""


def _times() -> list[FileCase]:
    bad = "2026-03-01T08:00:00"
    sensor = [("time", "sensorMetadata"), ("startTime", "sensorMetadata"), ("endTime", "sensorMetadata"),
              ("time", "sensorReport")]  # fmt: skip
    taken: list[tuple[str, dict[str, Any]]] = [
        *((f"the time {time}", {"eventTime": time}) for time in _TIMES_TAKEN.split()),
        ("a time without offset in an extension", {"farm:x": {"time": bad, "eventTime": bad}, "time": bad}),
        ("a time without offset in the extension of a report",
         {"sensorElementList": [{"sensorReport": [{"farm:r": {"time": bad}}], "farm:e": {"time": bad}}]}),
        ("an errorDeclaration that is a text", {"errorDeclaration": bad}),
        ("a list of error declarations", {"errorDeclaration": [{"declarationTime": bad}]}),
        ("startTime in a report is no date-time field",
         {"sensorElementList": [{"sensorReport": [{"startTime": bad}]}]}),
        ("a sensor element that is no list, with good times",
         {"sensorElementList": {"sensorMetadata": {"time": bad + "Z"}}}),
    ]  # fmt: skip
    refused: list[tuple[str, dict[str, Any]]] = [
        *((f"the time {time}", {"eventTime": time}) for time in _TIMES_REFUSED.split()),
        *((f"the time {time!r}", {"eventTime": time})
          for time in ("2026-03-01 08:00:00Z", " 2026-03-01T08:00:00Z", "2026-03-01T08:00:00Z\n", "", 1772352000)),
        ("a recordTime without offset", {"recordTime": bad}),
        ("a recordTime that is true", {"recordTime": True}),
        ("a declarationTime without offset", {"errorDeclaration": {"declarationTime": bad}}),
        *((f"{name} in {holder} without offset", {"sensorElementList": [{holder: [{name: bad}]}]})
          for name, holder in sensor),
        ("a sensor's time without offset, no lists around", {"sensorElementList": {"sensorMetadata": {"time": bad}}}),
        ("a report's time without offset, lists in lists around",
         {"sensorElementList": [[{"sensorReport": [[{"time": bad}]]}]]}),
    ]  # fmt: skip
    return [*of_events(TAKEN, taken), *of_events(REFUSED, refused)]
