"""Canonical JSON (RFC 8785), and the content hash that binds every character a reader sees.

docs/proof-format.md, section 1. orjson writes; what it may have written otherwise than RFC 8785 is written again by
hand, value by value, without a copy of it: a hostile event is all of it such values.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256
from io import StringIO
from json.encoder import encode_basestring
from typing import Any

import orjson
import rfc8785

_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER

# What sorted orjson writes in another way than RFC 8785, looked for in all that was written: a text that only looks
# like it costs time, not correctness. Four searches, because one with alternatives takes three times as long; each
# begins with a letter of its own, for which the engine jumps ahead.
_WHOLE_FLOAT = re.compile(rb"\.0[,\]}]")  # 26.0 is 26
_EXPONENT = re.compile(rb"e[+-][0-9]+[,\]}]")  # 1e-6 is 0.000001, 1e+16 is 10000000000000000
_NULL = re.compile(rb"null")  # orjson's word for NaN and infinity
_BEYOND_BMP = re.compile(rb"[\xf0-\xf4]")  # names are sorted by UTF-16 units, not by code points (RFC 8785, 3.2.3)

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
    is_unsure = (
        _WHOLE_FLOAT.search(written)
        or _EXPONENT.search(written)
        or _NULL.search(written)
        or (not written.isascii() and _BEYOND_BMP.search(written))
    )
    return _by_hand(value) if is_unsure else written


def content_hash(context: list[Any], event: dict[str, Any]) -> bytes:
    """SHA-256 (32 bytes) over the canonical JSON of `{"context": context, "event": event}`."""
    return content_hash_of(canonical_json(context), canonical_json(event))


def content_hash_of(context_json: bytes, event_json: bytes) -> bytes:
    """The content hash of a context and an event that are in canonical JSON already; nothing is checked."""
    return sha256(b'{"context":' + context_json + b',"event":' + event_json + b"}").digest()


def _by_hand(value: Any) -> bytes:
    """As `canonical_json`, for what orjson can write: no integer is too large, no text holds half a surrogate pair."""
    sink = StringIO()
    _write(value, sink.write)
    return sink.getvalue().encode()


def _write(value: Any, write: Callable[[str], object]) -> None:
    if isinstance(value, dict):
        lead = "{"
        for name in sorted(value, key=_units):
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


def _units(name: str) -> bytes:
    return name.encode("utf-16-be")


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


_SPELLINGS: dict[type, Callable[[Any], str]] = {
    str: encode_basestring,
    float: _number,
    int: str,
    bool: {True: "true", False: "false"}.__getitem__,
    type(None): lambda _: "null",
}
