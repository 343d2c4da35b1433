"""Sections 2 and 5: which files are taken."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from eth_utils.address import is_checksum_address

from tests.outsider.page import ADDRESSES, PREFIXES, TERMS


class Malformed(Exception):
    """The file breaks a rule of section 2 or 5."""


def need(condition: object) -> None:
    """Raises Malformed unless the condition holds."""
    if not condition:
        raise Malformed


def parse(data: bytes) -> Any:
    need(len(data) <= 32 * 1024 * 1024 and not data.startswith(b"\xef\xbb\xbf"))
    count = 0

    def number(spelling: str) -> Any:
        value = float(spelling)
        need(abs(value) <= 2**53 - 1)
        # Decimal refuses exponents beyond 10^18: such a number is zero or no double.
        is_zero = not re.search("[1-9]", re.split("[eE]", spelling)[0])
        need(is_zero or value != 0)
        need(is_zero or Decimal(repr(value)) == Decimal(spelling))
        return int(spelling) if re.fullmatch("[0-9]+", spelling) else value

    def members(pairs: list[tuple[str, Any]]) -> Any:
        need(len({name for name, _ in pairs}) == len(pairs))
        return dict(pairs)

    def refuse(_: str) -> Any:
        raise Malformed

    # The parser may overflow the C stack where the process has raised its limit: nothing valid is nested so deep.
    level = 0
    for bracket in re.findall(rb"[\[\]{}]", re.sub(rb'"(?:[^"\\]|\\.)*"', b"", data)):
        level += 1 if bracket in b"[{" else -1
        need(level <= 1_000)
    try:
        value = json.loads(data.decode(), parse_int=number, parse_float=number, parse_constant=refuse,
                           object_pairs_hook=members)  # fmt: skip
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Malformed from error
    waiting = [value]
    while waiting:
        item = waiting.pop()
        count += item is not None
        waiting += item.values() if isinstance(item, dict) else item if isinstance(item, list) else []
    need(count <= 1_000_000)
    return value


def check_no_null(value: Any) -> None:
    need(value is not None)
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        check_no_null(item)


def depth(value: Any) -> int:
    if not isinstance(value, dict | list):
        return 0
    return 1 + max((depth(item) for item in (value.values() if isinstance(value, dict) else value)), default=0)


def holds_context(value: Any) -> bool:
    if isinstance(value, dict):
        return "@context" in value or any(holds_context(item) for item in value.values())
    return isinstance(value, list) and any(holds_context(item) for item in value)


def check_context(context: Any) -> None:
    need(isinstance(context, list) and context)
    for entry in context:
        if isinstance(entry, str):
            need(entry in ADDRESSES)
            continue
        need(isinstance(entry, dict))
        for name, meaning in entry.items():
            need(not name.startswith("@"))
            if name in PREFIXES and PREFIXES[name] == meaning:
                continue
            need(name not in TERMS)
            if isinstance(meaning, str):
                need(len(meaning) <= 255 and re.fullmatch("[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20]+", meaning))
            else:
                need(isinstance(meaning, dict) and not holds_context(meaning))


def objects(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        return [value]
    return [found for item in value for found in objects(item)] if isinstance(value, list) else []


def utc(text: Any) -> datetime:
    """Rounded half up to milliseconds, naive."""
    need(isinstance(text, str))
    match = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?"
                         r"(?:Z|([+-])([0-9]{2}):([0-9]{2}))", text)  # fmt: skip
    need(match)
    assert match is not None
    *fields, fraction, sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    need(offset <= timedelta(hours=14) and int(minutes or 0) <= 59)
    digits = (fraction or ".")[1:].ljust(4, "0")
    try:
        moment = datetime(*map(int, fields)) - (offset if sign == "+" else -offset)  # type: ignore[arg-type]  # noqa: DTZ001
        return moment + timedelta(milliseconds=int(digits[:3]) + (digits[3] >= "5"))
    except (ValueError, OverflowError) as error:
        raise Malformed from error


def check_event(event: Any) -> None:
    kinds = ("Object", "Aggregation", "Transaction", "Transformation", "Association")
    need(isinstance(event, dict) and event.get("type") in [kind + "Event" for kind in kinds])
    need(isinstance(event.get("eventTimeZoneOffset"), str))
    need(re.fullmatch("[+-](0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00", event["eventTimeZoneOffset"]))
    utc(event.get("eventTime"))
    times = [event[name] for name in ("recordTime",) if name in event]
    declaration = event.get("errorDeclaration")
    if isinstance(declaration, dict) and "declarationTime" in declaration:
        times.append(declaration["declarationTime"])
    for element in objects(event.get("sensorElementList")):
        for metadata in objects(element.get("sensorMetadata")):
            times += [metadata[name] for name in ("time", "startTime", "endTime") if name in metadata]
        times += [report["time"] for report in objects(element.get("sensorReport")) if "time" in report]
    for time in times:
        utc(time)
    if "@context" in event:
        check_context(event["@context"])
    need(not any(holds_context(value) for name, value in event.items() if name != "@context"))


def check_bundle(data: bytes) -> dict[str, Any]:
    """The file's JSON value if it is a bundle of the right form. Raises Malformed."""
    file = parse(data)
    check_members(file, "format chain records")
    need(file["format"] == "tallystick-proof/1")
    check_members(file["chain"], "chainId eventLog partyRegistry")
    check_integer(file["chain"]["chainId"])
    need(file["chain"]["chainId"] != 0)
    check_address(file["chain"]["eventLog"])
    check_address(file["chain"]["partyRegistry"])
    need(isinstance(file["records"], list) and 1 <= len(file["records"]) <= 10_000)
    for entry in file["records"]:
        check_record(entry)
    bundle: dict[str, Any] = file
    return bundle


