"""The contracts' faces as artifacts/NAME.json states them: calls out, answers and logs in (Solidity ABI, version 2).

Pure but for reading the artifact once. Addresses and byte strings are `bytes` on this side, structs are dicts.
https://docs.soliditylang.org/en/latest/abi-spec.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from ledger.errors import UnknownLog
from ledger.hexadecimal import from_hex, to_hex
from ledger.record import keccak256

ARTIFACTS = Path(__file__).resolve().parent / "artifacts"
CONTRACTS = ("EventLog", "PartyRegistry", "DeliveryEscrow", "Receivable", "SettlementToken")

Parameter = dict[str, Any]
"""One parameter of a function, event or error, as the compiler describes it."""


class Interface:
    """One contract's functions, events and errors. Made by `interface`."""

    def __init__(self, artifact: dict[str, Any]) -> None:
        self.bytecode = bytes.fromhex(artifact["bytecode"].removeprefix("0x"))
        entries: list[dict[str, Any]] = artifact["abi"]
        self._constructor: list[Parameter] = next((e["inputs"] for e in entries if e["type"] == "constructor"), [])
        self._functions = {e["name"]: e for e in entries if e["type"] == "function"}
        self._errors = {keccak256(_signature(e))[:4]: e for e in entries if e["type"] == "error"}
        self._events = {keccak256(_signature(e)): e for e in entries if e["type"] == "event"}
        self._event_by_name = {e["name"]: e for e in self._events.values()}
        self._selectors = {name: keccak256(_signature(e))[:4] for name, e in self._functions.items()}

    def creation(self, *arguments: object) -> bytes:
        """What a transaction without receiver carries to deploy the contract."""
        return self.bytecode + encode(_types(self._constructor), arguments)

    def call(self, function: str, *arguments: object) -> bytes:
        """The calldata of a function: its selector and arguments. Structs are sequences of their members."""
        return self._selectors[function] + encode(_types(self._functions[function]["inputs"]), arguments)

    def answer(self, function: str, data: bytes) -> tuple[Any, ...]:
        """What a call of the function returned. Raises ValueError where the bytes are no such answer."""
        return tuple(_decode(self._functions[function]["outputs"], data).values())

    def topic(self, event: str) -> bytes:
        """The first topic of the event's logs."""
        return keccak256(_signature(self._event_by_name[event]))

    def log(self, topics: Sequence[bytes], data: bytes) -> tuple[str, dict[str, Any]]:
        """Name and arguments of one of the contract's events. Raises UnknownLog where it is none of them."""
        event = self._events.get(topics[0]) if topics else None
        if event is None:
            raise UnknownLog(f"no event of the contract has the topic {topics[0].hex() if topics else '(none)'}")
        try:
            indexed = [parameter for parameter in event["inputs"] if parameter["indexed"]]
            values = _decode([p for p in event["inputs"] if not p["indexed"]], data)
            values |= _decode(indexed, b"".join(topics[1:]))
        except ValueError as error:
            raise UnknownLog(f"a log of {event['name']} that is not encoded as it says: {error}") from error
        return event["name"], {parameter["name"]: values[parameter["name"]] for parameter in event["inputs"]}

    def refusal(self, data: bytes) -> str:
        """A revert in words, with its facts: `NotAuthorised(signer=0x…, use=4)`; empty where it is none of ours."""
        entry = self._errors.get(data[:4])
        if entry is None:
            return ""
        try:
            values = _decode(entry["inputs"], data[4:])
        except ValueError:
            return str(entry["name"])
        facts = ", ".join(f"{name}={to_hex(v) if isinstance(v, bytes) else v}" for name, v in values.items())
        return f"{entry['name']}({facts})"

    def arguments_to_json(self, arguments: dict[str, Any]) -> str:
        """An event's arguments as text that people can read: bytes as `0x…`, the rest as it is."""
        return json.dumps(_plain(arguments), separators=(",", ":"), ensure_ascii=False)

    def arguments_from_json(self, event: str, text: str) -> dict[str, Any]:
        """Inverse of `arguments_to_json`."""
        return _typed(self._event_by_name[event]["inputs"], json.loads(text))


@cache
def interface(name: str) -> Interface:
    """The interface of the contract of that name, one of CONTRACTS."""
    return Interface(json.loads((ARTIFACTS / f"{name}.json").read_bytes()))


def refusal_in_words(data: str) -> str:
    """What a contract of ours means by the data of its revert (`0x…`); the data itself where it is none of ours."""
    try:
        raw = bytes.fromhex(data.removeprefix("0x"))
    except ValueError:
        return data
    words = next((text for name in CONTRACTS if (text := interface(name).refusal(raw))), "")
    return words or (to_hex(raw[:68]) if raw else "no reason given")


def _signature(entry: dict[str, Any]) -> bytes:
    return f"{entry['name']}({','.join(_types(entry['inputs']))})".encode()


def _types(parameters: Sequence[Parameter]) -> list[str]:
    return [_type(parameter) for parameter in parameters]


def _type(parameter: Parameter) -> str:
    kind: str = parameter["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_types(parameter['components']))}){kind.removeprefix('tuple')}"


def _decode(parameters: Sequence[Parameter], data: bytes) -> dict[str, Any]:
    """The values by name (unnamed ones by position). Raises ValueError."""
    try:
        values = decode(_types(parameters), data)
    except (DecodingError, OverflowError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from error
    named = zip(parameters, values, strict=True)
    return {p["name"] or str(index): _ours(p, value) for index, (p, value) in enumerate(named)}


def _ours(parameter: Parameter, value: Any) -> Any:
    """A decoded value as this house holds it: addresses as 20 bytes, structs as dicts."""
    kind: str = parameter["type"]
    if kind.endswith("]"):
        item = {**parameter, "type": kind[: kind.rindex("[")]}
        return [_ours(item, one) for one in value]
    if kind == "tuple":
        return {p["name"]: _ours(p, one) for p, one in zip(parameter["components"], value, strict=True)}
    return bytes.fromhex(value[2:]) if kind == "address" else value


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return to_hex(value)
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _typed(parameters: Sequence[Parameter], values: dict[str, Any]) -> dict[str, Any]:
    return {parameter["name"]: _typed_value(parameter, values[parameter["name"]]) for parameter in parameters}


def _typed_value(parameter: Parameter, value: Any) -> Any:
    kind: str = parameter["type"]
    if kind.endswith("]"):
        item = {**parameter, "type": kind[: kind.rindex("[")]}
        return [_typed_value(item, one) for one in value]
    if kind == "tuple":
        return _typed(parameter["components"], value)
    if kind == "address" or kind.startswith("bytes"):
        return from_hex(value, (len(value) - 2) // 2)
    return value
