"""Blocks linked by parent hash: what is final, what waits, what has fallen out. Pure.

A block is final once it and those on top of it are as many as the setting `confirmations` says; the block itself
counts. Or, by the setting `finality`, once the chain calls it `finalized`: then its validators lose their stake if it
falls out. Finality by depth is a bet: where the chain takes a final block back all the same, what was derived from it
is rolled back like the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Finality(StrEnum):
    """How sure it is that a block stays."""

    FINAL = "final"
    WAITING = "waiting"
    FORKED = "forked"


@dataclass(frozen=True, slots=True)
class Link:
    """One block of a chain: its number, its hash and its parent's (32 bytes), its time in seconds."""

    number: int
    hash: bytes
    parent: bytes
    at: int


def newest_final(head_number: int, confirmations: int) -> int:
    """The number of the newest final block under a head; below 0 where none is."""
    return head_number - confirmations + 1


def judge(number: int, block_hash: bytes, canonical_hash: bytes | None, final_number: int) -> Finality:
    """What a block of that number and hash is worth.

    `canonical_hash` is the hash of the block of that number that has been followed, None where it is not known (not
    followed yet, or so old that it is not kept).
    """
    if canonical_hash is not None and canonical_hash != block_hash:
        return Finality.FORKED
    return Finality.FINAL if number <= final_number else Finality.WAITING


def is_chain(links: Iterable[Link], parent: Link) -> bool:
    """True where each block follows the one before, the first `parent`, without a gap."""
    for link in links:
        if link.parent != parent.hash or link.number != parent.number + 1:
            return False
        parent = link
    return True


def common_ancestor(followed: Iterable[Link], on_chain: Mapping[int, bytes]) -> Link | None:
    """The newest of the followed blocks that the chain (number -> hash) still has, None where it has none of them."""
    shared = [link for link in followed if on_chain.get(link.number) == link.hash]
    return max(shared, key=lambda link: link.number, default=None)
