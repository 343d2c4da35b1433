"""Every record of a batch is proved, whatever the batch's size; nothing else ever is, for Python and for the contract.

A short run of what `python -m tests.proofs` does in full: all leaves of all sizes, and a million mutated proofs.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from ledger.keystore import LocalSigner
from ledger.merkle import Tree, root_of
from ledger.record import keccak256
from tests.outsider.verifier import follow
from tests.proofs.contracts import Contracts
from tests.proofs.trees import KINDS, SIZE_MAX, Batch, Claim, all_leaves, batch_of, mutated, proved

LEAVES = all_leaves()
SEED, SIZES_IN_FULL, MUTATIONS = 20_260_301, 16, 20_000


def test_batches_of_every_size_prove_some_of_their_leaves() -> None:
    for size in range(1, SIZE_MAX + 1):
        # Leaves are sorted: the greatest and the least stand at both ends of the array.
        ends = {LEAVES.index(max(LEAVES[:size])), LEAVES.index(min(LEAVES[:size]))}
        assert proved(size, LEAVES, sorted({0, size // 2, size - 1} | ends))


@pytest.mark.parametrize("size", [1, 2, 3, SIZE_MAX, *random.Random(SEED).sample(range(4, SIZE_MAX), SIZES_IN_FULL)])
def test_a_batch_proves_each_of_its_leaves(size: int) -> None:
    assert proved(size, LEAVES, range(size)) == size


@pytest.mark.parametrize("size", [1, 2, 3, 6, 1024, SIZE_MAX])
def test_the_outsiders_way_up_leads_to_the_same_root(size: int) -> None:
    tree = Tree.of(LEAVES[:size])
    for one in LEAVES[:size]:
        assert follow(one, ["0x" + step.hex() for step in tree.proof(one)]) == "0x" + tree.root.hex()


def test_no_proof_is_longer_than_a_batch_of_that_size_needs() -> None:
    for size in (1, 2, 3, 4, 5, 512, 513, 1024, SIZE_MAX):
        lengths = {len(batch_of(size).claim(place).proof) for place in range(size)}
        assert lengths <= {(size - 1).bit_length(), max(0, (size - 1).bit_length() - 1)}


def test_mutated_proofs_never_prove() -> None:
    counts: Counter[str] = Counter()
    for kind, claim in mutated(SEED, MUTATIONS):
        assert not claim.proves, (kind, claim)
        counts[kind] += 1
    assert counts.keys() == KINDS.keys()
    assert min(counts.values()) >= MUTATIONS // len(KINDS)


def test_the_same_seed_mutates_alike() -> None:
    assert list(mutated(7, 200)) == list(mutated(7, 200))
    assert list(mutated(7, 200)) != list(mutated(8, 200))


def test_the_genuine_claims_that_are_mutated_do_prove() -> None:
    for size in (1, 2, 9, SIZE_MAX):
        assert all(batch_of(size).claim(place).proves for place in range(0, size, 13))


def test_hashed_once_an_inner_node_would_pass_as_a_record() -> None:
    """The attack is a real one: what keeps it out is that a leaf is hashed twice."""
    batch = batch_of(9)
    left, right = sorted([batch.node(7), batch.node(8)])
    proof = (batch.node(4), batch.node(2))
    assert root_of(keccak256(left + right), proof) == batch.tree.root
    assert not Claim(left, right, proof, batch.tree.root).proves


def test_python_and_the_contract_judge_alike(contracts: Contracts) -> None:
    """The same claims, genuine and mutated, before EventLog.recordedAt: signatures are real ones here."""
    signer = LocalSigner(keccak256(b"grower"))
    names = [keccak256(bytes([place])) for place in range(33)]
    batches = [Batch.of([(name, signer.sign(name)) for name in names[:size]]) for size in (1, 2, 3, 8, 9, 33)]
    roots = [batch.tree.root for batch in batches]
    contracts.anchor(roots)
    genuine = [batch.claim(place) for batch in batches for place in range(len(batch.leaves))]
    source = random.Random(SEED)
    forged = [
        claim
        for batch in batches
        for mutation in KINDS.values()
        for place in source.sample(range(len(batch.leaves)), min(3, len(batch.leaves)))
        if (claim := mutation(source, batch, place)) is not None
    ]
    assert len(forged) > 250
    answers = contracts.recorded_at([(c.record_hash, c.signature, c.proof, c.root) for c in [*genuine, *forged]])
    assert all(claim.proves for claim in genuine)
    times = dict(zip(roots, contracts.anchored_at(roots), strict=True))
    assert answers[: len(genuine)] == [(times[claim.root], signer.address) for claim in genuine]
    assert not any(claim.proves for claim in forged)
    assert answers[len(genuine) :] == [(0, bytes(20))] * len(forged)
