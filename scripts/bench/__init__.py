"""What we claim about speed, measured: each figure beside the plain way of doing the same, in the same run.

Machines are noisy: ratios count, absolute figures don't.
"""

from __future__ import annotations

from typing import Literal, TypedDict


class Row(TypedDict):
    """One comparison. `ratio` is ours / theirs; `better` says which way is good, `target` how far."""

    name: str
    ours: float
    theirs: float
    unit: str
    ratio: float
    target: float
    better: Literal["higher", "lower"]


def row(name: str, ours: float, theirs: float, unit: str, target: float, better: Literal["higher", "lower"]) -> Row:
    """A comparison whose `ratio` is ours / theirs: `better` says on which side of `target` is good."""
    return Row(name=name, ours=ours, theirs=theirs, unit=unit, ratio=ours / theirs, target=target, better=better)


def meets_target(measured: Row) -> bool:
    """True where the ratio is on the good side of its target."""
    if measured["better"] == "higher":
        return measured["ratio"] >= measured["target"]
    return measured["ratio"] <= measured["target"]
