"""Numbers as the event hash writes them: plain decimal, no exponent, no zero more than needed.

XML cannot tell the number 12.50 from the text "12.50": a text of an extension that spells a JSON number (RFC 8259,
section 6) is the number that it spells. Reckoned in decimal digits: a double would lose those above 2^53.
"""

from __future__ import annotations

import re
from typing import Final

from traceability.errors import MalformedJson

_JSON_NUMBER: Final = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?")
NUMBER_LEADS: Final = frozenset("-0123456789")
# Longer than this written plainly, a text is no measure but a text: 1e1000000 must not become a megabyte.
SPELLED_CHARACTERS_MAX: Final = 64
# No double that JSON can spell needs more digits on either side of the point.
_EXPONENT_DIGITS_MAX: Final = 6
_PLACES_MAX: Final = 1_200


def plain_number(value: int | float) -> str:
    """The number in plain decimal notation; -0 is 0. Raises MalformedJson for one that is not finite."""
    if isinstance(value, int):
        return str(value)
    text = repr(value)
    if text[-2:] == ".0":
        return text[:-2] if value else "0"
    if "e" not in text and "n" not in text:
        return text
    plain = _plain(text)
    if plain is None:
        raise MalformedJson(f"{text} is no number of JSON")
    return plain


def spelled_number(text: str) -> str | None:
    """The plain notation of the number that the text spells, None where it spells none or is too long for one."""
    plain = _plain(text)
    return plain if plain is not None and len(plain) <= SPELLED_CHARACTERS_MAX else None


def _plain(text: str) -> str | None:
    match = _JSON_NUMBER.fullmatch(text)
    if match is None:
        return None
    sign, whole, fraction, exponent = match.groups("")
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return "0"
    power = exponent.lstrip("+-0")
    if len(power) > _EXPONENT_DIGITS_MAX:
        return None
    # Without the zeros: of more than 4,300 digits int() makes no number.
    shift = int(power or 0) * (-1 if exponent.startswith("-") else 1)
    point = len(digits) - len(fraction) + shift
    digits = digits.rstrip("0")
    if not -_PLACES_MAX <= point - len(digits) <= _PLACES_MAX:
        return None
    return sign + _placed(digits, point)


def _placed(digits: str, point: int) -> str:
    """The digits with the decimal point behind the first `point` of them, filled up with zeros on either side."""
    if point <= 0:
        return f"0.{'0' * -point}{digits}"
    if point >= len(digits):
        return digits.ljust(point, "0")
    return f"{digits[:point]}.{digits[point:]}"
