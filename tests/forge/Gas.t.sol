// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Base} from "./Base.sol";

/// @dev What the calls of daily life cost, kept in snapshots/Gas.json: a change of it is reviewed like any other.
/// Storage is cold, as in a transaction of its own.
contract GasTest is Base {
    bytes32 private constant RECORD_HASH = keccak256("a record");

    function test_gas_of_the_log() public {
        vm.prank(grower.account);
        eventLog.anchor(keccak256("first"), 2048);
        vm.cool(address(eventLog));
        vm.cool(address(registry));
        vm.prank(grower.account);
        eventLog.anchor(keccak256("second"), 2048);
        vm.snapshotGasLastCall("Gas", "anchor");
        vm.cool(address(eventLog));
        eventLog.anchor(keccak256("second"), 2048);
        vm.snapshotGasLastCall("Gas", "anchor a known root");
        vm.cool(address(eventLog));
        vm.cool(address(registry));
        vm.prank(grower.account);
        eventLog.withdraw(RECORD_HASH, "");
        vm.snapshotGasLastCall("Gas", "withdraw");

        bytes memory signature = sign(grower, RECORD_HASH);
        bytes32[] memory proof = new bytes32[](11);
        bytes32 root = keccak256(abi.encodePacked(keccak256(abi.encode(RECORD_HASH, signature))));
        for (uint256 i = 0; i < proof.length; ++i) {
            root = keccak256(abi.encodePacked(proof[i], root));
        }
        vm.prank(grower.account);
        eventLog.anchor(root, 2048);
        vm.cool(address(eventLog));
        eventLog.recordedAt(RECORD_HASH, signature, proof, root);
        vm.snapshotGasLastCall("Gas", "recordedAt, 11 steps");
    }

    function test_gas_of_the_registry() public {
        authoriseScanner(RECORD);
        vm.snapshotGasLastCall("Gas", "authorise");
        later(1);
        vm.cool(address(registry));
        registry.standingOf(scanner.account, RECORD, START + 1, 0);
        vm.snapshotGasLastCall("Gas", "standingOf");
        vm.prank(grower.account);
        registry.revoke(scanner.account, 0);
        vm.snapshotGasLastCall("Gas", "revoke");
        bytes32 id = proposeRetailer();
        vm.snapshotGasLastCall("Gas", "proposeAdmission");
        vm.prank(roaster.account);
        registry.vote(id);
        vm.snapshotGasLastCall("Gas", "vote, deciding an admission");
    }
}
