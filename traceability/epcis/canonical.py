"""Canonical JSON (RFC 8785), and the content hash that binds every character a reader sees.

docs/proof-format.md, section 1.
"""

from __future__ import annotations

import re
from hashlib import sha256
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


def canonical_json(value: Any) -> bytes:
    """The one spelling of a JSON value. Raises ValueError for what JSON can't hold: NaN, integers beyond 2^53-1."""
    if not isinstance(value, (dict, list)):
        return rfc8785.dumps(value)
    try:
        written = orjson.dumps(value, option=_OPTIONS)
        if _WHOLE_FLOAT.search(written):
            written = orjson.dumps(_with_integers(value), option=_OPTIONS)
    except orjson.JSONEncodeError:
        return rfc8785.dumps(value)
    is_unsure = (
        _EXPONENT.search(written) or _NULL.search(written) or (not written.isascii() and _BEYOND_BMP.search(written))
    )
    return rfc8785.dumps(value) if is_unsure else written


def content_hash(context: list[Any], event: dict[str, Any]) -> bytes:
    """SHA-256 (32 bytes) over the canonical JSON of `{"context": context, "event": event}`."""
    return content_hash_of(canonical_json(context), canonical_json(event))


def content_hash_of(context_json: bytes, event_json: bytes) -> bytes:
    """The content hash of a context and an event that are in canonical JSON already; nothing is checked."""
    return sha256(b'{"context":' + context_json + b',"event":' + event_json + b"}").digest()


def _with_integers(value: Any) -> Any:
    """The same value with every float that is whole as an integer."""
    if isinstance(value, dict):
        return {name: _with_integers(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_integers(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
