"""The record that a party signs: its EIP-712 digest, the signature's one allowed form, and the signer behind it.

docs/proof-format.md, sections 1, 4 and 7. Typed data: https://eips.ethereum.org/EIPS/eip-712. Pure; hashes are 32
bytes, addresses 20, signatures 65.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from coincurve import PublicKey
from sha3 import keccak_256

from ledger.errors import BadSignature

RECORD_TYPE = "Record(bytes32 eventHash,bytes32 contentHash,address party,uint64 sequence,bytes32 disclosureRoot)"
WITHDRAWAL_TYPE = "Withdrawal(bytes32 recordHash)"
CAPTURE_RECEIPT_TYPE = "CaptureReceipt(bytes32[] recordHashes,uint64 receivedAt,uint64 anchorBy)"
DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
DOMAIN_NAME, DOMAIN_VERSION = "Tallystick", "1"

SIGNATURE_SIZE = 65
CURVE_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
"""n of secp256k1 (SEC 2, section 2.4.1)."""


def keccak256(data: bytes) -> bytes:
    """Ethereum's hash, 32 bytes: Keccak before NIST padded it another way and called it SHA-3."""
    digest: bytes = keccak_256(data).digest()
    return digest


_DOMAIN_PREFIX = b"".join(keccak256(text.encode()) for text in (DOMAIN_TYPE, DOMAIN_NAME, DOMAIN_VERSION))
_RECORD_TYPE_HASH = keccak256(RECORD_TYPE.encode())
_WITHDRAWAL_TYPE_HASH = keccak256(WITHDRAWAL_TYPE.encode())
_CAPTURE_RECEIPT_TYPE_HASH = keccak256(CAPTURE_RECEIPT_TYPE.encode())
_ADDRESS_PAD = bytes(12)


@dataclass(frozen=True, slots=True)
class Record:
    """What binds one event to the party that vouches for it. `sequence` counts from 0, per signer key."""

    event_hash: bytes
    content_hash: bytes
    party: bytes
    sequence: int
    disclosure_root: bytes


@dataclass(frozen=True, slots=True)
class Domain:
    """The EIP-712 domain of one EventLog on one chain. A signature made in one domain is none in any other."""

    chain_id: int
    event_log: bytes
    separator: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        encoded = _DOMAIN_PREFIX + self.chain_id.to_bytes(32, "big") + _ADDRESS_PAD + self.event_log
        object.__setattr__(self, "separator", keccak256(encoded))


def record_hash(domain: Domain, record: Record) -> bytes:
    """The EIP-712 digest of a record: what the party signs, and the record's name on chain.

    Assumes that the fields have their sizes; `sequence` is a uint64 (else OverflowError).
    """
    encoded = (
        _RECORD_TYPE_HASH + record.event_hash + record.content_hash + _ADDRESS_PAD + record.party
        + record.sequence.to_bytes(8, "big").rjust(32, b"\0") + record.disclosure_root
    )  # fmt: skip
    return _typed_digest(domain, encoded)


def withdrawal_digest(domain: Domain, record_hash: bytes) -> bytes:
    """The EIP-712 digest by which a party takes back the record of that hash (EventLog.withdraw)."""
    return _typed_digest(domain, _WITHDRAWAL_TYPE_HASH + record_hash)


def capture_receipt_digest(domain: Domain, record_hashes: Sequence[bytes], received_at: int, anchor_by: int) -> bytes:
    """The EIP-712 digest of a node's promise to bring these records under a root by `anchor_by`.

    `received_at` and `anchor_by` are seconds since 1970.
    """
    encoded = (
        _CAPTURE_RECEIPT_TYPE_HASH + keccak256(b"".join(record_hashes))
        + received_at.to_bytes(8, "big").rjust(32, b"\0") + anchor_by.to_bytes(8, "big").rjust(32, b"\0")
    )  # fmt: skip
    return _typed_digest(domain, encoded)


def check_signature_form(signature: bytes) -> None:
    """Returns nothing for 65 bytes r ‖ s ‖ v with 0 < r < n, 0 < s <= n/2, v 27 or 28. Else raises BadSignature.

    One form only: with a twin (n - s, the other v) the same consent would have two leaves.
    """
    if len(signature) != SIGNATURE_SIZE:
        raise BadSignature(f"a signature has {SIGNATURE_SIZE} bytes r, s, v; this one has {len(signature)}")
    if not 0 < int.from_bytes(signature[:32], "big") < CURVE_ORDER:
        raise BadSignature("r of the signature is zero or not below the group order")
    if not 0 < int.from_bytes(signature[32:64], "big") <= CURVE_ORDER // 2:
        raise BadSignature("s of the signature is zero or above half the group order")
    if signature[64] not in (27, 28):
        raise BadSignature(f"v of the signature is {signature[64]}, neither 27 nor 28")


def recover(digest: bytes, signature: bytes) -> bytes:
    """The 20-byte address whose key signed the 32-byte digest. Raises BadSignature where there is none."""
    check_signature_form(signature)
    try:
        key = PublicKey.from_signature_and_message(signature[:64] + bytes([signature[64] - 27]), digest, hasher=None)
    except ValueError as error:
        raise BadSignature("the signature recovers to no signer") from error
    return address_of(key)


def address_of(key: PublicKey) -> bytes:
    """The account of a public key: the last 20 bytes of the hash of its coordinates (Yellow Paper, section 4.1)."""
    return keccak256(key.format(compressed=False)[1:])[12:]


def _typed_digest(domain: Domain, encoded_struct: bytes) -> bytes:
    """keccak256(0x1901 ‖ domainSeparator ‖ hashStruct), EIP-712."""
    return keccak256(b"\x19\x01" + domain.separator + keccak256(encoded_struct))
