"""JSON as docs/proof-format.md, section 2, takes it: a file that every parser in every language reads alike.

orjson parses; it refuses what is no JSON, bad UTF-8 and lone surrogates, but takes a member twice, rounds numbers and
has no limit on what a file may hold. Those rules are checked around it with operations that run at C speed over the
whole file: first on the file's structure (the bytes outside its texts), so that a hostile file is refused before it is
unfolded in memory, then by writing the parsed value again and comparing the number of texts. Only a file that is
refused is looked at more closely, to say where it is wrong.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple, NoReturn

import orjson

from traceability.errors import MalformedJson

BYTES_MAX = 32 * 1024 * 1024
VALUES_MAX = 1_000_000
NUMBER_MAX = 2**53 - 1
EVENT_DEPTH_MAX = 64
# For what surrounds `context` and `event`; the writers and readers that we use stop at 254.
FILE_DEPTH_MAX = 128

# Decimal numbers of so many digits survive a double and are its shortest spelling (IEEE 754), down to the smallest
# double that has all its bits.
_DIGITS_ALWAYS_KEPT = 15
_NORMAL_MIN = sys.float_info.min
# Of the structure with spaces left out and every digit or point as 0: only where one of the two occurs is a number
# that needs arithmetic.
_DIGITS_ALIKE = bytes.maketrans(b"123456789.E", b"0000000000e")
_LONG_NUMBER, _EXPONENT = b"0" * (_DIGITS_ALWAYS_KEPT + 1), b"0e"
_WHITESPACE = b" \t\r\n"
_NUMBER = re.compile(rb"-?[0-9][0-9.eE+-]*")
_BRACKETS_ALIKE = bytes.maketrans(b"{}", b"[]")
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_TOO_DEEP = b"[" * (FILE_DEPTH_MAX + 1)
_CHUNK_BYTES = 1 << 20
_SHOWN_MAX = 80


class Parsed(NamedTuple):
    """A parsed file: its value, and how deep it is nested (0 for a lone text, number or literal)."""

    value: Any
    depth: int


def parse(
    data: bytes, *, bytes_max: int = BYTES_MAX, values_max: int = VALUES_MAX, null_at: tuple[str, ...] = ()
) -> Any:
    """The JSON value of a whole file. Raises MalformedJson with the rule that is broken and where.

    `null_at` names the one place where null may stand, as a path of member names and `*` for each item of a list:
    `("records", "*", "anchor")`. Without it null is nowhere allowed.
    """
    return scan(data, bytes_max=bytes_max, values_max=values_max, null_at=null_at).value


def scan(
    data: bytes, *, bytes_max: int = BYTES_MAX, values_max: int = VALUES_MAX, null_at: tuple[str, ...] = ()
) -> Parsed:
    """As `parse`, with the depth of the whole file beside the value."""
    if len(data) > bytes_max:
        raise MalformedJson(f"the file has {len(data):,} bytes, at most {bytes_max:,} are taken")
    unescaped = _without_escapes(data)
    quotes = unescaped.count(b'"')
    structure = _structure(unescaped)
    del unescaped  # a hostile file's memory is the limit here
    dense = structure.translate(_DIGITS_ALIKE, _WHITESPACE)
    _check_count(dense, values_max)
    depth = _depth(dense)
    nulls = dense.count(b"null")
    if _LONG_NUMBER not in dense and _EXPONENT not in dense:
        structure = b""
    del dense
    value = _load(data)
    if quotes != _without_escapes(orjson.dumps(value)).count(b'"'):
        del value  # the file is read again, and there is room for one of them
        _refuse_repeated_member(data)
    if structure:
        _check_numbers(data, structure)
    if nulls != sum(item is None for item in _at(value, null_at)):
        _refuse_null(value, null_at)
    return Parsed(value, depth)


def check_depth(value: Any, name: str, depth_max: int = EVENT_DEPTH_MAX) -> None:
    """Raises MalformedJson where `value` (level 1) holds an object or list below level `depth_max`."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(depth_max):
        level = [item for outer in level for item in _items(outer) if isinstance(item, (dict, list))]
        if not level:
            return
    raise MalformedJson(f"{name} is nested more than {depth_max} levels deep")


