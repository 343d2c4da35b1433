"""Bytes as `0x` text and back, and EIP-55 addresses. Inside this house hashes and addresses are bytes."""

from __future__ import annotations

from functools import lru_cache

from sha3 import keccak_256

from ledger.errors import BadChecksum, InvalidHex

_DIGITS = frozenset("0123456789abcdef")


def to_hex(value: bytes) -> str:
    """`0x` and lower-case digits."""
    return "0x" + value.hex()


def from_hex(text: object, size: int) -> bytes:
    """The `size` bytes that `0x` and exactly 2 x `size` lower-case digits spell. Else raises InvalidHex."""
    if not isinstance(text, str) or len(text) != 2 + 2 * size or not text.startswith("0x"):
        raise InvalidHex(text, size)
    if not _DIGITS.issuperset(text[2:]):
        raise InvalidHex(text, size)
    return bytes.fromhex(text[2:])


def address_from_text(text: object) -> bytes:
    """The 20 bytes of an address in lower case, or in EIP-55 mixed case with a checksum that holds.

    Raises InvalidHex, or BadChecksum.
    """
    if isinstance(text, str) and text != text.lower():
        if not text.startswith("0x"):
            raise InvalidHex(text, 20)
        value = from_hex(text.lower(), 20)
        if to_address(value) != text:
            raise BadChecksum(text)
        return value
    return from_hex(text, 20)


@lru_cache(maxsize=4096)
def to_address(value: bytes) -> str:
    """An address of 20 bytes in EIP-55 mixed case, as people read and compare it."""
    digits = value.hex()
    digest = keccak_256(digits.encode()).hexdigest()
    return "0x" + "".join(d.upper() if int(h, 16) >= 8 else d for d, h in zip(digits, digest, strict=False))
