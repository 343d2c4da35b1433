"""The record's digest, and the one form of a signature.

Oracles: proof-golden.json beside the checkout, and eth-account, an independent implementation of EIP-712.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.errors import BadSignature
from ledger.hexadecimal import address_from_text, from_hex, to_address
from ledger.keystore import LocalSigner
from ledger.record import (
    CURVE_ORDER,
    Domain,
    Record,
    capture_receipt_digest,
    check_signature_form,
    record_hash,
    recover,
    withdrawal_digest,
)

GROWER = LocalSigner(bytes(31) + b"\x07")
DOMAIN = Domain(9_520_017, bytes.fromhex("5fbdb2315678afecb367f032d93f642f64180aa3"))
DIGEST = bytes(range(32))

hashes = st.binary(min_size=32, max_size=32)
addresses = st.binary(min_size=20, max_size=20)
numbers = st.integers(0, 2**64 - 1)


def typed_digest(domain: Domain, name: str, fields: list[tuple[str, str]], message: dict[str, Any]) -> bytes:
    """What eth-account says that a wallet signs."""
    signable = encode_typed_data(
        {"name": "Tallystick", "version": "1", "chainId": domain.chain_id,
         "verifyingContract": to_address(domain.event_log)},
        {name: [{"name": field, "type": kind} for field, kind in fields]},
        message,
    )  # fmt: skip
    return bytes(keccak(b"\x19" + signable.version + signable.header + signable.body))


@settings(max_examples=60)
@given(st.integers(1, 2**53 - 1), addresses, hashes, hashes, addresses, numbers, hashes)
def test_a_record_is_signed_as_any_wallet_signs_typed_data(
    chain_id: int, log: bytes, event: bytes, content: bytes, party: bytes, sequence: int, disclosure: bytes
) -> None:
    domain = Domain(chain_id, log)
    fields = [("eventHash", "bytes32"), ("contentHash", "bytes32"), ("party", "address"), ("sequence", "uint64"),
              ("disclosureRoot", "bytes32")]  # fmt: skip
    message = {"eventHash": event, "contentHash": content, "party": to_address(party), "sequence": sequence,
               "disclosureRoot": disclosure}  # fmt: skip
    expected = typed_digest(domain, "Record", fields, message)
    assert record_hash(domain, Record(event, content, party, sequence, disclosure)) == expected


@settings(max_examples=30)
@given(hashes)
def test_a_withdrawal_is_typed_data_of_the_same_domain(name: bytes) -> None:
    expected = typed_digest(DOMAIN, "Withdrawal", [("recordHash", "bytes32")], {"recordHash": name})
    assert withdrawal_digest(DOMAIN, name) == expected


@settings(max_examples=30)
@given(st.lists(hashes, max_size=5), numbers, numbers)
def test_a_capture_receipt_is_typed_data_of_the_same_domain(
    names: list[bytes], received_at: int, anchor_by: int
) -> None:
    fields = [("recordHashes", "bytes32[]"), ("receivedAt", "uint64"), ("anchorBy", "uint64")]
    message = {"recordHashes": names, "receivedAt": received_at, "anchorBy": anchor_by}
    expected = typed_digest(DOMAIN, "CaptureReceipt", fields, message)
    assert capture_receipt_digest(DOMAIN, names, received_at, anchor_by) == expected


def test_every_golden_record_has_its_hash_and_recovers_to_its_signer(vectors: Path) -> None:
    golden = json.loads((vectors / "proof-golden.json").read_bytes())
    domain = Domain(golden["domain"]["chainId"], address_from_text(golden["domain"]["verifyingContract"]))
    entries = [entry for batch in golden["sets"].values() for entry in batch["records"]]
    assert len(entries) == 32
    for entry in entries:
        fields = entry["record"]
        record = Record(
            event_hash=from_hex(fields["eventHash"], 32),
            content_hash=from_hex(fields["contentHash"], 32),
            party=address_from_text(fields["party"]),
            sequence=fields["sequence"],
            disclosure_root=from_hex(fields["disclosureRoot"], 32),
        )
        assert record_hash(domain, record) == from_hex(entry["recordHash"], 32)
        signer = recover(from_hex(entry["recordHash"], 32), from_hex(entry["signature"], 65))
        assert signer == address_from_text(entry["signer"])


@pytest.mark.parametrize("field", ["event_hash", "content_hash", "party", "sequence", "disclosure_root"])
def test_every_field_changes_the_record_hash(field: str) -> None:
    fields: dict[str, Any] = {"event_hash": b"\1" * 32, "content_hash": b"\2" * 32, "party": b"\3" * 20,
                              "sequence": 4, "disclosure_root": b"\5" * 32}  # fmt: skip
    other = fields | {field: 5 if field == "sequence" else bytes(len(fields[field]))}
    assert record_hash(DOMAIN, Record(**fields)) != record_hash(DOMAIN, Record(**other))


def test_a_signature_counts_on_one_chain_and_one_event_log_only() -> None:
    record = Record(b"\1" * 32, b"\2" * 32, GROWER.address, 0, b"\3" * 32)
    domains = [DOMAIN, Domain(1, DOMAIN.event_log), Domain(DOMAIN.chain_id, bytes(20))]
    assert len({record_hash(domain, record) for domain in domains}) == 3


@settings(max_examples=60)
@given(st.integers(1, CURVE_ORDER - 1), hashes)
def test_what_a_local_key_signs_recovers_to_it_and_eth_account_signs_the_same(secret: int, digest: bytes) -> None:
    signer = LocalSigner(secret.to_bytes(32, "big"))
    signature = signer.sign(digest)
    check_signature_form(signature)
    assert recover(digest, signature) == signer.address
    theirs = Account.from_key(secret.to_bytes(32, "big"))
    assert bytes(theirs.unsafe_sign_hash(digest).signature) == signature
    assert address_from_text(theirs.address) == signer.address


def parts(signature: bytes) -> tuple[int, int, int]:
    return int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"), signature[64]


def joined(r: int, s: int, v: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([v])


def test_the_twin_with_high_s_is_refused_though_it_recovers_to_the_same_signer() -> None:
    r, s, v = parts(GROWER.sign(DIGEST))
    with pytest.raises(BadSignature, match="above half the group order"):
        recover(DIGEST, joined(r, CURVE_ORDER - s, 55 - v))


@pytest.mark.parametrize("v", [0, 1, 26, 29, 255])
def test_v_other_than_27_and_28_is_refused(v: int) -> None:
    r, s, _ = parts(GROWER.sign(DIGEST))
    with pytest.raises(BadSignature, match=f"v of the signature is {v}"):
        recover(DIGEST, joined(r, s, v))


@pytest.mark.parametrize("r", [0, CURVE_ORDER, 2**256 - 1])
def test_r_of_zero_or_from_the_group_order_on_is_refused(r: int) -> None:
    _, s, v = parts(GROWER.sign(DIGEST))
    with pytest.raises(BadSignature, match="r of the signature is zero or not below"):
        recover(DIGEST, joined(r, s, v))


@pytest.mark.parametrize("s", [0, CURVE_ORDER // 2 + 1, CURVE_ORDER, 2**256 - 1])
def test_s_of_zero_or_above_half_the_group_order_is_refused(s: int) -> None:
    r, _, v = parts(GROWER.sign(DIGEST))
    with pytest.raises(BadSignature, match="s of the signature is zero or above"):
        recover(DIGEST, joined(r, s, v))


def test_s_of_exactly_half_the_group_order_has_the_allowed_form() -> None:
    r, _, v = parts(GROWER.sign(DIGEST))
    check_signature_form(joined(r, CURVE_ORDER // 2, v))


def test_the_compact_form_of_eip_2098_is_refused() -> None:
    r, s, v = parts(GROWER.sign(DIGEST))
    compact = r.to_bytes(32, "big") + (s | (v - 27) << 255).to_bytes(32, "big")
    with pytest.raises(BadSignature, match="65 bytes r, s, v; this one has 64"):
        recover(DIGEST, compact)


@pytest.mark.parametrize("size", [0, 64, 66])
def test_any_other_length_is_refused(size: int) -> None:
    with pytest.raises(BadSignature, match=f"this one has {size}"):
        check_signature_form(bytes(size))


def test_an_r_on_no_curve_point_is_refused() -> None:
    # 5 is no x coordinate: 5^3 + 7 = 132 is no square modulo p.
    with pytest.raises(BadSignature, match="recovers to no signer"):
        recover(DIGEST, joined(5, 1, 27))


@settings(max_examples=100)
@given(st.binary(min_size=60, max_size=70))
def test_no_bytes_do_more_than_be_refused(signature: bytes) -> None:
    with contextlib.suppress(BadSignature):
        assert len(recover(DIGEST, signature)) == 20
