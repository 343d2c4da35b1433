"""A transaction as bytes: EIP-1559 (type 2), signed by any Signer. Pure. https://eips.ethereum.org/EIPS/eip-1559"""

from __future__ import annotations

from dataclasses import dataclass

import rlp  # type: ignore[import-untyped]  # it ships no types

from ledger.keystore import Signer
from ledger.record import keccak256

_TYPE = b"\x02"


@dataclass(frozen=True, slots=True)
class Transaction:
    """What is sent: `to` is None for a contract's creation, `data` calldata or creation code, fees in wei a gas."""

    chain_id: int
    nonce: int
    to: bytes | None
    data: bytes
    gas: int
    tip_wei: int
    max_fee_wei: int
    value_wei: int = 0


def sign(transaction: Transaction, signer: Signer) -> bytes:
    """The raw transaction, ready to be handed to a chain. Its hash is `transaction_hash` of it."""
    fields = [
        transaction.chain_id,
        transaction.nonce,
        transaction.tip_wei,
        transaction.max_fee_wei,
        transaction.gas,
        transaction.to or b"",
        transaction.value_wei,
        transaction.data,
        [],
    ]
    signature = signer.sign(keccak256(_TYPE + _encode(fields)))
    r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:64]))
    return _TYPE + _encode([*fields, signature[64] - 27, r, s])


def transaction_hash(raw: bytes) -> bytes:
    """The name of a signed transaction on chain, 32 bytes."""
    return keccak256(raw)


def created_address(sender: bytes, nonce: int) -> bytes:
    """The account of a contract that the sender's transaction with that nonce creates (Yellow Paper, section 7)."""
    return keccak256(_encode([sender, nonce]))[12:]


def _encode(fields: list[object]) -> bytes:
    encoded: bytes = rlp.encode(fields)
    return encoded
