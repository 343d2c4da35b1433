"""The batch tree against @openzeppelin/merkle-tree itself, for every size from 1 to 130, and the golden sets."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.hexadecimal import from_hex, to_hex
from ledger.merkle import Tree, leaf, proof_from_nodes, root_of
from ledger.record import keccak256

CHECKOUT = Path(__file__).resolve().parents[2]
OPENZEPPELIN = """
const { StandardMerkleTree } = require('@openzeppelin/merkle-tree');
const batches = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const answers = batches.map(values => {
  const tree = StandardMerkleTree.of(values, ['bytes32', 'bytes']);
  const of = value => ({ leaf: tree.leafHash(value), proof: tree.getProof(value) });
  return { root: tree.root, nodes: tree.dump().tree, values: values.map(of) };
});
process.stdout.write(JSON.stringify(answers));
"""


def batch(count: int) -> list[tuple[bytes, bytes]]:
    """So many (record hash, signature), the same in every run."""
    source = random.Random(count)
    return [(source.randbytes(32), source.randbytes(65)) for _ in range(count)]


def test_leaves_nodes_roots_and_proofs_are_openzeppelins_for_sizes_1_to_130() -> None:
    batches = [batch(count) for count in range(1, 131)]
    written = json.dumps([[(to_hex(name), to_hex(signature)) for name, signature in values] for values in batches])
    done = subprocess.run(
        ["node", "-e", OPENZEPPELIN], input=written.encode(), capture_output=True, check=True, cwd=CHECKOUT, timeout=60
    )
    for values, theirs in zip(batches, json.loads(done.stdout), strict=True):
        leaves = [leaf(name, signature) for name, signature in values]
        tree = Tree.of(leaves)
        assert to_hex(tree.root) == theirs["root"]
        assert to_hex(tree.nodes) == "0x" + "".join(node[2:] for node in theirs["nodes"])
        for mine, expected in zip(leaves, theirs["values"], strict=True):
            assert to_hex(mine) == expected["leaf"]
            assert [to_hex(step) for step in tree.proof(mine)] == expected["proof"]


def test_the_golden_sets_have_their_leaves_roots_and_proofs(vectors: Path) -> None:
    golden = json.loads((vectors / "proof-golden.json").read_bytes())
    for expected in golden["sets"].values():
        entries = expected["records"]
        leaves = [leaf(from_hex(e["recordHash"], 32), from_hex(e["signature"], 65)) for e in entries]
        tree = Tree.of(leaves)
        assert leaves == [from_hex(entry["leaf"], 32) for entry in entries]
        assert tree.root == from_hex(expected["root"], 32)
        assert [tree.proof(one) for one in leaves] == [[from_hex(s, 32) for s in e["proof"]] for e in entries]


@given(st.sets(st.binary(min_size=32, max_size=32), min_size=1, max_size=70))
def test_every_leaf_has_a_proof_that_leads_to_the_root(leaves: set[bytes]) -> None:
    tree = Tree.of(list(leaves))
    for one in leaves:
        proof = tree.proof(one)
        assert root_of(one, proof) == tree.root
        assert proof == proof_from_nodes(tree.nodes, one)


def test_the_order_of_arrival_does_not_matter() -> None:
    leaves = [leaf(*value) for value in batch(13)]
    assert Tree.of(leaves) == Tree.of(leaves[::-1])


def test_a_batch_of_one_has_the_leaf_as_root_and_an_empty_proof() -> None:
    (only,) = [leaf(*value) for value in batch(1)]
    assert Tree.of([only]).root == only
    assert Tree.of([only]).proof(only) == []


def test_a_leaf_that_occurs_twice_is_still_proved() -> None:
    one, other = (leaf(*value) for value in batch(2))
    tree = Tree.of([one, other, one])
    assert root_of(one, tree.proof(one)) == tree.root


def test_a_leaf_that_is_not_in_the_tree_has_no_proof() -> None:
    leaves = [leaf(*value) for value in batch(8)]
    for stranger in (b"\0" * 32, b"\xff" * 32, leaf(b"\1" * 32, b"\2" * 65)):
        with pytest.raises(LookupError, match="no such leaf"):
            Tree.of(leaves).proof(stranger)


def test_an_inner_node_is_no_leaf_of_its_tree() -> None:
    tree = Tree.of([leaf(*value) for value in batch(8)])
    with pytest.raises(LookupError, match="no such leaf"):
        tree.proof(tree.nodes[32:64])


def test_an_inner_node_can_not_pass_as_a_record() -> None:
    """The second hash keeps a pair of nodes, 64 bytes, from being read as a record hash and signature."""
    one, other = sorted(leaf(*value) for value in batch(2))
    assert leaf(one, other) != keccak256(one + other)


def test_no_tree_stands_without_leaves() -> None:
    with pytest.raises(ValueError, match="at least one leaf"):
        Tree.of([])
