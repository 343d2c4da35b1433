"""Amounts and quantities as people write them, and as integers of the smallest unit. Pure, and never a float."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

DECIMALS_MAX = 36
_CODE = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Currency:
    """What a token is called in books: a currency code of ISO 4217's form, and the token's own decimals.

    Raises ValueError for a code that is not three capital letters, and for decimals that no book can carry.
    """

    code: str
    decimals: int

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self.code):
            raise ValueError(f"{self.code!r} is no currency code: three capital letters (ISO 4217), XTS for tests")
        if not 0 <= self.decimals <= DECIMALS_MAX:
            raise ValueError(f"{self.decimals} decimals: 0 to {DECIMALS_MAX}")

    def text(self, amount: int) -> str:
        """The amount with all the token's decimals: 1250 is `12.50` where they are two."""
        return scaled(amount, self.decimals)


class Number(NamedTuple):
    """A decimal number as it was written: `digits` x 10^-`scale`. 12.50 is (1250, 2)."""

    digits: int
    scale: int

    def units(self, decimals: int) -> int | None:
        """The number in units of 10^-`decimals`; None where it is finer than that."""
        if self.scale <= decimals:
            return self.digits * int(10 ** (decimals - self.scale))
        whole, rest = divmod(self.digits, int(10 ** (self.scale - decimals)))
        return None if rest else whole

    @property
    def text(self) -> str:
        """The number as it was written."""
        return scaled(self.digits, self.scale)


def scaled(amount: int, decimals: int) -> str:
    """The integer `amount` of units of 10^-`decimals` as decimal text, with all decimals: (-5, 2) is `-0.05`."""
    sign, digits = ("-" if amount < 0 else ""), str(abs(amount)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else sign + digits
