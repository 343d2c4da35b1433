"""The batch tree: which records stand under one root, and the proof that one of them does.

Exactly @openzeppelin/merkle-tree's StandardMerkleTree over ["bytes32", "bytes"] (docs/proof-format.md, section 3):
leaves are hashed twice, so that no inner node passes as a leaf; a complete binary tree lies in an array, node i with
children 2i + 1 and 2i + 2; the leaves, sorted ascending, fill it from its last place backwards. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.record import keccak256

NODE_SIZE = 32


def leaf(record_hash: bytes, signature: bytes) -> bytes:
    """keccak256(keccak256(abi.encode(recordHash, signature))): the record's place in a tree. 32 bytes."""
    padding = bytes(-len(signature) % 32)
    encoded = record_hash + _OFFSET + len(signature).to_bytes(32, "big") + signature + padding
    return keccak256(keccak256(encoded))


@dataclass(frozen=True, slots=True)
class Tree:
    """A whole tree as its nodes in array order, 32 bytes each, joined: n leaves are the last n of 2n - 1 nodes."""

    nodes: bytes

    @staticmethod
    def of(leaves: Sequence[bytes]) -> Tree:
        """The tree over these leaves, in whatever order they come. Raises ValueError where there is none."""
        if not leaves:
            raise ValueError("a tree has at least one leaf")
        count = len(leaves)
        nodes = [b""] * (count - 1) + sorted(leaves, reverse=True)
        for index in range(count - 2, -1, -1):
            nodes[index] = _parent(nodes[2 * index + 1], nodes[2 * index + 2])
        return Tree(b"".join(nodes))

    @property
    def root(self) -> bytes:
        """What is anchored: the first node."""
        return self.nodes[:NODE_SIZE]

    def proof(self, leaf: bytes) -> list[bytes]:
        """The siblings from that leaf up to the root. Raises LookupError where the tree has no such leaf."""
        return proof_from_nodes(self.nodes, leaf)


def proof_from_nodes(nodes: bytes, leaf: bytes) -> list[bytes]:
    """The siblings from a leaf up to the root, read off a stored tree by slices alone: nothing is hashed again.

    `nodes` is `Tree.nodes`. Raises LookupError where no leaf of the tree equals `leaf`.
    """
    index = _leaf_index(nodes, leaf)
    proof = []
    while index > 0:
        sibling = index + 1 if index % 2 else index - 1
        proof.append(_node(nodes, sibling))
        index = (index - 1) // 2
    return proof


def root_of(leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """The root that a leaf and its proof lead to."""
    node = leaf
    for sibling in proof:
        node = _parent(node, sibling)
    return node


_OFFSET = (64).to_bytes(32, "big")
"""Where abi.encode puts the dynamic `bytes`: behind two words of head (Solidity ABI, "Use of Dynamic Types")."""


def _parent(one: bytes, other: bytes) -> bytes:
    """Children in ascending order, so that a proof needs no directions."""
    return keccak256(one + other if one < other else other + one)


def _node(nodes: bytes, index: int) -> bytes:
    return nodes[index * NODE_SIZE : (index + 1) * NODE_SIZE]


def _leaf_index(nodes: bytes, leaf: bytes) -> int:
    """The first place of the leaf. The leaves stand in descending order, so it is found by halving."""
    node_count = len(nodes) // NODE_SIZE
    low, high = node_count // 2, node_count
    while low < high:
        middle = (low + high) // 2
        if _node(nodes, middle) > leaf:
            low = middle + 1
        else:
            high = middle
    if low == node_count or _node(nodes, low) != leaf:
        raise LookupError("the tree has no such leaf")
    return low
