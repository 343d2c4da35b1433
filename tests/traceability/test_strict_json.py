"""parse
├── given JSON as every parser reads it                     its value
├── given what some parsers read otherwise                  refused by name, with the place
│   ├── a member twice, however its name is escaped
│   ├── half of a surrogate pair, bytes that are no UTF-8, a byte order mark, text after the end
│   ├── null, but where one is allowed
│   └── a number that is no double, or is larger than 2^53-1
└── given more than a file may hold                         refused before it is unfolded in memory
"""

from __future__ import annotations

import base64
import json
import resource
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from traceability import strict_json
from traceability.errors import MalformedJson
from traceability.strict_json import check_depth, is_exact_number, parse, scan


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a": [1, -2.5, true, false, "x"], "b": {}}', {"a": [1, -2.5, True, False, "x"], "b": {}}),
        (b' \t\r\n"text"\n', "text"),
        ('"\u00fc \\u00fc \\ud83d\\ude00 \U0001f600 \\\\ \\" \\/"'.encode(), 'ü ü 😀 😀 \\ " /'),
        (b'{"a": 1, "A": 2, "\\u0061\\u0301": 3, "\xc3\xa1": 4}', {"a": 1, "A": 2, "a\u0301": 3, "á": 4}),
        (b'{"a": {"a": {"a": 1}}, "b": [{"a": 1}, {"a": 1}]}', {"a": {"a": {"a": 1}}, "b": [{"a": 1}, {"a": 1}]}),
        (b'{"null": "null", "-1e400": "0.10000000000000001"}', {"null": "null", "-1e400": "0.10000000000000001"}),
        (b'["\\\\", "\\\\\\"", "{[:,", "\\u0022"]', ["\\", '\\"', "{[:,", '"']),
        (
            b"[12.50, 1e3, 0.1, -0, -0.0, 0e99999999999999999999, 1E-7, 5e-324]",
            [12.5, 1000.0, 0.1, 0, 0, 0, 1e-7, 5e-324],
        ),
        (b"[9007199254740991, -9007199254740991, 9007199254740991.0]", [2**53 - 1, 1 - 2**53, 2**53 - 1]),
        (b"1." + b"0" * 2_000, 1.0),
        (b"1" + b"0" * 300 + b"e-300", 1.0),
    ],
)
def test_json_that_every_parser_reads_alike_is_taken(data: bytes, value: Any) -> None:
    assert parse(data) == value


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"a": 1, "b": {"c": [{"d": 1, "d": 1}]}}', "the object at /b/c/0 has the member 'd' more than once"),
        (b'{"a": 1, "\\u0061": 2}', "the object at the top has the member 'a' more than once"),
        (b'{"a/b": {"": 1, "": 2}}', "the object at /a~1b has the member '' more than once"),
        (b'{"a": "\\"", "a": "\\\\"}', "the member 'a' more than once"),
        (b'{"a": null}', "null at /a: leave the member out instead"),
        (b"null", "null at the top: leave the member out instead"),
        (b"[1, [null]]", "null at /1/0"),
        (b'"\\ud800"', "surrogate"),
        (b'{"a": "\\udc00\\ud800"}', "surrogate"),
        (b'{"\\ud83d": 1}', "surrogate"),
        (b'"\xed\xa0\x80"', "byte 1 is not UTF-8"),
        (b'{"a": "\xff"}', "byte 7 is not UTF-8"),
        (b'"\xc0\xaf"', "byte 1 is not UTF-8"),
        (b'\xef\xbb\xbf{"a": 1}', "the file begins with a byte order mark"),
        ('{"a": 1}'.encode("utf-16"), "byte 0 is not UTF-8"),
        (b'{"a": 1} {}', "not JSON: unexpected content after document: line 1 column 10"),
        (b'{"a": 1}\x00', "not JSON"),
        (b'{"a": 1,}', "not JSON: trailing comma"),
        (b"", "not JSON"),
        (b"   ", "not JSON"),
        (b"{'a': 1}", "not JSON"),
        (b"[1, 2", "not JSON"),
        (b"]", "not JSON"),
        (b'"a', "not JSON"),
        (b'"a\\', "not JSON"),
        (b'"tab\there"', "not JSON: unexpected control character"),
        (b"[01]", "not JSON"),
        (b"[+1]", "not JSON"),
        (b"[.5]", "not JSON"),
        (b"[1.]", "not JSON"),
        (b"NaN", "not JSON"),
        (b"[-Infinity]", "not JSON"),
        (b"[1e400]", "not JSON: number is infinity"),
        (b"/* no */ 1", "not JSON"),
        (b'{"a": 0.10000000000000001}', "0.10000000000000001 at /a has more digits than a double keeps"),
        (b"[1, 9007199254740992]", "9007199254740992 at /1 is larger than 2^53-1: write it as text"),
        (b"[-9007199254740992]", "-9007199254740992 at /0 is larger than 2^53-1"),
        (b"[18446744073709551616]", "is larger than 2^53-1"),
        (b"[1e16]", "1e16 at /0 is larger than 2^53-1"),
        (b"[9007199254740991.5]", "9007199254740991.5 at /0 "),
        (b"[1e-400]", "1e-400 at /0 has more digits than a double keeps (it would be read as 0.0)"),
        (b"[4.9e-324]", "4.9e-324 at /0"),
        (b"[1e-99999999999999999999]", "1e-99999999999999999999 at /0"),
        (b"[1." + b"0" * 400 + b"1]", "has more digits than a double keeps"),
    ],
)
def test_what_parsers_read_differently_is_refused_by_name(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedJson) as refused:
        parse(data)
    assert reason in refused.value.reason


