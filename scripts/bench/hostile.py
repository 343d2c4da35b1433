"""Bundles that are made to cost: each as large as it is told to be, and full of one thing.

Half of them break a rule and are to be refused at a glance. The other half keep every rule: signed contents that are
what they say they are, so that each step has to be taken over all of it. They cost their sender next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ledger.record import Record, keccak256, record_hash
from scripts.evidence import CONTEXT, DOMAIN, anchor, bundle_of, key, seal
from traceability import strict_json
from traceability.bundle import Anchor, BundleRecord, bundle_json
from traceability.epcis.canonical import content_hash

SENDER = key("sender")
EVENT: dict[str, Any] = {
    "type": "ObjectEvent", "eventTime": "2026-03-01T08:00:00Z", "eventTimeZoneOffset": "+01:00", "action": "OBSERVE",
}  # fmt: skip
VALUES_MAX = strict_json.VALUES_MAX - 1_000
_SPOT = "\N{BLACK SQUARE}"
_FRAME_BYTES = 2_000
"""What surrounds the one thing: a record with its hashes."""


@dataclass(frozen=True, slots=True)
class Hostile:
    """A kind of bundle: how to make one of so many bytes, and the code it is to get (None: nothing is wrong with it).

    `identifier` is what it is handed over for.
    """

    make: Callable[[int], bytes]
    code: str | None = "event_altered"
    identifier: str | None = None


def claimed(event: dict[str, Any], context: list[Any] = CONTEXT, sequence: int = 0) -> BundleRecord:
    """The event as a record whose content hash holds. Its event hash does not: to make that, too, costs the sender."""
    record = Record(keccak256(b"made up"), content_hash(context, event), SENDER.address, sequence, keccak256(b"salt"))
    return BundleRecord(context, event, record, SENDER.sign(record_hash(DOMAIN, record)), None)


def _bundle(*entries: BundleRecord) -> bytes:
    return bundle_json(bundle_of(entries))


def _with_value(value: Any) -> bytes:
    return _bundle(claimed(EVENT | {"farm:x": value}))


def _framed(raw: bytes) -> bytes:
    """A bundle with these bytes as a value of its event, whatever they are."""
    return _bundle(claimed(EVENT | {"farm:x": _SPOT})).replace(f'"{_SPOT}"'.encode(), raw)


def _spelled(raw: bytes) -> bytes:
    """As `_framed`, for bytes that are JSON: the content hash is that of the value they spell."""
    value = strict_json.parse(raw)
    digest = content_hash(CONTEXT, EVENT | {"farm:x": value})
    other = content_hash(CONTEXT, EVENT | {"farm:x": _SPOT})
    return _framed(raw).replace(other.hex().encode(), digest.hex().encode())


def _list(item: Callable[[int], bytes], size: int, item_bytes: int, values_an_item: int = 1) -> bytes:
    """A list of as many items as there is room for, and as many values as may be."""
    count = min(VALUES_MAX // values_an_item, (size - _FRAME_BYTES) // (item_bytes + 1))
    return b"[" + b",".join(map(item, range(count))) + b"]"


def _object(member: Callable[[int], bytes], size: int, member_bytes: int, values_a_member: int = 1) -> bytes:
    return b"{" + _list(member, size, member_bytes, values_a_member)[1:-1] + b"}"


def _listed(size: int, item: Callable[[int], Any], item_bytes: int, values_an_item: int = 1) -> list[Any]:
    count = min(VALUES_MAX // values_an_item, (size - _FRAME_BYTES) // (item_bytes + 1))
    return list(map(item, range(count)))


def _tower(start: int, levels: int = 60) -> bytes:
    names = (b'{"%05x":' % (start * levels + level) for level in range(levels))
    return b"".join(names) + b"1" + b"}" * levels


def _teeth(size: int) -> bytes:
    tooth = b"[" * 60 + b"]" * 60
    return _list(lambda _: tooth, size, len(tooth), 60)


def _many(size: int, make: Callable[[int], BundleRecord]) -> bytes:
    count = min(9_999, size // (len(_bundle(make(0))) - 200))
    return _bundle(*map(make, range(count)))


def _proved(sequence: int) -> BundleRecord:
    proof = tuple(keccak256(step.to_bytes(4, "big")) for step in range(64))
    return replace(claimed(EVENT, sequence=sequence), anchor=Anchor(bytes(32), proof, 0, bytes(32), 1))


def _genuine(size: int) -> bytes:
    entries = [seal(SENDER, SENDER.address, n, CONTEXT, EVENT | {"epcList": [_epc(n)]}) for n in range(size // 1_880)]
    return _bundle(*anchor(entries))


def _epc(number: int) -> str:
    return f"urn:epc:id:sgtin:9521234.012345.{number}"


def _many_items(number: int) -> str:
    return f"urn:epc:id:sgtin:9521234.{number:06}.%22"


def _related(size: int) -> bytes:
    return _bundle(seal(SENDER, SENDER.address, 0, CONTEXT, EVENT | {"epcList": _listed(size, hex, 8)}))


def _escaped(size: int) -> bytes:
    return _spelled(b'"' + rb"\u0041" * ((size - _FRAME_BYTES) // 6) + b'"')


def _sensor(size: int, report: Callable[[int], dict[str, Any]], report_bytes: int) -> bytes:
    reports = _listed(size, report, report_bytes, 2)
    return _bundle(claimed(EVENT | {"sensorElementList": [{"sensorReport": reports}]}))


def _deep_sensors(size: int) -> bytes:
    elements: list[Any] = _listed(size, lambda _: {}, 2)
    for _ in range(55):
        elements = [elements]
    return _bundle(claimed(EVENT | {"sensorElementList": elements}))


def _prefixes(size: int) -> bytes:
    declared = {f"p{number:x}": f"u:{number:x}" for number in range(min(VALUES_MAX, (size - _FRAME_BYTES) // 19))}
    return _bundle(claimed(EVENT, [CONTEXT[0], declared]))


def _words(size: int) -> bytes:
    """Words of six bytes, whose prefix stands for 255."""
    context = [CONTEXT[0], {"p": "u:" + "x" * 253}]
    return _bundle(claimed(EVENT | {"disposition": _listed(size, lambda number: "p:a", 5)}, context))


def _address(size: int) -> bytes:
    return _bundle(claimed(EVENT | {"epcList": ["http://x/" + "01/" * ((size - _FRAME_BYTES) // 3)]}))


def _inner_context(size: int) -> bytes:
    """A long name around many lists, and far behind them what must not be there."""
    half = size // 2
    return _framed(b'{"' + b"x" * half + b'":' + _list(lambda _: b"[]", half, 2)[:-1] + b',{"@context":1}]}')


KINDS: dict[str, Hostile] = {
    "opening brackets": Hostile(lambda size: b"[" * size, "malformed"),
    "lists 5 million deep": Hostile(lambda size: _framed(b"[" * (size // 2) + b"]" * (size // 2)), "malformed"),
    "towers of 60 lists": Hostile(lambda size: _spelled(_teeth(size))),
    "towers of objects, a name each": Hostile(lambda size: _spelled(_list(_tower, size, 60 * 10 + 1, 61))),
    "too many empty lists": Hostile(
        lambda size: _framed(b"[" + b"[]," * max(size // 3, 1_000_000) + b"1]"), "malformed"
    ),
    "a million empty lists": Hostile(lambda size: _spelled(_list(lambda _: b"[]", size, 2))),
    "a million names": Hostile(lambda size: _spelled(_object(lambda n: b'"%x":0' % n, size, 9))),
    "a million members of the event": Hostile(
        lambda size: _bundle(claimed(EVENT | {f"{n:x}": 0 for n in range(min(VALUES_MAX, size // 11))}))
    ),
    "prefixed names": Hostile(lambda size: _spelled(_object(lambda n: b'"gs1:%x":1' % n, size, 13))),
    "one name a million times": Hostile(lambda size: _framed(_object(lambda n: b'"a":0', size, 5)), "malformed"),
    "a name twice, behind many": Hostile(
        lambda size: _framed(_list(lambda n: b'{"a":0}', size, 7, 2)[:-1] + b',{"a":0,"a":0}]'), "malformed"
    ),
    "a number of 10 million digits": Hostile(lambda size: _framed(b"1" * (size - _FRAME_BYTES)), "malformed"),
    "a fraction of 10 million digits": Hostile(lambda size: _framed(b"0." + b"1" * (size - _FRAME_BYTES)), "malformed"),
    "one and 10 million zeros": Hostile(lambda size: _spelled(b"1." + b"0" * (size - _FRAME_BYTES))),
    "numbers with exponents": Hostile(lambda size: _spelled(_list(lambda n: b"%de1" % (n + 1_000_000), size, 9))),
    "numbers of 17 digits": Hostile(lambda size: _spelled(_list(lambda n: repr(n + 1 / 3).encode(), size, 18))),
    "the smallest numbers": Hostile(lambda size: _spelled(_list(lambda n: b"5e-324", size, 6))),
    "whole numbers with a fraction": Hostile(lambda size: _spelled(_list(lambda n: b"%d.0" % n, size, 8))),
    "minus zeros": Hostile(lambda size: _spelled(_object(lambda n: b'"%x":-0' % n, size, 10))),
    "nulls": Hostile(lambda size: _framed(b"[" + b"null," * (size // 5) + b"1]"), "malformed"),
    "one text": Hostile(lambda size: _with_value("a" * (size - _FRAME_BYTES))),
    "a text that never ends": Hostile(lambda size: _framed(b'"' + b"a" * size)[:-600], "malformed"),
    "escapes": Hostile(_escaped),
    "escaped quotes": Hostile(lambda size: _spelled(b'"' + rb"\"" * ((size - _FRAME_BYTES) // 2) + b'"')),
    "backslashes": Hostile(lambda size: _framed(b"\\" * size), "malformed"),
    "quotes": Hostile(lambda size: _framed(b'"' * size), "malformed"),
    "bad UTF-8 at the end": Hostile(lambda size: _framed(b'"' + b"\xc3\xa9" * (size // 2) + b'\xff"'), "malformed"),
    "short texts": Hostile(lambda size: _with_value(_listed(size, "t{:x}".format, 8))),
    "texts that spell numbers": Hostile(lambda size: _with_value(_listed(size, str, 8))),
    "names beyond U+FFFF": Hostile(
        lambda size: _with_value(_listed(size, lambda n: {f"\U0001f33f{n:x}": 0, "\ue000": 1}, 27, 3))
    ),
    "texts that look like numbers": Hostile(lambda size: _with_value(_listed(size, lambda n: {"e-1]": n}, 14, 2))),
    "empty records": Hostile(
        lambda size: _framed(b"1").replace(b'"records":[', b'"records":[' + b"{}," * min(990_000, size // 3)),
        "malformed",
    ),
    "records with a context each": Hostile(
        lambda size: _many(size, lambda n: claimed(EVENT, [CONTEXT[0], {f"p{n:x}": "u:x"}], n))
    ),
    "a context of many prefixes": Hostile(_prefixes),
    "a context of many addresses": Hostile(lambda size: _bundle(claimed(EVENT, CONTEXT * (size // 65)))),
    "proofs of 64 nodes": Hostile(lambda size: _many(size, _proved)),
    "a proof of many nodes": Hostile(
        lambda size: _bundle(
            replace(claimed(EVENT), anchor=Anchor(bytes(32), (bytes(32),) * (size // 69 - 30), 0, bytes(32), 1))
        ),
        "malformed",
    ),
    "words that stand for long ones": Hostile(_words),
    "a long name for many items": Hostile(
        lambda size: _bundle(claimed(EVENT | {"x" * (size // 2): [1] * min(VALUES_MAX, size // 4)}))
    ),
    "EPC URNs": Hostile(lambda size: _bundle(claimed(EVENT | {"epcList": _listed(size, _epc, 41)}))),
    "EPC URNs of as many items": Hostile(
        lambda size: _bundle(
            claimed(EVENT | {"epcList": _listed(size, "urn:epc:id:sgtin:9521234.{:06}.%22".format, 37)})
        )
    ),
    "web addresses of keys": Hostile(
        lambda size: _bundle(claimed(EVENT | {"epcList": _listed(size, "http://a/01/9521234{:06}1".format, 28)}))
    ),
    "web addresses of nothing": Hostile(
        lambda size: _bundle(claimed(EVENT | {"epcList": _listed(size, "http://a/{:x}".format, 16)}))
    ),
    "one web address": Hostile(_address),
    "things that all belong together": Hostile(_related, None, "0x1"),
    "sensor reports": Hostile(lambda size: _sensor(size, lambda n: {"value": n}, 16)),
    "sensor reports with a time each": Hostile(
        lambda size: _sensor(size, lambda n: {"time": f"2026-03-01T08:00:00.{n:06}Z"}, 38)
    ),
    "sensor elements in 55 lists": Hostile(_deep_sensors),
    "a context far inside": Hostile(_inner_context, "malformed"),
    "genuine records": Hostile(_genuine, None),
}


def made(name: str, size: int) -> bytes:
    """A bundle of that kind and of about so many bytes; of fewer where the number of values ends it first."""
    return KINDS[name].make(size)
