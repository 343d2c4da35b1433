"""EPC URNs: EPC Tag Data Standard 2.0, sections 6 (pure identities), 8 (patterns) and CBV 2.0, 8.3 (classes)."""

from __future__ import annotations

from typing import Final

from traceability.errors import InvalidIdentifier
from traceability.identifiers.characters import DIGITS, decoded_from_urn, shown, urn_escaped
from traceability.identifiers.check_digits import check_digit
from traceability.identifiers.schemes import COMPANY_PREFIX_LENGTHS, KEYS, QUALIFIERS, URN_SCHEMES, Field, Key, Scheme

PREFIX: Final = "urn:epc:"


def read_urn(text: str) -> tuple[Key, int]:
    """The key that an EPC URN spells, and the length of its company prefix. Raises InvalidIdentifier."""
    kind, _, remainder = text[len(PREFIX) :].partition(":")
    name, _, body = remainder.partition(":")
    scheme = URN_SCHEMES.get(f"{kind}:{name}")
    if scheme is None:
        raise InvalidIdentifier(text, f"urn:epc:{kind[:20]}:{name[:20]} is no EPC scheme of a GS1 key")
    company, separator, body = body.partition(".")
    if not separator or not is_company_prefix(company):
        raise InvalidIdentifier(text, f"the company prefix has 6 to 12 digits, not {shown(company)}")
    try:
        return _key(scheme, company, body), len(company)
    except ValueError as wrong:
        raise InvalidIdentifier(text, str(wrong)) from None


def is_company_prefix(text: str) -> bool:
    """Whether the text may be the first component of a URN."""
    return len(text) in COMPANY_PREFIX_LENGTHS and DIGITS.fullmatch(text) is not None


def write_urn(key: Key, company_prefix_length: int) -> str | None:
    """The EPC URN of a key, None where the key has none. Raises ValueError where the length cannot be right."""
    name = key.scheme_name()
    if name is None:
        return None
    if company_prefix_length not in COMPANY_PREFIX_LENGTHS:
        raise ValueError(f"a company prefix has 6 to 12 digits, not {company_prefix_length}")
    scheme = URN_SCHEMES[name]
    components = _number_components(scheme, key, company_prefix_length)
    if scheme.serial == "*":
        components.append("*")
    elif scheme.serial == "rest":
        components.append(urn_escaped(key.rest))
    elif scheme.serial:
        # The other way round: a GLN without extension is spelled with the extension 0.
        components.append(urn_escaped(key.qualifier) or "0")
    return f"{PREFIX}{name}:{'.'.join(components)}"


def _key(scheme: Scheme, company: str, body: str) -> Key:
    """Raises ValueError with the reason."""
    if scheme.digits:
        reference, _, tail = body.partition(".")
        has_tail = len(body) > len(reference)
        digits, rest = number(scheme, company, reference), ""
        if scheme.ai == "8006":
            rest, has_tail, tail = _pieces(tail)
    else:
        # A part's reference has no point, an asset's may have any: the serial is behind the last one.
        reference, tail = (body, "") if not scheme.serial else _last_component(body)
        has_tail = bool(scheme.serial)
        digits, rest = "", _field(KEYS[scheme.ai].rest, reference, prefix=company)
    if has_tail != bool(scheme.serial):
        raise ValueError("a component is missing" if scheme.serial else "a component too many")
    return _with_serial(scheme, digits, rest, tail)


def _with_serial(scheme: Scheme, digits: str, rest: str, tail: str) -> Key:
    if scheme.serial == "*":
        if tail != "*":
            raise ValueError(f"a pattern ends in *, not {shown(tail)}")
        return Key(scheme.ai, digits, rest)
    if scheme.serial == "rest":
        return Key(scheme.ai, digits, _field(KEYS[scheme.ai].rest, tail))
    if not scheme.serial:
        return Key(scheme.ai, digits, rest)
    serial = _field(QUALIFIERS[scheme.serial], tail)
    # TDS 2.0, 6.3.3: the extension 0 says that there is none.
    if scheme.serial == "254" and serial == "0":
        return Key(scheme.ai, digits, rest)
    return Key(scheme.ai, digits, rest, scheme.serial, serial)


def number(scheme: Scheme, company: str, reference: str) -> str:
    """The key's digits with their check digit. Raises ValueError with the reason."""
    expected = scheme.digits - len(company)
    if len(reference) != expected or (reference and not DIGITS.fullmatch(reference)):
        raise ValueError(
            f"the reference after a prefix of {len(company)} digits has {expected}, not {shown(reference)}"
        )
    joined = reference[0] + company + reference[1:] if scheme.indicator else company + reference
    joined = scheme.lead + joined
    return joined + check_digit(joined)


def _pieces(tail: str) -> tuple[str, bool, str]:
    """Piece and total of an ITIP (two digits each), whether a component follows, and that one."""
    piece, _, tail = tail.partition(".")
    total, separator, tail = tail.partition(".")
    if not all(len(part) == 2 and DIGITS.fullmatch(part) for part in (piece, total)):
        raise ValueError("piece and total have two digits each")
    return piece + total, bool(separator), tail


def _last_component(body: str) -> tuple[str, str]:
    reference, separator, tail = body.rpartition(".")
    if not separator:
        raise ValueError("a component is missing")
    return reference, tail


def _field(field: Field | None, escaped: str, prefix: str = "") -> str:
    """The decoded value, behind its prefix, if the field may hold it. Raises ValueError with the reason."""
    if field is None:
        raise ValueError("a component too many")
    value = decoded_from_urn(escaped)
    if not value or not field.characters.fullmatch(value):
        raise ValueError(f"{shown(escaped)} is no {field.name}: a character is not allowed, or there is none")
    if len(prefix + value) > field.length_max:
        raise ValueError(f"the {field.name} has at most {field.length_max} characters")
    return prefix + value


def _number_components(scheme: Scheme, key: Key, length: int) -> list[str]:
    if not scheme.digits:
        company, reference = key.rest[:length], key.rest[length:]
        if not DIGITS.fullmatch(company) or not reference:
            raise ValueError(f"{shown(key.rest)} does not begin with a company prefix of {length} digits")
        return [company, urn_escaped(reference)]
    if not key.digits.startswith(scheme.lead):
        raise ValueError(f"the number must begin with {scheme.lead}")
    digits = key.digits[len(scheme.lead) : -1]
    indicator, digits = (digits[0], digits[1:]) if scheme.indicator else ("", digits)
    components = [digits[:length], indicator + digits[length:]]
    if scheme.ai == "8006":
        components += [key.rest[:2], key.rest[2:]]
    return components
