"""The field-swap matrix: every place of a bundle, everything that may stand there instead, and what must come of it.

Nothing here is written by hand but the table: which numbered check of docs/proof-format.md, section 6, relies on which
place. Places are found by walking the file, alterations follow from the value that stands there.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from ledger.hexadecimal import from_hex, to_address, to_hex
from traceability.verification import Code

Path = tuple[str | int, ...]


class Rule(NamedTuple):
    """What becomes of a bundle with another value of the right form at a place.

    `step` is the first of the numbered checks that relies on it. `codes` are that of the step, and of any other that
    may come first for some values. None: nothing relies on it, the verdict stays the same to the letter.
    """

    step: int | None
    codes: frozenset[Code | None]


def _rule(step: int, *codes: Code) -> Rule:
    return Rule(step, frozenset(codes))


HINT = Rule(None, frozenset({None}))
NOT_ANCHORED_RECORD = "records/3/"
"""The record without an anchor: no root binds it yet, so what is wrong with it shows in who signed it."""

# By the place, the first that fits. Each place of a value belongs to exactly one line, which a test checks.
ONLINE: dict[str, Rule] = {
    "format": _rule(1, Code.MALFORMED),
    "chain/*": _rule(2, Code.WRONG_CHAIN),
    "records/*/context/*": _rule(3, Code.EVENT_ALTERED),
    "records/*/event/*": _rule(3, Code.EVENT_ALTERED),
    "records/*/record/eventHash": _rule(3, Code.EVENT_ALTERED),
    "records/*/record/contentHash": _rule(3, Code.EVENT_ALTERED),
    # Signed: another record hash recovers to another signer, whom nothing binds but the leaf.
    f"{NOT_ANCHORED_RECORD}record/*": _rule(7, Code.SIGNER_NOT_AUTHORISED),
    f"{NOT_ANCHORED_RECORD}signature": _rule(4, Code.BAD_SIGNATURE, Code.SIGNER_NOT_AUTHORISED),
    f"{NOT_ANCHORED_RECORD}anchor": _rule(5, Code.NOT_IN_BATCH),
    "records/*/record/party": _rule(5, Code.NOT_IN_BATCH),
    "records/*/record/sequence": _rule(5, Code.NOT_IN_BATCH),
    "records/*/record/disclosureRoot": _rule(5, Code.NOT_IN_BATCH),
    "records/*/signature": _rule(4, Code.BAD_SIGNATURE, Code.NOT_IN_BATCH),
    "records/*/anchor/root": _rule(5, Code.NOT_IN_BATCH),
    "records/*/anchor/proof/*": _rule(5, Code.NOT_IN_BATCH),
    "records/*/anchor/index": HINT,
    "records/*/anchor/transaction": HINT,
    "records/*/anchor/block": HINT,
}
# Without settings or a network step 2 is left out, and so are 6 to 8: the chain and the EventLog are in every record
# hash; of the registry, and of who signed what no root binds yet, nothing can be said.
_OFFLINE: dict[str, Rule] = {
    "chain/chainId": _rule(5, Code.NOT_IN_BATCH),
    "chain/eventLog": _rule(5, Code.NOT_IN_BATCH),
    "chain/partyRegistry": HINT,
    f"{NOT_ANCHORED_RECORD}record/eventHash": _rule(3, Code.EVENT_ALTERED),
    f"{NOT_ANCHORED_RECORD}record/contentHash": _rule(3, Code.EVENT_ALTERED),
    f"{NOT_ANCHORED_RECORD}record/*": Rule(7, frozenset({None})),
    f"{NOT_ANCHORED_RECORD}signature": Rule(4, frozenset({Code.BAD_SIGNATURE, None})),
}
OFFLINE = _OFFLINE | {place: rule for place, rule in ONLINE.items() if place not in {"chain/*", *_OFFLINE}}


def rule_of(table: dict[str, Rule], path: Path) -> tuple[str, Rule]:
    """The line of the table that speaks of a place, and what it says. Raises LookupError where none does."""
    written = "/".join(map(str, path))
    for place, rule in table.items():
        if fnmatchcase(written, place):
            return place, rule
    raise LookupError(f"no check is said to rely on {written}, and it is not declared a hint either")


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every place of a JSON value below its top, outer before inner."""
    if path:
        yield path
    for step, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from paths(inner, (*path, step))