def test_null_is_taken_at_the_one_place_where_it_is_allowed() -> None:
    anchor = ("records", "*", "anchor")
    data = b'{"records": [{"anchor": null}, {"anchor": {}}, {"anchor": null}]}'
    assert parse(data, null_at=anchor)["records"][2] == {"anchor": None}
    for elsewhere in (
        b'{"records": [{"anchor": null, "event": {"anchor": null}}]}',
        b'{"anchor": null, "records": [{"anchor": null}]}',
        b'{"records": {"anchor": null}}',
        b'{"records": [null]}',
        b'{"records": null}',
        b"null",
    ):
        with pytest.raises(MalformedJson, match="null"):
            parse(elsewhere, null_at=anchor)


# ---- against the standard library's parser, which is slow but has hooks ----

# Pieces that make a file of many kinds of fault, put together at random.
SCRAPS = st.lists(
    st.sampled_from(
        [
            *('"a"', '"\\u0061"', '"\\""', '"\\\\"', '"b"', '"n\\u0075ll"', '"\\ud800"', '"x,0.5e1:[{"', '"é"', '"'),
            *("{", "}", "[", "]", ",", ":", ",", ":", " ", "\n", "\\"),
            *("1", "0", "-0", "0.10", "1e2", "1E+2", "12.500", "0.30000000000000004", "0.1000000000000000055"),
            *("9007199254740991", "9007199254740992", "1e300", "1e-320", "2.5e-324", "123456789012345.6", "1.5e15"),
            *("true", "false", "null", "NaN", "nul"),
            *('{"a":1}', '{"a":1,"a":2}', '{"a":[],"b":{}}', '["x",{}]', '"a":1', '"a":1,"b":', '{"\\u0061":1,"a":1}'),
        ]
    ),
    max_size=12,
).map("".join)


def reference(text: str) -> Any:
    """What the standard library reads, with every rule of section 2 checked the slow way. Raises ValueError."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) < len(pairs):
            raise ValueError("a member twice")
        return dict(pairs)

    def number(spelling: str) -> float:
        if not is_shortest(spelling):
            raise ValueError("no exact number")
        return float(spelling)

    def literal(word: str) -> Any:
        raise ValueError(word)

    value = json.loads(text, object_pairs_hook=members, parse_int=number, parse_float=number, parse_constant=literal)
    json.dumps(value, ensure_ascii=False).encode()
    if has_null(value):
        raise ValueError("null")
    return value


def is_shortest(spelling: str) -> bool:
    """By fractions: Python's repr is the shortest spelling of a double, and a Fraction keeps every digit."""
    value = float(spelling)
    if value == 0:
        return not set(spelling.lower().partition("e")[0]) & set("123456789")
    return abs(value) <= 2**53 - 1 and Fraction(repr(value)) == Fraction(spelling)


def has_null(value: Any) -> bool:
    if isinstance(value, (dict, list)):
        return any(has_null(item) for item in (value.values() if isinstance(value, dict) else value))
    return value is None


@settings(max_examples=2_000, deadline=None)
@given(SCRAPS | SCRAPS.map(lambda text: f"[{text}]") | SCRAPS.map(lambda text: f'{{"a": {text}}}'))
def test_exactly_what_a_slow_parser_with_hooks_takes_is_taken(text: str) -> None:
    try:
        expected = reference(text)
    except ValueError:
        with pytest.raises(MalformedJson):
            parse(text.encode())
    else:
        assert parse(text.encode()) == expected


@settings(max_examples=2_000, deadline=None)
@given(
    st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,22})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
    | st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.integers(-(2**60), 2**60).map(str)
    | st.decimals(-(10**9), 10**9, allow_nan=False, places=9).map(lambda number: format(number, "f"))
)
def test_a_number_is_exact_if_and_only_if_its_value_is_that_of_the_shortest_spelling(text: str) -> None:
    assert is_exact_number(text) is is_shortest(text)
    if is_shortest(text):
        assert parse(text.encode()) == float(text)
    else:
        with pytest.raises(MalformedJson):
            parse(text.encode())


