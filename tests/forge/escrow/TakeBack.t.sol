// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deal} from "./Deal.sol";
import {IDeliveryEscrow} from "../../../contracts/interfaces/IDeliveryEscrow.sol";

// takeBack
// ├── given the order is not funded, or has ended           reverts WrongState
// ├── when there is no such milestone                       reverts UnknownMilestone
// ├── when the caller is no attestor's controller           reverts NotAttestor
// ├── given the delivery is agreed                          reverts AlreadyAgreed
// ├── given the attestor stated nothing on it               reverts NothingToTakeBack
// └── otherwise                                             forgets it; also while suspended or removed
//     ├── that attestation never counts again
//     └── its record is free, and so is the attestor
contract TakeBackTest is Deal {
    bytes32 private order;
    IDeliveryEscrow.Attestation private said;

    function setUp() public override {
        super.setUp();
        order = funded(inspectedTerms());
        said = statement(order, "first", 100);
        attest(roaster, said);
    }

    function test_after_the_order_has_ended_there_is_nothing_to_take_back() public {
        vm.prank(grower.account);
        escrow.giveBack(order, 0, REST);
        vm.expectRevert(wrongState(order, IDeliveryEscrow.State.Ended));
        vm.prank(roaster.account);
        escrow.takeBack(order, 0, said.delivery);
    }

    function test_only_a_milestone_was_delivered_to() public {
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.UnknownMilestone.selector, order, 1));
        vm.prank(roaster.account);
        escrow.takeBack(order, 1, said.delivery);
    }

    function test_only_an_attestors_controller_takes_back() public {
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.NotAttestor.selector, grower.account, grower.account));
        vm.prank(grower.account);
        escrow.takeBack(order, 0, said.delivery);
        bytes memory consent = consentOf(scanner, roaster.account, 15, 0, FOREVER);
        vm.prank(roaster.account);
        registry.authorise(scanner.account, 15, 0, FOREVER, consent);
        later(1);
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.NotAttestor.selector, scanner.account, address(0)));
        vm.prank(scanner.account);
        escrow.takeBack(order, 0, said.delivery);
    }

    function test_what_is_agreed_stays() public {
        attest(inspector, said);
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.AlreadyAgreed.selector, order, 0, said.delivery));
        vm.prank(roaster.account);
        escrow.takeBack(order, 0, said.delivery);
    }

    function test_who_stated_nothing_takes_nothing_back() public {
        assertNothingOf(inspector.account, said.delivery);
        assertNothingOf(roaster.account, deliveryOf(order, "second"));
        vm.prank(roaster.account);
        escrow.takeBack(order, 0, said.delivery);
        assertNothingOf(roaster.account, said.delivery);
    }

    function test_what_was_taken_back_never_counts_again() public {
        vm.expectEmit();
        emit IDeliveryEscrow.AttestationTakenBack(order, 0, said.delivery, roaster.account, said.recordHash);
        vm.prank(roaster.account);
        escrow.takeBack(order, 0, said.delivery);
        vm.assertEq(version(order), 5, "the order's version");
        bytes32 digest = escrow.attestationDigest(said);
        attestRefused(
            roaster, said, abi.encodeWithSelector(IDeliveryEscrow.WasTakenBack.selector, roaster.account, digest)
        );
        attest(inspector, said);
        vm.assertTrue(!item(order, said.delivery).exists, "one alone");
    }

    function test_its_record_is_free() public {
        vm.prank(roaster.account);
        escrow.takeBack(order, 0, said.delivery);
        said.accepted = 99;
        attest(roaster, said);
        vm.prank(roaster.account);
        escrow.takeBack(order, 0, said.delivery);
        // For another delivery, too; and both that were taken back stay so.
        said.delivery = deliveryOf(order, "second");
        attest(roaster, said);
        said.delivery = deliveryOf(order, "first");
        bytes32 digest = escrow.attestationDigest(said);
        attestRefused(
            roaster, said, abi.encodeWithSelector(IDeliveryEscrow.WasTakenBack.selector, roaster.account, digest)
        );
    }

    function test_another_attestors_stays() public {
        said.accepted = 99;
        attest(inspector, said);
        vm.prank(roaster.account);
        escrow.takeBack(order, 0, said.delivery);
        attest(carrier, said);
        vm.assertTrue(item(order, said.delivery).exists, "inspector and carrier");
    }

    function test_a_suspended_and_a_removed_attestor_take_back() public {
        IDeliveryEscrow.Attestation memory other = statement(order, "second", 1);
        attest(roaster, other);
        suspend(roaster);
        later(1);
        vm.prank(roaster.account);
        escrow.takeBack(order, 0, said.delivery);
        remove(roaster);
        later(1);
        vm.prank(roaster.account);
        escrow.takeBack(order, 0, other.delivery);
    }

    function assertNothingOf(address attestor, bytes32 delivery) private {
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.NothingToTakeBack.selector, attestor, delivery));
        vm.prank(attestor);
        escrow.takeBack(order, 0, delivery);
    }
}
