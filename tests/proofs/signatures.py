"""Every way in which 65 bytes, or some other number of them, are not the signature that was asked for.

A form that is not allowed recovers to nobody. A signature of the right form over something else (another chain,
contract, name, version or record) does recover: to an account that nobody has.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ledger.keystore import LocalSigner
from ledger.record import CURVE_ORDER, DOMAIN_TYPE, keccak256

FIELD = 2**256 - 2**32 - 977
"""p of secp256k1 (SEC 2, section 2.4.1): coordinates are below it, and it is above the group order."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What a signer was asked to sign: a struct by its hash, in the domain `name` of one contract on one chain."""

    struct_hash: bytes
    name: str
    chain_id: int
    contract: bytes
    version: str = "1"

    @property
    def digest(self) -> bytes:
        """The EIP-712 digest; made here from its words, not by the code under test."""
        name, version = keccak256(self.name.encode()), keccak256(self.version.encode())
        place = self.chain_id.to_bytes(32, "big") + bytes(12) + self.contract
        separator = keccak256(keccak256(DOMAIN_TYPE.encode()) + name + version + place)
        return keccak256(b"\x19\x01" + separator + self.struct_hash)


Made = Callable[[LocalSigner, Signed], bytes]


@dataclass(frozen=True, slots=True)
class Form:
    """A signature that must not count. `is_allowed` where only its content is wrong: then it recovers to somebody."""

    name: str
    made: Made
    is_allowed: bool = False


def good(signer: LocalSigner, signed: Signed) -> bytes:
    """The signature that was asked for."""
    return signer.sign(signed.digest)


def _of(change: Callable[[int, int, int], tuple[int, int, int]]) -> Made:
    """The good signature with other r, s and v."""

    def made(signer: LocalSigner, signed: Signed) -> bytes:
        signature = good(signer, signed)
        r, s, v = change(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"), signature[64])
        return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([v])

    return made


def _cut(change: Callable[[bytes], bytes]) -> Made:
    return lambda signer, signed: change(good(signer, signed))


def _over(digest: Callable[[Signed], bytes]) -> Made:
    return lambda signer, signed: signer.sign(digest(signed))


def _elsewhere(**change: int | str | bytes) -> Made:
    """A signature over the same struct in another domain."""
    return _over(lambda signed: replace(signed, **change).digest)  # type: ignore[arg-type]


def _compact(signature: bytes) -> bytes:
    """EIP-2098: the parity of y in the highest bit of s, 64 bytes."""
    parity = (signature[64] - 27) << 7
    return signature[:32] + bytes([signature[32] | parity]) + signature[33:64]


N = CURVE_ORDER
_MESSAGE = b"\x19Ethereum Signed Message:\n32"
FORMS: tuple[Form, ...] = (
    Form("high s, the twin of the same consent", _of(lambda r, s, v: (r, N - s, 55 - v))),
    Form("high s, v left as it was", _of(lambda r, s, v: (r, N - s, v))),
    Form("s one above half the group order", _of(lambda r, s, v: (r, N // 2 + 1, v))),
    Form("s zero", _of(lambda r, s, v: (r, 0, v))),
    Form("s the group order", _of(lambda r, s, v: (r, N, v))),
    Form("s above the group order", _of(lambda r, s, v: (r, N + 1, v))),
    Form("s all ones", _of(lambda r, s, v: (r, 2**256 - 1, v))),
    Form("r zero", _of(lambda r, s, v: (0, s, v))),
    Form("r the group order", _of(lambda r, s, v: (N, s, v))),
    Form("r above the group order, a coordinate still", _of(lambda r, s, v: (N + 2, s, v))),
    Form("r the field's prime", _of(lambda r, s, v: (FIELD, s, v))),
    Form("r all ones", _of(lambda r, s, v: (2**256 - 1, s, v))),
    Form("r that is the x of no point", _of(lambda r, s, v: (5, s, v))),
    Form("all zero", lambda signer, signed: bytes(65)),
    Form("v 0 or 1, as eth_sign of old", _of(lambda r, s, v: (r, s, v - 27))),
    Form("v 26", _of(lambda r, s, v: (r, s, 26))),
    Form("v 29 or 30: r plus the group order", _of(lambda r, s, v: (r, s, v + 2))),
    Form("v 35 and up, as EIP-155", _of(lambda r, s, v: (r, s, v + 8))),
    Form("v 255", _of(lambda r, s, v: (r, s, 255))),
    Form("64 bytes: EIP-2098", _cut(_compact)),
    Form("64 bytes: v left out", _cut(lambda signature: signature[:64])),
    Form("65 bytes: EIP-2098 and a zero", _cut(lambda signature: _compact(signature) + b"\0")),
    Form("65 bytes: v first", _cut(lambda signature: signature[64:] + signature[:64])),
    Form("66 bytes: a zero more", _cut(lambda signature: signature + b"\0")),
    Form("66 bytes: a zero before", _cut(lambda signature: b"\0" + signature)),
    Form("96 bytes: v as a word", _cut(lambda signature: signature[:64] + bytes(31) + signature[64:])),
    Form("130 bytes: twice", _cut(lambda signature: signature * 2)),
    Form("one byte", lambda signer, signed: b"\x1b"),
    Form("empty", lambda signer, signed: b""),
    Form("v of the other parity", _of(lambda r, s, v: (r, s, 55 - v)), is_allowed=True),
    Form("s of another size", _of(lambda r, s, v: (r, s // 2 + 1, v)), is_allowed=True),
    Form("of another chain", _elsewhere(chain_id=1), is_allowed=True),
    Form("of another contract", _elsewhere(contract=b"\x11" * 20), is_allowed=True),
    Form("of another name", _elsewhere(name="EventLog"), is_allowed=True),
    Form("of another spelling of the name", _elsewhere(name="tallystick"), is_allowed=True),
    Form("of another version", _elsewhere(version="2"), is_allowed=True),
    Form("over the struct without a domain", _over(lambda signed: signed.struct_hash), is_allowed=True),
    Form("as a message: EIP-191", _over(lambda signed: keccak256(_MESSAGE + signed.digest)), is_allowed=True),
    Form("another record's", _over(lambda signed: replace(signed, struct_hash=keccak256(b"another")).digest),
         is_allowed=True),
)  # fmt: skip
