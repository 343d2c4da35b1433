"""What callers ask of an identifier: its canonical form, or everything that is known about it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Final

from traceability.errors import InvalidIdentifier
from traceability.identifiers.digital_link import find_key, read_digital_link, write_digital_link
from traceability.identifiers.schemes import KEYS, QUALIFIERS, ROOT, URN_SCHEMES, Key, Scheme
from traceability.identifiers.urn import PREFIX, is_company_prefix, number, read_urn, write_urn

# Longer texts are worked out again each time: strangers choose them, and they must not fill the memory.
_REMEMBERED_CHARACTERS_MAX: Final = 200
_WEB_SCHEMES: Final = frozenset(map("".join, product("hH", "tT", "tT", "pP")))


@dataclass(frozen=True, slots=True)
class Identifier:
    """A GS1 key in both spellings. `urn` is None where the company prefix is not known or no EPC scheme fits.

    `scheme` is the EPC scheme's name (`sgtin`), `key` the GS1 key's (`GTIN`); `parts` the values by name, decoded;
    `is_class` tells a kind or a lot from a single thing.
    """

    scheme: str
    key: str
    urn: str | None
    digital_link: str
    parts: dict[str, str]
    check_digit: str | None
    is_class: bool

    def to_json(self) -> dict[str, object]:
        """As `tally id --json` and the API show it."""
        return {
            "urn": self.urn,
            "digitalLink": self.digital_link,
            "key": self.key,
            "scheme": self.scheme,
            "isClass": self.is_class,
            "parts": self.parts,
            "checkDigit": self.check_digit,
        }


def canonical(identifier: str) -> str:
    """The canonical Digital Link of a GS1 key in either spelling; any other text as it stands.

    Equal things compare equal by it. A value with a wrong check digit, length or character is no key.
    """
    if identifier.startswith(PREFIX):
        # Serials are new each time: looking one up in a memory of all of them takes longer than spelling it.
        if known := _known_stem(identifier):
            return known
    elif identifier[:4] not in _WEB_SCHEMES:
        return identifier
    return _canonical(identifier) if len(identifier) > _REMEMBERED_CHARACTERS_MAX else _remembered_canonical(identifier)


def parse(text: str, gcp_length: int | None = None) -> Identifier:
    """All that is known about a GS1 key; `gcp_length` (6 to 12) is needed for the URN of a Digital Link.

    Raises InvalidIdentifier that says what is wrong: scheme, length, character or check digit.
    """
    if text.startswith(PREFIX):
        key, gcp_length = read_urn(text)
    else:
        key = read_digital_link(text)
    urn = None
    if gcp_length is not None:
        try:
            urn = write_urn(key, gcp_length)
        except ValueError as wrong:
            raise InvalidIdentifier(text, str(wrong)) from None
    name = key.scheme_name()
    return Identifier(
        scheme=name.partition(":")[2] if name else KEYS[key.ai].key.lower(),
        key=KEYS[key.ai].key,
        urn=urn,
        digital_link=write_digital_link(key),
        parts=_parts(key, gcp_length),
        check_digit=key.digits[-1] if key.digits else None,
        is_class=URN_SCHEMES[name].is_class if name else True,
    )


def to_urn(text: str, gcp_length: int | None = None) -> str:
    """The EPC URN of a GS1 key in either spelling.

    Raises InvalidIdentifier, also where the key has no EPC URN, or is a Digital Link and `gcp_length` is not given.
    """
    identifier = parse(text, gcp_length)
    if identifier.urn is None:
        lacks_length = gcp_length is None and not text.startswith(PREFIX)
        reason = "a Digital Link does not say where the company prefix ends: give its length (6 to 12)"
        raise InvalidIdentifier(text, reason if lacks_length else "no EPC URN scheme spells this key")
    return identifier.urn


def _canonical(text: str) -> str:
    try:
        if text.startswith(PREFIX):
            return write_digital_link(read_urn(text)[0])
        if text[:4] in _WEB_SCHEMES:
            found = find_key(text)
            return text if isinstance(found, str) else write_digital_link(found)
    except InvalidIdentifier:
        return text
    return text


_remembered_canonical = lru_cache(maxsize=65_536)(_canonical)


def _known_stem(text: str) -> str:
    """The canonical form of the two commonest spellings of URN, an empty text for any other.

    Serials of one item and cases of one company come by the thousand: their common part is worked out once.
    """
    if len(text) > _REMEMBERED_CHARACTERS_MAX:
        return ""
    stem, _, remainder = text.partition(".")
    reference, point, serial = remainder.partition(".")
    if point:
        if serial == "0" or not serial.isalnum() or not serial.isascii():
            return ""
        address, length_max = _serial_stem(stem, reference)
        return address + serial if len(serial) <= length_max else ""
    scheme, company = _number_stem(stem)
    if scheme is None or not reference.isdecimal():
        return ""
    try:
        return f"{ROOT}{scheme.ai}/{number(scheme, company, reference)}"
    except ValueError:
        return ""


@lru_cache(maxsize=16_384)
def _serial_stem(stem: str, reference: str) -> tuple[str, int]:
    """What comes before the serial in the canonical form, and the serial's greatest length (-1: not this way)."""
    name, _, company = stem[len(PREFIX) :].rpartition(":")
    scheme = URN_SCHEMES.get(name)
    if scheme is None or scheme.serial not in QUALIFIERS or not scheme.digits or scheme.ai == "8006":
        return "", -1
    if not is_company_prefix(company):
        return "", -1
    try:
        digits = number(scheme, company, reference)
    except ValueError:
        return "", -1
    return f"{ROOT}{scheme.ai}/{digits}/{scheme.serial}/", QUALIFIERS[scheme.serial].length_max


@lru_cache(maxsize=4096)
def _number_stem(stem: str) -> tuple[Scheme | None, str]:
    """Scheme and company prefix of a URN that is a number and nothing else, as sscc and pgln are."""
    name, _, company = stem[len(PREFIX) :].rpartition(":")
    scheme = URN_SCHEMES.get(name)
    if scheme is None or scheme.serial or not scheme.digits or not is_company_prefix(company):
        return None, ""
    return scheme, company


def _parts(key: Key, gcp_length: int | None) -> dict[str, str]:
    form = KEYS[key.ai]
    parts = {form.key.lower(): key.digits + key.rest}
    if form.digits and key.rest and form.rest:
        parts |= {"piece": key.rest[:2], "total": key.rest[2:]} if key.ai == "8006" else {form.rest.name: key.rest}
    if key.qualifier_ai:
        parts[QUALIFIERS[key.qualifier_ai].name] = key.qualifier
    if gcp_length is not None and (name := key.scheme_name()):
        scheme = URN_SCHEMES[name]
        start = len(scheme.lead) + scheme.indicator if scheme.digits else 0
        parts["companyPrefix"] = (key.digits or key.rest)[start : start + gcp_length]
    return parts
