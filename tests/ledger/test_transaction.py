"""transaction: the bytes that eth-account signs, the addresses that the chain gives."""

from __future__ import annotations

import random

from eth_account import Account

from ledger.keystore import LocalSigner
from ledger.transaction import Transaction, created_address, sign, transaction_hash


def test_signed_bytes_and_hash_are_those_of_eth_account() -> None:
    dice = random.Random(7)
    for _ in range(50):
        secret = dice.randbytes(32)
        to = dice.choice([None, dice.randbytes(20)])
        data = dice.randbytes(dice.choice([0, 1, 4, 68, 300]))
        nonce, gas, tip, fee, value = (dice.choice([0, 1, 127, 128, dice.getrandbits(50)]) for _ in range(5))
        ours = Transaction(952_001, nonce, to, data, gas, tip, fee, value)
        theirs = Account.sign_transaction(
            {"type": 2, "chainId": 952_001, "nonce": nonce, "to": to or b"", "data": data, "gas": gas, "value": value,
             "maxPriorityFeePerGas": tip, "maxFeePerGas": fee}, secret,
        )  # fmt: skip
        raw = sign(ours, LocalSigner(secret))
        assert (raw, transaction_hash(raw)) == (bytes(theirs.raw_transaction), bytes(theirs.hash))


def test_a_created_contract_has_the_address_that_the_yellow_paper_says() -> None:
    sender = bytes.fromhex("6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0")
    assert [created_address(sender, nonce).hex() for nonce in (0, 1, 2)] == [
        "cd234a471b72ba2f1ccf0a70fcaba648a5eecd8d",
        "343c43a37d37dff08ae8c4a11544c718abb4fcf8",
        "f778b86fa74e846c4f0a1fbd1335fe81c00a0c91",
    ]
