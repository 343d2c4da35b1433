"""An offered division as a file or a body: what one side of an order has signed for the other to submit."""

from __future__ import annotations

from typing import Any

import orjson

from api.errors import BadArgument
from ledger.errors import InvalidHex
from ledger.hexadecimal import from_hex, to_hex
from ledger.orders import AMOUNT_MAX, TIME_MAX, Division

FORMAT = "tallystick-division/1"


def division_json(offered: Division, signature: bytes) -> dict[str, Any]:
    """The offer as JSON; amounts in the token's smallest unit, as text, for they may be longer than JSON's numbers."""
    return {
        "format": FORMAT,
        "order": to_hex(offered.order),
        "milestone": offered.milestone,
        "delivery": to_hex(offered.delivery),
        "itemVersion": offered.item_version,
        "toPayee": str(offered.to_payee),
        "toBuyer": str(offered.to_buyer),
        "deadlineAt": offered.deadline_at,
        "signature": to_hex(signature),
    }


def division_from_json(data: bytes) -> tuple[Division, bytes]:
    """Inverse of `division_json`. Raises BadArgument naming what is wrong."""
    try:
        values = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise BadArgument(f"the offer is no JSON: {error}") from error
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise BadArgument("the file is no offered division: `tally order divide … -o FILE` writes one")
    offered = Division(
        _hex(values, "order", 32), _number(values, "milestone", 255), _hex(values, "delivery", 32),
        _number(values, "itemVersion", TIME_MAX), _number(values, "toPayee", AMOUNT_MAX),
        _number(values, "toBuyer", AMOUNT_MAX), _number(values, "deadlineAt", TIME_MAX),
    )  # fmt: skip
    return offered, _hex(values, "signature", 65)


def _hex(values: dict[str, Any], name: str, size: int) -> bytes:
    try:
        return from_hex(values.get(name, ""), size)
    except InvalidHex as error:
        raise BadArgument(f"the offer's {name} is not 0x and {2 * size} hex digits") from error


def _number(values: dict[str, Any], name: str, most: int) -> int:
    text = str(values.get(name))
    if not (text.isascii() and text.isdigit()) or len(text) > 40 or int(text) > most:
        raise BadArgument(f"the offer's {name} is no whole number from 0 to {most}")
    return int(text)
