"""batch and finality: when a batch closes, when a block is final, where a fork began. No clock, no chain."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.batch import AnchoringSettings, Entry, close_batch
from ledger.finality import Finality, Link, common_ancestor, is_chain, judge, newest_final
from ledger.merkle import Tree, leaf

SETTINGS = AnchoringSettings(batch_size_max=4, batch_age_s_max=2.0)
S = 1_000_000


def entries(count: int, received_at_us: int = 0) -> list[Entry]:
    return [Entry(i, bytes([i]) * 32, bytes(65), b"\1" * 20, received_at_us + i) for i in range(count)]


@pytest.mark.parametrize(
    ("count", "now_us", "closed"),
    [(0, 9 * S, 0), (1, 2 * S - 1, 0), (1, 2 * S, 1), (3, 2 * S - 1, 0), (3, 2 * S, 3), (4, 0, 4), (9, 9 * S, 4)],
)
def test_a_batch_closes_when_it_is_full_or_its_oldest_record_is_old(count: int, now_us: int, closed: int) -> None:
    batch = close_batch(entries(count), now_us, SETTINGS)
    assert (0 if batch is None else len(batch.entries)) == closed


def test_a_batch_is_the_tree_over_its_records() -> None:
    batch = close_batch(entries(3), 2 * S, SETTINGS)
    assert batch is not None
    assert batch.tree == Tree.of([leaf(entry.record_hash, entry.signature) for entry in batch.entries])


@pytest.mark.parametrize(
    "change",
    [
        {"batch_size_max": 0},
        {"batch_age_s_max": -1.0},
        {"confirmations": 0},
        {"confirmations": 201},
        {"anchor_by_s": 2},
    ],
)
def test_settings_that_can_not_be_kept_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        replace(SETTINGS, **change)  # type: ignore[arg-type]


def chain(*hashes: int, first: int = 10) -> list[Link]:
    blocks = [bytes([value]) * 32 for value in hashes]
    return [Link(first + i, block, blocks[i - 1] if i else bytes(32), 0) for i, block in enumerate(blocks)]


def test_the_block_itself_counts_as_a_confirmation() -> None:
    assert [newest_final(20, confirmations) for confirmations in (1, 2, 21)] == [20, 19, 0]


@pytest.mark.parametrize(
    ("number", "canonical", "verdict"),
    [
        (10, b"a", Finality.FINAL),
        (11, b"a", Finality.WAITING),
        (10, b"b", Finality.FORKED),
        (11, b"b", Finality.FORKED),
        (10, None, Finality.FINAL),
        (11, None, Finality.WAITING),
    ],
)
def test_a_block_is_final_waiting_or_forked(number: int, canonical: bytes | None, verdict: Finality) -> None:
    assert judge(number, b"a", canonical, final_number=10) is verdict


def test_blocks_are_a_chain_where_each_names_the_one_before() -> None:
    blocks = chain(1, 2, 3, 4)
    assert is_chain(blocks[1:], blocks[0])
    assert not is_chain(blocks[2:], blocks[0])
    assert not is_chain([blocks[1], blocks[3]], blocks[0])
    assert not is_chain([*blocks[1:3], replace(blocks[3], parent=bytes(32))], blocks[0])


def test_a_fork_begins_after_the_newest_block_that_both_have() -> None:
    followed = chain(1, 2, 3, 4)
    on_chain = {10: bytes([1]) * 32, 11: bytes([2]) * 32, 12: bytes([9]) * 32}
    assert common_ancestor(followed, on_chain) == followed[1]
    assert common_ancestor(reversed(followed), on_chain) == followed[1]
    assert common_ancestor(followed, {10: bytes(32)}) is None
