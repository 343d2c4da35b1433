// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deal} from "./Deal.sol";
import {Character} from "../Base.sol";
import {IDeliveryEscrow} from "../../../contracts/interfaces/IDeliveryEscrow.sol";

// attest, the record behind an attestation
// ├── when signature, proof and root do not show it      reverts NotRecorded
// ├── when its signer did not stand for the attestor     reverts NotItsRecord
// │   └── for recording, when it was anchored
// ├── when the attestor has withdrawn it                 reverts RecordWithdrawn; another's withdrawal means nothing
// ├── when it was anchored after due time and grace      reverts AnchoredTooLate
// ├── when it happened before acceptance                 reverts BadHappenedAt
// ├── when it happened 5 minutes after its anchor        reverts BadHappenedAt
// └── otherwise                                          counts, however deep in its batch, however late submitted
contract RecordTest is Deal {
    bytes32 private order;
    IDeliveryEscrow.Attestation private said;

    function setUp() public override {
        super.setUp();
        order = funded(terms());
        said = statement(order, "first", BAGS);
    }

    function test_a_record_is_anchored() public {
        IDeliveryEscrow.Evidence memory evidence = anchored(roaster, said.recordHash);
        evidence.root = "unknown";
        assertRefused(evidence, notRecorded("unknown"));
        evidence = anchored(roaster, said.recordHash);
        evidence.proof = new bytes32[](1);
        assertRefused(evidence, notRecorded(evidence.root));
        evidence.proof = new bytes32[](65);
        assertRefused(evidence, notRecorded(evidence.root));
        evidence.proof = new bytes32[](0);
        evidence.signature = signHighS(roaster, said.recordHash);
        assertRefused(evidence, notRecorded(evidence.root));
        evidence.signature = "";
        assertRefused(evidence, notRecorded(evidence.root));
    }

    function test_a_record_deep_in_its_batch_counts() public {
        IDeliveryEscrow.Evidence memory evidence;
        evidence.signature = sign(roaster, said.recordHash);
        evidence.proof = new bytes32[](64);
        bytes32 node = keccak256(abi.encodePacked(keccak256(abi.encode(said.recordHash, evidence.signature))));
        for (uint256 i = 0; i < 64; ++i) {
            node = keccak256(abi.encodePacked(bytes32(0), node));
        }
        evidence.root = node;
        vm.prank(grower.account);
        eventLog.anchor(node, 1);
        escrow.attest(said, signed(roaster, said), evidence);
        assertHeld(order, said.delivery, PRICE);
    }

    function test_a_record_is_the_attestors_own() public {
        IDeliveryEscrow.Evidence memory evidence = anchored(inspector, said.recordHash);
        assertRefused(evidence, notItsRecord(inspector));
        evidence = anchored(stranger, said.recordHash);
        assertRefused(evidence, notItsRecord(stranger));
    }

    function test_a_key_of_the_attestor_recorded_it_while_it_stood_for_recording() public {
        IDeliveryEscrow.Evidence memory before = anchored(scanner, said.recordHash);
        authoriseForRoaster(scanner, RECORD);
        authoriseForRoaster(successor, ATTEST);
        later(1);
        assertRefused(before, notItsRecord(scanner));
        assertRefused(anchored(successor, said.recordHash), notItsRecord(successor));
        // The same leaf in a larger batch, anchored now.
        bytes32 leaf = keccak256(abi.encodePacked(keccak256(abi.encode(said.recordHash, before.signature))));
        before.proof = new bytes32[](1);
        before.root = keccak256(abi.encodePacked(bytes32(0), leaf));
        vm.prank(carrier.account);
        eventLog.anchor(before.root, 2);
        // A key that ended since did stand then.
        vm.prank(roaster.account);
        registry.revoke(scanner.account, 0);
        later(100);
        escrow.attest(said, signed(roaster, said), before);
        assertHeld(order, said.delivery, PRICE);
    }

    function test_a_withdrawn_record_pays_nothing() public {
        withdraw(inspector, said.recordHash);
        later(1);
        withdraw(roaster, said.recordHash);
        IDeliveryEscrow.Evidence memory evidence = anchored(roaster, said.recordHash);
        assertRefused(
            evidence, abi.encodeWithSelector(IDeliveryEscrow.RecordWithdrawn.selector, said.recordHash, START + 1)
        );
    }

    function test_another_partys_withdrawal_means_nothing() public {
        withdraw(inspector, said.recordHash);
        attest(roaster, said);
        assertHeld(order, said.delivery, PRICE);
    }

    function test_a_late_delivery_is_taken_until_the_grace_has_passed() public {
        vm.warp(DUE + GRACE);
        IDeliveryEscrow.Evidence memory evidence = anchored(roaster, said.recordHash);
        bytes32 other = keccak256("second");
        later(1);
        // What was anchored in time may be submitted later: until the rest has ended.
        vm.warp(REST_UNTIL + 99 days);
        escrow.attest(said, signed(roaster, said), evidence);
        assertHeld(order, said.delivery, PRICE);
        said = statement(order, "second", 1);
        said.recordHash = other;
        said.happenedAt = DUE;
        assertRefused(
            anchored(roaster, other),
            abi.encodeWithSelector(IDeliveryEscrow.AnchoredTooLate.selector, REST_UNTIL + 99 days, DUE + GRACE)
        );
    }

    function test_the_first_second_after_the_grace_is_too_late() public {
        vm.warp(DUE + GRACE + 1);
        assertRefused(
            anchored(roaster, said.recordHash),
            abi.encodeWithSelector(IDeliveryEscrow.AnchoredTooLate.selector, DUE + GRACE + 1, DUE + GRACE)
        );
    }

    function test_nothing_of_an_order_happened_before_it_was_accepted() public {
        later(1 days);
        IDeliveryEscrow.Evidence memory evidence = anchored(roaster, said.recordHash);
        said.happenedAt = START - 1;
        assertRefused(evidence, badHappenedAt(START + 1 days));
        said.happenedAt = START;
        escrow.attest(said, signed(roaster, said), evidence);
    }

    function test_nothing_happened_after_it_was_anchored_but_for_a_wrong_clock() public {
        IDeliveryEscrow.Evidence memory evidence = anchored(roaster, said.recordHash);
        later(1 days);
        said.happenedAt = START + 301;
        assertRefused(evidence, badHappenedAt(START));
        said.happenedAt = FOREVER;
        assertRefused(evidence, badHappenedAt(START));
        said.happenedAt = START + 300;
        escrow.attest(said, signed(roaster, said), evidence);
    }

    // ----------------------------------------------------------------------------------------------------- helpers

    function authoriseForRoaster(Character memory who, uint8 uses) private {
        bytes memory consent = consentOf(who, roaster.account, uses, 0, FOREVER);
        vm.prank(roaster.account);
        registry.authorise(who.account, uses, 0, FOREVER, consent);
    }

    function assertRefused(IDeliveryEscrow.Evidence memory evidence, bytes memory reason) private {
        bytes memory signature = signed(roaster, said);
        vm.expectRevert(reason);
        escrow.attest(said, signature, evidence);
    }

    function notRecorded(bytes32 root) private view returns (bytes memory) {
        return abi.encodeWithSelector(IDeliveryEscrow.NotRecorded.selector, said.recordHash, root);
    }

    function notItsRecord(Character memory signer) private view returns (bytes memory) {
        return
            abi.encodeWithSelector(
                IDeliveryEscrow.NotItsRecord.selector, roaster.account, said.recordHash, signer.account
            );
    }

    function badHappenedAt(uint64 anchoredAt) private view returns (bytes memory) {
        return abi.encodeWithSelector(IDeliveryEscrow.BadHappenedAt.selector, said.happenedAt, START, anchoredAt + 300);
    }
}