def check_record(entry: Any) -> None:
    """Raises Malformed where a record is not as section 5 says."""
    check_members(entry, "context event record signature anchor")
    context, event, anchor = entry["context"], entry["event"], entry["anchor"]
    for value in (context, event):
        check_no_null(value)
        need(depth(value) <= 64)
    check_context(context)
    check_event(event)
    check_members(entry["record"], "eventHash contentHash party sequence disclosureRoot")
    for name in ("eventHash", "contentHash", "disclosureRoot"):
        check_hex(entry["record"][name], 32)
    need(int(entry["record"]["disclosureRoot"], 16) != 0)
    check_address(entry["record"]["party"])
    check_integer(entry["record"]["sequence"])
    check_hex(entry["signature"], 65)
    if anchor is not None:
        check_members(anchor, "root index proof transaction block")
        check_integer(anchor["index"])
        check_integer(anchor["block"])
        need(isinstance(anchor["proof"], list) and len(anchor["proof"]) <= 64)
        for value in (anchor["root"], anchor["transaction"], *anchor["proof"]):
            check_hex(value, 32)


def check_members(value: Any, names: str) -> None:
    """Raises Malformed unless the value is an object with exactly these members."""
    need(isinstance(value, dict) and set(value) == set(names.split()))


def check_integer(value: Any) -> None:
    """Raises Malformed unless the number was spelled with digits alone: `parse` makes an int of no other."""
    need(type(value) is int and 0 <= value < 2**53)


def check_hex(value: Any, size: int) -> None:
    """Raises Malformed unless the value is 0x and lower-case digits of so many bytes."""
    need(isinstance(value, str) and re.fullmatch(f"0x[0-9a-f]{{{2 * size}}}", value))


def check_address(value: Any) -> None:
    """Raises Malformed unless the value is an address in lower case or with its checksum."""
    need(isinstance(value, str) and re.fullmatch("0x[0-9a-fA-F]{40}", value))
    need(value == value.lower() or is_checksum_address(value))
