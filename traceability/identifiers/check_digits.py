"""The check digit of GS1's numeric keys: GS1 General Specifications, section 7.9.1."""

from __future__ import annotations


def check_digit(digits: str) -> str:
    """The digit that completes a key: weights 3, 1, 3, 1, … from the right, filled up to the next ten.

    Assumes ASCII digits, one at least; biip and the reference implementation reckon the same, a test compares.
    """
    codes = digits.encode()
    threefold, single = codes[::-2], codes[-2::-2]
    # Sums of character codes: 48 is "0", taken off once for the whole.
    total = 3 * sum(threefold) + sum(single) - 48 * (3 * len(threefold) + len(single))
    return str(-total % 10)


def has_check_digit(digits: str) -> bool:
    """Whether the last digit is the check digit of those before it. Assumes two ASCII digits at least."""
    return check_digit(digits[:-1]) == digits[-1]
