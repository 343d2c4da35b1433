"""JSON that parsers read differently, each with the words by which it is refused (docs/proof-format.md, section 2).

Browsers keep the last of two members, others the first; some take NaN or a byte order mark; numbers are doubles here,
integers there and decimals elsewhere; a lone surrogate is U+FFFD, an error or itself. What two readers can read in two
ways is read by none of ours, at no door.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

SPOT = "\N{BLACK SQUARE}"
"""Stands in a file, as a text, where one of `VALUES` is put instead."""


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """What is done to a file that is good, and what the refusal says."""

    name: str
    done_to: Callable[[bytes], bytes]
    says: str


def put(raw: bytes) -> Callable[[bytes], bytes]:
    """The file with these bytes in the one spot."""
    return lambda file: file.replace(f'"{SPOT}"'.encode(), raw, 1)


def _ascii(file: bytes) -> str:
    """With no byte above 127, which could not be UTF-8."""
    return file.decode().replace(SPOT, "x")


def _with_first_member_twice(file: bytes) -> bytes:
    name = next(iter(json.loads(file)))
    return file.replace(b"{", f'{{"{name}":1,'.encode(), 1)


def _nested(opening: bytes, closing: bytes, levels: int) -> bytes:
    return opening * levels + b"1" + closing * levels


_TWICE, _LARGE, _FINE = "more than once", "is larger than 2^53-1: write it as text", "more digits than a double keeps"
_SURROGATE, _UTF_8, _DEEP, _NOT_JSON = "surrogate", "is not UTF-8", "nested more than 128 levels deep", "not JSON"

VALUES: tuple[tuple[str, bytes, str], ...] = (
    ("NaN", b"NaN", _NOT_JSON),
    ("Infinity", b"Infinity", _NOT_JSON),
    ("-Infinity", b"-Infinity", _NOT_JSON),
    ("a number that overflows to infinity", b"1e400", "number is infinity"),
    ("an integer of 400 digits", b"1" * 400, "number is infinity"),
    ("2^53", b"9007199254740992", _LARGE),
    ("2^53 + 1, which a double rounds", b"9007199254740993", _LARGE),
    ("-2^53", b"-9007199254740992", _LARGE),
    ("2^64", b"18446744073709551616", _LARGE),
    ("2^53 spelled as a fraction", b"9007199254740992.0", _LARGE),
    ("2^53 spelled with an exponent", b"9007199254740.992e3", _LARGE),
    ("a fraction finer than a double", b"0.10000000000000001", _FINE),
    ("a number that underflows to zero", b"1e-400", _FINE),
    ("a denormal that is rounded", b"4e-324", _FINE),
    ("a member twice", b'{"a":1,"a":2}', _TWICE),
    ("a member twice with one value", b'{"a":1,"a":1}', _TWICE),
    ("a member twice, once escaped", b'{"a":1,"\\u0061":2}', _TWICE),
    ("a member twice, both escaped", b'{"\\u00e9":1,"\\u00E9":2}', _TWICE),
    ("a member twice as a surrogate pair and as it is", '{"\U0001f33f":1,"\\ud83c\\udf3f":2}'.encode(), _TWICE),
    ("a member twice, deep down", b'[{"a":[{"b":{"":0,"":1}}]}]', _TWICE),
    ("__proto__ twice", b'{"__proto__":{},"__proto__":{}}', _TWICE),
    ("a lone high surrogate", rb'"\ud800"', _SURROGATE),
    ("a lone low surrogate", rb'"\udfff"', _SURROGATE),
    ("a surrogate pair the wrong way round", rb'"\udc00\ud800"', _SURROGATE),
    ("a high surrogate before a letter", rb'"\ud83cx"', _SURROGATE),
    ("a lone surrogate in a name", rb'{"\ud83c":1}', _SURROGATE),
    ("surrogates in UTF-8: CESU-8", b'"\xed\xa0\xbc\xed\xbc\xbf"', _UTF_8),
    ("overlong UTF-8 of a slash", b'"\xc0\xaf"', _UTF_8),
    ("overlong UTF-8 of NUL: Java's", b'"\xc0\x80"', _UTF_8),
    ("UTF-8 beyond U+10FFFF", b'"\xf4\x90\x80\x80"', _UTF_8),
    ("Latin-1", b'"caf\xe9"', _UTF_8),
    ("UTF-8 cut off", b'"\xe2\x82"', _UTF_8),
    ("10,000 lists in each other", _nested(b"[", b"]", 10_000), _DEEP),
    ("10,000 objects in each other", _nested(b'{"a":', b"}", 10_000), _DEEP),
    ("10,000 lists that never end", b"[" * 10_000, _DEEP),
    ("1,000,000 lists in each other", _nested(b"[", b"]", 999_000), _DEEP),
    ("null", b"null", "null at"),
    ("null in a list", b"[1,null]", "null at"),
    ("undefined", b"undefined", _NOT_JSON),
    ("True", b"True", _NOT_JSON),
    ("a number with a leading zero: octal", b"012", _NOT_JSON),
    ("a number with a plus", b"+1", _NOT_JSON),
    ("a number without whole part", b".5", _NOT_JSON),
    ("a number without fraction", b"5.", _NOT_JSON),
    ("a hexadecimal number", b"0x1F", _NOT_JSON),
    ("a number with underscores", b"1_000", _NOT_JSON),
    ("full-width digits", "\uff11\uff12".encode(), _NOT_JSON),
    ("single quotes", b"'a'", _NOT_JSON),
    ("a name without quotes", b"{a:1}", _NOT_JSON),
    ("a comma too many in a list", b"[1,]", _NOT_JSON),
    ("a comma too many in an object", b'{"a":1,}', _NOT_JSON),
    ("a comment", b"/* 1 */ 2", _NOT_JSON),
    ("a line feed in a text", b'"a\nb"', _NOT_JSON),
    ("NUL in a text", b'"a\x00b"', _NOT_JSON),
    ("an escape of JavaScript's", rb'"\x41"', _NOT_JSON),
    ("an escaped line end", b'"a\\\nb"', _NOT_JSON),
    ("an escape of three digits", rb'"\u041"', _NOT_JSON),
    ("a no-break space around a value", "\u00a01".encode(), _NOT_JSON),
)  # fmt: skip

FILES: tuple[Ambiguous, ...] = (
    *(Ambiguous(name, put(raw), says) for name, raw, says in VALUES),
    Ambiguous("a byte order mark", lambda file: b"\xef\xbb\xbf" + file, "byte order mark"),
    Ambiguous("UTF-16", lambda file: file.decode().encode("utf-16"), _UTF_8),
    Ambiguous("UTF-16 without a mark", lambda file: _ascii(file).encode("utf-16-le"), _NOT_JSON),
    Ambiguous("UTF-32", lambda file: _ascii(file).encode("utf-32-be"), _NOT_JSON),
    Ambiguous("a second value", lambda file: file + b" {}", _NOT_JSON),
    Ambiguous("NUL at the end", lambda file: file + b"\x00", _NOT_JSON),
    Ambiguous("a bracket too many", lambda file: file + b"}", _NOT_JSON),
    Ambiguous("the last bracket missing", lambda file: file[:-1], _NOT_JSON),
    Ambiguous("a form feed before it", lambda file: b"\x0c" + file, _NOT_JSON),
    Ambiguous("a guard against script inclusion", lambda file: b")]}'\n" + file, _NOT_JSON),
    Ambiguous("a record separator: RFC 7464", lambda file: b"\x1e" + file, _NOT_JSON),
    Ambiguous("the first member twice", _with_first_member_twice, _TWICE),
    Ambiguous("nothing", lambda file: b"", _NOT_JSON),
    Ambiguous("white space alone", lambda file: b" \n ", _NOT_JSON),
)