def leaves(value: Any) -> list[Path]:
    """The places where a text, a number, a word or null stands, or nothing in a list or object."""
    return [path for path in paths(value) if not isinstance(at(value, path), (dict, list)) or not at(value, path)]


def at(value: Any, path: Path) -> Any:
    """What stands at a place. Raises LookupError (or TypeError) where there is none."""
    for step in path:
        value = value[step]
    return value


def with_value(file: Any, path: Path, value: Any) -> Any:
    """A copy of the file with another value at that place."""
    altered = copy.deepcopy(file)
    at(altered, path[:-1])[path[-1]] = copy.deepcopy(value)
    return altered


def without(file: Any, path: Path) -> Any:
    """A copy of the file without what stands there."""
    altered = copy.deepcopy(file)
    del at(altered, path[:-1])[path[-1]]
    return altered


def alterations(file: Any, path: Path, twin: Any) -> Iterator[tuple[str, Any]]:
    """A name and an altered file for everything that may stand at a place instead; none equals the file."""
    value = at(file, path)
    yield "removed", without(file, path)
    others = [(f"another: {other!r}"[:60], other) for other in _others(value)]
    others += [("the twin's", found) for found in _found(twin, path)]
    if path[0] == "records":
        for place in range(len(file["records"])):
            others += [(f"that of record {place}", found) for found in _found(file, ("records", place, *path[2:]))]
    if isinstance(value, dict):
        others.append(("a member more", value | {"x": "y"}))
    if isinstance(value, list):
        others += [("backwards", value[::-1]), ("an item twice", value + value[-1:])]
    is_content = path[2:3] in {("context",), ("event",)}
    for name, other in others:
        if not _same(other, value, is_content):
            yield name, with_value(file, path, other)


def _found(file: Any, path: Path) -> list[Any]:
    try:
        return [at(file, path)]
    except (LookupError, TypeError):
        return []


def _same(one: Any, other: Any, is_content: bool) -> bool:
    """Equal as JSON: 1 is not true, though Python says so; 1.0 is the number 1, but where digits alone are taken."""
    kinds = {type(one), type(other)}
    return bool(one == other) and (len(kinds) == 1 or (is_content and kinds == {int, float}))


def _others(value: Any) -> list[Any]:
    """Values of the same form, then of others."""
    wrong: list[Any] = [None, True, False, 0, 1, -1, 1.5, "", "x", [], {}, [value], {"x": value}]
    if isinstance(value, str):
        hexadecimal = value.startswith("0x") and len(value) % 2 == 0
        return [*(_other_hex(value) if hexadecimal else _other_texts(value)), *wrong]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return [value + 1, value + 2, value * 1000 + 1, 2**53 - 1, 2**53, -value, float(value), str(value), *wrong]
    if isinstance(value, bool):
        return [not value, str(value).lower(), *wrong]
    return wrong


def _other_texts(text: str) -> list[str]:
    return [
        f"{text} ", f"{text}x", text[:-1], text.upper(), text.lower(), text.replace("0", "1"), text.replace("-", "–"),
        text.replace("e", "е"), f"{text}\u0301", text[::-1], f"\ufeff{text}",
    ]  # fmt: skip


def _other_hex(text: str) -> list[str]:
    value = bytearray(from_hex(text.lower(), len(text) // 2 - 1))
    first, last = bytearray(value), bytearray(value)
    first[0] ^= 0x01
    last[-1] ^= 0x01
    write = to_address if len(value) == 20 else to_hex
    formed = [write(bytes(other)) for other in (first, last, bytes(len(value)), b"\xff" * len(value), value[::-1])]
    digits = text[2:].lower()
    broken = [digits, f"0X{digits}", f"0x{digits.upper()}", f"0x{digits[2:]}", f"0x{digits}00", f"0x{digits} ", "0x",
              f"0x{digits[:-1]}g", f"0x0{digits[1:-1]}"]  # fmt: skip
    return [*formed, *broken]
