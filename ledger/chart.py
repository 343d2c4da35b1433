"""The chart of accounts: under which names a party's books keep what the escrow and the tokens say of it.

Pure. docs/finance.md explains each account with an example. The names are ones that Beancount takes as they are:
https://beancount.github.io/docs/beancount_language_syntax.html#accounts
"""

from __future__ import annotations

from collections.abc import Mapping

from ledger.hexadecimal import to_address, to_hex

CREDIT = "Assets:Credit"
"""What the escrow owes the party: settled for it, and not collected yet."""
SALES = "Income:Sales"
SALES_REDUCTIONS = "Income:Reductions"
"""What buyers kept of deliveries: for lateness, for quality, by ruling, by agreement. Lessens the sales."""
SALES_UNDELIVERED = "Income:Undelivered"
"""What came for no delivery: out of a milestone's rest, released, divided or ruled."""
SPLITS_EARNED = "Income:Splits"
PURCHASES = "Expenses:Purchases"
PURCHASE_REDUCTIONS = "Expenses:Reductions"
PURCHASES_UNDELIVERED = "Expenses:Undelivered"
SPLITS_PAID = "Expenses:Splits"
TOKEN_LOSS = "Expenses:TokenLoss"  # noqa: S105 - an account
"""What a token kept for itself of a transfer: one that began to take a fee."""
TRANSFERS = "Equity:Transfers"
"""Plain transfers, whose reason the chain doesn't know."""
MINTED = "Equity:Minted"
ACCOUNTS = "Equity:Accounts"
"""What an account held when the party took it up."""

_TOKEN, _FORMER = "Assets:Token:", "Assets:Former:"


class Chart:
    """The accounts whose names hold a token's code, an account or an order. `codes` are the tokens that are booked."""

    def __init__(self, codes: Mapping[bytes, str]) -> None:
        self.codes = dict(codes)
        self._names: dict[tuple[bytes, bytes, bool], str] = {}

    def held(self, token: bytes, account: bytes, *, is_former: bool) -> str:
        """The tokens on one of the party's accounts; on one that it does not act by any more, apart from the others."""
        key = token, account, is_former
        name = self._names.get(key)
        if name is None:
            prefix = _FORMER if is_former else _TOKEN
            name = self._names[key] = f"{prefix}{self.codes[token]}:{to_address(account)}"
        return name

    def credit(self, creditor: bytes, party: bytes) -> str:
        """What the escrow owes the party, or an account of the party's that holds a receivable by itself."""
        return CREDIT if creditor == party else f"{CREDIT}:{to_address(creditor)}"


def escrowed(order: bytes) -> str:
    """What the buyer has paid in for an order and nobody has been credited yet."""
    return f"Assets:Escrow:{short(order)}"


def receivable(order: bytes, *, is_seller: bool) -> str:
    """A receivable that was sold (the seller owes it to its holder), or bought (the holder has it)."""
    return f"{'Liabilities' if is_seller else 'Assets'}:Receivables:{short(order)}"


def account_of(name: str) -> str | None:
    """The account (EIP-55) whose tokens stand under that name of the chart; None for a name that holds no tokens."""
    return name.rpartition(":")[2] if name.startswith((_TOKEN, _FORMER)) else None


def short(order: bytes) -> str:
    """The first eight bytes of an order's id: enough to tell a party's orders apart; entries hold the whole id."""
    return to_hex(order[:8])
