// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deal} from "./Deal.sol";
import {Character} from "../Base.sol";
import {IDeliveryEscrow} from "../../../contracts/interfaces/IDeliveryEscrow.sol";
import {IPartyRegistry} from "../../../contracts/interfaces/IPartyRegistry.sol";

// propose
// ├── when the caller is not the buyer's controller        reverts NotActingFor
// ├── when the buyer is not active                         reverts NotActive
// ├── when it was proposed before, with that nonce         reverts OrderExists
// ├── when a term is out of its bounds                     reverts BadTerms with its name (Terms.t.sol)
// └── otherwise                                            stores the terms under the hash of all of them
contract ProposeTest is Deal {
    function test_only_the_buyers_controller_proposes() public {
        IDeliveryEscrow.Terms memory wanted = terms();
        vm.expectRevert(notActingFor(roaster.account, grower.account));
        vm.prank(grower.account);
        escrow.propose(wanted, 1);

        succeed(roaster);
        vm.expectRevert(notActingFor(roaster.account, roaster.account));
        vm.prank(roaster.account);
        escrow.propose(wanted, 1);
        vm.prank(successor.account);
        escrow.propose(wanted, 1);
    }

    function test_a_key_of_the_buyers_is_not_its_controller() public {
        IDeliveryEscrow.Terms memory wanted = terms();
        bytes memory consent = consentOf(scanner, roaster.account, 15, 0, FOREVER);
        vm.prank(roaster.account);
        registry.authorise(scanner.account, 15, 0, FOREVER, consent);
        later(1);
        vm.expectRevert(notActingFor(roaster.account, scanner.account));
        vm.prank(scanner.account);
        escrow.propose(wanted, 1);
    }

    function test_a_suspended_buyer_proposes_nothing() public {
        IDeliveryEscrow.Terms memory wanted = terms();
        suspend(roaster);
        later(1);
        vm.expectRevert(
            abi.encodeWithSelector(IDeliveryEscrow.NotActive.selector, roaster.account, IPartyRegistry.Status.Suspended)
        );
        vm.prank(roaster.account);
        escrow.propose(wanted, 1);
    }

    function test_the_same_is_proposed_once() public {
        IDeliveryEscrow.Terms memory wanted = terms();
        vm.prank(roaster.account);
        bytes32 order = escrow.propose(wanted, 1);
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.OrderExists.selector, order));
        vm.prank(roaster.account);
        escrow.propose(wanted, 1);

        vm.prank(roaster.account);
        escrow.cancel(order);
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.OrderExists.selector, order));
        vm.prank(roaster.account);
        escrow.propose(wanted, 1);

        vm.prank(roaster.account);
        vm.assertTrue(escrow.propose(wanted, 2) != order, "another nonce, another order");
    }

    function test_an_order_is_stored_under_the_hash_of_all_its_terms() public {
        IDeliveryEscrow.Terms memory wanted = sharedTerms();
        bytes32 order = keccak256(abi.encode(block.chainid, address(escrow), roaster.account, uint256(7), wanted));
        vm.assertEq(escrow.orderId(wanted, 7), order, "id");
        vm.expectEmit();
        emit IDeliveryEscrow.OrderProposed(order, roaster.account, grower.account, 7, wanted);
        vm.prank(roaster.account);
        vm.assertEq(escrow.propose(wanted, 7), order, "answer");

        IDeliveryEscrow.Order memory actual = escrow.orderOf(order);
        IDeliveryEscrow.Order memory expected = IDeliveryEscrow.Order({
            state: IDeliveryEscrow.State.Proposed,
            buyer: roaster.account,
            seller: grower.account,
            token: token,
            document: DOCUMENT,
            arbiter: chamber.account,
            fundBy: START + 7 days,
            acceptedAt: 0,
            version: 1,
            openItems: 0
        });
        vm.assertEq(abi.encode(actual), abi.encode(expected), "order");
        (IDeliveryEscrow.Milestone memory stored, uint128 taken, uint128 delivered) = escrow.milestoneOf(order, 0);
        vm.assertEq(abi.encode(stored), abi.encode(wanted.milestones[0]), "milestone");
        vm.assertEq(taken + delivered, 0, "nothing was delivered");
        vm.assertEq(escrow.payeeOf(order), grower.account, "the seller is paid");
        vm.assertTrue(!item(order, REST).exists, "nothing is held before it is funded");
    }

    function test_a_name_changes_with_every_term() public view {
        bytes32 order = escrow.orderId(terms(), 1);
        IDeliveryEscrow.Terms memory other = terms();
        other.document = sha256("other terms");
        vm.assertTrue(escrow.orderId(other, 1) != order, "document");
        other = terms();
        other.milestones[0].deductionCapBps += 1;
        vm.assertTrue(escrow.orderId(other, 1) != order, "the last term of a milestone");
        vm.assertTrue(escrow.orderId(terms(), 2) != order, "nonce");
    }
}
