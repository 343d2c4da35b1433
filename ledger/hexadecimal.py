"""Bytes as `0x` text and back, and EIP-55 addresses. Inside this house hashes and addresses are bytes."""

from __future__ import annotations

from functools import lru_cache

from sha3 import keccak_256

from ledger.errors import BadChecksum, InvalidHex


def to_hex(value: bytes) -> str:
    """`0x` and lower-case digits."""
    return "0x" + value.hex()


def from_hex(text: object, size: int) -> bytes:
    """The `size` bytes that `0x` and exactly 2 x `size` lower-case digits spell. Else raises InvalidHex."""
    if not isinstance(text, str):
        raise InvalidHex(text, size)
    try:
        value = bytes.fromhex(text[2:])
    except ValueError:
        raise InvalidHex(text, size) from None
    # fromhex takes upper case and white space too: only the one spelling comes back the same.
    if len(value) != size or "0x" + value.hex() != text:
        raise InvalidHex(text, size)
    return value


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
