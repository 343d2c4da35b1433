"""Batches of every size, the proofs of all their leaves, and proofs that are not what they claim to be.

A mutated proof is a record, its signature, siblings and a root of which at least one is another than it was: by design
never a genuine proof of something else.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from ledger.merkle import NODE_SIZE, Tree, leaf, root_of

SIZE_MAX = 1025
"""One more than a power of two: the last leaf of such a tree is the only one so deep."""

Leaf = tuple[bytes, bytes]
"""A record hash and its signature."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a verifier is handed: that this record stands under that root."""

    record_hash: bytes
    signature: bytes
    proof: tuple[bytes, ...]
    root: bytes

    @property
    def proves(self) -> bool:
        """What check 5 of docs/proof-format.md, section 6, says."""
        return root_of(leaf(self.record_hash, self.signature), self.proof) == self.root


@dataclass(frozen=True, slots=True)
class Batch:
    """A tree, and what its leaves were made of, in the order of arrival."""

    members: Sequence[Leaf]
    leaves: Sequence[bytes]
    tree: Tree

    @staticmethod
    def of(members: Sequence[Leaf]) -> Batch:
        """The batch of these records."""
        leaves = [leaf(*member) for member in members]
        return Batch(members, leaves, Tree.of(leaves))

    def claim(self, index: int) -> Claim:
        """The genuine claim of one record."""
        return Claim(*self.members[index], tuple(self.tree.proof(self.leaves[index])), self.tree.root)

    def node(self, index: int) -> bytes:
        """A node in array order, the root first."""
        return self.tree.nodes[index * NODE_SIZE : (index + 1) * NODE_SIZE]


def members(count: int, name: str = "a batch") -> list[Leaf]:
    """So many records of bytes that look like hashes and signatures; the same in every run."""
    source = random.Random(name)
    return [(source.randbytes(32), source.randbytes(65)) for _ in range(count)]


@cache
def batch_of(size: int, name: str = "a batch") -> Batch:
    """The batch of the first so many of one endless list of records."""
    return Batch.of(members(size, name))


def proved(size: int, leaves: Sequence[bytes], places: Sequence[int]) -> int:
    """How many of these leaves the batch of the first `size` proves. Raises AssertionError at one that it does not."""
    tree = Tree.of(leaves[:size])
    for place in places:
        if root_of(leaves[place], tree.proof(leaves[place])) != tree.root:
            raise AssertionError(f"leaf {place} of a batch of {size} is not proved")
    return len(places)


def all_leaves(count: int = SIZE_MAX) -> list[bytes]:
    """The leaves of which the batches of all sizes are the beginnings."""
    return [leaf(*member) for member in members(count)]


# ------------------------------------------------------------------------------------------------ proofs gone wrong

Mutation = Callable[[random.Random, Batch, int], Claim | None]
"""From a batch and the place of a record to a claim that must not hold; None where the batch has none of this kind."""
KINDS: dict[str, Mutation] = {}


def _kind(mutation: Mutation) -> Mutation:
    KINDS[mutation.__name__.strip("_").replace("_", " ")] = mutation
    return mutation


def mutated(seed: int, count: int) -> Iterator[tuple[str, Claim]]:
    """So many claims that must not hold, of all kinds in turn; the same for the same seed."""
    source = random.Random(seed)
    sizes = [1, 2, 3, 4, 5, 7, 8, 9, 31, 64, 255, 256, 257, 1024, SIZE_MAX]
    kinds = list(KINDS.items())
    made = 0
    while made < count:
        name, mutation = kinds[made % len(kinds)]
        batch = batch_of(source.choice(sizes))
        claim = mutation(source, batch, source.randrange(len(batch.members)))
        if claim is not None:
            made += 1
            yield name, claim


def _with_proof(claim: Claim, proof: Sequence[bytes]) -> Claim | None:
    """The claim with another proof; none where it is the same one."""
    return None if tuple(proof) == claim.proof else replace(claim, proof=tuple(proof))


def _flipped(source: random.Random, data: bytes) -> bytes:
    place = source.randrange(len(data) * 8)
    return (int.from_bytes(data, "big") ^ 1 << place).to_bytes(len(data), "big")


@_kind
def _inner_node_as_a_record(source: random.Random, batch: Batch, index: int) -> Claim | None:
    """The children of an inner node stand for record hash and signature, with the proof of that node."""
    inner = source.randrange(len(batch.leaves) - 1) if len(batch.leaves) > 1 else None
    if inner is None:
        return None
    left, right = sorted([batch.node(2 * inner + 1), batch.node(2 * inner + 2)])
    return Claim(left, right, _proof_of_node(batch, inner), batch.tree.root)


@_kind
def _inner_node_as_a_record_hash(source: random.Random, batch: Batch, index: int) -> Claim | None:
    """A node of the tree, a leaf perhaps or the root, is named as the record, with its own proof."""
    node = source.randrange(2 * len(batch.leaves) - 1)
    return Claim(batch.node(node), batch.members[index][1], _proof_of_node(batch, node), batch.tree.root)


@_kind
def _children_as_a_signature(source: random.Random, batch: Batch, index: int) -> Claim | None:
    """As the first, filled up to the length of a signature."""
    claim = _inner_node_as_a_record(source, batch, index)
    return claim and replace(claim, signature=claim.signature + source.randbytes(33))


@_kind
def _surplus_node(source: random.Random, batch: Batch, index: int) -> Claim | None:
    claim = batch.claim(index)
    proof = list(claim.proof)
    own = batch.leaves[index]
    surplus = source.choice([source.randbytes(32), own, claim.root, bytes(32), *proof])
    proof.insert(source.randrange(len(proof) + 1), surplus)
    return _with_proof(claim, proof)