def is_exact_number(text: str) -> bool:
    """True where a JSON number's spelling is exactly its double's shortest one in value, and at most 2^53-1 in size."""
    number = float(text)
    if not -NUMBER_MAX <= number <= NUMBER_MAX:
        return False
    # By hand: a hostile file has a million numbers, and a regular expression takes three times as long.
    mantissa = text.lower().partition("e")[0]
    digits = mantissa.replace(".", "").strip("-0")
    if len(digits) <= _DIGITS_ALWAYS_KEPT and (not -_NORMAL_MIN < number < _NORMAL_MIN or not digits):
        return True
    # Too small for a double; such an exponent may be beyond what Decimal takes, too.
    return number != 0 and Decimal(repr(number)) == Decimal(text)


def _without_escapes(data: bytes) -> bytes:
    """The file without its two-character escapes for backslash and quote: every quote left begins or ends a text."""
    return data.replace(rb"\\", b"").replace(rb"\"", b"") if b"\\" in data else data


def _structure(unescaped: bytes) -> bytes:
    """What stands outside of texts, with one quote for each text. In chunks: a split takes many times its input."""
    if len(unescaped) <= _CHUNK_BYTES:
        return b'"'.join(unescaped.split(b'"')[::2])
    pieces = []
    is_in_text = False
    for start in range(0, len(unescaped), _CHUNK_BYTES):
        parts = unescaped[start : start + _CHUNK_BYTES].split(b'"')
        outside = parts[is_in_text::2]
        is_in_text ^= len(parts) % 2 == 0
        pieces.append(b'"'.join(outside) + (b'"' if is_in_text and outside else b""))
    return b"".join(pieces)


def _check_count(dense: bytes, values_max: int) -> None:
    """Raises MalformedJson where there are more values than allowed: objects, lists, texts, numbers, true and false.

    A list or object of n > 0 items has n-1 commas, so values = 1 + commas + lists and objects that are not empty.
    """
    most = 1 + dense.count(b",") + dense.count(b"[") + dense.count(b"{")
    if most <= values_max:
        return
    count = most - dense.count(b"[]") - dense.count(b"{}") - dense.count(b"null")
    if count > values_max:
        raise MalformedJson(f"the file holds {count:,} JSON values, at most {values_max:,} are taken")


def _depth(dense: bytes) -> int:
    """How deep lists and objects are nested: as often as innermost pairs can be taken away.

    Raises MalformedJson beyond FILE_DEPTH_MAX. Where brackets don't match the number means nothing: the parser says so.
    """
    brackets = dense.translate(_BRACKETS_ALIKE, _ALL_BUT_BRACKETS)
    if _TOO_DEEP in brackets:
        raise MalformedJson(f"lists and objects are nested more than {FILE_DEPTH_MAX} levels deep")
    depth = 0
    while brackets:
        fewer = brackets.replace(b"[]", b"")
        if len(fewer) == len(brackets):
            break
        brackets, depth = fewer, depth + 1
        if depth > FILE_DEPTH_MAX:
            raise MalformedJson(f"lists and objects are nested more than {FILE_DEPTH_MAX} levels deep")
    return depth


