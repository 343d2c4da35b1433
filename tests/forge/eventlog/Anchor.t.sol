// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Base, Character} from "../Base.sol";
import {EventLog} from "../../../contracts/EventLog.sol";
import {IEventLog} from "../../../contracts/interfaces/IEventLog.sol";
import {IPartyRegistry} from "../../../contracts/interfaces/IPartyRegistry.sol";

// constructor, when the registry is no contract     reverts NotAContract
//
// anchor
// ├── when the root is known                        changes nothing, whoever comes
// ├── when the root is zero                         reverts ZeroRoot
// ├── when the caller does not stand for anchoring  reverts NotAuthorised
// └── otherwise                                     has its index, time, count and party; the head moves on
contract AnchorTest is Base {
    bytes32 private constant ROOT = keccak256("a root");

    function test_a_log_has_a_registry() public {
        vm.expectRevert(abi.encodeWithSelector(IEventLog.NotAContract.selector, stranger.account));
        new EventLog(IPartyRegistry(stranger.account));
        vm.assertEq(address(eventLog.registry()), address(registry), "registry");
    }

    function test_a_known_root_is_a_success_for_whoever_comes() public {
        anchorAs(grower, ROOT, 500);
        bytes32 head = eventLog.head();
        later(10);
        anchorAs(roaster, ROOT, 9);
        anchorAs(stranger, ROOT, 9);

        (uint64 index, uint64 timestamp, uint32 count, address operator) = eventLog.anchorOf(ROOT);
        vm.assertEq(index, 1, "index");
        vm.assertEq(timestamp, START, "its first time");
        vm.assertEq(count, 500, "its first count");
        vm.assertEq(operator, grower.account, "its first operator");
        vm.assertEq(eventLog.head(), head, "head");
        vm.assertEq(eventLog.anchorCount(), 1, "one anchor");
    }

    function test_zero_is_no_root() public {
        vm.expectRevert(abi.encodeWithSelector(IEventLog.ZeroRoot.selector));
        anchorAs(grower, bytes32(0), 1);
    }

    function test_only_a_key_that_stands_for_anchoring_anchors() public {
        assertMayNotAnchor(stranger);
        authoriseScanner(RECORD | ATTEST | WITHDRAW);
        later(1);
        assertMayNotAnchor(scanner);
        suspendGrower();
        later(1);
        assertMayNotAnchor(grower);
    }

    function test_a_key_anchors_for_its_party() public {
        authoriseScanner(ANCHOR);
        assertMayNotAnchor(scanner);
        later(1);
        bytes32 head = keccak256(abi.encode(bytes32(0), ROOT, START + 1));
        vm.expectEmit();
        emit IEventLog.Anchored(ROOT, grower.account, 1, scanner.account, 500, START + 1, head);
        anchorAs(scanner, ROOT, 500);
    }

    function testFuzz_heads_bind_every_anchor_before(bytes32[8] memory roots, uint16[8] memory waits) public {
        bytes32 head = 0;
        uint64 index = 0;
        for (uint256 i = 0; i < roots.length; ++i) {
            later(waits[i]);
            (, uint64 known,,) = eventLog.anchorOf(roots[i]);
            if (roots[i] == 0 || known != 0) continue;
            anchorAs(grower, roots[i], uint32(i));
            head = keccak256(abi.encode(head, roots[i], uint64(block.timestamp)));
            vm.assertEq(eventLog.head(), head, "head");
            vm.assertEq(eventLog.anchorCount(), ++index, "count");
        }
    }

    function assertMayNotAnchor(Character memory who) private {
        vm.expectRevert(abi.encodeWithSelector(IEventLog.NotAuthorised.selector, who.account, ANCHOR));
        anchorAs(who, ROOT, 1);
    }

    function anchorAs(Character memory who, bytes32 root, uint32 count) private {
        vm.prank(who.account);
        eventLog.anchor(root, count);
    }
}
