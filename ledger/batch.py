"""Which records close a batch now: enough of them, or the oldest has waited long enough. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ledger.merkle import Tree, leaf

CONFIRMATIONS_MAX = 200
"""The follower keeps some more blocks than that to find where a fork began."""


@dataclass(frozen=True, slots=True)
class AnchoringSettings:
    """When a batch closes, when a block is final, and what a capture receipt promises.

    A batch closes at `batch_size_max` records or once its oldest has waited `batch_age_s_max` seconds. With `by_tag` a
    block is final once the chain calls it `finalized`, and `confirmations` counts for nothing.
    """

    batch_size_max: int = 2048
    batch_age_s_max: float = 2.0
    confirmations: int = 1
    anchor_by_s: int = 86_400
    by_tag: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.batch_size_max <= 2**20:
            raise ValueError(f"batch_size_max is {self.batch_size_max}: 1 to {2**20} records")
        if not 1 <= self.confirmations <= CONFIRMATIONS_MAX:
            raise ValueError(
                f"confirmations is {self.confirmations}: 1 to {CONFIRMATIONS_MAX}, the block itself counts"
            )
        if self.batch_age_s_max < 0 or self.anchor_by_s <= self.batch_age_s_max:
            raise ValueError("batch_age_s_max is not negative, and anchor_by_s is longer")


class Entry(NamedTuple):
    """A record that is in no batch yet. `id` is its place in the order of arrival."""

    id: int
    record_hash: bytes
    signature: bytes
    signer: bytes
    received_at_us: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Records to be anchored under one root."""

    entries: Sequence[Entry]
    tree: Tree


def is_due(count: int, oldest_us: int, now_us: int, settings: AnchoringSettings) -> bool:
    """True where so many records, the oldest received at `oldest_us`, are enough for a batch or have waited enough.

    What was received later than now came in by a clock that was ahead: how long ago, nobody knows.
    """
    if count == 0:
        return False
    is_young = 0 <= now_us - oldest_us < settings.batch_age_s_max * 1_000_000
    return count >= settings.batch_size_max or not is_young


def close_batch(pending: Sequence[Entry], now_us: int, settings: AnchoringSettings) -> Batch | None:
    """The batch to anchor now, from records in order of arrival; None where they are too few and too young."""
    if not pending or not is_due(len(pending), pending[0].received_at_us, now_us, settings):
        return None
    entries = pending[: settings.batch_size_max]
    return Batch(entries, Tree.of([leaf(entry.record_hash, entry.signature) for entry in entries]))
