"""A party's books in the formats that other programs read: Beancount, CSV, XLSX, ISO 20022 camt.053.

Pure: entries in, bytes out. docs/finance.md describes each format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ledger.hexadecimal import to_address
from ledger.money import Currency


@dataclass(frozen=True, slots=True)
class Heading:
    """Whose books they are, on which chain, and how tokens, parties and accounts are called in them."""

    party: bytes
    name: str
    chain_id: int
    currencies: Mapping[bytes, Currency]
    names: Mapping[bytes, str] = field(default_factory=dict)

    def account_id(self, account: bytes) -> str:
        """The account as CAIP-10 names it: https://chainagnostic.org/CAIPs/caip-10."""
        return f"eip155:{self.chain_id}:{to_address(account)}"

    def token_id(self, token: bytes) -> str:
        """The token as CAIP-19 names it: https://chainagnostic.org/CAIPs/caip-19."""
        return f"eip155:{self.chain_id}/erc20:{to_address(token)}"

    def counterparty(self, account: bytes | None) -> str:
        """A party's legal name on one line, else the account; empty where there is nobody."""
        if account is None:
            return ""
        return printable(self.names.get(account, "")) or self.account_id(account)


def moment(at: int) -> datetime:
    """A block's time."""
    return datetime.fromtimestamp(at, UTC)


def printable(text: str) -> str:
    """The text without what no line, cell or XML holds: a party's name may be any text."""
    return "".join(one if one.isprintable() else " " for one in text).strip()
