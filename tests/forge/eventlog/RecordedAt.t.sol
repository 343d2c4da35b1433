// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Base} from "../Base.sol";

// recordedAt
// ├── given the root is not anchored                (0, 0)
// ├── when leaf and proof do not lead to the root   (0, 0)
// ├── when the proof has more than 64 steps         (0, 0)
// ├── when the signature is not of the one form     (0, 0), though it stands in the leaf
// ├── when anything at all is garbage               (0, 0), without revert (fuzz)
// └── otherwise                                     the anchor's time and the signer, standing for someone or not
contract RecordedAtTest is Base {
    bytes32 private constant RECORD_HASH = keccak256("a record");

    function test_what_is_not_anchored_is_not_recorded() public view {
        bytes memory signature = sign(stranger, RECORD_HASH);
        assertNotRecorded(RECORD_HASH, signature, new bytes32[](0), leafOf(RECORD_HASH, signature));
    }

    function test_a_batch_of_one_is_its_leaf() public {
        bytes memory signature = sign(stranger, RECORD_HASH);
        bytes32 root = leafOf(RECORD_HASH, signature);
        anchor(root);
        later(100);
        assertRecorded(signature, new bytes32[](0), root, START);
    }

    function test_a_proof_leads_to_the_root_and_no_other() public {
        bytes memory signature = sign(stranger, RECORD_HASH);
        bytes32[] memory proof = new bytes32[](64);
        bytes32 root = leafOf(RECORD_HASH, signature);
        for (uint256 i = 0; i < proof.length; ++i) {
            proof[i] = keccak256(abi.encode("sibling", i));
            root = pair(root, proof[i]);
        }
        anchor(root);
        assertRecorded(signature, proof, root, START);

        assertNotRecorded(keccak256("another record"), signature, proof, root);
        assertNotRecorded(RECORD_HASH, sign(grower, RECORD_HASH), proof, root);
        for (uint256 i = 0; i < proof.length; ++i) {
            proof[i] ^= bytes32(uint256(1));
            assertNotRecorded(RECORD_HASH, signature, proof, root);
            proof[i] ^= bytes32(uint256(1));
        }
        bytes32[] memory short = new bytes32[](63);
        for (uint256 i = 0; i < short.length; ++i) {
            short[i] = proof[i];
        }
        assertNotRecorded(RECORD_HASH, signature, short, root);
    }

    function test_a_proof_has_at_most_64_steps() public {
        bytes memory signature = sign(stranger, RECORD_HASH);
        bytes32[] memory proof = new bytes32[](65);
        bytes32 root = leafOf(RECORD_HASH, signature);
        for (uint256 i = 0; i < proof.length; ++i) {
            root = pair(root, proof[i]);
        }
        anchor(root);
        assertNotRecorded(RECORD_HASH, signature, proof, root);
    }

    function test_an_inner_node_does_not_pass_as_a_leaf() public {
        bytes32 left = keccak256("left");
        bytes32 right = keccak256("right");
        anchor(pair(left, right));
        assertNotRecorded(left, abi.encode(right), new bytes32[](0), pair(left, right));
    }

    function test_a_signature_in_another_form_is_none() public {
        bytes memory good = sign(stranger, RECORD_HASH);
        assertLeafNotRecorded(signHighS(stranger, RECORD_HASH));
        assertLeafNotRecorded(bytes.concat(good, hex"00"));
        assertLeafNotRecorded(new bytes(65));
        assertLeafNotRecorded("");
        bytes memory smallV = bytes.concat(good);
        smallV[64] = bytes1(uint8(good[64]) - 27);
        assertLeafNotRecorded(smallV);
        bytes memory short = new bytes(64);
        for (uint256 i = 0; i < 64; ++i) {
            short[i] = good[i];
        }
        assertLeafNotRecorded(short);
    }

    function testFuzz_garbage_is_not_recorded(
        bytes32 recordHash,
        bytes memory signature,
        bytes32[] memory proof,
        bytes32 root
    ) public {
        assertNotRecorded(recordHash, signature, proof, root);
        vm.assume(root != 0);
        anchor(root);
        assertNotRecorded(recordHash, signature, proof, root);
    }

    function testFuzz_a_leaf_with_a_garbage_signature_is_not_recorded(bytes32 r, bytes32 s, uint8 v) public {
        vm.assume(v != 27 && v != 28);
        assertLeafNotRecorded(abi.encodePacked(r, s, v));
        assertLeafNotRecorded(abi.encodePacked(bytes32(0), s, uint8(27)));
        assertLeafNotRecorded(abi.encodePacked(r, bytes32(0), uint8(28)));
    }

    function assertRecorded(bytes memory signature, bytes32[] memory proof, bytes32 root, uint64 at) private view {
        (uint64 timestamp, address signer) = eventLog.recordedAt(RECORD_HASH, signature, proof, root);
        vm.assertEq(timestamp, at, "timestamp");
        vm.assertEq(signer, stranger.account, "signer");
    }

    function assertLeafNotRecorded(bytes memory signature) private {
        bytes32 root = leafOf(RECORD_HASH, signature);
        anchor(root);
        assertNotRecorded(RECORD_HASH, signature, new bytes32[](0), root);
    }

    function assertNotRecorded(bytes32 recordHash, bytes memory signature, bytes32[] memory proof, bytes32 root)
        private
        view
    {
        (uint64 timestamp, address signer) = eventLog.recordedAt(recordHash, signature, proof, root);
        vm.assertEq(timestamp, 0, "timestamp");
        vm.assertEq(signer, address(0), "signer");
    }

    function anchor(bytes32 root) private {
        vm.prank(grower.account);
        eventLog.anchor(root, 1);
    }

    function leafOf(bytes32 recordHash, bytes memory signature) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(keccak256(abi.encode(recordHash, signature))));
    }

    function pair(bytes32 one, bytes32 other) private pure returns (bytes32) {
        return one < other ? keccak256(abi.encodePacked(one, other)) : keccak256(abi.encodePacked(other, one));
    }
}
