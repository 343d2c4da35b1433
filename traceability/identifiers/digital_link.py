"""GS1 Digital Link URIs: GS1 Digital Link: URI Syntax 1.2, section 4.

Any domain and any path before the key; the short names of older versions; query, fragment and one trailing slash are
no part of the identity. Compressed links are not read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from traceability.errors import InvalidIdentifier
from traceability.identifiers.characters import DIGITS, decoded, link_escaped, shown
from traceability.identifiers.check_digits import check_digit
from traceability.identifiers.schemes import GTIN_LENGTHS, KEYS, QUALIFIERS, ROOT, SHORT_NAMES, Field, Key

_WEB_ADDRESS: Final = re.compile(r"[Hh][Tt][Tt][Pp][Ss]?://[^/?#]+/([^?#]*)")
# The finest level of identification names the thing; a variant is an attribute of its kind.
_FINEST_FIRST: Final = ("21", "10", "235", "254", "8011")
_SEGMENTS_MAX: Final = 2 + 2 * max(len(path) for form in KEYS.values() for path in form.paths)
"""The name and the value of a key and of its qualifiers: nothing before them is looked at, however long the path is."""


def read_digital_link(text: str) -> Key:
    """The key that a Digital Link names, at its finest level. Raises InvalidIdentifier."""
    found = find_key(text)
    if isinstance(found, str):
        raise InvalidIdentifier(text, found)
    return found


def find_key(text: str) -> Key | str:
    """As `read_digital_link`, with the reason where there is no key: of most web addresses nobody asks for it."""
    match = _WEB_ADDRESS.match(text)
    if match is None:
        return "it is neither an EPC URN nor a web address"
    # One for a trailing slash; what stands before is left in one piece.
    segments = match[1].rsplit("/", _SEGMENTS_MAX + 1)
    if not segments[-1]:
        segments.pop()
    reason = "no GS1 key is in the address"
    # The first key whose value and qualifiers fill the path to its end: what stands before is the site's own.
    for index in range(max(0, len(segments) - _SEGMENTS_MAX), len(segments) - 1):
        ai = SHORT_NAMES.get(segments[index], segments[index])
        if ai in KEYS:
            try:
                return _key(ai, segments[index + 1 :])
            except ValueError as wrong:
                reason = str(wrong)
    return reason


def write_digital_link(key: Key) -> str:
    """The canonical Digital Link: id.gs1.org, numbers as identifiers, the finest level only."""
    address = f"{ROOT}{key.ai}/{key.digits}{link_escaped(key.rest)}"
    return f"{address}/{key.qualifier_ai}/{link_escaped(key.qualifier)}" if key.qualifier_ai else address


def _key(ai: str, segments: Sequence[str]) -> Key:
    """Raises ValueError with the reason."""
    digits, rest = _value(ai, _decoded(segments[0]))
    if len(segments) == 1:
        return Key(ai, digits, rest)
    names = [SHORT_NAMES.get(name, name) for name in segments[1::2]]
    values = segments[2::2]
    if len(names) != len(values):
        raise ValueError("the path ends in a name without a value")
    if not any(names == [name for name in path if name in names] for path in KEYS[ai].paths):
        raise ValueError(f"the {KEYS[ai].key} is not followed by {shown('/'.join(names))}")
    found = {name: _checked(QUALIFIERS[name], _decoded(value)) for name, value in zip(names, values, strict=True)}
    if found.get("254") == "0":
        # TDS 2.0, 6.3.3: the extension 0 says that there is none.
        del found["254"]
    for name in _FINEST_FIRST:
        if name in found:
            return Key(ai, digits, rest, name, found[name])
    return Key(ai, digits, rest)


# One item's number comes with thousands of serials. Refusals are not remembered: lru_cache keeps no exceptions.
@lru_cache(maxsize=16_384)
def _value(ai: str, value: str) -> tuple[str, str]:
    """The number with its check digit, and what follows it in the same value. Raises ValueError with the reason."""
    form = KEYS[ai]
    if not form.digits:
        # GS1's own syntax check: the part of a company prefix that every key has is four digits.
        if not DIGITS.fullmatch(value[:4]) or len(value) < 5:
            raise ValueError(f"the {form.key} begins with a company prefix, {shown(value)} does not")
        return "", _checked(form.rest, value)
    digits, rest = value[: form.digits], value[form.digits :]
    if ai == "01" and len(value) in GTIN_LENGTHS:
        digits = value.rjust(14, "0")
    if len(digits) != form.digits or not DIGITS.fullmatch(digits):
        lengths = "8, 12, 13 or 14" if ai == "01" else form.digits
        raise ValueError(f"the {form.key} has {lengths} digits, not {shown(value)}")
    if digits[-1] != (right := check_digit(digits[:-1])):
        raise ValueError(f"the check digit of {form.key} {digits} is wrong: it should be {right}")
    if form.rest_needed and len(rest) != 4:
        raise ValueError("piece and total have two digits each")
    return digits, _checked(form.rest, rest) if rest else ""


def _checked(field: Field | None, value: str) -> str:
    if field is None:
        raise ValueError(f"{shown(value)} is too much after the number")
    if not field.characters.fullmatch(value):
        raise ValueError(f"{shown(value)} is no {field.name}: a character is not allowed, or there is none")
    if len(value) > field.length_max:
        raise ValueError(f"the {field.name} has at most {field.length_max} characters")
    return value


def _decoded(segment: str) -> str:
    value = decoded(segment)
    if value is None:
        raise ValueError(f"a % escapes nothing in {shown(segment)}")
    return value
