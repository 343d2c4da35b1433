"""Section 9: the canonical form of an identifier."""

from __future__ import annotations

import re

from tests.outsider.page import KEYS, SCHEMES, SHORT

SET_82, SET_39, DIGITS = r"[!\"%&'()*+,\-./0-9:;<=>?A-Z_a-z]", r"[#\-/0-9A-Z]", "[0-9]"


def field(text: str) -> str:
    """The pattern that a cell like `serial, set 82, at most 17` means."""
    kind = SET_82 if "set 82" in text else SET_39 if "set 39" in text else DIGITS
    size = re.search("at most ([0-9]+)", text)
    return f"{kind}{{1,{size[1]}}}" if size else f"{kind}{{4}}"


QUALIFIERS = dict.fromkeys(("22", "10", "21", "254"), f"{SET_82}{{1,20}}")
QUALIFIERS |= {"235": f"{SET_82}{{1,28}}", "8011": f"{DIGITS}{{1,12}}"}


class NoKey(Exception):
    pass


def key_need(condition: object) -> None:
    if not condition:
        raise NoKey


def check_digit(digits: str) -> str:
    return str(-sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(digits[::-1])) % 10)


def decode(text: str) -> str:
    key_need(not re.search("%(?![0-9A-Fa-f]{2})", text))
    return re.sub("%(..)", lambda match: chr(int(match[1], 16)), text)


def write(ai: str, value: str, digits: int, qualifiers: dict[str, str]) -> str:
    def escape(text: str) -> str:
        return "".join(f"%{ord(c):02X}" if c in '!"#%&()*+,/:<>? ' else c for c in text)

    address = f"https://id.gs1.org/{ai}/{value[:digits]}{escape(value[digits:])}"
    for name in ("21", "10", "235", "254", "8011"):
        if name in qualifiers:
            return f"{address}/{name}/{escape(qualifiers[name])}"
    return address


def from_urn(text: str) -> str:
    kind, name, body = [*text[8:].split(":", 2), "", ""][:3]
    key_need(f"{kind}:{name}" in SCHEMES)
    ai, number, order, last = SCHEMES[f"{kind}:{name}"]
    digits, rest_field, _ = KEYS[ai]
    company, point, body = body.partition(".")
    key_need(point and re.fullmatch("[0-9]{6,12}", company))

    def decoded(component: str) -> str:
        key_need(re.fullmatch(r"([!'()*+,\-.0-9:;=A-Z_a-z]|%[0-9A-Fa-f]{2})+", component))
        return decode(component)

    if number == "free":
        reference, tail = body, None
        if last != "none":
            reference, point, tail = body.rpartition(".")
            key_need(point)
        value = company + decoded(reference)
        kind_of = SET_39 if "set 39" in rest_field else SET_82
        key_need(re.fullmatch(f"{kind_of}+", decoded(reference)) and len(value) <= 30)
    else:
        parts = body.split(".", 3 if ai == "8006" else 1)
        reference = parts.pop(0)
        key_need(re.fullmatch("[0-9]*", reference) and len(reference) == int(number) - len(company))
        if order.startswith(("first digit", "likewise", "as sgtin")):
            value = reference[0] + company + reference[1:]
        else:
            value = ("0" if order.startswith("`0`") else "") + company + reference
        value += check_digit(value)
        if ai == "8006":
            key_need(len(parts) >= 2 and all(re.fullmatch("[0-9]{2}", part) for part in parts[:2]))
            value += parts.pop(0) + parts.pop(0)
        key_need(len(parts) == (last != "none"))
        tail = parts[0] if parts else None
    if last == "none":
        return write(ai, value, digits, {})
    assert tail is not None
    if last == "`*`":
        key_need(tail == "*")
        return write(ai, value, digits, {})
    if last == "rest":
        key_need(re.fullmatch(field(rest_field), decoded(tail)))
        return write(ai, value + decoded(tail), digits, {})
    qualifier = last.split()[1].rstrip(";")
    key_need(re.fullmatch(QUALIFIERS[qualifier], decoded(tail)))
    if qualifier == "254" and decoded(tail) == "0":
        return write(ai, value, digits, {})
    return write(ai, value, digits, {qualifier: decoded(tail)})


def key_of(ai: str, segments: list[str]) -> str:
    digits, rest_field, order = KEYS[ai]
    value, names, values = decode(segments[0]), [SHORT.get(name, name) for name in segments[1::2]], segments[2::2]
    if ai == "01" and len(value) in (8, 12, 13, 14):
        value = value.rjust(14, "0")
    if digits:
        key_need(
            re.fullmatch(f"[0-9]{{{digits}}}", value[:digits]) and check_digit(value[: digits - 1]) == value[digits - 1]
        )
        if value[digits:] or ai == "8006":
            key_need(rest_field and re.fullmatch(field(rest_field), value[digits:]))
    else:
        key_need(len(value) >= 5 and re.fullmatch("[0-9]{4}", value[:4]) and re.fullmatch(field(rest_field), value))
    key_need(len(names) == len(values))
    orders = [re.findall("[0-9]+", part) for part in order.split(";")]
    key_need(any(names == [name for name in one if name in names] for one in orders))
    found = {}
    for name, written in zip(names, values, strict=True):
        found[name] = decode(written)
        key_need(re.fullmatch(QUALIFIERS[name], found[name]))
    if found.get("254") == "0":
        del found["254"]
    return write(ai, value, digits, found)


def canonical(text: str) -> str:
    """The canonical form of a GS1 key; any other text as it is written."""
    try:
        if text.startswith("urn:epc:"):
            return from_urn(text)
        match = re.match("[Hh][Tt][Tt][Pp][Ss]?://[^/?#]+/([^?#]*)", text)
        if match:
            segments = match[1].split("/")
            segments = segments[:-1] if not segments[-1] else segments
            for place, segment in enumerate(segments[:-1]):
                if SHORT.get(segment, segment) in KEYS:
                    try:
                        return key_of(SHORT.get(segment, segment), segments[place + 1 :])
                    except NoKey:
                        continue
    except NoKey:
        pass
    return text
