"""The plain way to put an event on a chain: web3.py, a transaction an event, and waiting for each receipt."""

from __future__ import annotations

from collections.abc import Iterable

from eth_account import Account
from web3 import HTTPProvider, Web3
from web3.middleware import SignAndSendRawMiddlewareBuilder

from ledger.hexadecimal import to_address


def send_plainly(rpc_url: str, secret: bytes, to: bytes, calls: Iterable[bytes]) -> None:
    """Send each call as web3's own tutorial does: build, sign, send, wait for the receipt."""
    web3 = Web3(HTTPProvider(rpc_url))
    account = Account.from_key(secret)
    web3.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build(account), layer=0)
    for data in calls:
        sent = web3.eth.send_transaction({"from": account.address, "to": Web3.to_checksum_address(to), "data": data})
        receipt = web3.eth.wait_for_transaction_receipt(sent, poll_latency=0.001)
        if receipt["status"] != 1:
            raise SystemExit(f"the plain way's transaction {sent.hex()} to {to_address(to)} was reverted")