@_kind
def _missing_node(source: random.Random, batch: Batch, index: int) -> Claim | None:
    claim = batch.claim(index)
    if not claim.proof:
        return None
    gone = source.randrange(len(claim.proof))
    return _with_proof(claim, [*claim.proof[:gone], *claim.proof[gone + 1 :]])


@_kind
def _missing_end(source: random.Random, batch: Batch, index: int) -> Claim | None:
    claim = batch.claim(index)
    if not claim.proof:
        return None
    kept = source.randrange(len(claim.proof))
    return _with_proof(claim, source.choice([claim.proof[:kept], claim.proof[len(claim.proof) - kept :]]))


@_kind
def _empty_proof_in_a_larger_batch(source: random.Random, batch: Batch, index: int) -> Claim | None:
    return _with_proof(batch.claim(index), ())


@_kind
def _two_nodes_swapped(source: random.Random, batch: Batch, index: int) -> Claim | None:
    claim = batch.claim(index)
    if len(claim.proof) < 2:
        return None
    proof = list(claim.proof)
    one, other = source.sample(range(len(proof)), 2)
    proof[one], proof[other] = proof[other], proof[one]
    return _with_proof(claim, proof)


@_kind
def _nodes_backwards(source: random.Random, batch: Batch, index: int) -> Claim | None:
    claim = batch.claim(index)
    return _with_proof(claim, claim.proof[::-1])


@_kind
def _another_node_of_the_tree(source: random.Random, batch: Batch, index: int) -> Claim | None:
    claim = batch.claim(index)
    if not claim.proof:
        return None
    proof = list(claim.proof)
    proof[source.randrange(len(proof))] = batch.node(source.randrange(2 * len(batch.leaves) - 1))
    return _with_proof(claim, proof)


@_kind
def _a_bit_of_a_node(source: random.Random, batch: Batch, index: int) -> Claim | None:
    claim = batch.claim(index)
    if not claim.proof:
        return None
    proof = list(claim.proof)
    place = source.randrange(len(proof))
    proof[place] = _flipped(source, proof[place])
    return _with_proof(claim, proof)


@_kind
def _a_zero_node(source: random.Random, batch: Batch, index: int) -> Claim | None:
    claim = batch.claim(index)
    if not claim.proof:
        return None
    proof = list(claim.proof)
    proof[source.randrange(len(proof))] = bytes(32)
    return _with_proof(claim, proof)


@_kind
def _proof_of_another_record(source: random.Random, batch: Batch, index: int) -> Claim | None:
    other = source.randrange(len(batch.leaves))
    return None if other == index else _with_proof(batch.claim(index), batch.claim(other).proof)


@_kind
def _record_of_another_tree(source: random.Random, batch: Batch, index: int) -> Claim | None:
    """The stranger has a place in a batch of its own, of the same size."""
    strangers = batch_of(len(batch.leaves), "another batch")
    claim = batch.claim(index)
    record_hash, signature = strangers.members[index]
    proof = source.choice([claim.proof, strangers.claim(index).proof])
    return replace(claim, record_hash=record_hash, signature=signature, proof=proof)


@_kind
def _root_of_another_tree(source: random.Random, batch: Batch, index: int) -> Claim | None:
    name = source.choice(["a batch", "another batch"])
    size = len(batch.leaves) if name == "another batch" else len(batch.leaves) % 7 + 10
    return replace(batch.claim(index), root=batch_of(size, name).tree.root)


@_kind
def _zero_root(source: random.Random, batch: Batch, index: int) -> Claim | None:
    claim = replace(batch.claim(index), root=bytes(32))
    return replace(claim, proof=source.choice([claim.proof, (), (bytes(32),)]))


@_kind
def _inner_node_as_root(source: random.Random, batch: Batch, index: int) -> Claim | None:
    """An inner node above the record is no anchored root; with the whole proof it is not even one reached."""
    if len(batch.leaves) < 3:
        return None
    return replace(batch.claim(index), root=batch.node(source.randrange(1, len(batch.leaves) - 1)))


@_kind
def _a_bit_of_the_root(source: random.Random, batch: Batch, index: int) -> Claim | None:
    claim = batch.claim(index)
    return replace(claim, root=_flipped(source, claim.root))


@_kind
def _a_bit_of_the_record_hash(source: random.Random, batch: Batch, index: int) -> Claim | None:
    claim = batch.claim(index)
    return replace(claim, record_hash=_flipped(source, claim.record_hash))


@_kind
def _a_bit_of_the_signature(source: random.Random, batch: Batch, index: int) -> Claim | None:
    claim = batch.claim(index)
    return replace(claim, signature=_flipped(source, claim.signature))


@_kind
def _signature_of_another_length(source: random.Random, batch: Batch, index: int) -> Claim | None:
    """abi.encode fills up with zeros: without the length before it, a longer signature would have the same leaf."""
    claim = batch.claim(index)
    lengths = [length for length in (0, 1, 31, 32, 64, 66, 96, 97) if length != len(claim.signature)]
    length = source.choice(lengths)
    return replace(claim, signature=claim.signature[:length].ljust(length, b"\0"))


@_kind
def _signature_of_another_record(source: random.Random, batch: Batch, index: int) -> Claim | None:
    other = source.randrange(len(batch.leaves))
    return None if other == index else replace(batch.claim(index), signature=batch.members[other][1])


def _proof_of_node(batch: Batch, node: int) -> tuple[bytes, ...]:
    """The siblings from any node up to the root: with them that node does lead to it."""
    proof = []
    while node > 0:
        proof.append(batch.node(node + 1 if node % 2 else node - 1))
        node = (node - 1) // 2
    return tuple(proof)