# ---- limits ----


def test_values_are_counted_and_member_names_are_not() -> None:
    data = b'{"a": [], "b": [1, "x,[{", {}], "c": [true, false, 0.5, [ ], { }, [""], ""]}'
    count = 15
    assert parse(data, values_max=count) == json.loads(data)
    with pytest.raises(MalformedJson, match=f"the file holds {count} JSON values, at most {count - 1} are taken"):
        parse(data, values_max=count - 1)


JSON_VALUES = st.recursive(
    st.text(max_size=5) | st.integers(-9, 9) | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


def count_of(value: Any) -> int:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(count_of(item) for item in items)


def depth_of(value: Any) -> int:
    if not isinstance(value, (dict, list)):
        return 0
    return 1 + max((depth_of(item) for item in (value.values() if isinstance(value, dict) else value)), default=0)


@settings(max_examples=500, deadline=None)
@given(JSON_VALUES, st.sampled_from([None, 1]), st.booleans())
def test_count_and_depth_are_those_of_the_parsed_value(value: Any, indent: int | None, is_ascii: bool) -> None:
    data = json.dumps(value, indent=indent, ensure_ascii=is_ascii).encode()
    parsed = scan(data, values_max=count_of(value))
    assert parsed == (value, depth_of(value))
    with pytest.raises(MalformedJson, match="JSON values"):
        scan(data, values_max=count_of(value) - 1)


@settings(max_examples=300, deadline=None)
@given(JSON_VALUES, st.integers(1, 9))
def test_a_file_is_read_alike_in_chunks_of_any_size(value: Any, chunk_bytes: int) -> None:
    data = json.dumps(value).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strict_json, "_CHUNK_BYTES", chunk_bytes)
        assert scan(data, values_max=count_of(value)) == (value, depth_of(value))


def test_a_file_that_is_too_long_is_not_looked_at() -> None:
    with pytest.raises(MalformedJson, match="the file has 11 bytes, at most 10 are taken"):
        parse(b"not JSON...", bytes_max=10)


def test_depth_counts_the_outermost_as_level_one() -> None:
    assert scan(b"1").depth == 0
    assert scan(b"[]").depth == 1
    assert scan(b'[{"a": [1]}, []]').depth == 3
    deepest = strict_json.FILE_DEPTH_MAX
    assert scan(b"[" * deepest + b"]" * deepest).depth == deepest
    with pytest.raises(MalformedJson, match=f"nested more than {deepest} levels"):
        scan(b"[" * (deepest + 1) + b"]" * (deepest + 1))


def test_an_event_of_64_levels_is_taken_and_one_of_65_is_not() -> None:
    def nested(levels: int) -> Any:
        return {"a": nested(levels - 1)} if levels % 2 else [nested(levels - 1)] if levels else "leaf"

    check_depth(nested(64), "event")
    check_depth("leaf", "event")
    with pytest.raises(MalformedJson, match="event is nested more than 64 levels deep"):
        check_depth(nested(65), "event")


TEN_MB = 10_000_000
HOSTILE = {
    "opening brackets": b"[" * TEN_MB,
    "deep nesting": b"[" * (TEN_MB // 2) + b"]" * (TEN_MB // 2),
    "empty lists": b"[" + b"[]," * (TEN_MB // 3) + b"[]]",
    "texts": b"[" + b'"aa",' * (TEN_MB // 5) + b'""]',
    "quotes": b'"' * TEN_MB,
    "backslashes in nothing": b"\\" * TEN_MB,
    "zeros": b"[" + b"0," * (TEN_MB // 2) + b"0]",
    "one long number": b"1" * TEN_MB,
    "one text cut short": b'"' + b"a" * TEN_MB,
    "a member many times": b"{" + b'"a":0,' * 900_000 + b'"a":0}',
    "a saw": b"[" + (b"[" * 150 + b"]" * 150 + b",") * 2_000 + b"0.10000000000000001]",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_within_its_memory(name: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(MalformedJson):
        parse(HOSTILE[name])
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 256 * 1024


def test_every_golden_bundle_that_is_not_malformed_is_taken(vectors: Path) -> None:
    golden = json.loads((vectors / "proof-golden.json").read_bytes())
    good = [case for case in golden["cases"] if case["offline"]["code"] != "malformed"]
    assert len(good) > 20
    for case in good:
        if "base64" in case:
            data = base64.b64decode(case["base64"])
        else:
            data = case["text"].encode() if "text" in case else json.dumps(case["bundle"]).encode()
        assert parse(data, null_at=("records", "*", "anchor"))["format"] == "tallystick-proof/1"
