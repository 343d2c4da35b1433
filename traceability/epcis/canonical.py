"""Canonical JSON (RFC 8785), and the content hash that binds every character a reader sees.

docs/proof-format.md, section 1. orjson writes; its few numbers that RFC 8785 spells otherwise are spelled again in what
it wrote, at C speed: a hostile event is all of it such numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from io import StringIO
from json.encoder import encode_basestring
from operator import methodcaller
from typing import Any

import orjson
import rfc8785

_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER

# What sorted orjson writes in another way than RFC 8785, looked for in all that was written: a text that only looks
# like it costs time, not correctness. Three searches, because one with alternatives takes three times as long; each
# begins with a letter of its own, for which the engine jumps ahead.
_WHOLE_FLOAT = re.compile(rb"\.0[,\]}]")  # 26.0 is 26
_EXPONENT = re.compile(rb"-?[0-9](?:\.[0-9]+)?e(?:-6|\+[12][0-9])(?=[,\]}])")  # 1e-6 is 0.000001, 1e+16 has 17 digits
_MAYBE_EXPONENT = re.compile(rb"e(?:-6|\+[12][0-9])[,\]}]")
_MINUS_ZERO = re.compile(rb"-0(?=[,\]}])")
_NULL = re.compile(rb"null")  # orjson's word for NaN and infinity
# Names are sorted by UTF-16 units, not by code points (RFC 8785, 3.2.3). That differs where one beyond U+FFFF meets
# one from U+E000 on.
_BEYOND_BMP, _HIGH_IN_BMP = re.compile(rb"[\xf0-\xf4]"), re.compile(rb"[\xee\xef]")

# JSON holds no control characters: two of them stand for escapes while quotes are counted.
_BACKSLASH, _QUOTE = b"\x00", b"\x01"
_CHUNK_BYTES = 1 << 20
# The powers of ten for which ECMAScript writes a number without exponent.
_POWER_MIN, _POWER_MAX = -6, 21


def canonical_json(value: Any) -> bytes:
    """The one spelling of a JSON value. Raises ValueError for what JSON can't hold: NaN, integers beyond 2^53-1."""
    if not isinstance(value, (dict, list)):
        return rfc8785.dumps(value)
    try:
        written = orjson.dumps(value, option=_OPTIONS)
    except orjson.JSONEncodeError:
        return rfc8785.dumps(value)
    if not written.isascii() and _BEYOND_BMP.search(written) and _HIGH_IN_BMP.search(written):
        return _sorted_by_units(value)
    if _WHOLE_FLOAT.search(written) or _MAYBE_EXPONENT.search(written) or _NULL.search(written):
        respelled = _respelled(written)
        return rfc8785.dumps(value) if respelled is None else respelled
    return written


def content_hash(context: list[Any], event: dict[str, Any]) -> bytes:
    """SHA-256 (32 bytes) over the canonical JSON of `{"context": context, "event": event}`."""
    return content_hash_of(canonical_json(context), canonical_json(event))


def content_hash_of(context_json: bytes, event_json: bytes) -> bytes:
    """The content hash of a context and an event that are in canonical JSON already; nothing is checked."""
    return sha256(b'{"context":' + context_json + b',"event":' + event_json + b"}").digest()


# -------------------------------------------------------------------------------------- numbers, in what was written


def _respelled(written: bytes) -> bytes | None:
    """What orjson wrote, with every number as ECMAScript writes it. None where a null stands outside of texts."""
    has_escapes = b"\\" in written
    if has_escapes:
        written = written.replace(rb"\\", _BACKSLASH).replace(rb"\"", _QUOTE)
    pieces = []
    is_in_text = False
    for chunk in _chunks(written):
        parts = chunk.split(b'"')
        outside = b'"'.join(parts[is_in_text::2])
        if b"null" in outside:
            return None
        if parts[is_in_text::2]:
            parts[is_in_text::2] = _numbers_respelled(outside).split(b'"')
        is_in_text ^= len(parts) % 2 == 0
        pieces.append(b'"'.join(parts))
    whole = b"".join(pieces)
    return whole.replace(_QUOTE, rb"\"").replace(_BACKSLASH, rb"\\") if has_escapes else whole


def _numbers_respelled(outside: bytes) -> bytes:
    if _MAYBE_EXPONENT.search(outside):
        outside = _EXPONENT.sub(_without_exponent, outside)
    outside = outside.replace(b".0,", b",").replace(b".0]", b"]").replace(b".0}", b"}")
    return _MINUS_ZERO.sub(b"0", outside) if b"-0" in outside else outside


def _chunks(written: bytes) -> Iterator[bytes]:
    """The bytes in pieces that end behind a comma, so that no number is cut: a split takes many times its input."""
    start = 0
    while start < len(written):
        end = written.find(b",", start + _CHUNK_BYTES) + 1 or len(written)
        yield written[start:end]
        start = end


def _without_exponent(number: re.Match[bytes]) -> bytes:
    return _number(float(number[0])).encode()


def _number(value: float) -> str:
    """A double as ECMAScript writes it (ECMA-262, Number::toString): Python's repr has the same digits."""
    text = repr(value)
    mantissa, has_exponent, exponent = text.partition("e")
    if not has_exponent:
        if mantissa[-2:] == ".0":
            return mantissa[:-2] if value else "0"
        return text if mantissa[-1].isdigit() else rfc8785.dumps(value).decode()  # refuses NaN and infinity
    power = int(exponent)
    if not _POWER_MIN <= power < _POWER_MAX:
        return f"{mantissa}e{exponent[0]}{exponent[1:].lstrip('0')}"
    sign = "-" if value < 0 else ""
    digits = mantissa.lstrip("-").replace(".", "")
    return f"{sign}{digits.ljust(power + 1, '0')}" if power > 0 else f"{sign}0.{'0' * (-power - 1)}{digits}"


# ---------------------------------------------------------------------------------------------- names, value by value


def _sorted_by_units(value: Any) -> bytes:
    """The spelling of what orjson can write: no integer is too large, no text holds half of a surrogate pair."""
    sink = StringIO()
    _write(value, sink.write)
    return sink.getvalue().encode()


def _write(value: Any, write: Callable[[str], object]) -> None:
    if isinstance(value, dict):
        lead = "{"
        for name in sorted(value, key=_units) if len(value) > 1 else value:
            write(f"{lead}{encode_basestring(name)}:")
            item = value[name]
            spell = _SPELLINGS.get(type(item))
            write(spell(item)) if spell else _write(item, write)
            lead = ","
        write("}" if value else "{}")
    else:
        lead = "["
        for item in value:
            write(lead)
            spell = _SPELLINGS.get(type(item))
            write(spell(item)) if spell else _write(item, write)
            lead = ","
        write("]" if value else "[]")


_units = methodcaller("encode", "utf-16-be")
_SPELLINGS: dict[type, Callable[[Any], str]] = {
    str: encode_basestring,
    float: _number,
    int: str,
    bool: {True: "true", False: "false"}.__getitem__,
    type(None): lambda _: "null",
}
