"""How the values of a purchase order file are written: amounts, quantities, shares, dates, durations. Pure.

Each reader takes a text and gives the value, or raises ValueError whose text goes on from "the value": what could be
meant in two ways is refused, such as 1,250 or 01/05/2026.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Final

from traceability.epcis.times import epoch_ms
from traceability.errors import MalformedJson

DIGITS_MAX: Final = 40
"""More than any amount or quantity of 2^128-1 has, decimals included."""

_PLAIN: Final = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?")
_GROUPED: Final = re.compile(r"-?[0-9]{1,3}(?:[,.'’  \u00a0\u202f_][0-9]{3})+(?:[.,][0-9]+)?|-?[0-9]+,[0-9]+")
_PARTS: Final = re.compile(r"(?:([0-9]+)w)?(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?")
_ISO_PARTS: Final = re.compile(
    r"P(?:([0-9]+)W)?(?:([0-9]+)D)?(?:T(?=[0-9])(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?)?"
)
_UNITS_S: Final = (604_800, 86_400, 3_600, 60, 1)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SHARE: Final = re.compile(r"([0-9.]+) ?(%|bps)")


def base_units(text: str, decimals: int) -> int:
    """A number above zero in units of 10^-decimals: `1250.00` with 2 decimals is 125000."""
    match = _PLAIN.fullmatch(text)
    if match is None:
        if _GROUPED.fullmatch(text):
            raise ValueError("has a comma or thousands separators: write digits and a point, as in 1250.00")
        raise ValueError("is no number: write digits and a point alone, as in 1250.00")
    sign, whole, fraction = match[1], match[2], match[3] or ""
    if len(whole) + len(fraction) > DIGITS_MAX:
        raise ValueError("is longer than any number that an order can have")
    if len(fraction) > decimals:
        raise ValueError(f"has {len(fraction)} decimals, {decimals} are taken")
    units = int(whole + fraction.ljust(decimals, "0"))
    if sign or units == 0:
        raise ValueError("is not above zero")
    return units


def count(text: str, most: int) -> int:
    """A whole number from 0 to `most`."""
    if not re.fullmatch("[0-9]{1,9}", text) or int(text) > most:
        raise ValueError(f"is no whole number from 0 to {most}")
    return int(text)


def basis_points(text: str) -> int:
    """A share: `2.5%` and `250 bps` are 250. At most 100%."""
    match = _SHARE.fullmatch(text)
    number = _PLAIN.fullmatch(match[1]) if match else None
    if match is None or number is None or len(match[1]) > DIGITS_MAX:
        raise ValueError("is no share, as in 2.5% or 250 bps")
    bps = Decimal(match[1]) * (100 if match[2] == "%" else 1)
    if bps != int(bps):
        raise ValueError("is finer than a basis point, 0.01%")
    if bps > 10_000:
        raise ValueError("is more than 100%")
    return int(bps)


def duration_s(text: str) -> int:
    """A time span in seconds: `3d`, `1d12h`, `90m`, `P3D`, `PT12H`; `0` for none."""
    if text == "0":
        return 0
    match = _PARTS.fullmatch(text) or _ISO_PARTS.fullmatch(text)
    parts = match.groups() if match else ()
    if not any(parts):
        raise ValueError("is no time span, as in 3d, 12h, 1d12h, P3D or 0")
    if any(part and len(part) > 9 for part in parts):
        raise ValueError("is longer than 365 days")
    return sum(int(part or 0) * unit for part, unit in zip(parts, _UNITS_S, strict=True))


def moment_at(text: str) -> int:
    """The last second that is meant: of a date (in UTC), or of a date-time with its offset. Seconds since 1970."""
    try:
        if _DATE.fullmatch(text):
            return int(datetime.combine(date.fromisoformat(text), time(23, 59, 59), UTC).timestamp())
        return epoch_ms(text) // 1000
    except (ValueError, MalformedJson):
        reason = "is no date YYYY-MM-DD (its end in UTC is meant), and no date-time with offset, as in "
        raise ValueError(f"{reason}2026-05-01T12:00:00+02:00") from None
