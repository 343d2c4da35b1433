// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Deal} from "./Deal.sol";
import {IDeliveryEscrow} from "../../../contracts/interfaces/IDeliveryEscrow.sol";

// dispute
// ├── given there is no such item, or it holds nothing       reverts UnknownItem, NothingHeld
// ├── when the caller is neither buyer nor payee             reverts NeitherOf
// ├── when nobody would rule                                 reverts NoArbiter
// ├── given it was disputed before                           reverts AlreadyDisputed
// ├── when it is not the time
// │   ├── a delivery from the end of its window on           reverts NotDisputable
// │   └── a rest until due time and grace, and from R on     reverts NotDisputable
// └── otherwise                                              its settling waits for the arbitration time
contract DisputeTest is Deal {
    function test_only_an_item_that_holds_something_is_disputed() public {
        bytes32 order = funded(terms());
        vm.expectRevert(unknownItem(order, "no delivery"));
        vm.prank(roaster.account);
        escrow.dispute(order, 0, "no delivery");
        deliver(order, "first", BAGS);
        vm.warp(DUE + GRACE + 1);
        vm.expectRevert(nothingHeld(order, REST));
        vm.prank(roaster.account);
        escrow.dispute(order, 0, REST);
    }

    function test_only_buyer_and_payee_dispute() public {
        bytes32 order = funded(terms());
        bytes32 delivery = deliver(order, "first", 1);
        vm.expectRevert(neitherOf(roaster.account, grower.account, inspector.account));
        vm.prank(inspector.account);
        escrow.dispute(order, 0, delivery);
        sold(order);
        vm.expectRevert(neitherOf(roaster.account, bank.account, grower.account));
        vm.prank(grower.account);
        escrow.dispute(order, 0, delivery);
        vm.expectEmit();
        emit IDeliveryEscrow.Disputed(order, 0, delivery, bank.account);
        vm.prank(bank.account);
        escrow.dispute(order, 0, delivery);
    }

    function test_where_nobody_rules_nothing_is_disputed() public {
        IDeliveryEscrow.Terms memory wanted = promptTerms();
        wanted.milestones[0].window = WINDOW;
        bytes32 order = funded(wanted);
        bytes32 delivery = deliver(order, "first", 1);
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.NoArbiter.selector, order, 0));
        vm.prank(roaster.account);
        escrow.dispute(order, 0, delivery);
    }

    function test_an_item_is_disputed_once_by_whomever() public {
        bytes32 order = funded(terms());
        bytes32 delivery = disputed(order, "first");
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.AlreadyDisputed.selector, order, 0, delivery));
        vm.prank(grower.account);
        escrow.dispute(order, 0, delivery);
    }

    function test_a_delivery_is_disputed_in_its_window() public {
        bytes32 order = funded(terms());
        bytes32 late = deliver(order, "late", 1);
        bytes32 early = deliver(order, "early", 1);
        vm.warp(START + WINDOW - 1);
        vm.prank(roaster.account);
        escrow.dispute(order, 0, early);
        later(1);
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.NotDisputable.selector, 0, START + WINDOW));
        vm.prank(roaster.account);
        escrow.dispute(order, 0, late);
    }

    function test_a_delivery_without_window_is_not_disputed() public {
        IDeliveryEscrow.Terms memory wanted = terms();
        wanted.milestones[0].window = 0;
        bytes32 order = funded(wanted);
        bytes32 delivery = deliver(order, "first", 1);
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.NotDisputable.selector, 0, START));
        vm.prank(roaster.account);
        escrow.dispute(order, 0, delivery);
    }

    function test_a_rest_is_disputed_between_grace_and_settling() public {
        bytes32 order = funded(twoMilestones());
        bytes memory refusal =
            abi.encodeWithSelector(IDeliveryEscrow.NotDisputable.selector, DUE + GRACE + 1, REST_UNTIL);
        vm.warp(DUE + GRACE);
        vm.expectRevert(refusal);
        vm.prank(roaster.account);
        escrow.dispute(order, 0, REST);
        later(1);
        vm.prank(roaster.account);
        escrow.dispute(order, 0, REST);
        vm.warp(REST_UNTIL - 1);
        vm.prank(grower.account);
        escrow.dispute(order, 1, REST);
    }

    function test_a_rest_that_may_be_settled_is_not_disputed_any_more() public {
        bytes32 order = funded(terms());
        vm.warp(REST_UNTIL);
        vm.expectRevert(abi.encodeWithSelector(IDeliveryEscrow.NotDisputable.selector, DUE + GRACE + 1, REST_UNTIL));
        vm.prank(roaster.account);
        escrow.dispute(order, 0, REST);
    }

    function test_a_dispute_adds_the_arbitration_time_and_shortens_nobodys() public {
        bytes32 order = funded(terms());
        bytes32 delivery = deliver(order, "first", BAGS);
        vm.expectEmit();
        emit IDeliveryEscrow.Disputed(order, 0, delivery, roaster.account);
        vm.prank(roaster.account);
        escrow.dispute(order, 0, delivery);
        IDeliveryEscrow.Item memory actual = item(order, delivery);
        vm.assertEq(actual.disputableUntil, START + WINDOW, "the same");
        vm.assertEq(actual.settleableFrom, START + WINDOW + ARBITRATION, "later");
        vm.assertTrue(actual.isDisputed && actual.version == 2, "the item");
        vm.assertEq(version(order), 5, "the order's version");
    }

    function test_deliveries_go_on_while_the_rest_is_disputed_and_take_from_it() public {
        bytes32 order = funded(terms());
        vm.warp(DUE + GRACE);
        IDeliveryEscrow.Attestation memory said = statement(order, "first", BAGS / 2);
        IDeliveryEscrow.Evidence memory evidence = anchored(roaster, said.recordHash);
        later(1);
        vm.prank(grower.account);
        escrow.dispute(order, 0, REST);
        escrow.attest(said, signed(roaster, said), evidence);
        assertHeld(order, REST, PRICE / 2);
        vm.assertTrue(item(order, REST).isDisputed && !item(order, said.delivery).isDisputed, "each alone");
    }
}
