"""Which characters a serial or a reference may have, and how they are escaped in a URN and in a web address.

GS1 General Specifications, section 7.11: character set 82 (serials, lots) and 39 (components and parts).
"""

from __future__ import annotations

import re
from typing import Final

SET_82: Final = re.compile(r"[!\"%&'()*+,\-./0-9:;<=>?A-Z_a-z]+")
SET_39: Final = re.compile(r"[#\-/0-9A-Z]+")
DIGITS: Final = re.compile(r"[0-9]+")

_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})?")
# The set of GS1 Digital Link 1.2, table 7-1, and the characters that end a path or start an escape.
_LINK_ESCAPES: Final = {ord(character): f"%{ord(character):02X}" for character in '!"#%&()*+,/:<>? '}
# EPC Tag Data Standard 2.0, appendix A: what a URN must not hold as it is.
_URN_ESCAPES: Final = {ord(character): f"%{ord(character):02X}" for character in '"#%&/<>?'}
_URN_PLAIN: Final = re.compile(r"(?:[!'()*+,\-.0-9:;=A-Z_a-z]|%[0-9A-Fa-f]{2})+")


def decoded(text: str) -> str | None:
    """The text with every %XX replaced by its character (one byte, one character), None where a % escapes nothing.

    GS1's characters are ASCII: bytes above it come out as characters that no character set of GS1 has.
    """
    if "%" not in text:
        return text
    if any(match[1] is None for match in _ESCAPE.finditer(text)):
        return None
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)


def decoded_from_urn(text: str) -> str | None:
    """As `decoded`, None also where a character stands as it is that a URN must escape."""
    return decoded(text) if _URN_PLAIN.fullmatch(text) else None


def link_escaped(text: str) -> str:
    """The text as a segment of the canonical Digital Link: %XX with upper-case digits."""
    return text if text.isalnum() else text.translate(_LINK_ESCAPES)


def urn_escaped(text: str) -> str:
    """The text as a component of an EPC URN."""
    return text if text.isalnum() else text.translate(_URN_ESCAPES)


def shown(text: str) -> str:
    """The text for an error message: quoted and not endless."""
    return repr(text if len(text) <= 40 else text[:40] + "…")