def _load(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        reason = str(error)
    if data.startswith(b"\xef\xbb\xbf"):
        raise MalformedJson("the file begins with a byte order mark")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise MalformedJson(f"byte {error.start} is not UTF-8 ({error.reason})") from None
    if "surrogate" in reason:
        raise MalformedJson(f"a \\u escape is half of a surrogate pair: {reason}")
    raise MalformedJson(f"not JSON: {reason}")


def _check_numbers(data: bytes, structure: bytes) -> None:
    """Raises MalformedJson where a number is not exactly a double, or too large for one to be exact."""
    spellings = list(set(_NUMBER.findall(structure)))
    numbers = orjson.loads(b"[" + b",".join(spellings) + b"]")
    shortest = orjson.dumps(numbers)[1:-1].split(b",")
    for spelling, number, short in zip(spellings, numbers, shortest, strict=True):
        # Most are spelled as orjson does, or have so few digits that their size alone decides.
        is_plain = spelling == short or (len(spelling) <= _DIGITS_ALWAYS_KEPT and abs(number) >= _NORMAL_MIN)
        if is_plain and abs(number) <= NUMBER_MAX:
            continue
        text = spelling.decode()
        if not is_exact_number(text):
            shown, where = _shown(text), _pointer_of(data, text)
            if abs(float(text)) > NUMBER_MAX:
                raise MalformedJson(f"{shown} at {where} is larger than 2^53-1: write it as text")
            raise MalformedJson(
                f"{shown} at {where} has more digits than a double keeps (it would be read as {float(text)!r}): "
                "write fewer digits, or write it as text"
            )


def _refuse_repeated_member(data: bytes) -> NoReturn:
    def members(pairs: list[tuple[str, Any]]) -> Any:
        taken = dict(pairs)
        return taken if len(taken) == len(pairs) else _Mark(_repeated(name for name, _ in pairs))

    value = json.loads(data, object_pairs_hook=members)
    place, mark = next((place, item) for place, item in _walk(value) if isinstance(item, _Mark))
    raise MalformedJson(f"the object at {_pointer(place)} has the member {_shown(mark.text)!r} more than once")


def _refuse_null(value: Any, null_at: tuple[str, ...]) -> NoReturn:
    holders = {id(holder) for holder in _at(value, null_at[:-1])} if null_at else set()
    for place, item in _walk(value):
        is_allowed = place is not None and id(place.holder) in holders and place.name == null_at[-1]
        if item is None and not is_allowed:
            raise MalformedJson(f"null at {_pointer(place)}: leave the member out instead")
    raise AssertionError("more nulls were counted than the value holds")


def _repeated(names: Iterable[str]) -> str:
    """The first name that has stood before. Assumes that there is one."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    raise AssertionError("no name stands twice")


class _Mark(NamedTuple):
    text: str


class _Place(NamedTuple):
    """Where a value stands: in which object or list, under which name or index, and where that stands itself."""

    holder: Any
    name: str | int
    outer: _Place | None


def _pointer_of(data: bytes, number: str) -> str:
    """The JSON pointer of the first number that is spelled like this."""

    def mark(text: str) -> Any:
        return _Mark(text) if text == number else 0

    value = json.loads(data, parse_int=mark, parse_float=mark)
    return _pointer(next(place for place, item in _walk(value) if isinstance(item, _Mark)))


def _walk(value: Any) -> Iterator[tuple[_Place | None, Any]]:
    """Every value with its place, outer before inner, in the file's order. Iterative: a file may be deep and wide."""
    yield None, value
    stack: list[tuple[Any, _Place | None, Iterator[tuple[str | int, Any]]]] = [(value, None, _members(value))]
    while stack:
        holder, outer, members = stack[-1]
        for name, item in members:
            place = _Place(holder, name, outer)
            yield place, item
            if isinstance(item, (dict, list)):
                stack.append((item, place, _members(item)))
                break
        else:
            stack.pop()


def _members(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return iter(value.items())
    return enumerate(value) if isinstance(value, list) else iter(())


def _pointer(place: _Place | None) -> str:
    """An RFC 6901 JSON pointer, for a sentence: long names are cut."""
    steps: list[str] = []
    while place is not None:
        steps.append(_shown(str(place.name)).replace("~", "~0").replace("/", "~1"))
        place = place.outer
    return "/" + "/".join(reversed(steps)) if steps else "the top"


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "…"


def _items(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value


def _at(value: Any, path: tuple[str, ...]) -> list[Any]:
    """What stands at a path of member names and `*`; nothing where the file has another shape."""
    level = [value] if path else []
    for step in path:
        if step == "*":
            level = [item for outer in level if isinstance(outer, list) for item in outer]
        else:
            level = [outer[step] for outer in level if isinstance(outer, dict) and step in outer]
    return level
